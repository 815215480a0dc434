//! What happened, frame by frame: whoever keeps the frames can bring a snapshot up to date.
//!
//! A frame is its length, its number, its kind, what happened, and a seal over number, kind and what happened. It
//! holds tokens and the words that histories remember, never identifiers.

use std::fmt;

use super::call::{Known, Recorded, Scratch};
use super::member::Member;
use super::recovery::{Replay, title};
use super::ruling::Ruling;
use crate::event::token::{SEAL, Token, Tokenizer};
use crate::feature::Previous;
use crate::policy::ListPlan;
use crate::state::{ListEntry, Prepared, Reader, Writer};
use crate::sync::{Mutex, locked};

/// Where the host takes frames.
pub(super) type Sink = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Length, number and kind.
pub(super) const START: usize = 4 + 8 + 1;
/// Longer than any frame: what claims more is damaged.
pub(super) const LONGEST_FRAME: usize = 1 << 24;

pub(super) const POLICY: u8 = 0;
pub(super) const RECORD: u8 = 1;
pub(super) const LEARN: u8 = 2;
pub(super) const LIST: u8 = 3;
pub(super) const FORGET: u8 = 4;
pub(super) const ADVANCE: u8 = 5;
pub(super) const SCRUB: u8 = 6;
pub(super) const REKEY: u8 = 7;
pub(super) const RETIRE: u8 = 8;
pub(super) const GATHER: u8 = 9;
pub(super) const LOAD: u8 = 10;
pub(super) const MOVE: u8 = 11;
pub(super) const EXPIRE: u8 = 12;

/// Numbers and seals frames, and hands them to the host.
pub(super) struct Journal {
    sink: Option<Sink>,
    state: Mutex<State>,
    /// Where it stands when it is done again.
    pub(super) replay: Mutex<Replay>,
}

#[derive(Default)]
struct State {
    /// The number of the last frame.
    sequence: u64,
    /// The highest number of a frame that the snapshot contained from which the engine was restored: frames up to it
    /// may never have been kept, but are known.
    contained: u64,
    /// The policy that the last frame was written under, unless the next has to say it again.
    generation: Option<u32>,
    /// The latest of those that any was written under.
    newest: u32,
    /// Seals frames, once there is one: that of the latest key that any was written under.
    seal: Option<(u32, Tokenizer)>,
    frame: Vec<u8>,
    sealed: Vec<u8>,
}

/// A change of a list.
pub(super) struct ListChange<'a> {
    pub(super) list: &'a str,
    pub(super) member: Member,
    /// `None` takes the member off.
    pub(super) entry: Option<&'a ListEntry>,
    /// From when on, where an event puts it there: then there is an entry.
    pub(super) since: Option<i64>,
}

impl ListChange<'_> {
    fn write(&self, to: &mut Writer<'_>) {
        to.text(self.list);
        self.member.write(to);
        to.byte(u8::from(self.entry.is_some()) + u8::from(self.since.is_some()));
        self.since.iter().for_each(|since| to.time(*since));
        self.entry.iter().for_each(|entry| entry.write(to));
    }
}

impl Journal {
    pub(super) fn new(sink: Option<Sink>) -> Journal {
        Journal { sink, state: Mutex::default(), replay: Mutex::default() }
    }

    /// The number of the last frame.
    pub(super) fn sequence(&self) -> u64 {
        locked(&self.state).sequence
    }

    /// The next frame is the one after `sequence`.
    pub(super) fn continue_from(&self, sequence: u64) {
        locked(&self.state).sequence = sequence;
    }

    /// What is known contains the frames up to this one, wherever the journal ends.
    pub(super) fn contains(&self, sequence: u64) {
        let state = &mut *locked(&self.state);
        state.contained = state.contained.max(sequence);
    }

    /// The number of the last frame before a snapshot; the first behind it says again under which policy it is.
    pub(super) fn begin_snapshot(&self) -> u64 {
        let state = &mut *locked(&self.state);
        state.generation = None;
        state.sequence
    }

