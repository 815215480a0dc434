//! Reads the policy document key by key, so that every fault is found in one pass.

use super::document::{
    Aggregate, AttributeItem, BandItem, Document, EntityItem, EntryItem, FeatureItem, FeedbackItem, Header,
    LimitItem, ListItem, ListKind, RuleItem,
};
use super::source::{At, Format, Source, Table};

/// Reads the document. Faults go to the source; what could be read is returned, so that checks go on.
pub(crate) fn read<'a>(source: &'a Source<'a>, format: Format) -> Option<Document> {
    let parsed = source.parse(format)?;
    let mut root = Table::new(source, parsed, "the policy document");
    let mut document = Document::default();

    let has = ["policy", "decision"].map(|key| root.has(key));
    match root.table("policy") {
        Some(table) => read_header(Table::new(source, table, "[policy]"), &mut document.policy),
        None if has[0] => {}
        None => source.fault(&(0..0), "there is no [policy] table with `name`, `version` and `currency`"),
    }
    for table in root.tables("attribute") {
        let mut item = Table::new(source, table, "an attribute");
        let (name, value_type): (Option<At<String>>, _) = (item.required("name"), item.required("type"));
        let (values, description) = (item.array("values"), item.optional("description"));
        let (name, value_type) = (name.unwrap_or_default(), value_type.unwrap_or_default());
        let faulty = item.finish();
        if !faulty.is_empty() {
            document.unreadable.push(name.value.clone());
        }
        document.attributes.push(AttributeItem { name, value_type, values, description, faulty });
    }
    for table in root.tables("entity") {
        let mut item = Table::new(source, table, "an entity");
        let (name, description) = (item.required("name"), item.optional("description"));
        item.finish();
        document.entities.extend(name.map(|name| EntityItem { name, description }));
    }
    for table in root.tables("list") {
        let (name, item) = read_list(source, Table::new(source, table, "a list"));
        match item {
            Some(item) => document.lists.push(item),
            None => document.unreadable.extend(name),
        }
    }
    for table in root.tables("feedback") {
        let mut item = Table::new(source, table, "a feedback");
        let (list, of, on) = (item.required("list"), item.required("of"), item.required("on"));
        let (lasts, severity) = (item.required("for"), item.optional("severity"));
        let (reason, origin) = (item.optional("reason"), item.optional("source"));
        document.feedback.push(FeedbackItem {
            list: list.unwrap_or_default(),
            of: of.unwrap_or_default(),
            on: on.unwrap_or_default(),
            lasts: lasts.unwrap_or_default(),
            severity,
            reason,
            source: origin,
            faulty: item.finish(),
        });
    }
    for table in root.tables("feature") {
        document.features.push(read_feature(Table::new(source, table, "a feature")));
    }
    for table in root.tables("limit") {
        document.limits.push(read_limit(Table::new(source, table, "a limit")));
    }
    for table in root.tables("rule") {
        document.rules.push(read_rule(Table::new(source, table, "a rule")));
    }
    match root.table("decision") {
        Some(table) => {
            let mut decision = Table::new(source, table, "[decision]");
            for band in decision.tables("bands") {
                let mut item = Table::new(source, band, "a band");
                let (from, action, strength) =
                    (item.required("from"), item.required("action"), item.optional("strength"));
                item.finish();
                if let (Some(from), Some(action)) = (from, action) {
                    document.bands.push(BandItem { from, action, strength });
                }
            }
            if document.bands.is_empty() && !source.has_faults() {
                let span = decision.span();
                source.fault(&span, "[decision] has no `bands`, such as [{ from = 0, action = \"allow\" }]");
            }
            document.most_relief = decision.optional("most_relief");
            decision.finish();
        }
        None if has[1] => {}
        None => source.fault(&(0..0), "there is no [decision] table with `bands`"),
    }
    root.finish();
    Some(document)
}

fn read_header(mut table: Table<'_, '_>, header: &mut Header) {
    header.name = table.required("name").unwrap_or_default();
    header.version = table.required("version").unwrap_or_default();
    header.time_zone = table.optional("time_zone");
    header.currency = table.required("currency").unwrap_or_default();
    header.required_fields = table.array("required_fields").map(|list| list.value).unwrap_or_default();
    header.event_types = table.array("event_types").map(|list| list.value).unwrap_or_default();
    header.lateness = table.optional("lateness");
    header.remember = table.array("remember").map(|list| list.value).unwrap_or_default();
    header.remember_for = table.optional("remember_for");
    header.events = table.optional("events");
    header.events_of = table.named("events_of");
    header.locale = table.optional("locale");
    table.finish();
}

