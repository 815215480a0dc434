//! What kinds of frames, chunks and pieces the kept files hold, against those that the code has.

use std::collections::BTreeSet;

use super::read;

pub(crate) const RETIRE: u8 = 8;

const JOURNALS: [&str; 4] =
    ["journal_1.bin", "journal_2.bin", "everything/journal_2.bin", "later/journal_2.bin"];
const SNAPSHOTS: [&str; 4] =
    ["snapshot_1.bin", "snapshot_2.bin", "everything/snapshot_2.bin", "later/snapshot_2.bin"];

/// A frame of a journal.
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    /// How long it is.
    pub(crate) bytes: usize,
    /// What happened.
    what: &'a [u8],
}

fn length(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize
}

/// Behind a text.
fn behind_text(bytes: &[u8]) -> &[u8] {
    &bytes[4 + length(bytes)..]
}

pub(crate) fn frames(mut journal: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    std::iter::from_fn(move || {
        let (frame, rest) = journal.split_at_checked(4 + length(journal.get(..4)?))?;
        journal = rest;
        Some(Frame { kind: frame[12], bytes: frame.len(), what: &frame[13..frame.len() - 16] })
    })
}

/// The kind and the payload of each chunk of a snapshot.
fn chunks(mut snapshot: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (chunk, rest) = snapshot.split_at_checked(5 + length(snapshot.get(..4)?) + 16)?;
        snapshot = rest;
        Some((chunk[4], &chunk[5..chunk.len() - 16]))
    })
}

/// The kind of a piece of a list, and by which key its members are known.
fn piece(what: &str, piece: &[u8], found: &mut BTreeSet<String>) {
    let kind = piece[0];
    found.insert(format!("{what}, piece {kind}"));
    let each = match kind {
        1 => 19,
        5 => 43,
        _ => return,
    };
    found.extend(piece[5..].chunks(each).map(|member| format!("{what}, piece {kind}, key {}", member[0])));
}

fn kept() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for Frame { kind, what, .. } in JOURNALS.map(read).iter().flat_map(|journal| frames(journal)) {
        let name = format!("frame {kind}");
        match kind {
            3 | 10 | 11 => drop(found.insert(format!("{name}, {}", behind_text(what)[0]))),
            6 => {
                let whose = &behind_text(what)[16..];
                let words = &whose[4..whose.len() - behind_text(whose).len()];
                found.insert(format!("{name}, {}", String::from_utf8_lossy(words)));
            }
            9 if behind_text(what)[0] == 1 => piece(&name, &behind_text(what)[1..], &mut found),
            _ => {}
        }
        found.insert(name);
    }
    for (kind, payload) in SNAPSHOTS.map(read).iter().flat_map(|snapshot| chunks(snapshot)) {
        let name = format!("chunk {kind}");
        match kind {
            // The first that moved; one that is gone has no history, so the next can be found.
            4 => {
                let is_gone = payload[43] == 0;
                found.insert(format!("{name}, {}", payload[43]));
                found.extend(is_gone.then(|| format!("{name}, {}", payload[44 + 43])));
            }
            5 if payload[2] == 1 => piece(&name, &payload[3..], &mut found),
            _ => {}
        }
        found.insert(name);
    }
    found
}

/// The numbers that a file of the library gives to kinds.
fn named(source: &str) -> impl Iterator<Item = u8> {
    let lines = source.lines().map(|line| line.trim_start_matches("pub(super) "));
    let constants = lines.filter_map(|line| line.strip_prefix("const ")?.split_once(": u8 = "));
    constants.filter_map(|(_, number)| number.strip_suffix(';')?.parse().ok())
}

/// Whoever adds a kind, a member or a mark adds it here and to the files.
#[test]
fn every_kind_is_kept() {
    // Who is listed as a token, as a network, by a part or at an address; what was taken in place of all or beside;
    // whose words were taken out; who moved or is gone; and what the present key, the previous one or both know.
    let mut all: BTreeSet<String> = [
        "frame 3, 0",
        "frame 3, 1",
        "frame 3, 2",
        "frame 3, 3",
        "frame 6, account",
        "frame 6, device",
        "frame 6, mark device",
        "frame 6, mark device with consortium",
        "frame 9, piece 1, key 0",
        "frame 9, piece 1, key 2",
        "frame 9, piece 5, key 0",
        "frame 10, 0",
        "frame 10, 1",
        "frame 11, 2",
        "frame 11, 3",
        "chunk 4, 0",
        "chunk 4, 1",
        "chunk 5, piece 1, key 0",
        "chunk 5, piece 1, key 1",
        "chunk 5, piece 1, key 2",
        "chunk 5, piece 5, key 0",
        "chunk 5, piece 5, key 1",
    ]
    .map(str::to_owned)
    .into();
    all.extend(named(include_str!("../../src/engine/journal.rs")).map(|kind| format!("frame {kind}")));
    all.extend(named(include_str!("../../src/engine/snapshot.rs")).map(|kind| format!("chunk {kind}")));
    for kind in named(include_str!("../../src/state/lists/prepared.rs")) {
        all.extend(["frame 9", "chunk 5"].map(|what| format!("{what}, piece {kind}")));
    }
    assert_eq!(kept(), all);
}
