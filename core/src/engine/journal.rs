//! What happened, frame by frame: whoever keeps the frames can bring a snapshot up to date.
//!
//! A frame is its length, its number, its kind, what happened, and a seal over number, kind and what happened. It
//! holds tokens and the words that histories remember, never identifiers.

use std::fmt;
use std::io::{ErrorKind as IoErrorKind, Read};
use std::sync::Arc;

use super::Engine;
use super::call::{Call, Known, Recorded, Scratch};
use super::clock::NEVER;
use super::lists::Load;
use super::ruling::Ruling;
use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{SEAL, Token, Tokenizer};
use crate::feature::Previous;
use crate::locale::{Address, Name};
use crate::policy::{ListPlan, Policy};
use crate::state::{Home, List, ListEntry, Prepared, Reader, Writer};
use crate::sync::{Mutex, locked};

/// Where the host takes frames.
pub(super) type Sink = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Length, number and kind.
const START: usize = 4 + 8 + 1;
/// Longer than any frame: what claims more is damaged.
const LONGEST_FRAME: usize = 1 << 24;

const POLICY: u8 = 0;
const RECORD: u8 = 1;
const LEARN: u8 = 2;
const LIST: u8 = 3;
const FORGET: u8 = 4;
const ADVANCE: u8 = 5;
const SCRUB: u8 = 6;
const REKEY: u8 = 7;
const RETIRE: u8 = 8;
const GATHER: u8 = 9;
const LOAD: u8 = 10;
const MOVE: u8 = 11;

/// Numbers and seals frames, and hands them to the host.
pub(super) struct Journal {
    sink: Option<Sink>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the last frame.
    sequence: u64,
    /// The policy that the last frame was written under.
    generation: Option<u32>,
    /// Seals frames, once there is one: that of the latest key that any was written under.
    seal: Option<(u32, Tokenizer)>,
    replay: Replay,
    frame: Vec<u8>,
    sealed: Vec<u8>,
    /// Members that frames have brought and that are yet to be loaded.
    gathered: Prepared,
}

/// Where a journal that is done again stands.
#[derive(Debug, Default)]
struct Replay {
    /// What the frames were written under, once a frame or a snapshot has said it: the next file need not.
    under: Option<Under>,
    /// Frames are sealed under the present key from here on.
    is_rotated: bool,
    /// What the last frames say was written with the previous key.
    with_previous: bool,
}

/// The policy that frames were written under.
#[derive(Debug)]
struct Under {
    /// `None` where only a snapshot says it, which has no more than the name and the version.
    fingerprint: Option<String>,
    name: String,
}

impl Under {
    fn is(&self, policy: &Policy) -> bool {
        match &self.fingerprint {
            Some(fingerprint) => *fingerprint == policy.0.fingerprint,
            None => self.name == title(policy),
        }
    }
}

/// The name and the version of a policy.
fn title(policy: &Policy) -> String {
    format!("{} {}", policy.name(), policy.version())
}

/// A change of a list.
pub(super) struct ListChange<'a> {
    pub(super) list: &'a str,
    pub(super) member: Member,
    /// `None` takes the member off.
    pub(super) entry: Option<&'a ListEntry>,
}

/// Who is on a list.
#[derive(Clone, Copy)]
pub(super) enum Member {
    /// Under the present key and, while it is replaced, under the previous one.
    Token(Token, Option<Token>),
    /// A part of an identifier: the same, and its size as a bit; or a name, and its script as one.
    Part(Token, Option<Token>, u64),
    /// A postal address under the two keys.
    Home(Home, Option<Home>),
    Network(ipnet::IpNet),
}

impl Member {
    /// `None` for an address that a list cannot hold: without a city or without numbers there are too many.
    pub(super) fn of_address(
        address: &Address,
        present: &Tokenizer,
        previous: Option<&Tokenizer>,
    ) -> Option<Member> {
        let home = |tokenizer| Home::of(address, tokenizer).filter(|_| !address.house().is_empty());
        Some(Member::Home(home(present)?, previous.and_then(home)))
    }

    pub(super) fn of_name(name: &Name, present: &Tokenizer, previous: Option<&Tokenizer>) -> Member {
        let listed = name.listed();
        let token = |tokenizer: &Tokenizer| tokenizer.token(listed.as_bytes());
        Member::Part(token(present), previous.map(token), name.script_bit())
    }

