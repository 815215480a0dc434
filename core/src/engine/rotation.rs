//! Replacing the key without losing what is remembered: while two keys are known, whatever an event touches comes
//! from the previous key to the present one.
//!
//! An entity moves to the shard of its new token; in its history the event's id and the words of its identifiers are
//! replaced, so that each is known by one word there. Nothing is ever looked up by a word whose identifier is not at
//! hand, so nothing raw has to be kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Engine;
use super::call::Call;
use super::challenger::Challenger;
use super::hold::Held;
use super::keys::Keys;
use super::lists::outlive;
use super::member::Member;
use super::moves::{Moved, Moves};
use super::past::Past;
use super::ruling::{Changes, Ruling};
use super::swap;
use crate::error::Result;
use crate::event::token::{HashKey, Token};
use crate::feature::{KeyPlan, Route};
use crate::policy::ListKind;
use crate::state::{List, Table};
use crate::sync::locked;

impl Engine {
    /// Another key is in force from now on; the one so far is kept as the *previous* key. Nothing is lost and nothing
    /// waits: an entity, what its history remembers of the event's identifiers, and members of lists come to the new
    /// key when an event touches them again, so decisions stay the same. While there are two keys, hashing takes
    /// twice as long, and [`score`](Engine::score) may hand a frame to the journal, too.
    ///
    /// [`TableStatistics::unrotated`](super::TableStatistics::unrotated) tells how many entities are left under the
    /// previous key; [`retire_key`](Engine::retire_key) ends the rotation. Two entities that remember one another do
    /// so under the new key once an event has touched both: after the longest window of the policy, nothing that
    /// counts is left under the previous key. Outcomes and labels find events of before the rotation until the key is
    /// retired.
    ///
    /// A restart meanwhile takes both keys: [`EngineBuilder::previous_key`](super::EngineBuilder::previous_key).
    ///
    /// ```
    /// # let policy = sekisho::Policy::from_toml(r#"
    /// #     [policy]
    /// #     name = "example"
    /// #     version = "1"
    /// #     currency = "JPY"
    /// #     [[feature]]
    /// #     name = "logins"
    /// #     aggregate = "count"
    /// #     by = ["account"]
    /// #     over = "1h"
    /// #     [decision]
    /// #     bands = [{ from = 0, action = "allow" }]
    /// # "#)?;
    /// use sekisho::{Decision, Engine, Event, HashKey, Value};
    ///
    /// let engine = Engine::new(policy, HashKey::new(1, *b"32 secret bytes of the host ...."));
    /// let login = |n: i64| Event::of("login", 1_767_225_600_000 + n * 1_000)?.with("account", "a-1");
    /// engine.assess(&login(0)?)?;
    ///
    /// engine.rotate(HashKey::new(2, *b"32 other secret bytes of it ...."))?;
    /// assert_eq!(engine.statistics()[0].unrotated, 1);
    /// let mut decision = Decision::detailed();
    /// engine.assess_into(&login(1)?, &mut decision)?;
    /// assert_eq!(decision.feature(0).map(|feature| feature.value().clone()), Some(Value::Integer(1)));
    ///
    /// assert_eq!(engine.statistics()[0].unrotated, 0);
    /// assert_eq!(engine.retire_key(), 0);
    /// # Ok::<(), sekisho::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a key with the number of the present or the previous one, or the
    /// present one's secret, and while an earlier rotation goes on: there are never more than two keys.
    pub fn rotate(&self, key: HashKey) -> Result<()> {
        let mut past = locked(&self.past);
        let old = self.ruling();
        old.keys.admit(&key)?;
        let keys = Keys::new(key, Some(old.keys.present.clone()), old.keys.era_before(), &old.keys.shared);
        self.install_keys(&mut past, &old, keys);
        Ok(())
    }

