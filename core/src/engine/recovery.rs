//! What a journal says is done again, frame by frame.

use std::io::{ErrorKind as IoErrorKind, Read};
use std::sync::Arc;

use super::Engine;
use super::call::{Call, Known, Recorded, Scratch};
use super::clock::NEVER;
use super::feedback::tidy;
use super::journal::{
    ADVANCE, EXPIRE, FORGET, GATHER, LEARN, LIST, LOAD, LONGEST_FRAME, MOVE, POLICY, RECORD, REKEY, RETIRE,
    SCRUB, START, read_touched,
};
use super::lists::Load;
use super::member::{Member, other_token};
use super::ruling::Ruling;
use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{SEAL, Tokenizer};
use crate::policy::Policy;
use crate::state::{List, ListEntry, Prepared, Reader};
use crate::sync::locked;

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

impl Recovered {
    /// Whether the journal was done to its end.
    pub fn is_complete(&self) -> bool {
        self.torn == 0 && self.policy.is_none()
    }
}

/// Where a journal that is done again stands.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// What the frames were written under, once a frame or a snapshot has said it: the next file need not.
    under: Option<Under>,
    /// Frames are sealed under the present key from here on.
    is_rotated: bool,
    /// What the last frames say was written with the previous key.
    with_previous: bool,
    /// The frame that asks for another policy, and the generation of the one that was in force then.
    asked: Option<(u64, u32)>,
    /// What that policy gives lists is put in its place once more.
    puts_back: bool,
    /// Members that frames have brought and that are yet to be loaded.
    gathered: Prepared,
}

impl Replay {
    /// What is done again first was written under the policy of this name and version, and where `with_previous` says
    /// so, with the previous key.
    pub(super) fn begin(&mut self, policy: String, with_previous: bool) {
        self.under = Some(Under { fingerprint: None, name: policy });
        self.with_previous = with_previous;
    }
}

/// What a frame says of those behind it.
struct Said {
    under: Under,
    key_id: u32,
    /// Their policy came into force then, if only once more.
    swapped: bool,
    /// The frame before this one, where it says so: not the one with the number before if that was never kept.
    after: Option<u64>,
}

impl Said {
    fn read(from: &mut Reader<'_>) -> Option<Said> {
        let (fingerprint, name, key_id) = (from.text()?, from.text()?, from.number()?);
        let under = Under { fingerprint: Some(fingerprint.to_owned()), name: name.to_owned() };
        // Frames ended here once.
        if from.0.is_empty() {
            return Some(Said { under, key_id, swapped: false, after: None });
        }
        Some(Said { under, key_id, swapped: from.byte()? == 1, after: Some(from.word()?) })
    }
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
pub(super) fn title(policy: &Policy) -> String {
    format!("{} {}", policy.name(), policy.version())
}

const AMISS: &str = "is not as it should be";

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
    pub fn recover(&self, journal: impl Read) -> Result<Recovered> {
        let mut recovered = Recovered { frames: 0, bytes: 0, torn: 0, policy: None };
        let mut frames = Frames { journal, sealed: Vec::new() };
        let mut scratch = Scratch::default();
        // All that is contained already.
        let contained = self.journal.sequence();
        // The number that the next frame has, once the first has been seen.
        let mut expected = None;
        loop {
            let last = self.journal.sequence();
            let number = expected.unwrap_or(last + 1);
            let seal = match frames.next(number)? {
                Next::Frame(seal) => seal,
                Next::End { torn } => {
                    recovered.torn = torn;
                    break;
                }
            };
            if !self.is_sealed(&frames.sealed, &seal) {
                return Err(damaged(number, "is damaged, or was sealed with another key"));
            }
            let mut from = Reader(&frames.sealed);
            let (Some(found), Some(kind)) = (from.word(), from.byte()) else {
                return Err(damaged(number, AMISS));
            };
            let said = if kind == POLICY { Said::read(&mut from) } else { None };
            // The first may be one that the snapshot contains, each other follows.
            let follows =
                said.as_ref().and_then(|said| said.after).map_or(found, |after| after.saturating_add(1));
            if expected.is_some_and(|expected| expected != follows)
                || follows > last + 1 && expected.is_none()
            {
                return Err(damaged(number, &format!("is missing: frame {found} follows instead")));
            }
            let is_new = found > contained;
            // Of what the snapshot contains it says itself under which policy it was taken.
            recovered.policy = None;
            if is_new && kind == POLICY {
                let said = said.ok_or_else(|| damaged(number, AMISS))?;
                recovered.policy = self.go_on_under(found, said, last > 0)?;
            } else if is_new {
                recovered.policy = self.other_policy(found)?;
            }
            if recovered.policy.is_some() {
                break;
            }
            if is_new && kind != POLICY && self.again(kind, found, &mut from, &mut scratch).is_none() {
                return Err(damaged(number, AMISS));
            }
            expected = Some(found + 1);
            self.journal.continue_from(last.max(found));
            recovered.frames += 1;
            recovered.bytes += frames.bytes();
        }
        Ok(recovered)
    }