    /// Writes what happens. Called while everything that it changes is locked, so that frames about one entity come
    /// in the order of their numbers.
    #[inline]
    pub(super) fn write(&self, ruling: &Ruling, kind: u8, what: impl FnOnce(&mut Writer<'_>)) {
        if let Some(sink) = &self.sink {
            let state = &mut *locked(&self.state);
            self.introduce(sink, state, ruling, false);
            self.frame(sink, state, kind, what);
        }
    }

    /// The same, but false when there is a frame under a later policy or key already: then nothing was written, and
    /// whoever holds entities by an earlier one begins anew.
    #[inline]
    fn write_in_order(&self, ruling: &Ruling, kind: u8, what: impl FnOnce(&mut Writer<'_>)) -> bool {
        let Some(sink) = &self.sink else { return true };
        let state = &mut *locked(&self.state);
        if state.newest > ruling.generation {
            return false;
        }
        self.introduce(sink, state, ruling, false);
        self.frame(sink, state, kind, what);
        true
    }

    /// Another policy is about to come into force.
    pub(super) fn swapped(&self, ruling: &Ruling) {
        if let Some(sink) = &self.sink {
            self.introduce(sink, &mut locked(&self.state), ruling, true);
        }
    }

    /// Says which policy and key the frames behind are under, unless those before were under the same.
    fn introduce(&self, sink: &Sink, state: &mut State, ruling: &Ruling, swapped: bool) {
        if state.generation == Some(ruling.generation) {
            return;
        }
        state.generation = Some(ruling.generation);
        state.newest = state.newest.max(ruling.generation);
        // Whoever held entities when the key was replaced may come after others; nothing that follows the first
        // frame under a key is sealed with the one before.
        if state.seal.as_ref().is_none_or(|(generation, _)| *generation < ruling.generation) {
            state.seal = Some((ruling.generation, ruling.keys.seal.clone()));
        }
        let last = state.sequence;
        state.sequence = last.max(state.contained);
        let policy = &ruling.policy;
        self.frame(sink, state, POLICY, |to| {
            to.text(&policy.0.fingerprint);
            to.text(&title(policy));
            to.number(ruling.keys.present.id());
            to.byte(u8::from(swapped));
            to.word(last);
        });
    }

    fn frame(&self, sink: &Sink, state: &mut State, kind: u8, what: impl FnOnce(&mut Writer<'_>)) {
        let number = state.sequence + 1;
        let sealed = &mut state.sealed;
        sealed.clear();
        let mut writer = Writer(sealed);
        writer.word(number);
        writer.byte(kind);
        what(&mut writer);
        state.frame.clear();
        let mut writer = Writer(&mut state.frame);
        writer.number((sealed.len() + SEAL) as u32);
        writer.bytes(sealed);
        if let Some((_, seal)) = &state.seal {
            writer.token(seal.token(sealed));
        }
        sink(&state.frame);
        // Of a sink that panics nobody knows what it has kept; what it did not take has no number.
        state.sequence = number;
    }

    /// An event was recorded, and lists changed by it; false as in [`write_in_order`](Journal::write_in_order).
    pub(super) fn recorded(
        &self,
        ruling: &Ruling,
        scratch: &Scratch,
        recorded: &Recorded,
        changes: &[ListChange<'_>],
    ) -> bool {
        self.write_in_order(ruling, RECORD, |to| {
            write_touched(scratch, to);
            recorded.write(to);
            changes.iter().for_each(|change| change.write(to));
        })
    }

    /// The same of what was learnt about an event.
    pub(super) fn learnt(
        &self,
        ruling: &Ruling,
        scratch: &Scratch,
        known: &Known,
        changes: &[ListChange<'_>],
    ) -> bool {
        self.write_in_order(ruling, LEARN, |to| {
            write_touched(scratch, to);
            known.write(to);
            changes.iter().for_each(|change| change.write(to));
        })
    }

    pub(super) fn list_changed(&self, ruling: &Ruling, change: &ListChange<'_>) {
        self.write(ruling, LIST, |to| change.write(to));
    }

    /// A member came from the previous key to the present one.
    pub(super) fn member_moved(&self, ruling: &Ruling, list: &str, member: Member) {
        self.write(ruling, MOVE, |to| {
            to.text(list);
            member.write(to);
        });
    }

    /// Members for a list, which count once it is said that they are loaded; false as in
    /// [`write_in_order`](Journal::write_in_order).
    pub(super) fn list_gathered(&self, ruling: &Ruling, plan: &ListPlan, prepared: &Prepared) -> bool {
        let list = &plan.name;
        if self.sink.is_none() {
            return true;
        }
        let mut in_order = self.write_in_order(ruling, GATHER, |to| {
            to.text(list);
            to.byte(0);
        });
        prepared.write(plan.era(ruling.keys.era), |piece| {
            in_order = in_order
                && self.write_in_order(ruling, GATHER, |to| {
                    to.text(list);
                    to.byte(1);
                    to.bytes(piece);
                });
        });
        in_order
    }

    /// The members that were gathered are on the list, in the place of all others when they have a name.
    pub(super) fn list_loaded(&self, ruling: &Ruling, list: &str, name: Option<&str>) {
        self.write(ruling, LOAD, |to| {
            to.text(list);
            to.byte(u8::from(name.is_some()));
            to.text(name.unwrap_or_default());
        });
    }

    pub(super) fn forgotten(&self, ruling: &Ruling, kind: &str, (token, previous): (Token, Option<Token>)) {
        self.write(ruling, FORGET, |to| {
            to.text(kind);
            to.token(token);
            to.optional(&[previous], Writer::token);
        });
    }

    /// What is known of an event came from the previous key to the present one.
    pub(super) fn rekeyed(&self, ruling: &Ruling, scratch: &Scratch) {
        self.write(ruling, REKEY, |to| write_touched(scratch, to));
    }

    pub(super) fn retired(&self, ruling: &Ruling, key_id: u32) {
        self.write(ruling, RETIRE, |to| to.number(key_id));
    }

    /// In the history of `entity`, a word that stood for somebody of `kind` has become another.
    pub(super) fn scrubbed(&self, ruling: &Ruling, table: &str, entity: Token, kind: &str, words: [u64; 2]) {
        self.write(ruling, SCRUB, |to| {
            to.text(table);
            to.token(entity);
            to.text(kind);
            words.into_iter().for_each(|word| to.word(word));
        });
    }

    /// What nobody needs any more as of a time was dropped.
    pub(super) fn expired(&self, ruling: &Ruling, latest: i64) {
        self.write(ruling, EXPIRE, |to| to.time(latest));
    }

    pub(super) fn advanced(&self, ruling: &Ruling, time: i64) {
        self.write(ruling, ADVANCE, |to| to.time(time));
    }
}

fn write_touched(scratch: &Scratch, to: &mut Writer<'_>) {
    to.word(scratch.route.id);
    to.optional(&scratch.route.tokens, Writer::token);
    to.optional(&scratch.route.cells, Writer::word);
    to.byte(u8::from(scratch.route.previous.is_some()));
    if let Some(previous) = &scratch.route.previous {
        to.word(previous.id);
        to.optional(&previous.tokens, Writer::token);
    }
}

pub(super) fn read_touched(scratch: &mut Scratch, from: &mut Reader<'_>) -> Option<()> {
    scratch.route.id = from.word()?;
    scratch.route.tokens = from.optional(Reader::token)?;
    scratch.route.cells = from.optional(Reader::word)?;
    scratch.route.previous = match from.byte()? {
        1 => Some(Previous { id: from.word()?, tokens: from.optional(Reader::token)? }),
        _ => None,
    };
    Some(())
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({})", if self.sink.is_some() { "kept" } else { "none" })
    }
}
