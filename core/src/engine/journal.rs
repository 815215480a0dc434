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
    /// The policy that the last frame was written under.
    generation: Option<u32>,
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

    /// Writes what happens. Called while everything that it changes is locked, so that frames about one entity come
    /// in the order of their numbers.
    #[inline]
    pub(super) fn write(&self, ruling: &Ruling, kind: u8, what: impl FnOnce(&mut Writer<'_>)) {
        if let Some(sink) = &self.sink {
            self.write_to(sink, ruling, kind, what);
        }
    }

    fn write_to(&self, sink: &Sink, ruling: &Ruling, kind: u8, what: impl FnOnce(&mut Writer<'_>)) {
        let state = &mut *locked(&self.state);
        if state.generation != Some(ruling.generation) {
            state.generation = Some(ruling.generation);
            // Whoever held entities when the key was replaced may come after others; nothing that follows the first
            // frame under a key is sealed with the one before.
            if state.seal.as_ref().is_none_or(|(generation, _)| *generation < ruling.generation) {
                state.seal = Some((ruling.generation, ruling.keys.seal.clone()));
            }
            let policy = &ruling.policy;
            self.frame(sink, state, POLICY, |to| {
                to.text(&policy.0.fingerprint);
                to.text(&title(policy));
                to.number(ruling.keys.present.id());
            });
        }
        self.frame(sink, state, kind, what);
    }

    fn frame(&self, sink: &Sink, state: &mut State, kind: u8, what: impl FnOnce(&mut Writer<'_>)) {
        state.sequence += 1;
        let sealed = &mut state.sealed;
        sealed.clear();
        let mut writer = Writer(sealed);
        writer.word(state.sequence);
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
    }

    pub(super) fn recorded(&self, ruling: &Ruling, scratch: &Scratch, recorded: &Recorded) {
        self.write(ruling, RECORD, |to| {
            write_touched(scratch, to);
            recorded.write(to);
        });
    }

    pub(super) fn learnt(&self, ruling: &Ruling, scratch: &Scratch, known: &Known) {
        self.write(ruling, LEARN, |to| {
            write_touched(scratch, to);
            known.write(to);
        });
    }

    pub(super) fn list_changed(&self, ruling: &Ruling, change: &ListChange<'_>) {
        self.write(ruling, LIST, |to| {
            to.text(change.list);
            change.member.write(to);
            to.byte(u8::from(change.entry.is_some()));
            if let Some(entry) = change.entry {
                entry.write(to);
            }
        });
    }

    /// A member came from the previous key to the present one.
    pub(super) fn member_moved(&self, ruling: &Ruling, list: &str, member: Member) {
        self.write(ruling, MOVE, |to| {
            to.text(list);
            member.write(to);
        });
    }

    /// Members for a list, which count once it is said that they are loaded.
    pub(super) fn list_gathered(&self, ruling: &Ruling, plan: &ListPlan, prepared: &Prepared) {
        let list = &plan.name;
        if self.sink.is_none() {
            return;
        }
        self.write(ruling, GATHER, |to| {
            to.text(list);
            to.byte(0);
        });
        prepared.write(plan.era(ruling.keys.era), |piece| {
            self.write(ruling, GATHER, |to| {
                to.text(list);
                to.byte(1);
                to.bytes(piece);
            });
        });
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
