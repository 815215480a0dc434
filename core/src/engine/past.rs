//! What histories may still have the shape of.

use super::Engine;
use super::layout::Layout;
use super::migration::Migration;
use super::ruling::Ruling;
use crate::policy::Compiled;

/// So many layouts are kept; when there are more, whoever has one of the older half comes into the present shape.
const MOST_LAYOUTS: usize = 32;
/// A shard is let go of for others after so many histories that were brought into shape.
const AT_ONCE: usize = 16;

/// What the policies remembered that were in force, as far as a history may still be in its shape.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// From the oldest to the newest; each with the last generation that had it.
    layouts: Vec<(u32, Vec<Layout>)>,
}

/// How histories of earlier generations come into the shape of a table: each with the last generation for which it
/// holds, from the oldest to the newest; `None` for those that have the shape.
pub(super) type Migrations = Vec<(u32, Option<Migration>)>;

impl Past {
    /// A ruling is about to be followed by another one.
    pub(super) fn add(&mut self, ruling: &Ruling) {
        let layouts = Layout::of(&ruling.policy.0);
        match self.layouts.last_mut() {
            Some((last, known)) if is_alike(known, &layouts) => *last = ruling.generation,
            _ => self.layouts.push((ruling.generation, layouts)),
        }
    }

    /// For each table of a policy, how histories come into its shape.
    pub(super) fn migrations(&self, policy: &Compiled) -> Vec<Migrations> {
        let tables = Layout::of(policy).into_iter().enumerate();
        let migrations = tables.map(|(table, layout)| {
            let earlier = self.layouts.iter().map(|(last, known)| {
                let before = known.iter().find(|known| known.name == layout.name);
                let other = before.filter(|before| !before.is_like(&layout));
                (*last, other.map(|before| Migration::new(before, &layout, policy, table)))
            });
            earlier.collect()
        });
        migrations.collect()
    }
}

/// Whether all tables remember the same.
fn is_alike(known: &[Layout], layouts: &[Layout]) -> bool {
    let pairs = || known.iter().zip(layouts);
    known.len() == layouts.len() && pairs().all(|(known, own)| known.name == own.name && known.is_like(own))
}

impl Engine {
    /// Forgets the older half of too many layouts, once nobody goes on by an earlier ruling than this one.
    pub(super) fn bound(&self, past: &mut Past, ruling: &Ruling) {
        if past.layouts.len() <= MOST_LAYOUTS {
            return;
        }
        let mut gone = past.layouts.drain(..MOST_LAYOUTS / 2);
        let Some((last, _)) = gone.next_back() else { return };
        drop(gone);
        for (number, (plan, table)) in ruling.policy.0.plan.tables.iter().zip(&ruling.tables).enumerate() {
            for shard in 0..table.shards() {
                let stragglers = table.lock_shard(shard).map(|shard| shard.made_until(last));
                for tokens in stragglers.unwrap_or_default().chunks(AT_ONCE) {
                    let Some(mut shard) = table.lock_shard(shard) else { break };
                    for token in tokens {
                        let Some(place) = shard.place(*token) else { continue };
                        // It may have come again meanwhile.
                        if let Some(slot) = shard.slot_mut(place).filter(|slot| slot.generation <= last) {
                            ruling.reshape(number, plan, slot);
                            shard.account(place);
                        }
                    }
                    shard.make_room(table.shard_budget(), None);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::event::{Event, HashKey};
    use crate::policy::Policy;

    const START: i64 = 1_767_225_600_000;

    fn policy(n: u32) -> Policy {
        let text = format!(
            "[policy]\nname = \"past\"\nversion = \"{n}\"\ncurrency = \"JPY\"\nremember = [\"amount_minor\"]\n\
             remember_for = \"7d\"\n[decision]\nbands = [{{ from = 0, action = \"allow\" }}]\n\
             [[feature]]\nname = \"large\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"1d\"\n\
             where = 'amount_minor > {n}'\n"
        );
        Policy::from_toml(&text).unwrap()
    }

    fn payment(n: u32) -> Event {
        let event = Event::of("payment", START).unwrap().with("account", &format!("a{n}")).unwrap();
        event.with("amount_minor", 100).unwrap()
    }

    /// A swap forgets old layouts only when no history has them any more.
    #[test]
    fn a_history_never_has_a_layout_that_is_forgotten() {
        let engine = Engine::new(policy(0), HashKey::new(1, [7; 32]));
        for n in 1..200 {
            engine.record(&payment(n)).unwrap();
            engine.swap(policy(n)).unwrap();
            let past = crate::sync::locked(&engine.past);
            assert!(past.layouts.len() <= MOST_LAYOUTS);
            let ruling = engine.ruling();
            let Some(gone) = ruling.generation.checked_sub(past.layouts.len() as u32 + 1) else { continue };
            assert!(ruling.tables[0].each_shard().all(|shard| shard.made_until(gone).is_empty()));
        }
        assert_eq!(engine.statistics()[0].entities, 199);
        // The same policy once more has no layout of its own.
        let before = crate::sync::locked(&engine.past).layouts.len();
        engine.swap(policy(199)).unwrap();
        for _ in 0..100 {
            engine.swap(policy(199)).unwrap();
        }
        assert!(crate::sync::locked(&engine.past).layouts.len() <= before + 1);
    }
}