fn read_list<'a>(source: &Source<'a>, mut table: Table<'a, '_>) -> (Option<String>, Option<ListItem>) {
    let has_kind = table.has("kind");
    let (name, of, kind): (Option<At<String>>, _, _) =
        (table.required("name"), table.required("of"), table.optional("kind"));
    let (key, level, description) =
        (table.optional("key"), table.optional("level"), table.optional("description"));
    let mut entries = Vec::new();
    // Where the kind cannot be read it may be any.
    let is_cidr = kind.as_ref().map_or(has_kind, |kind: &At<ListKind>| kind.value == ListKind::Cidr);
    let held = if is_cidr { table.tables("entries") } else { table.no_entries() };
    for entry in held {
        let mut item = Table::new(source, entry, "an entry");
        let value = item.required("value");
        let (severity, origin, expires) =
            (item.optional("severity"), item.optional("source"), item.optional("expires"));
        let reason = item.optional("reason");
        item.finish();
        entries.extend(value.map(|value| EntryItem { value, severity, reason, source: origin, expires }));
    }
    table.finish();
    let known = name.as_ref().map(|name| name.value.clone());
    let item = name.zip(of).map(|(name, of)| ListItem {
        name,
        of,
        kind: kind.map(|kind: At<ListKind>| kind.value).unwrap_or_default(),
        key,
        level,
        entries,
        description,
    });
    (known, item)
}

fn read_feature(mut table: Table<'_, '_>) -> FeatureItem {
    let name: Option<At<String>> = table.required("name");
    let expression: Option<At<String>> = table.optional("expression");
    // An expression says itself what is computed.
    let aggregate = match &expression {
        Some(at) if !table.has("aggregate") => {
            Some(At { value: Aggregate::Expression, span: at.span.clone() })
        }
        _ => table.required("aggregate"),
    };
    let of = table.optional("of");
    let (by, steps, after_same) = (table.array("by"), table.array("steps"), table.array("after_same"));
    let (over, delay) = (table.optional("over"), table.optional("delay"));
    let condition = table.optional("where");
    let include_current = table.optional("include_current");
    let per = table.optional("per");
    let (numerator, denominator) = (table.optional("numerator"), table.optional("denominator"));
    let prior = table.array("prior");
    let half_life = table.optional("half_life");
    let (scale, at_least) = (table.optional("scale"), table.optional("at_least"));
    let (smoothing, categories) = (table.optional("smoothing"), table.optional("categories"));
    let (after, reset) = (table.optional("after"), table.optional("reset"));
    let list = table.optional("list");
    let description = table.optional("description");
    FeatureItem {
        name: name.unwrap_or_default(),
        aggregate: aggregate.unwrap_or_default(),
        of,
        by,
        over,
        delay,
        condition,
        include_current,
        per,
        numerator,
        denominator,
        expression,
        prior,
        half_life,
        scale,
        at_least,
        smoothing,
        categories,
        after,
        after_same,
        reset,
        steps,
        list,
        description,
        faulty: table.finish(),
    }
}

fn read_limit(mut table: Table<'_, '_>) -> LimitItem {
    let (name, by) = (table.required("name"), table.required_array("by"));
    let (over, condition) = (table.required("over"), table.required("where"));
    let (amount, count) = (table.optional("amount"), table.optional("count"));
    let (near, near_over) = (table.optional("near"), table.optional("near_over"));
    let (action, strength) = (table.optional("action"), table.optional("strength"));
    let obligations = table.array("obligations").map(|list| list.value).unwrap_or_default();
    let (reason, mode) = (table.optional("reason"), table.optional("mode"));
    let (on_missing, description) = (table.optional("on_missing"), table.optional("description"));
    LimitItem {
        name: name.unwrap_or_default(),
        by: by.unwrap_or_default(),
        over: over.unwrap_or_default(),
        condition: condition.unwrap_or_default(),
        amount,
        count,
        near,
        near_over,
        action,
        strength,
        obligations,
        reason,
        mode,
        on_missing,
        description,
        faulty: table.finish(),
    }
}

fn read_rule(mut table: Table<'_, '_>) -> RuleItem {
    let acts = ["points", "action", "obligations"].into_iter().any(|key| table.has(key));
    let (id, when) = (table.required("id"), table.required("when"));
    let points = table.optional("points");
    let (action, strength) = (table.optional("action"), table.optional("strength"));
    let obligations = table.array("obligations").map(|list| list.value).unwrap_or_default();
    let (reason, mode) = (table.optional("reason"), table.optional("mode"));
    let (on_missing, description) = (table.optional("on_missing"), table.optional("description"));
    let faulty = table.finish();
    RuleItem {
        id: id.unwrap_or_default(),
        when: when.unwrap_or_default(),
        points,
        action,
        strength,
        obligations,
        reason,
        mode,
        on_missing,
        description,
        // A key that was meant for one of these says it, too.
        acts: acts || ["points", "action", "obligations"].into_iter().any(|key| faulty.contains(&key)),
        faulty,
    }
}