    /// Takes in what a frame says of the policy and the key of those behind it; the policy that has to come into force
    /// before, if it is another. The same comes into force once more where it did and anything is known.
    fn go_on_under(&self, number: u64, said: Said, is_known: bool) -> Result<Option<String>> {
        let Said { under, key_id, swapped, after } = said;
        let generation = self.ruling().generation;
        let is_own = under.is(&self.policy());
        let mut replay = locked(&self.journal.replay);
        let has_swapped = replay.asked.is_some_and(|(asked, before)| asked == number && before < generation);
        let again = swapped && is_own && is_known && !has_swapped;
        // Swaps of earlier builds put back what a policy gives lists.
        (replay.puts_back, replay.under) = (after.is_none(), Some(under));
        if again {
            replay.asked = Some((number, generation));
        }
        drop(replay);
        if is_own && !self.goes_on_with(key_id) {
            let what = format!(
                "was written with key {key_id}, which this engine does not have; give it as the previous key"
            );
            return Err(damaged(number, &what));
        }
        if again {
            self.swap(self.policy())?;
        }
        self.other_policy(number)
    }

    /// Whether a frame's seal is right. Behind one that was sealed under the present key, the previous one counts no
    /// more: it may be replaced because others have come to know it.
    fn is_sealed(&self, sealed: &[u8], seal: &[u8]) -> bool {
        let (ruling, found) = (self.ruling(), Reader(seal).token());
        let mut replay = locked(&self.journal.replay);
        if found == Some(ruling.keys.seal.token(sealed)) {
            replay.is_rotated = true;
            return true;
        }
        let previous = ruling.keys.previous.as_ref().filter(|_| !replay.is_rotated);
        previous.is_some_and(|key| found == Some(Tokenizer::new(key, "journal v1").token(sealed)))
    }

    /// The policy that a frame was written under, where it is another than the engine's.
    ///
    /// # Errors
    /// The frame was asked about before, and what was swapped to has the name and another content.
    fn other_policy(&self, number: u64) -> Result<Option<String>> {
        let ruling = self.ruling();
        let mut replay = locked(&self.journal.replay);
        let other = replay.under.as_ref().filter(|under| !under.is(&ruling.policy));
        let name = other.map(|under| under.name.clone());
        let swapped =
            replay.asked.is_some_and(|(asked, before)| asked == number && before < ruling.generation);
        if swapped && name.as_ref().is_some_and(|name| *name == title(&ruling.policy)) {
            let what = "was written under another document of the same name and version as the policy in force; swap to that one";
            return Err(damaged(number, what));
        }
        replay.asked = name.as_ref().map(|_| (number, ruling.generation));
        Ok(name)
    }

    /// A policy that comes into force now is one that a journal asks for: its frames say so already.
    pub(super) fn is_asked_for(&self) -> bool {
        locked(&self.journal.replay).asked.is_some()
    }

    /// Such a policy is one of a swap that put what the policy gives lists in its place once more.
    pub(super) fn puts_back(&self) -> bool {
        let replay = locked(&self.journal.replay);
        replay.asked.is_some() && replay.puts_back
    }

    /// What the frames behind say was made with a key; false when it is none of the engine's.
    fn goes_on_with(&self, key_id: u32) -> bool {
        let keys = &self.ruling().keys;
        let previous = keys.previous.as_ref().is_some_and(|key| key.id() == key_id);
        locked(&self.journal.replay).with_previous = previous;
        previous || keys.present.id() == key_id
    }