    /// Ends a rotation: the previous key is gone, and with it at once every entity and every member of a list that
    /// was not touched since; says how many these were. 0 when there is no previous key.
    ///
    /// What other histories remember of identifiers that they have not met again stays, and counts as somebody else.
    pub fn retire_key(&self) -> u64 {
        let mut past = locked(&self.past);
        let old = self.ruling();
        let Some(previous) = &old.keys.previous else { return 0 };
        let ruling = self.install_keys(
            &mut past,
            &old,
            Keys::new(old.keys.present.clone(), None, old.keys.era, &old.keys.shared),
        );
        let dropped = self.drop_previous(&ruling);
        // Nobody who knew the previous key changes anything after this frame.
        self.journal.retired(&ruling, previous.id());
        dropped
    }

    /// Does a retirement again; `None` when another key is the previous one.
    pub(super) fn apply_retire(&self, key_id: u32) -> Option<()> {
        let mut past = locked(&self.past);
        let old = self.ruling();
        old.keys.previous.as_ref().filter(|key| key.id() == key_id)?;
        let ruling = self.install_keys(
            &mut past,
            &old,
            Keys::new(old.keys.present.clone(), None, old.keys.era, &old.keys.shared),
        );
        self.drop_previous(&ruling);
        Some(())
    }

    /// Other keys come into force, with the same policy and memory. Whoever knew only those before is done then.
    fn install_keys(&self, past: &mut Past, old: &Ruling, keys: Keys) -> Arc<Ruling> {
        past.add(old);
        let ruling = Arc::new(swap::with_keys(old, keys, past));
        {
            let changes = locked(&self.lists);
            let lists = self.present.load().lists.clone();
            self.put_in_force(&changes, Arc::clone(&ruling), lists);
        }
        self.refit_challenger(&ruling);
        ruling.tables.iter().for_each(|table| table.each_shard().for_each(drop));
        self.bound(past, &ruling);
        ruling
    }

    /// The challenger goes on beside the ruling if it can; true when it cannot.
    pub(super) fn refit_challenger(&self, ruling: &Ruling) -> bool {
        let Some(known) = self.on_trial.get() else { return false };
        let fitted = Challenger::new(known.policy.clone(), ruling).ok();
        let ended = fitted.is_none();
        self.on_trial.put(fitted.map(|(challenger, _)| challenger));
        ended
    }

    /// Brings members of lists that an event was found to be under their present tokens.
    #[cold]
    pub(super) fn move_members(&self, ruling: &Ruling, members: Vec<(usize, Member)>) {
        let lists = locked(&self.lists);
        // Once the key is retired, its members go.
        if self.generation.load(Ordering::Acquire) != ruling.generation {
            return;
        }
        self.change_lists(&lists, |all| {
            for (number, member) in members {
                if let (Some(plan), Some(list)) = (ruling.policy.0.lists.get(number), all.get_mut(number))
                    && member.rekey(Arc::make_mut(list), ruling.keys.era)
                {
                    self.journal.member_moved(ruling, &plan.name, member);
                }
            }
        });
    }

    fn drop_previous(&self, ruling: &Ruling) -> u64 {
        let era = ruling.keys.era;
        let entities =
            ruling.tables.iter().flat_map(|table| table.each_shard().map(|mut shard| shard.retire(era)));
        let entities: u64 = entities.sum();
        let changes = locked(&self.lists);
        let before = self.present.load_full();
        let members = self.change_lists(&changes, |all| {
            let own = ruling.policy.0.lists.iter().zip(all).filter(|(plan, _)| plan.key.is_none());
            own.map(|(_, list)| Arc::make_mut(list).retire(era)).sum::<u64>()
        });
        drop(changes);
        if members > 0 {
            outlive(before);
        }
        entities + members
    }
}

impl Held<'_> {
    /// Brings the entity under its present token; true when it was known under the one before.
    fn move_entity(
        &mut self,
        table: &Table,
        (before, token): (Token, Token),
        era: u8,
        moves: &Moves,
    ) -> bool {
        let known = self.shard.place(token).is_some();
        let Some(other) = &mut self.other else {
            if known {
                return self.shard.forget(before);
            }
            if self.shard.forget_ghost(before) {
                self.shard.add_ghost(token);
            }
            return self.shard.rename(before, token, era);
        };
        if known {
            return other.forget(before);
        }
        if other.forget_ghost(before) {
            self.shard.add_ghost(token);
        }
        let Some(slot) = other.release(before) else { return false };
        self.shard.take_in(slot, token, era, table.shard_budget());
        moves.note(Moved { table: table.number, before, token });
        true
    }
}