    fn write(self, to: &mut Writer<'_>) {
        match self {
            Member::Token(token, previous) => {
                to.byte(0);
                to.token(token);
                to.optional(&[previous], Writer::token);
            }
            Member::Network(network) => {
                to.byte(1);
                to.text(&network.to_string());
            }
            Member::Part(token, previous, size) => {
                to.byte(2);
                to.token(token);
                to.optional(&[previous], Writer::token);
                to.word(size);
            }
            Member::Home(home, previous) => {
                to.byte(3);
                home.write(to);
                to.optional(&[previous], |to, home: Home| home.write(to));
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Member> {
        Some(match from.byte()? {
            0 => Member::Token(from.token()?, other_token(from)?),
            1 => Member::Network(from.text()?.parse().ok()?),
            2 => Member::Part(from.token()?, other_token(from)?, from.word()?),
            3 => Member::Home(Home::read(from)?, from.optional(Home::read)?.first().copied()?),
            _ => return None,
        })
    }
}

/// What a journal brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Frames that were read, those among them that the snapshot contained already.
    pub frames: u64,
    /// Bytes of whole frames that were read.
    pub bytes: u64,
    /// Bytes of a last frame that was not written to its end: what it says was never acknowledged. Cut the file
    /// there before more is appended.
    pub torn: u64,
    /// The policy that the next frame was written under, when it is another than the engine's: swap to it, and
    /// recover from the byte after [`bytes`](Recovered::bytes) on.
    pub policy: Option<String>,
}

impl Journal {
    pub(super) fn new(sink: Option<Sink>) -> Journal {
        Journal { sink, state: Mutex::default() }
    }

    /// What is done again first was written under the policy of this name and version.
    pub(super) fn begins_under(&self, name: String) {
        locked(&self.state).replay.under = Some(Under { fingerprint: None, name });
    }

    /// What is done again first was written with the previous key.
    pub(super) fn begins_with_previous(&self) {
        locked(&self.state).replay.with_previous = true;
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

fn read_touched(scratch: &mut Scratch, from: &mut Reader<'_>) -> Option<()> {
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

fn damaged(number: u64, what: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("the journal's frame {number} {what}"))
}

impl Engine {
    /// Does again what a journal says, after a snapshot was restored or from the very first frame on. Frames that the
    /// snapshot contains are passed over, whatever policy they were written under. Call it before the engine is used; it
    /// writes no frames.
    ///
    /// Frames are done one by one: after an error the engine is as of the frame before.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] for a frame that is changed, missing, out of its order or another key's;
    /// [`ErrorKind::Host`] when reading fails.
    pub fn recover(&self, mut journal: impl Read) -> Result<Recovered> {
        let mut recovered = Recovered { frames: 0, bytes: 0, torn: 0, policy: None };
        let mut sealed = Vec::new();
        let mut scratch = Scratch::default();
        // All that is contained already.
        let contained = self.journal.sequence();
        // The number that the next frame has, once the first has been seen.
        let mut expected = None;
        loop {
            let mut length = [0; 4];
            let read = read_all(&mut journal, &mut length)?;
            if read < length.len() {
                recovered.torn = read as u64;
                break;
            }
            let length = u32::from_le_bytes(length) as usize;
            let last = self.journal.sequence();
            if !(START - 4 + SEAL..=LONGEST_FRAME).contains(&length) {
                return Err(damaged(expected.unwrap_or(last + 1), "is damaged: it has no frame's length"));
            }
            sealed.clear();
            let read = (&mut journal).take(length as u64).read_to_end(&mut sealed).map_err(host)?;
            if read < length {
                recovered.torn = 4 + read as u64;
                break;
            }
            let seal = sealed.split_off(length - SEAL);
            let number = expected.unwrap_or(last + 1);
            if !self.is_sealed(&sealed, &seal) {
                return Err(damaged(number, "is damaged, or was sealed with another key"));
            }
            let mut from = Reader(&sealed);
            let (Some(found), Some(kind)) = (from.word(), from.byte()) else {
                return Err(damaged(number, "is not as it should be"));
            };
            // The first may be one that the snapshot contains, each other follows.
            if expected.is_some_and(|expected| expected != found) || found > last + 1 && expected.is_none() {
                return Err(damaged(number, &format!("is missing: frame {found} follows instead")));
            }
            if kind == POLICY {
                let Some((fingerprint, name, key_id)) = policy_frame(&mut from) else {
                    return Err(damaged(number, "is not as it should be"));
                };
                let under = Under { fingerprint: Some(fingerprint.to_owned()), name: name.to_owned() };
                let is_own = under.is(&self.policy());
                locked(&self.journal.state).replay.under = Some(under);
                if is_own && !self.goes_on_with(key_id) {
                    return Err(damaged(
                        number,
                        &format!(
                            "was written with key {key_id}, which this engine does not have; give it as the previous key"
                        ),
                    ));
                }
            }
            let is_new = found > contained;
            recovered.policy = if is_new { self.other_policy() } else { None };
            if recovered.policy.is_some() {
                break;
            }
            if is_new && kind != POLICY && self.again(kind, found, &mut from, &mut scratch).is_none() {
                return Err(damaged(number, "is not as it should be"));
            }
            expected = Some(found + 1);
            self.journal.continue_from(last.max(found));
            recovered.frames += 1;
            recovered.bytes += 4 + length as u64;
        }
        Ok(recovered)
    }

    /// Whether a frame's seal is right. Behind one that was sealed under the present key, the previous one counts no
    /// more: it may be replaced because others have come to know it.
    fn is_sealed(&self, sealed: &[u8], seal: &[u8]) -> bool {
        let (ruling, found) = (self.ruling(), Reader(seal).token());
        let mut state = locked(&self.journal.state);
        if found == Some(ruling.keys.seal.token(sealed)) {
            state.replay.is_rotated = true;
            return true;
        }
        let previous = ruling.keys.previous.as_ref().filter(|_| !state.replay.is_rotated);
        previous.is_some_and(|key| found == Some(Tokenizer::new(key, "journal v1").token(sealed)))
    }

    /// The policy that the frames were written under, where it is another than the engine's.
    fn other_policy(&self) -> Option<String> {
        let policy = self.policy();
        let state = locked(&self.journal.state);
        state.replay.under.as_ref().filter(|under| !under.is(&policy)).map(|under| under.name.clone())
    }

    /// What the frames behind say was made with a key; false when it is none of the engine's.
    fn goes_on_with(&self, key_id: u32) -> bool {
        let keys = &self.ruling().keys;
        let previous = keys.previous.as_ref().is_some_and(|key| key.id() == key_id);
        locked(&self.journal.state).replay.with_previous = previous;
        previous || keys.present.id() == key_id
    }

    /// Does one frame again; `None` when it is not as it should be.
    fn again(&self, kind: u8, number: u64, from: &mut Reader<'_>, scratch: &mut Scratch) -> Option<()> {
        let present = self.present.load_full();
        let ruling = &*present.ruling;
        let plan = &ruling.policy.0.plan;
        let with_previous = locked(&self.journal.state).replay.with_previous;
        let era = if with_previous { ruling.keys.era_before() } else { ruling.keys.era };
        if matches!(kind, RECORD | LEARN | REKEY) {
            read_touched(scratch, from)?;
            let tokens = scratch.route.previous.as_ref().map_or(&scratch.route.tokens, |known| &known.tokens);
            if tokens.len() != plan.keys.len() || scratch.route.tokens.len() != plan.keys.len() {
                return None;
            }
            scratch.frame = Some(number);
        }
        match kind {
            RECORD => {
                let recorded = Recorded::read(from)?;
                let mut call = Call::hold(self, &present, scratch, recorded.time)?;
                call.era = era;
                call.apply(&recorded, Some(number));
            }
            REKEY => drop(Call::hold(self, &present, scratch, NEVER)?),
            RETIRE => self.apply_retire(from.number()?)?,
            LEARN => {
                let known = Known::read(from)?;
                Call::hold(self, &present, scratch, known.time)?.apply_known(&known, Some(number));
            }
            LIST => {
                let name = from.text()?;
                let (list, plan) = ruling.list_named(name)?;
                let member = Member::read(from)?;
                let entry = if from.byte()? == 1 { Some(ListEntry::read(from)?) } else { None };
                self.change_again(list, number, |list| {
                    apply_list(list, member, entry.as_ref(), plan.era(era));
                });
            }
            MOVE => {
                let (list, _) = ruling.list_named(from.text()?)?;
                let member = Member::read(from)?;
                self.change_again(list, number, |list| _ = move_member(list, member, era));
            }
            GATHER => {
                let (_, plan) = ruling.list_named(from.text()?)?;
                let goes_on = from.byte()? == 1;
                let gathered = &mut locked(&self.journal.state).gathered;
                if goes_on {
                    gathered.read(from, [plan.era(era), plan.era(ruling.keys.era_before())])?;
                } else {
                    *gathered = Prepared::default();
                }
            }
            LOAD => {
                let name = from.text()?;
                let (list, _) = ruling.list_named(name)?;
                let (is_whole, name) = (from.byte()? == 1, from.text()?);
                let gathered = std::mem::take(&mut locked(&self.journal.state).gathered);
                self.change_again(list, number, |list| {
                    let load =
                        if is_whole { Load::Whole(list.build(gathered, name)) } else { Load::More(gathered) };
                    load.apply(list);
                });
            }
            FORGET => {
                let (kind, tokens) = (from.text()?, (from.token()?, other_token(from)?));
                self.apply_forget(ruling, kind, tokens, Some(number));
            }
            SCRUB => {
                let whose = (from.text()?, from.token()?, from.text()?);
                self.apply_scrub(ruling, whose, [from.word()?, from.word()?], number)?;
            }
            ADVANCE => {
                self.clock.advance_to(from.time()?);
            }
            _ => return None,
        }
        from.0.is_empty().then_some(())
    }
}

impl Engine {
    /// Changes a list as a frame says, unless the list was restored with what the frame says in it.
    fn change_again(&self, list: usize, frame: u64, change: impl FnOnce(&mut List)) {
        self.change_lists(&locked(&self.lists), |all| {
            let list = all.get_mut(list).filter(|list| frame > list.restored_until());
            list.map(|list| change(Arc::make_mut(list)))
        });
    }
}

/// Fingerprint and name of a policy, and the number of the key.
fn policy_frame<'a>(from: &mut Reader<'a>) -> Option<(&'a str, &'a str, u32)> {
    Some((from.text()?, from.text()?, from.number()?))
}

/// A token under the previous key, where there was one.
fn other_token(from: &mut Reader<'_>) -> Option<Option<Token>> {
    from.optional(Reader::token)?.first().copied()
}

/// Changes a list, with tokens of the key of `era`; false when the member to be taken off was not on it, or cannot be.
pub(super) fn apply_list(list: &mut List, member: Member, entry: Option<&ListEntry>, era: u8) -> bool {
    list.changed();
    match (member, entry) {
        (Member::Token(token, previous), Some(entry)) => {
            list.add(token, 0, entry, era);
            previous.iter().for_each(|previous| list.supersede(*previous, entry, era));
            true
        }
        (Member::Part(token, previous, size), Some(entry)) => {
            list.add(token, size, entry, era);
            previous.iter().for_each(|previous| _ = list.remove(*previous));
            true
        }
        (Member::Token(token, previous) | Member::Part(token, previous, _), None) => {
            previous.is_some_and(|previous| list.remove(previous)) | list.remove(token)
        }
        (Member::Home(home, previous), Some(entry)) => {
            list.add_home(home, entry, era);
            previous.iter().for_each(|previous| _ = list.remove_home(*previous));
            true
        }
        (Member::Home(home, previous), None) => {
            previous.is_some_and(|previous| list.remove_home(previous)) | list.remove_home(home)
        }
        (Member::Network(network), Some(entry)) => {
            list.add_network(network, entry);
            true
        }
        (Member::Network(network), None) => list.remove_network(network),
    }
}

/// Brings a member that is known under the previous key under the present one, of `era`; false when it is not.
pub(super) fn move_member(list: &mut List, member: Member, era: u8) -> bool {
    match member {
        Member::Token(token, Some(before)) | Member::Part(token, Some(before), _) => {
            list.rename(before, token, era)
        }
        Member::Home(home, Some(before)) => list.rename_home(before, home, era),
        _ => false,
    }
}

impl Recovered {
    /// Whether the journal was done to its end.
    pub fn is_complete(&self) -> bool {
        self.torn == 0 && self.policy.is_none()
    }
}

fn host(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Host, format!("the journal could not be read: {error}"))
}

/// Reads until `to` is full or there is no more.
fn read_all(from: &mut impl Read, to: &mut [u8]) -> Result<usize> {
    let mut read = 0;
    while let Some(rest) = to.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == IoErrorKind::Interrupted => {}
            Err(error) => return Err(host(error)),
        }
    }
    Ok(read)
}