    /// Does one frame again; `None` when it is not as it should be.
    fn again(&self, kind: u8, number: u64, from: &mut Reader<'_>, scratch: &mut Scratch) -> Option<()> {
        let present = self.present.load_full();
        let ruling = &*present.ruling;
        let plan = &ruling.policy.0.plan;
        let with_previous = locked(&self.journal.replay).with_previous;
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
                drop(call);
                self.change_lists_again(ruling, number, era, from)?;
            }
            REKEY => drop(Call::hold(self, &present, scratch, NEVER)?),
            RETIRE => self.apply_retire(from.number()?)?,
            LEARN => {
                let known = Known::read(from)?;
                Call::hold(self, &present, scratch, known.time)?.apply_known(&known, Some(number));
                self.change_lists_again(ruling, number, era, from)?;
            }
            LIST => self.change_lists_again(ruling, number, era, from)?,
            MOVE => {
                let (list, _) = ruling.list_named(from.text()?)?;
                let member = Member::read(from)?;
                self.change_again(list, number, |list| _ = member.rekey(list, era));
            }
            GATHER => {
                let (_, plan) = ruling.list_named(from.text()?)?;
                let goes_on = from.byte()? == 1;
                let gathered = &mut locked(&self.journal.replay).gathered;
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
                let gathered = std::mem::take(&mut locked(&self.journal.replay).gathered);
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
            EXPIRE => _ = self.expire_as_of(from.time()?),
            ADVANCE => {
                self.clock.advance_to(from.time()?);
            }
            _ => return None,
        }
        from.0.is_empty().then_some(())
    }

    /// Puts members on lists and takes them off as the rest of a frame says, with tokens of the key of `era`.
    fn change_lists_again(&self, ruling: &Ruling, frame: u64, era: u8, from: &mut Reader<'_>) -> Option<()> {
        while !from.0.is_empty() {
            let (list, plan) = ruling.list_named(from.text()?)?;
            let member = Member::read(from)?;
            let (since, entry) = match from.byte()? {
                0 => (None, None),
                1 => (None, Some(ListEntry::read(from)?)),
                2 => (Some(from.time()?), Some(ListEntry::read(from)?)),
                _ => return None,
            };
            self.change_again(list, frame, |list| {
                since.iter().for_each(|since| tidy(list, member, *since));
                member.change(list, entry.as_ref(), plan.era(era));
            });
        }
        Some(())
    }

    /// Changes a list as a frame says, unless the list was restored with what the frame says in it.
    fn change_again(&self, list: usize, frame: u64, change: impl FnOnce(&mut List)) {
        self.change_lists(&locked(&self.lists), |all| {
            let list = all.get_mut(list).filter(|list| frame > list.restored_until());
            list.map(|list| change(Arc::make_mut(list)))
        });
    }
}

/// Frames as a journal has them, one behind the other.
struct Frames<R> {
    journal: R,
    /// What the last frame's seal is over.
    sealed: Vec<u8>,
}

/// What comes next in a journal.
enum Next {
    /// A frame, and its seal.
    Frame(Vec<u8>),
    /// Nothing, or so many bytes of a frame that was not written to its end.
    End { torn: u64 },
}

impl<R: Read> Frames<R> {
    fn next(&mut self, number: u64) -> Result<Next> {
        let mut length = [0; 4];
        let read = read_all(&mut self.journal, &mut length)?;
        if read < length.len() {
            return Ok(Next::End { torn: read as u64 });
        }
        let length = u32::from_le_bytes(length) as usize;
        if !(START - 4 + SEAL..=LONGEST_FRAME).contains(&length) {
            return Err(damaged(number, "is damaged: it has no frame's length"));
        }
        self.sealed.clear();
        // Memory grows with what is there, not with what is claimed.
        let read = (&mut self.journal).take(length as u64).read_to_end(&mut self.sealed).map_err(host)?;
        if read < length {
            return Ok(Next::End { torn: 4 + read as u64 });
        }
        Ok(Next::Frame(self.sealed.split_off(length - SEAL)))
    }

    /// Bytes of the last frame.
    fn bytes(&self) -> u64 {
        (4 + self.sealed.len() + SEAL) as u64
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
