//! A policy in force: what it reads and remembers, and how older memories fit it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::event::time::{DAY, LATEST, amiss, format_duration};
use crate::event::{Event, Field, nearest};
use crate::feature::{Keyring, TablePlan};
use crate::policy::{ListPlan, Policy};
use crate::state::{List, Slot, Table};
use crate::sync::MutexGuard;

use super::Engine;
use super::clock::Clock;
use super::keys::Keys;
use super::past::Migrations;

/// What a call begins with: it sees one ruling, and every list as it was at one time. Another takes its place.
#[derive(Debug)]
pub(super) struct Present {
    /// How many there were before.
    pub(super) number: u64,
    pub(super) ruling: Arc<Ruling>,
    /// One for each list of the policy, in its order.
    pub(super) lists: Vec<Arc<List>>,
}

/// Nobody else changes lists meanwhile, or what is in force.
pub(super) type Changes<'a> = MutexGuard<'a, ()>;

/// A policy in force. It never changes; another takes its place.
#[derive(Debug)]
pub(super) struct Ruling {
    /// How many were in force before.
    pub(super) generation: u32,
    pub(super) policy: Policy,
    pub(super) keyring: Keyring,
    pub(super) keys: Arc<Keys>,
    /// One for each table of the policy's plan, in its order.
    pub(super) tables: Vec<Arc<Table>>,
    /// The numbers of the tables in the order in which they are locked.
    pub(super) order: Vec<usize>,
    /// For each table how histories of earlier generations come into this one's shape.
    pub(super) migrations: Vec<Migrations>,
}

impl Engine {
    /// The ruling in force, for whoever needs no lists.
    pub(super) fn ruling(&self) -> Arc<Ruling> {
        Arc::clone(&self.present.load().ruling)
    }

    /// A list of a ruling, as it is now; `None` when another has come into force.
    pub(super) fn list(&self, ruling: &Ruling, number: usize) -> Option<Arc<List>> {
        let present = self.present.load();
        let list = present.lists.get(number).map(Arc::clone);
        list.filter(|_| present.ruling.generation == ruling.generation)
    }

    /// Lets a ruling and its lists count from now on. Calls that have yet to hold their entities begin anew.
    pub(super) fn put_in_force(&self, _changes: &Changes<'_>, ruling: Arc<Ruling>, lists: Vec<Arc<List>>) {
        let number = self.number.load(Ordering::Relaxed) + 1;
        self.generation.store(ruling.generation, Ordering::Release);
        self.number.store(number, Ordering::Release);
        self.present.store(Arc::new(Present { number, ruling, lists }));
    }

    /// Changes lists of the ruling in force. Whoever locks anything afterwards sees the change.
    pub(super) fn change_lists<R>(
        &self,
        changes: &Changes<'_>,
        change: impl FnOnce(&mut [Arc<List>]) -> R,
    ) -> R {
        let present = self.present.load();
        let (ruling, mut lists) = (Arc::clone(&present.ruling), Vec::clone(&present.lists));
        let said = change(&mut lists);
        self.put_in_force(changes, ruling, lists);
        said
    }
}

impl Ruling {
    /// Brings a history of an earlier generation into the shape of this one. This happens when an entity is first
    /// seen again, so that no swap has to wait for all of them.
    #[cold]
    pub(super) fn reshape(&self, table: usize, plan: &TablePlan, slot: &mut Slot) {
        let earlier = self.migrations.get(table).and_then(|migrations| {
            migrations.get(migrations.partition_point(|(last, _)| *last < slot.generation))
        });
        if let Some((_, Some(migration))) = earlier {
            slot.history = migration.apply(&self.policy.0, &slot.history, plan);
        }
        slot.generation = self.generation;
    }

    /// Refuses a policy to which remembered amounts would mean something else.
    pub(super) fn counts_in_currency_of(&self, policy: &Policy) -> Result<()> {
        let (own, other) = (&self.policy.0.currency, &policy.0.currency);
        if own == other {
            return Ok(());
        }
        let what = format!(
            "the policy counts amounts in {other}, the one in force in {own}, and so do its histories; start another engine for it"
        );
        Err(Error::new(ErrorKind::Schema, what))
    }

    /// Refuses what cannot be scored; the event has checked each field by itself already.
    pub(super) fn admit(&self, event: &Event, clock: &Clock) -> Result<()> {
        let policy = &*self.policy.0;
        let schema = event.schema();
        if !schema.fits(&policy.schema) {
            let what =
                "this event was made for other attributes than those of the policy in force; make a new one";
            return Err(Error::new(ErrorKind::Schema, what));
        }
        for field in [Field::TYPE, Field::TIME] {
            if !event.has(field) {
                let what = "this field is absent, every event has one";
                return Err(Error::of_field(ErrorKind::Absent, schema.name(field), what));
            }
        }
        for field in &policy.required {
            if !event.has(*field) {
                let what = "this field is absent, the policy requires it";
                return Err(Error::of_field(ErrorKind::Absent, schema.name(*field), what));
            }
        }
        let time = event.integer(Field::TIME).unwrap_or(0);
        if let Some(what) = amiss(time) {
            return Err(Error::of_field(ErrorKind::Time, "time", what));
        }
        let Some(latest) = clock.exceeded_by(time, DAY) else { return Ok(()) };
        let what = format!(
            "{} ahead of the latest seen, at most 1d is taken; if the clock is right, advance the engine to it first",
            format_duration(time - latest)
        );
        Err(Error::of_field(ErrorKind::Time, "time", what))
    }

    pub(super) fn admit_known(&self, event: &Event, at: Option<i64>) -> Result<()> {
        let schema = event.schema();
        if !event.has(Field::ID) {
            let what = "this field is absent; only events with an id can be resolved or labelled";
            return Err(Error::of_field(ErrorKind::Absent, schema.name(Field::ID), what));
        }
        let time = event.integer(Field::TIME).unwrap_or(0);
        if let Some(at) = at
            && !(time..=LATEST).contains(&at)
        {
            let what = format!("found {at}, a label is learnt at or after its event ({time})");
            return Err(Error::of_field(ErrorKind::Time, "labelled_at", what));
        }
        if !schema.fits(&self.policy.0.schema) {
            let what =
                "this event was made for other attributes than those of the policy in force; make a new one";
            return Err(Error::new(ErrorKind::Schema, what));
        }
        Ok(())
    }

    /// A list of the policy and its number, by a name that was known when it was written.
    pub(super) fn list_named(&self, name: &str) -> Option<(usize, &ListPlan)> {
        self.policy.0.lists.iter().enumerate().find(|(_, plan)| plan.name == name)
    }

    pub(super) fn list_number(&self, name: &str) -> Result<usize> {
        let lists = &self.policy.0.lists;
        lists.iter().position(|plan| plan.name == name).ok_or_else(|| {
            let hint = nearest(name, lists.iter().map(|plan| plan.name.as_str()));
            let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            let shown: String = name.chars().take(64).collect();
            Error::of_field(ErrorKind::UnknownName, &shown, format!("the policy names no such list{hint}"))
        })
    }
}
