//! Changing the policy of a running engine without losing what is remembered.

use crate::feature::TablePlan;
use crate::policy::Compiled;
use crate::state::{EntityTable, Lists, Reshape, State};

/// What a swap kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwapReport {
    /// Features that count what was remembered before the swap.
    pub warm: Vec<String>,
    /// Features that count only what is recorded from now on.
    pub cold: Vec<String>,
}

/// Moves the state from one policy to another.
pub(super) fn migrate(old: &Compiled, new: &Compiled, state: &mut State) -> SwapReport {
    // The number that a predicate of the new policy had in the old one.
    let known_as = |number: u16| {
        let text = &new.plan.predicates.get(usize::from(number))?.text;
        old.plan.predicates.iter().position(|known| known.text == *text).map(|number| number as u16)
    };
    let mut report = SwapReport::default();
    let mut tables = Vec::new();
    let mut kept: Vec<EntityTable> = std::mem::take(&mut state.tables);
    for plan in &new.plan.tables {
        let before = old.plan.tables.iter().find(|known| known.name == plan.name);
        let found = kept.iter().position(|table| table.name == plan.name);
        let (Some(before), Some(found)) = (before, found) else {
            report.cold.extend(names(new, plan, |_| true));
            tables.push(EntityTable::new(&plan.name));
            continue;
        };
        let columns: Vec<Option<usize>> = plan
            .columns
            .iter()
            .map(|cell| {
                let wanted = new.plan.cell_name(&new.schema, *cell)?;
                let is_wanted =
                    |known: &usize| old.plan.cell_name(&old.schema, *known).as_ref() == Some(&wanted);
                before.columns.iter().position(is_wanted)
            })
            .collect();
        let warm = |feature: usize| {
            let Some(feature) = plan.features.get(feature) else { return false };
            let Some(selector) = plan.selectors.get(feature.selector) else { return false };
            let known = |column: &usize| columns.get(*column).copied().flatten().is_some();
            let remembered = |number: u16| {
                known_as(number).is_some_and(|number| before.shape.predicates().contains(&number))
            };
            selector.predicate.is_none_or(|predicate| remembered(predicate.number))
                && selector.present.iter().all(known)
                && selector.same.iter().all(known)
        };
        report.warm.extend(names(new, plan, warm));
        report.cold.extend(names(new, plan, |feature| !warm(feature)));
        let mut table = kept.swap_remove(found);
        let places: Vec<Option<usize>> = plan
            .shape
            .predicates()
            .iter()
            .map(|number| {
                before.shape.predicates().iter().position(|known| Some(*known) == known_as(*number))
            })
            .collect();
        let known = &before.budget.series;
        let series = plan
            .budget
            .series
            .iter()
            .map(|series| known.iter().position(|known| known.signature == series.signature));
        let series: Vec<Option<usize>> = series.collect();
        let change = Reshape {
            before: &before.shape,
            after: &plan.shape,
            predicates: &places,
            columns: &columns,
            budget: &plan.budget,
            series: &series,
        };
        table.rebuild(|history| history.reshaped(&change));
        tables.push(table);
    }
    state.tables = tables;
    state.lists = lists(old, new, std::mem::take(&mut state.lists));
    for ratio in &new.plan.ratios {
        let name = |place: u16| new.features.get(usize::from(place)).map(|plan| plan.name.clone());
        let cold = [ratio.numerator.0, ratio.denominator.0]
            .iter()
            .any(|place| name(*place).is_some_and(|name| report.cold.contains(&name)));
        let list = if cold { &mut report.cold } else { &mut report.warm };
        list.extend(name(ratio.place));
    }
    report
}

fn names(policy: &Compiled, plan: &TablePlan, wanted: impl Fn(usize) -> bool) -> Vec<String> {
    let features = plan.features.iter().enumerate().filter(|(number, _)| wanted(*number));
    features
        .filter_map(|(_, feature)| Some(policy.features.get(usize::from(feature.place))?.name.clone()))
        .collect()
}

/// Lists of the same name and kind keep the members that the host added.
fn lists(old: &Compiled, new: &Compiled, mut lists: Lists) -> Lists {
    let mut moved = Lists::default();
    for plan in &new.lists {
        let found = old.lists.iter().position(|known| {
            known.name == plan.name && known.entity == plan.entity && known.networks == plan.networks
        });
        let list = match found.and_then(|number| Some((old.lists.get(number)?, lists.get_mut(number)?))) {
            None => super::new_list(plan),
            Some((before, list)) => {
                for (network, _) in &before.entries {
                    list.remove_network(*network);
                }
                for (network, entry) in &plan.entries {
                    list.add_network(*network, entry.clone());
                }
                std::mem::replace(list, super::new_list(plan))
            }
        };
        moved.lists.push(list);
    }
    moved
}
