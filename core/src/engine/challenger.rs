//! A policy on trial: it sees every event and every memory, and decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;

use super::layout::Layout;
use super::ruling::Ruling;
use crate::error::{Error, ErrorKind, Result};
use crate::feature::{CellSource, Keyring, ShortPlan, TablePlan};
use crate::policy::{Aggregate, Compiled, Policy};

/// Where an engine keeps its challenger. Nearly always there is none, which one read says.
#[derive(Debug, Default)]
pub(super) struct OnTrial {
    is_some: AtomicBool,
    challenger: ArcSwapOption<Challenger>,
}

impl OnTrial {
    #[inline(always)]
    pub(super) fn get(&self) -> Option<Arc<Challenger>> {
        if self.is_some.load(Ordering::Acquire) { self.challenger.load_full() } else { None }
    }

    /// Puts another in its place, or none; the one that was there. Only one may do so at a time.
    pub(super) fn put(&self, challenger: Option<Challenger>) -> Option<Arc<Challenger>> {
        let is_some = challenger.is_some();
        let before = self.challenger.swap(challenger.map(Arc::new));
        self.is_some.store(is_some, Ordering::Release);
        before
    }
}

/// A challenger beside one policy in force.
#[derive(Debug)]
pub(super) struct Challenger {
    /// That of the policy in force: its tables are read.
    pub(super) generation: u32,
    pub(super) policy: Policy,
    pub(super) keyring: Keyring,
    /// Features that both have: the place in the row in force, and in the challenger's.
    pub(super) shared: Vec<(u16, u16)>,
    /// What the challenger computes itself: the table in force, and the plan in that table's shape.
    pub(super) plans: Vec<(usize, TablePlan)>,
    /// For each of its lists the number that it has in force.
    pub(super) lists: Vec<usize>,
}

/// What a challenger shares with the policy in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChallengerReport {
    /// Features that are computed once for both.
    pub shared: Vec<String>,
    /// Features that only the challenger has, computed from what the policy in force remembers.
    pub own: Vec<String>,
}

impl Challenger {
    /// # Errors
    /// [`ErrorKind::UnknownName`] when it needs what the policy in force does not remember.
    pub(super) fn new(policy: Policy, ruling: &Ruling) -> Result<(Challenger, ChallengerReport)> {
        let (own, live) = (&*policy.0, &*ruling.policy.0);
        if !own.schema.fits(&live.schema) {
            let what = "the challenger declares other attributes or entities than the policy in force; events are made for one schema";
            return Err(Error::new(ErrorKind::Schema, what));
        }
        ruling.counts_in_currency_of(&policy)?;
        if own.plan.japanese != live.plan.japanese {
            let what = "the challenger has another `locale` than the policy in force, which remembers identifiers in its own forms";
            return Err(Error::new(ErrorKind::Schema, what));
        }
        let lists = own.lists.iter().map(|plan| {
            let known = live.lists.iter().position(|known| known.is_like(plan));
            known.ok_or_else(|| unknown(&plan.name, "the list", "list"))
        });
        let lists = lists.collect::<Result<Vec<_>>>()?;
        let mut report = ChallengerReport::default();
        let mut shared = Vec::new();
        for (place, feature) in (0u16..).zip(&own.features) {
            let same = (0u16..).zip(&live.features).find(|(_, known)| {
                known.definition == feature.definition && known.value_type == feature.value_type
            });
            // What is derived names features, whose definitions may differ.
            let derived = own.plan.derived.iter().any(|feature| feature.place == place);
            if let (Some((known, _)), false) = (same, derived || !own.calendar.is_like(&live.calendar)) {
                shared.push((known, place));
                report.shared.push(feature.name.clone());
            } else {
                report.own.push(feature.name.clone());
            }
        }
        let layouts = Layout::of(live);
        let mut plans = Vec::new();
        for plan in &own.plan.tables {
            let mut plan = plan.clone();
            plan.features.retain(|feature| !shared.iter().any(|(_, place)| *place == feature.place));
            if plan.features.is_empty() {
                continue;
            }
            let number = layouts.iter().position(|known| known.name == plan.name);
            let (Some(number), Some(layout)) = (number, number.and_then(|number| layouts.get(number))) else {
                return Err(unknown(&plan.name, "histories of", "feature by it"));
            };
            fit(&mut plan, layout, own)?;
            if let Some(live) = live.plan.tables.get(number) {
                fit_series(&mut plan, live);
            }
            plans.push((number, plan));
        }
        let keyring = ruling.keys.keyring(own);
        let generation = ruling.generation;
        Ok((Challenger { generation, policy, keyring, shared, plans, lists }, report))
    }
}

