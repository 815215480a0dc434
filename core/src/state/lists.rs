//! Lists of entities and of networks, changed while scoring goes on.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ahash::RandomState;
use ipnet::IpNet;

use super::table::TokenMap;
use crate::event::token::Token;

/// What a list says about one of its members.
///
/// ```
/// let entry = sekisho::ListEntry::new().severity(90).source("police").expires(1_798_761_600_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    pub(crate) severity: u8,
    pub(crate) source: String,
    pub(crate) expires: Option<i64>,
}

impl Default for ListEntry {
    fn default() -> Self {
        ListEntry { severity: 100, source: String::new(), expires: None }
    }
}

impl ListEntry {
    /// An entry of severity 100, without a source, that never expires.
    pub fn new() -> ListEntry {
        ListEntry::default()
    }

    /// How bad a hit is, 0 to 100; larger numbers are refused when the entry is added.
    #[must_use]
    pub fn severity(mut self, severity: u8) -> ListEntry {
        self.severity = severity;
        self
    }

    /// Who says so.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> ListEntry {
        self.source = source.into();
        self
    }

    /// The first millisecond at which the entry no longer counts, by the event's time.
    #[must_use]
    pub fn expires(mut self, expires: i64) -> ListEntry {
        self.expires = Some(expires);
        self
    }

    fn counts_at(&self, time: i64) -> bool {
        self.expires.is_none_or(|expires| time < expires)
    }
}

/// A member found on a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) severity: u8,
}

type Networks = HashMap<IpAddr, ListEntry, RandomState>;

fn networks() -> Networks {
    HashMap::with_hasher(RandomState::with_seeds(5, 6, 7, 8))
}

/// One list of a policy.
#[derive(Debug)]
pub(crate) enum List {
    Exact(TokenMap<ListEntry>),
    /// Networks by prefix length, so that a lookup probes once for every length in use. IPv4 and IPv6 apart.
    Networks {
        v4: BTreeMap<u8, Networks>,
        v6: BTreeMap<u8, Networks>,
    },
}

impl List {
    pub(crate) fn exact() -> List {
        List::Exact(TokenMap::default())
    }

    pub(crate) fn networks() -> List {
        List::Networks { v4: BTreeMap::new(), v6: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            List::Exact(entries) => entries.len(),
            List::Networks { v4, v6 } => v4.values().chain(v6.values()).map(HashMap::len).sum(),
        }
    }

    pub(crate) fn add(&mut self, token: Token, entry: ListEntry) {
        if let List::Exact(entries) = self {
            entries.insert(token, entry);
        }
    }

    pub(crate) fn remove(&mut self, token: Token) -> bool {
        match self {
            List::Exact(entries) => entries.remove(&token).is_some(),
            List::Networks { .. } => false,
        }
    }

    pub(crate) fn add_network(&mut self, network: IpNet, entry: ListEntry) {
        if let List::Networks { v4, v6 } = self {
            let lengths = if network.addr().is_ipv4() { v4 } else { v6 };
            lengths.entry(network.prefix_len()).or_insert_with(networks).insert(network.network(), entry);
        }
    }

    pub(crate) fn remove_network(&mut self, network: IpNet) -> bool {
        let List::Networks { v4, v6 } = self else { return false };
        let lengths = if network.addr().is_ipv4() { v4 } else { v6 };
        let Some(entries) = lengths.get_mut(&network.prefix_len()) else { return false };
        let removed = entries.remove(&network.network()).is_some();
        if entries.is_empty() {
            lengths.remove(&network.prefix_len());
        }
        removed
    }

    /// The entry of an identifier, if it counts at `time`.
    pub(crate) fn find(&self, token: Token, time: i64) -> Option<Hit> {
        let List::Exact(entries) = self else { return None };
        entries
            .get(&token)
            .filter(|entry| entry.counts_at(time))
            .map(|entry| Hit { severity: entry.severity })
    }

    /// The highest severity among the networks that hold the address and count at `time`.
    pub(crate) fn find_address(&self, address: IpAddr, time: i64) -> Option<Hit> {
        let List::Networks { v4, v6 } = self else { return None };
        let lengths = if address.is_ipv4() { v4 } else { v6 };
        let holding = lengths.iter().filter_map(|(length, entries)| {
            let network = IpNet::new(address, *length).ok()?.network();
            entries.get(&network).filter(|entry| entry.counts_at(time))
        });
        holding.map(|entry| entry.severity).max().map(|severity| Hit { severity })
    }
}

/// The lists of a policy, by their number.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) lists: Vec<List>,
}

impl Lists {
    pub(crate) fn get(&self, number: usize) -> Option<&List> {
        self.lists.get(number)
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut List> {
        self.lists.get_mut(number)
    }
}
