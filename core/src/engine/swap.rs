//! Changing the policy of a running engine without losing what is remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use super::Memory;
use super::keys::Keys;
use super::layout::Layout;
use super::migration::Migration;
use super::past::Past;
use super::ruling::Ruling;
use crate::policy::{Compiled, ListKind, ListPlan, Policy};
use crate::state::{List, ListEntry, Table};

/// What a swap kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SwapReport {
    /// Features that count what was remembered before the swap.
    pub warm: Vec<String>,
    /// Features that look farther back than anything did before, or at what was not remembered from the start, and the
    /// time (milliseconds since 1970) from which on all of it is.
    pub partly_warm: Vec<(String, i64)>,
    /// Features that count only what is recorded from now on.
    pub cold: Vec<String>,
    /// What the new policy has no more, with all that it held: `list blocked (2 members)`, `histories of merchant`.
    pub dropped: Vec<String>,
    /// There was a challenger that needs what the new policy does not remember; its trial ended.
    pub challenger_ended: bool,
}

/// The ruling of an engine that remembers nothing yet.
pub(super) fn first(policy: Policy, keys: Keys, memory: &Memory) -> Ruling {
    let plans = &policy.0.plan.tables;
    let shares = memory.shares(&policy);
    let tables = plans.iter().zip(shares).enumerate();
    let tables = tables.map(|(number, (plan, bytes))| {
        Arc::new(Table::new(&plan.name, number, bytes, plan.shape.most_bytes(&plan.budget)))
    });
    Ruling {
        generation: 0,
        keyring: keys.keyring(&policy.0),
        keys: Arc::new(keys),
        tables: tables.collect(),
        order: (0..plans.len()).collect(),
        migrations: plans.iter().map(|_| Vec::new()).collect(),
        policy,
    }
}

/// The ruling of `policy` after `old`, and what it keeps. `past` has what was remembered so far.
pub(super) fn succeed(
    old: &Ruling,
    policy: Policy,
    memory: &Memory,
    past: &Past,
    latest: Option<i64>,
) -> (Ruling, SwapReport) {
    let new = &*policy.0;
    let mut next = old.tables.iter().map(|table| table.number + 1).max().unwrap_or(0);
    let mut tables = Vec::new();
    for (plan, bytes) in new.plan.tables.iter().zip(memory.shares(&policy)) {
        let known = old.tables.iter().find(|table| table.name == plan.name);
        tables.push(known.map(Arc::clone).unwrap_or_else(|| {
            next += 1;
            Arc::new(Table::new(&plan.name, next - 1, bytes, plan.shape.most_bytes(&plan.budget)))
        }));
        if let Some(table) = tables.last() {
            table.set_budget(bytes, plan.shape.most_bytes(&plan.budget));
        }
    }
    if let Some(latest) = latest {
        note_gaps(&Layout::of(&old.policy.0), new, &tables, latest);
    }
    let mut order: Vec<usize> = (0..tables.len()).collect();
    order.sort_by_key(|number| tables.get(*number).map(|table| table.number));
    let migrations = past.migrations(new);
    let mut report = report(&old.policy.0, new, &tables, latest);
    let gone = old.tables.iter().filter(|table| !tables.iter().any(|now| now.name == table.name));
    report.dropped = gone.map(|table| format!("histories of {}", table.name)).collect();
    let ruling = Ruling {
        generation: old.generation + 1,
        keyring: old.keys.keyring(new),
        keys: Arc::clone(&old.keys),
        tables,
        order,
        migrations,
        policy,
    };
    (ruling, report)
}

/// The ruling after `old` with the same policy and other keys.
pub(super) fn with_keys(old: &Ruling, keys: Keys, past: &Past) -> Ruling {
    let policy = &*old.policy.0;
    Ruling {
        generation: old.generation + 1,
        keyring: keys.keyring(policy),
        keys: Arc::new(keys),
        tables: old.tables.clone(),
        order: old.order.clone(),
        migrations: past.migrations(policy),
        policy: old.policy.clone(),
    }
}

