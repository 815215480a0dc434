//! How a policy does on a [stream](crate::stream): what a fraud team would want to see in the morning.
//!
//! [`Host::play`] is the part of a wallet that talks to the library; [`Report`] is what it counted.

mod csv;
mod host;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use sekisho::Action;

pub use csv::write_csv;
pub use host::Host;
pub use table::thousands;

use crate::stream::Flow;

/// A policy document with some of its rules in shadow: they are still evaluated, but count for nothing.
///
/// What would be lost without a layer of the defence? None when the document has no such rule.
#[must_use]
pub fn in_shadow(document: &str, rules: &[&str]) -> Option<String> {
    let mut document = document.to_owned();
    for rule in rules {
        let id = format!("id = \"{rule}\"\n");
        if !document.contains(&id) {
            return None;
        }
        document = document.replace(&id, &format!("{id}mode = \"shadow\"\n"));
    }
    Some(document)
}

/// What the library said to one event.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// 0 to 999.
    pub score: u16,
    /// What is to be done.
    pub action: Action,
    /// The reasons, as numbers of [`Report::codes`].
    pub reasons: Vec<u16>,
}

/// What happened to one attack. A campaign with a list of passwords counts once for every account it opened.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// The type of the event at which it was stopped, if it was.
    pub stopped_at: Option<String>,
    /// The yen that it would have brought in.
    pub at_stake: i64,
    /// The yen that left.
    pub lost: i64,
}

/// The hits of a reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hits {
    /// Among attackers' events.
    pub attack: usize,
    /// Among members' events.
    pub genuine: usize,
    /// Among members' events that were challenged.
    pub challenged: usize,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One for each event of the stream; none for those that no longer happened.
    pub verdicts: Vec<Option<Verdict>>,
    /// The reason codes that occurred.
    pub codes: Vec<String>,
    /// The hits of each reason, in the order of the codes.
    pub hits: Vec<Hits>,
    /// Members' and attackers' events by action.
    pub actions: BTreeMap<Action, [usize; 2]>,
    /// The attacks, by flow, case and, for campaigns, account.
    pub cases: BTreeMap<(Flow, u32, String), Case>,
    /// The logins that campaigns tried, and how many were not allowed.
    pub tries: [usize; 2],
    /// The members who acted, and those among them who were challenged.
    pub members: [BTreeSet<String>; 2],
    /// Members' events that were denied because they went over a limit, which suspects nobody.
    pub over_limit: usize,
    /// Events that no longer happened because the attack was stopped before.
    pub prevented: usize,
    /// What each assessment took, in nanoseconds, sorted.
    pub latencies: Vec<u32>,
    /// Nanoseconds spent in the engine: assessments, outcomes, labels.
    pub engine_time: u64,
}

impl Report {
    /// The yen that attackers got away with.
    #[must_use]
    pub fn lost(&self) -> i64 {
        self.cases.values().map(|case| case.lost).sum()
    }

    /// The yen that attackers would have got away with.
    #[must_use]
    pub fn at_stake(&self) -> i64 {
        self.cases.values().map(|case| case.at_stake).sum()
    }

    /// Members' events, by action.
    #[must_use]
    pub fn genuine(&self, action: Action) -> usize {
        self.actions.get(&action).map_or(0, |counts| counts[0])
    }

    /// The share of members' events that were not simply allowed.
    #[must_use]
    pub fn false_challenges(&self) -> f64 {
        let all: usize = self.actions.values().map(|counts| counts[0]).sum();
        (all - self.genuine(Action::Allow)) as f64 / all.max(1) as f64
    }
}