impl Call<'_> {
    /// Brings the held entities under their present tokens. Says whether any was known under the one before.
    #[cold]
    pub(super) fn move_entities(&mut self) -> bool {
        let Call { engine, ruling, scratch, held, .. } = self;
        let mut changed = false;
        for ((plan, table), held) in ruling.policy.0.plan.tables.iter().zip(&ruling.tables).zip(held) {
            let tokens = scratch.route.previous_token(plan.key).zip(scratch.route.token(plan.key));
            if let (Some(tokens), Some(held)) = (tokens, held)
                && scratch.frame.is_none_or(|frame| frame > table.restored_until(tokens.1))
            {
                changed |= held.move_entity(table, tokens, ruling.keys.era, &engine.moves);
            }
        }
        changed
    }

    /// Replaces what the held histories and the lists know of the event under the previous key, and writes that they
    /// do if there was anything, or if entities moved.
    #[cold]
    pub(super) fn rekey(&mut self, moved: bool) {
        let Call { engine, ruling, lists, scratch, held, .. } = self;
        let policy = &*ruling.policy.0;
        let mut changed = moved;
        for ((plan, table), held) in policy.plan.tables.iter().zip(&ruling.tables).zip(held.iter_mut()) {
            let Some(Held { token, shard, place: Some(place), .. }) = held else { continue };
            if scratch.frame.is_some_and(|frame| frame <= table.restored_until(*token)) {
                continue;
            }
            let rekeying = scratch.route.rekeying(&policy.plan, plan);
            let slot = shard.slot_mut(*place);
            if slot.is_some_and(|slot| slot.history.rekey(&plan.shape, &plan.budget, &rekeying)) {
                changed = true;
                shard.account(*place);
                shard.make_room(table.shard_budget(), Some(*place));
            }
        }
        let (members, _lists) = rename_members(engine, ruling, lists, &scratch.route);
        if (changed || members) && scratch.frame.is_none() {
            engine.journal.rekeyed(ruling, scratch);
        }
        // From here on all is under the present tokens.
        held.iter_mut().flatten().for_each(|held| held.other = None);
    }
}

/// Brings members of lists under their present tokens; the guard is kept until that is written.
fn rename_members<'a>(
    engine: &'a Engine,
    ruling: &Ruling,
    lists: &[Arc<List>],
    route: &Route,
) -> (bool, Option<Changes<'a>>) {
    let policy = &*ruling.policy.0;
    let (mut renamed, mut guard) = (false, None);
    for (number_of_list, plan) in policy.lists.iter().enumerate() {
        // Of other lists the identifier's own token is no member.
        if plan.hashed().is_some() || plan.kind != ListKind::Exact {
            continue;
        }
        let is_own = |key: &KeyPlan| key.kind == plan.entity && key.shared.is_none();
        for (number, _) in policy.plan.keys.iter().enumerate().filter(|(_, key)| is_own(key)) {
            let tokens = route.previous_token(number).zip(route.token(number));
            let list = lists.get(number_of_list);
            let is_member = |before: &Token| list.is_some_and(|list| list.holds(*before));
            let Some((before, token)) = tokens.filter(|(before, _)| is_member(before)) else { continue };
            let changes = guard.get_or_insert_with(|| locked(&engine.lists));
            // Once the key is retired, its members go.
            if engine.generation.load(Ordering::Acquire) == ruling.generation {
                renamed |= engine.change_lists(changes, |all| {
                    let list = all.get_mut(number_of_list).map(Arc::make_mut);
                    list.is_some_and(|list| list.rename(before, token, ruling.keys.era))
                });
            }
        }
    }
    (renamed, guard)
}
