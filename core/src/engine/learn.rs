//! What is learnt about an event after it was recorded: how it ended, and whether it was fraud.

use super::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Field, Label, OUTCOMES, Outcome};
use crate::state::Learnt;

impl Inner {
    /// The event's bits without a label and with each of the two. Leaves the event routed.
    pub(super) fn masks_by_label(&mut self, event: &Event) -> [Vec<u64>; 3] {
        let mut labelled = event.clone();
        [None, Some(Label::Fraud), Some(Label::Genuine)].map(|label| {
            labelled.unset(Field::LABEL);
            if let Some(label) = label {
                // The two labels are always in the field's domain.
                let _ = labelled.set(Field::LABEL, label.as_str());
            }
            self.route(&labelled);
            self.evaluate(&labelled);
            self.scratch.route.masks.clone()
        })
    }

    /// The same with an outcome, given by its number.
    fn masks_by_outcome(&mut self, event: &Event, outcome: u8) -> Result<[Vec<u64>; 3]> {
        let mut resolved = event.clone();
        match usize::from(outcome).checked_sub(1).and_then(|number| OUTCOMES.get(number)) {
            Some(name) => resolved.set(Field::OUTCOME, &**name)?,
            None => resolved.unset(Field::OUTCOME),
        }
        Ok(self.masks_by_label(&resolved))
    }

    pub(super) fn learn(
        &mut self,
        event: &Event,
        outcome: Option<Outcome>,
        label: Option<(Label, i64)>,
    ) -> Result<bool> {
        self.admit_known(event, label.map(|(_, at)| at))?;
        self.route(event);
        let id = self.scratch.route.id;
        let known = {
            let Inner { policy, state, scratch, .. } = &*self;
            policy.0.plan.tables.iter().zip(&state.tables).find_map(|(plan, table)| {
                table.history(table.place(scratch.route.token(plan.key)?)).known(&plan.shape, id)
            })
        };
        let Some((time, known, label_before)) = known else { return Ok(false) };
        let outcome = outcome.map_or(known, |outcome| outcome as u8);
        let before = self.masks_by_outcome(event, known)?;
        let by_label = self.masks_by_outcome(event, outcome)?;
        let Inner { policy, state, scratch, .. } = self;
        let plan = &policy.0.plan;
        let label = label.map(|(label, at)| (label as u8, at));
        let revisable = plan.revisable();
        let learnt = Learnt {
            id,
            time,
            outcome,
            label,
            by_label: &by_label,
            before: &before,
            label_before,
            revisable,
        };
        for (table_plan, table) in plan.tables.iter().zip(&mut state.tables) {
            let place = scratch.route.token(table_plan.key).and_then(|token| table.place(token));
            if let Some(history) = place.and_then(|place| table.history_mut(place)) {
                table_plan.cells(&scratch.route.cells, &mut scratch.cells);
                history.revise(&table_plan.shape, &table_plan.budget, &learnt, &scratch.cells);
            }
        }
        Ok(true)
    }

    fn admit_known(&self, event: &Event, at: Option<i64>) -> Result<()> {
        let schema = event.schema();
        if !event.has(Field::ID) {
            let what = "this field is absent; only events with an id can be resolved or labelled";
            return Err(Error::of_field(ErrorKind::Absent, schema.name(Field::ID), what));
        }
        let time = event.integer(Field::TIME).unwrap_or(0);
        if let Some(at) = at
            && !(time..=crate::event::time::LATEST).contains(&at)
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
}