/// Brings a plan into the shape of the table in force.
fn fit(plan: &mut TablePlan, layout: &Layout, own: &Compiled) -> Result<()> {
    let plan_name = plan.name.clone();
    let columns = plan.columns.iter().map(|cell| {
        let name = own.plan.cell_name(&own.schema, *cell).unwrap_or_default();
        let by_feature =
            matches!(own.plan.cells.get(*cell), Some(CellSource::Worked(_) | CellSource::Mark(_)));
        let remedy = if by_feature { "feature that reads it" } else { "`remember` with it" };
        (layout.columns.iter().position(|known| *known == name), name, remedy)
    });
    let columns: Vec<(Option<usize>, String, &str)> = columns.collect();
    let column = |column: usize| match columns.get(column) {
        Some((Some(known), _, _)) => Ok(*known),
        Some((None, name, remedy)) => Err(unknown(&plan_name, &format!("`{name}` of each"), remedy)),
        None => Ok(column),
    };
    let coded = |column: usize| {
        let name = layout.columns.get(column).map_or("", String::as_str);
        let what = format!("different values of `{name}` of each");
        if layout.shape.is_coded(column) {
            Ok(())
        } else {
            Err(unknown(&plan_name, &what, "feature that counts them"))
        }
    };
    let mut used = Vec::new();
    for feature in &mut plan.features {
        used.extend(feature.selectors());
        for (further, kept) in &mut feature.further {
            *further = column(*further)?;
            *kept = layout.shape.column(*further).unwrap_or(*kept);
        }
        if plan.selectors.get(feature.selector).is_some_and(|selector| selector.present.is_some()) {
            feature.column = column(feature.column)?;
            feature.kept = layout.shape.column(feature.column).unwrap_or(feature.kept);
            let counts =
                matches!(feature.aggregate, Aggregate::Distinct | Aggregate::Novelty | Aggregate::Entropy);
            if counts || feature.list.is_some() {
                coded(feature.column)?;
            }
        }
    }
    for (number, selector) in plan.selectors.iter_mut().enumerate() {
        if !used.contains(&number) {
            *selector = Default::default();
            continue;
        }
        selector.present = selector.present.map(column).transpose()?;
        for same in &mut selector.same {
            *same = column(*same)?;
            coded(*same)?;
        }
        if let Some(predicate) = &mut selector.predicate {
            let text = own.plan.predicates.get(usize::from(predicate.number)).map_or("", |known| &known.text);
            let place = layout.predicates.iter().position(|known| known == text);
            predicate.place = place.ok_or_else(|| {
                unknown(&plan_name, &format!("where `{text}` held for each"), "feature with it")
            })?;
        }
    }
    // The event's cells by the columns of the table in force; those that the challenger does not read have none.
    let mut cells = vec![usize::MAX; layout.columns.len()];
    for (cell, (known, _, _)) in plan.columns.iter().zip(&columns) {
        if let Some(place) = known.and_then(|known| cells.get_mut(known)) {
            *place = *cell;
        }
    }
    plan.columns = cells;
    plan.shape = layout.shape.clone();
    plan.short = ShortPlan::of(plan);
    Ok(())
}

/// What the table in force keeps of events that have left its histories serves the challenger where both keep it.
fn fit_series(plan: &mut TablePlan, live: &TablePlan) {
    let own = std::mem::replace(&mut plan.budget, live.budget.clone()).series;
    for feature in &mut plan.features {
        for number in feature.series_mut() {
            let wanted = own.get(*number).map(|series| &series.signature);
            let known = live.budget.series.iter().position(|series| Some(&series.signature) == wanted);
            *number = known.unwrap_or(usize::MAX);
        }
    }
}

fn unknown(name: &str, what: &str, remedy: &str) -> Error {
    let message = format!(
        "the challenger needs {what} `{name}`, which the policy in force does not keep; give that policy a {remedy} first"
    );
    Error::new(ErrorKind::UnknownName, message)
}