pub(super) fn new_list(plan: &ListPlan) -> List {
    let mut list = match plan.kind {
        ListKind::Cidr => List::networks(),
        ListKind::Address => List::homes(),
        _ => List::hashed(),
    };
    plan.entries.iter().for_each(|(network, entry)| list.add_network(*network, entry));
    list
}

/// Notes what each table of a policy does not know of the time up to `latest`, after what was remembered before.
pub(super) fn note_gaps(old: &[Layout], policy: &Compiled, tables: &[Arc<Table>], latest: i64) {
    for (number, (layout, table)) in Layout::of(policy).iter().zip(tables).enumerate() {
        let Some(before) = old.iter().find(|known| known.name == layout.name) else {
            table.is_incomplete_before(latest);
            continue;
        };
        // A longer memory has not been filled yet.
        if let Some(held) = before.retention
            && layout.retention.is_none_or(|now| now > held)
        {
            table.is_incomplete_before(latest - held);
        }
        let kept = Migration::new(before, layout, policy, number);
        let parts = table.parts_since();
        // What is worked out is known since all that it is worked out from is.
        let worked = |inputs: &mut dyn Iterator<Item = usize>| {
            let names = inputs.filter_map(|input| before.columns.get(input));
            names.filter_map(|name| parts.get(name)).max().copied()
        };
        for (column, name) in layout.columns.iter().enumerate() {
            if !kept.has_column(column) {
                table.knows_part(name, Some(latest));
            } else if let Some(since) = worked(&mut kept.inputs_of(column)) {
                table.knows_part(name, Some(since));
            }
        }
        for (predicate, text) in layout.predicates.iter().enumerate() {
            if let Some(mut inputs) = kept.inputs_of_predicate(predicate) {
                table.knows_part(text, worked(&mut inputs));
            } else if !kept.has_predicate(predicate) {
                table.knows_part(text, Some(latest));
            }
        }
        // Of events that were summed up only those series know that were there.
        let folded = table.each_shard().any(|shard| shard.counts.approximate > 0);
        for series in layout.series.iter().filter(|series| !before.series.contains(series)) {
            table.knows_part(series, folded.then_some(latest));
        }
        table.keeps_parts(|name| layout.has(name));
    }
}

/// How much of what a feature reads was remembered before, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Warmth {
    Warm,
    PartlyWarm(i64),
    Cold,
}

impl SwapReport {
    fn say(&mut self, policy: &Compiled, place: u16, warmth: Warmth) {
        // Parts of features have no name.
        let Some(name) = policy.features.get(usize::from(place)).map(|plan| plan.name.clone()) else {
            return;
        };
        match warmth {
            Warmth::Warm => self.warm.push(name),
            Warmth::PartlyWarm(since) => self.partly_warm.push((name, since)),
            Warmth::Cold => self.cold.push(name),
        }
    }
}

