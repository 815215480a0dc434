//! The lists of a policy, and what its feedback puts on them.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::compile::{Compiler, field_key};
use super::document::{ListItem, ListKind, ListLevel};
use super::expression::NamedList;
use super::source::At;
use super::{Feedback, ListPlan};
use crate::event::{FieldSpec, Schema, nearest, time};
use crate::feature::Plan;
use crate::locale::Level;
use crate::state::{LONGEST_REASON, ListEntry};

impl Compiler<'_> {
    pub(super) fn lists(&self, schema: &Schema) -> (Vec<ListPlan>, BTreeMap<String, NamedList>) {
        let (mut lists, mut named) = (Vec::new(), BTreeMap::new());
        for (number, item) in (0u16..).zip(&self.document.lists) {
            self.check_name(&item.name, "the name of a list", false);
            let kinds = || schema.fields().iter().filter_map(FieldSpec::entity);
            // A field's name serves as well as the kind of its identifiers.
            let entity = kinds()
                .find(|kind| *kind == item.of.value)
                .or_else(|| schema.find(&item.of.value).and_then(|field| schema.spec(field)?.entity()));
            if entity.is_none() {
                let hint = nearest(&item.of.value, kinds());
                let hint = hint.map(|known| format!("; did you mean \"{known}\"?")).unwrap_or_default();
                let message = format!("there is no kind of entity \"{}\"{hint}", item.of.value);
                self.source.fault(&item.of.span, message);
            }
            let list = ListPlan {
                name: item.name.value.clone(),
                entity: entity.unwrap_or_default().to_owned(),
                kind: item.kind,
                key: item.key.as_ref().map(|at| at.value.clone()),
                level: item.level.as_ref().map(|at| level(at.value)),
                entries: self.networks(item),
                asked_later: false,
            };
            if list.kind == ListKind::Cidr && list.entity != "ip" && entity.is_some() {
                self.source.fault(&item.of.span, "a cidr list is of \"ip\"");
            }
            if let (ListKind::Cidr, Some(at)) = (list.kind, &item.key) {
                self.source.fault(&at.span, "a cidr list has no `key`: networks are not hashed");
            }
            if let Some(at) = item.key.as_ref().filter(|at| at.value.is_empty()) {
                self.source.fault(&at.span, "the name of a key is empty");
            }
            if matches!(list.kind, ListKind::Prefix | ListKind::Domain) && list.entity == "ip" {
                self.source.fault(&item.of.span, "a list of \"ip\" is \"exact\" or \"cidr\"");
            }
            self.check_locale_list(item, &list);
            let (entity, kind, key) = (list.entity.clone(), list.kind, list.key.clone());
            let known = NamedList { number, entity, kind, key };
            if named.insert(list.name.clone(), known).is_some() {
                self.source.fault(&item.name.span, format!("the list \"{}\" is declared twice", list.name));
            }
            lists.push(list);
        }
        (lists, named)
    }

    /// Lists of addresses and of names read what people write.
    fn check_locale_list(&self, item: &ListItem, list: &ListPlan) {
        if let Some(at) = item.level.as_ref().filter(|_| list.kind != ListKind::Address) {
            self.source.fault(&at.span, "only a list of kind \"address\" has a `level`");
        }
        let of = match list.kind {
            ListKind::Address => "address",
            ListKind::Name => "holder_name",
            _ => return,
        };
        let kind = list.kind.name();
        if list.entity != of && !list.entity.is_empty() {
            self.source.fault(&item.of.span, format!("a list of kind \"{kind}\" is of \"{of}\""));
        }
        if self.document.policy.locale.is_none() {
            let message = format!(
                "a list of kind \"{kind}\" reads what people write: add `locale = \"ja\"` to [policy]"
            );
            self.source.fault(&item.name.span, message);
        }
    }

    fn check_length(&self, text: &Option<At<String>>) {
        if let Some(at) = text.as_ref().filter(|at| at.value.len() > LONGEST_REASON) {
            let message = format!("a reason and a source have at most {LONGEST_REASON} bytes");
            self.source.fault(&at.span, message);
        }
    }

    pub(super) fn feedback(&self, schema: &Schema, lists: &[ListPlan], plan: &mut Plan) -> Vec<Feedback> {
        let mut all = Vec::new();
        for item in &self.document.feedback {
            let list = lists.iter().position(|list| list.name == item.list.value);
            let spec = schema.find(&item.of.value).and_then(|field| schema.spec(field));
            let severity = item.severity.as_ref().map_or(100, |at| at.value);
            if let Some(at) = item.severity.as_ref().filter(|at| at.value > 100) {
                self.source.fault(&at.span, "a severity is 0 to 100");
            }
            self.check_length(&item.reason);
            self.check_length(&item.source);
            let is_faulty = |key| item.faulty.contains(&key);
            let lasts = if is_faulty("for") { None } else { self.duration(&item.lasts) };
            let unreadable = |at: &At<String>| self.document.unreadable.contains(&at.value);
            let (Some(number), Some(spec)) = (list, spec) else {
                if list.is_none() && !is_faulty("list") && !unreadable(&item.list) {
                    let hint = nearest(&item.list.value, lists.iter().map(|list| list.name.as_str()));
                    let hint = hint.map(|known| format!("; did you mean \"{known}\"?")).unwrap_or_default();
                    let message = format!("there is no list \"{}\"{hint}", item.list.value);
                    self.source.fault(&item.list.span, message);
                }
                if spec.is_none() && !is_faulty("of") && !unreadable(&item.of) {
                    let fields = schema.fields().iter().filter(|spec| spec.entity().is_some());
                    let hint = match nearest(&item.of.value, fields.map(FieldSpec::name)) {
                        Some(known) => format!("did you mean `{known}`?"),
                        None => "name one with an identifier".to_owned(),
                    };
                    let message = format!("there is no field `{}`; {hint}", item.of.value);
                    self.source.fault(&item.of.span, message);
                }
                continue;
            };
            let Some(list) = lists.get(number) else { continue };
            let fed = list.kind == ListKind::Exact || list.kind.reads_text();
            if !fed || list.key.is_some() {
                let message = "feedback goes to lists of kind \"exact\", \"address\" or \"name\" without a `key` of their own";
                self.source.fault(&item.list.span, message);
            }
            if spec.entity() != Some(&list.entity) {
                let message = format!(
                    "the list \"{}\" holds identifiers of kind {}, `{}` is of kind {}",
                    list.name,
                    list.entity,
                    item.of.value,
                    spec.entity().unwrap_or("no identifier")
                );
                self.source.fault(&item.of.span, message);
                continue;
            }
            let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone()).unwrap_or_default();
            let entry = ListEntry::new().severity(severity.min(100)).reason(text(&item.reason));
            all.extend(lasts.map(|lasts| Feedback {
                list: number,
                field: spec.field(),
                key: if list.kind.reads_text() { 0 } else { field_key(plan, spec) },
                cause: item.on.value,
                lasts,
                entry: entry.source(text(&item.source)),
            }));
        }
        all
    }

    fn networks(&self, item: &ListItem) -> Vec<(IpNet, ListEntry)> {
        let mut entries = Vec::new();
        for entry in &item.entries {
            let Some(network) = parse_network(&entry.value.value) else {
                self.source.fault(&entry.value.span, "expected a network such as \"203.0.113.0/24\"");
                continue;
            };
            let severity = entry.severity.as_ref().map_or(100, |at| at.value);
            if severity > 100 {
                let span = entry.severity.as_ref().map_or(&entry.value.span, |at| &at.span);
                self.source.fault(span, "a severity is 0 to 100");
            }
            self.check_length(&entry.reason);
            self.check_length(&entry.source);
            let mut described = ListEntry::new().severity(severity);
            if let Some(origin) = &entry.source {
                described = described.source(&origin.value);
            }
            if let Some(reason) = &entry.reason {
                described = described.reason(&reason.value);
            }
            if let Some(expires) = &entry.expires {
                if let Some(what) = time::amiss(expires.value) {
                    self.source.fault(&expires.span, format!("`expires`: {what}"));
                }
                described = described.expires(expires.value);
            }
            entries.push((network, described));
        }
        entries
    }
}

pub(crate) fn parse_network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
        .map(|n| n.trunc())
}

fn level(item: ListLevel) -> Level {
    match item {
        ListLevel::Town => Level::Town,
        ListLevel::Number => Level::Number,
        ListLevel::Building => Level::Building,
        ListLevel::Room => Level::Room,
    }
}