fn report(old: &Compiled, new: &Compiled, tables: &[Arc<Table>], latest: Option<i64>) -> SwapReport {
    let mut report = SwapReport::default();
    let mut known: BTreeMap<u16, Warmth> = BTreeMap::new();
    let layouts = Layout::of(old);
    for (table, (plan, layout)) in new.plan.tables.iter().zip(Layout::of(new)).enumerate() {
        let since = tables.get(table).map_or(i64::MIN, |table| table.complete_since());
        let parts = tables.get(table).map(|table| table.parts_since()).unwrap_or_default();
        let before = layouts.iter().find(|known| known.name == plan.name);
        let kept = before.map(|before| Migration::new(before, &layout, new, table));
        for feature in &plan.features {
            let selectors = || feature.selectors().filter_map(|number| plan.selectors.get(number));
            let warm = kept.as_ref().is_some_and(|kept| {
                let known = |column: &usize| kept.has_column(*column);
                selectors().all(|selector| {
                    selector.predicate.is_none_or(|predicate| kept.has_predicate(predicate.place))
                        && selector.present.iter().all(known)
                        && selector.same.iter().all(known)
                        && feature.further.iter().all(|(column, _)| known(column))
                })
            });
            let reach = feature.reach(&plan.windows);
            let since = selectors().fold(since, |since, selector| {
                let condition = selector.predicate.and_then(|known| layout.predicates.get(known.place));
                let further = feature.further.iter().map(|(column, _)| column);
                let columns = selector.present.iter().chain(&selector.same).chain(further);
                let read = columns.filter_map(|column| layout.columns.get(*column)).chain(condition);
                read.filter_map(|name| parts.get(name).copied()).fold(since, i64::max)
            });
            let mut reading = feature.clone();
            let series = reading.series_mut().filter_map(|number| layout.series.get(*number));
            let since = series.filter_map(|name| parts.get(name).copied()).fold(since, i64::max);
            let needed = |latest: i64| reach.map_or(i64::MIN, |reach| latest - reach);
            let warmth = match latest {
                _ if !warm => Warmth::Cold,
                Some(latest) if needed(latest) < since => Warmth::PartlyWarm(since),
                _ => Warmth::Warm,
            };
            known.insert(feature.place, warmth);
            report.say(new, feature.place, warmth);
        }
    }
    for feature in &new.plan.derived {
        let parts = feature.reads.iter().filter_map(|place| known.get(place).copied());
        let worst = parts.max().unwrap_or(Warmth::Warm);
        known.insert(feature.place, worst);
        report.say(new, feature.place, worst);
    }
    report
}

/// The lists of a policy that comes into force, and which are dropped: those of the same name and kind keep the members
/// that the host added. Swaps of older journals put back what the policy gives them.
pub(super) fn lists(
    [old, new]: [&Compiled; 2],
    lists: &[Arc<List>],
    puts_back: bool,
) -> (Vec<Arc<List>>, Vec<String>) {
    let moved = new.lists.iter().map(|plan| {
        let found = old.lists.iter().zip(lists).find(|(known, _)| known.is_like(plan));
        let Some((before, list)) = found else { return Arc::new(new_list(plan)) };
        let mut list = Arc::clone(list);
        if puts_back {
            let list = Arc::make_mut(&mut list);
            before.entries.iter().for_each(|(network, _)| _ = list.remove_network(*network));
            plan.entries.iter().for_each(|(network, entry)| list.add_network(*network, entry));
        } else {
            change_entries(&mut list, &before.entries, &plan.entries);
        }
        list
    });
    let gone = old.lists.iter().zip(lists).filter(|(plan, _)| !new.lists.iter().any(|now| now.is_like(plan)));
    let gone = gone.map(|(plan, list)| {
        let members = list.len();
        format!("list {} ({members} member{})", plan.name, if members == 1 { "" } else { "s" })
    });
    (moved.collect(), gone.collect())
}

/// Changes a list by what differs between the networks of an earlier policy and those of its own. What both say alike
/// stays as the host has changed it since.
pub(super) fn change_entries(
    list: &mut Arc<List>,
    before: &[(IpNet, ListEntry)],
    entries: &[(IpNet, ListEntry)],
) {
    let [was, is] = [before, entries].map(|entries| {
        let known = entries.iter().map(|(network, entry)| (*network, entry));
        known.collect::<BTreeMap<IpNet, &ListEntry>>()
    });
    for network in was.keys().filter(|network| !is.contains_key(*network)) {
        let list = Arc::make_mut(list);
        if list.remove_network(*network) {
            list.changed();
        }
    }
    for (network, entry) in is.iter().filter(|(network, entry)| was.get(*network) != Some(*entry)) {
        let list = Arc::make_mut(list);
        list.add_network(*network, entry);
        list.changed();
    }
}
