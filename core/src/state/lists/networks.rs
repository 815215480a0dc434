//! Networks of one family of addresses, to find the longest that holds an address.
//!
//! The addresses are cut into stretches; each stretch has a chunk of its own with all networks that reach into it, the
//! large ones among them in many chunks. Within a chunk the networks cut the stretch into ranges, each with the
//! narrowest that holds it. A chunk never changes: another takes its place, so that nobody who reads waits.
//!
//! Tries of libraries find strangers sooner and members later; but they would have to be locked while they change, or
//! copied as a whole for each change.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use super::exact::Terms;

/// An address as a number.
pub(crate) trait Address: Copy + Ord + Debug {
    const FIRST: Self;
    const LAST: Self;
    /// The last address of the network of so many bits that begins here.
    fn last_of(self, length: u8) -> Self;
    /// Whether a network of so many bits can begin here.
    fn begins(self, length: u8) -> bool;
    fn next(self) -> Option<Self>;
    fn before(self) -> Option<Self>;
}

impl Address for u32 {
    const FIRST: u32 = 0;
    const LAST: u32 = u32::MAX;

    fn last_of(self, length: u8) -> u32 {
        self | u32::MAX.checked_shr(u32::from(length)).unwrap_or(0)
    }

    fn begins(self, length: u8) -> bool {
        length <= 32 && self & u32::MAX.checked_shr(u32::from(length)).unwrap_or(0) == 0
    }

    fn next(self) -> Option<u32> {
        self.checked_add(1)
    }

    fn before(self) -> Option<u32> {
        self.checked_sub(1)
    }
}

impl Address for u128 {
    const FIRST: u128 = 0;
    const LAST: u128 = u128::MAX;

    fn last_of(self, length: u8) -> u128 {
        self | u128::MAX.checked_shr(u32::from(length)).unwrap_or(0)
    }

    fn begins(self, length: u8) -> bool {
        length <= 128 && self & u128::MAX.checked_shr(u32::from(length)).unwrap_or(0) == 0
    }

    fn next(self) -> Option<u128> {
        self.checked_add(1)
    }

    fn before(self) -> Option<u128> {
        self.checked_sub(1)
    }
}

/// The first address of a network and its length in bits: in this order, what holds another comes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network<K> {
    pub(crate) first: K,
    pub(crate) length: u8,
}

impl<K: Address> Network<K> {
    fn last(self) -> K {
        self.first.last_of(self.length)
    }

    /// Itself, if it begins where a network of its length can.
    pub(crate) fn checked(self) -> Option<Self> {
        self.first.begins(self.length).then_some(self)
    }
}

/// Ranges of a chunk, at most: as many as a word has bits.
const RANGES: usize = 64;
/// Fewer changes than this touch only their chunks.
const FEW: usize = 64;
const NOBODY: u32 = u32::MAX;

#[derive(Debug)]
struct Chunk<K> {
    ranges: usize,
    /// A bit for each range that any network holds, and what all of these say if it is the same: with them, nearly all
    /// questions end beside the first addresses.
    held: u64,
    alike: Option<Terms>,
    /// The first address of each range, in order; behind them the last of all addresses.
    starts: [K; RANGES],
    /// What the narrowest network says that holds the range.
    terms: [Terms; RANGES],
    /// The number of that network, to come from it to wider ones.
    narrowest: [u32; RANGES],
    networks: Box<[Held<K>]>,
}

/// A network in a chunk.
#[derive(Clone, Copy, Debug)]
struct Held<K> {
    network: Network<K>,
    terms: Terms,
    /// The next wider one.
    wider: u32,
}

/// Where ranges begin, each with the number of the narrowest network that holds it.
#[derive(Debug)]
struct Sweep<K>(Vec<(K, u32)>);

impl<K: Address> Sweep<K> {
    fn begin(&mut self, at: K, narrowest: Option<u32>) {
        let narrowest = narrowest.unwrap_or(NOBODY);
        match self.0.last_mut() {
            Some(last) if last.0 == at => last.1 = narrowest,
            Some(last) if last.1 == narrowest => {}
            _ => self.0.push((at, narrowest)),
        }
    }

    /// Cuts the stretch from `first` to `last` into ranges, and tells each network its next wider one.
    fn over(first: K, last: K, networks: &mut [Held<K>]) -> Sweep<K> {
        let mut sweep = Sweep(Vec::with_capacity(2 * networks.len() + 1));
        sweep.begin(first, None);
        let mut open: Vec<(K, u32)> = Vec::new();
        for (number, held) in (0u32..).zip(networks) {
            let begin = held.network.first.max(first);
            sweep.close(&mut open, |end| end < begin);
            held.wider = open.last().map_or(NOBODY, |(_, number)| *number);
            sweep.begin(begin, Some(number));
            open.push((held.network.last(), number));
        }
        sweep.close(&mut open, |end| end < last);
        sweep
    }

    fn close(&mut self, open: &mut Vec<(K, u32)>, is_over: impl Fn(K) -> bool) {
        while let Some((end, _)) = open.pop_if(|(end, _)| is_over(*end)) {
            if let Some(next) = end.next() {
                self.begin(next, open.last().map(|(_, number)| *number));
            }
        }
    }
}

impl<K: Address> Chunk<K> {
    fn find(&self, address: K, time: i64) -> Option<Terms> {
        // All of them are looked at: what stands side by side is fetched side by side.
        let begun = self.starts.iter().filter(|start| **start <= address).count();
        let range = begun.min(self.ranges).checked_sub(1)?;
        if self.held >> range & 1 == 0 {
            return None;
        }
        let terms = self.alike.or_else(|| self.terms.get(range).copied())?;
        if terms.counts_at(time) {
            return Some(terms);
        }
        let mut number = *self.narrowest.get(range)?;
        while let Some(held) = self.networks.get(number as usize) {
            if held.terms.counts_at(time) {
                return Some(held.terms);
            }
            number = held.wider;
        }
        None
    }
}

/// The chunks of a stretch, each with its first address, of all networks that reach into it, in their order.
fn cut<K: Address>(first: K, last: K, mut networks: Vec<Held<K>>, into: &mut Vec<(K, Chunk<K>)>) {
    let sweep = Sweep::over(first, last, &mut networks).0;
    if sweep.len() > RANGES
        && let Some((middle, _)) = sweep.get(sweep.len() / 2)
        && let Some(before) = middle.before()
    {
        let reaching = networks.iter().filter(|held| held.network.last() >= *middle).copied().collect();
        networks.retain(|held| held.network.first < *middle);
        cut(first, before, networks, into);
        return cut(*middle, last, reaching, into);
    }
    // Where there is no network nothing counts.
    let terms = [Terms::new(0, Some(0)); RANGES];
    let (starts, narrowest) = ([K::LAST; RANGES], [NOBODY; RANGES]);
    let networks = networks.into_boxed_slice();
    let held = (0u32..).zip(&sweep).filter(|(_, (_, number))| *number != NOBODY);
    let held = held.fold(0, |held, (range, _)| held | 1 << range);
    let mut said = networks.iter().map(|held| held.terms);
    let alike = said.next().filter(|first| said.all(|terms| terms == *first));
    let mut chunk = Chunk { ranges: sweep.len(), held, alike, starts, terms, narrowest, networks };
    let places = chunk.starts.iter_mut().zip(&mut chunk.terms).zip(&mut chunk.narrowest);
    for (((start, terms), narrowest), (at, number)) in places.zip(sweep) {
        (*start, *narrowest) = (at, number);
        chunk.networks.get(number as usize).iter().for_each(|held| *terms = held.terms);
    }
    into.push((first, chunk));
}

/// The stretches by their first addresses, the first of all addresses among them.
#[derive(Debug)]
struct Chunks<K> {
    firsts: Box<[K]>,
    chunks: Box<[ArcSwap<Chunk<K>>]>,
}

impl<K: Address> Chunks<K> {
    fn new(networks: Vec<Held<K>>) -> Chunks<K> {
        let mut all = Vec::new();
        cut(K::FIRST, K::LAST, networks, &mut all);
        Chunks::of(all.into_iter().map(|(first, chunk)| (first, Arc::new(chunk))))
    }

    fn of(chunks: impl Iterator<Item = (K, Arc<Chunk<K>>)>) -> Chunks<K> {
        let (firsts, chunks): (Vec<K>, Vec<_>) =
            chunks.map(|(first, chunk)| (first, ArcSwap::new(chunk))).unzip();
        Chunks { firsts: firsts.into_boxed_slice(), chunks: chunks.into_boxed_slice() }
    }

    fn number(&self, address: K) -> usize {
        self.firsts.partition_point(|first| *first <= address).saturating_sub(1)
    }

    /// The last address of a chunk.
    fn end(&self, number: usize) -> K {
        self.firsts.get(number + 1).and_then(|next| next.before()).unwrap_or(K::LAST)
    }

    /// Calls `each` with all networks in their order.
    fn each(&self, mut each: impl FnMut(&Held<K>)) {
        for (first, chunk) in self.firsts.iter().zip(&self.chunks) {
            let chunk = chunk.load();
            chunk.networks.iter().filter(|held| held.network.first >= *first).for_each(&mut each);
        }
    }
}

/// The networks of one family.
#[derive(Debug)]
pub(crate) struct Networks<K> {
    chunks: ArcSwap<Chunks<K>>,
    count: AtomicUsize,
}

impl<K: Address> Default for Networks<K> {
    fn default() -> Networks<K> {
        Networks { chunks: ArcSwap::from_pointee(Chunks::new(Vec::new())), count: AtomicUsize::new(0) }
    }
}

impl<K: Address> Networks<K> {
    /// Of several that are the same the last counts.
    pub(crate) fn new(mut networks: Vec<(Network<K>, Terms)>) -> Networks<K> {
        networks.sort_by_key(|(network, _)| *network);
        let last = networks.chunk_by(|(a, _), (b, _)| a == b).filter_map(<[_]>::last);
        let held: Vec<_> = last.map(|(network, terms)| Held::new(*network, *terms)).collect();
        let count = AtomicUsize::new(held.len());
        Networks { chunks: ArcSwap::from_pointee(Chunks::new(held)), count }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The narrowest network that holds an address and counts at `time`.
    pub(crate) fn find(&self, address: K, time: i64) -> Option<Terms> {
        let chunks = self.chunks.load();
        chunks.chunks.get(chunks.number(address))?.load().find(address, time)
    }

    /// Changes networks, each to its new terms or away; of several changes to one the last counts. Nobody else may
    /// change them meanwhile. Says how many of them were there before.
    pub(crate) fn change(&self, changes: &[(Network<K>, Option<Terms>)]) -> usize {
        if changes.len() < FEW && changes.len() * FEW < self.len() + FEW {
            return changes.iter().filter(|(network, terms)| self.change_one(*network, *terms)).count();
        }
        let mut changes = changes.to_vec();
        changes.sort_by_key(|(network, _)| *network);
        let mut last = changes.chunk_by(|(a, _), (b, _)| a == b).filter_map(<[_]>::last).peekable();
        let (mut after, mut known) = (Vec::with_capacity(self.len()), 0);
        self.chunks.load().each(|held| {
            while let Some((network, terms)) = last.next_if(|(network, _)| *network < held.network) {
                after.extend(terms.map(|terms| Held::new(*network, terms)));
            }
            match last.next_if(|(network, _)| *network == held.network) {
                Some((network, terms)) => {
                    known += 1;
                    after.extend(terms.map(|terms| Held::new(*network, terms)));
                }
                None => after.push(*held),
            }
        });
        after.extend(last.filter_map(|(network, terms)| Some(Held::new(*network, (*terms)?))));
        self.replace(after);
        known
    }

    fn replace(&self, networks: Vec<Held<K>>) {
        self.count.store(networks.len(), Ordering::Relaxed);
        self.chunks.store(Arc::new(Chunks::new(networks)));
    }

    fn change_one(&self, network: Network<K>, terms: Option<Terms>) -> bool {
        let chunks = self.chunks.load_full();
        let touched = chunks.number(network.first)..=chunks.number(network.last());
        let (mut known, mut cuts) = (false, Vec::new());
        for number in touched.clone() {
            let (Some(first), Some(chunk)) = (chunks.firsts.get(number), chunks.chunks.get(number)) else {
                continue;
            };
            let mut networks = chunk.load().networks.to_vec();
            let place = networks.binary_search_by_key(&network, |held| held.network);
            known |= place.is_ok();
            match (place, terms) {
                (Ok(at), Some(terms)) => {
                    networks.iter_mut().skip(at).take(1).for_each(|held| held.terms = terms)
                }
                (Ok(at), None) => drop(networks.remove(at)),
                (Err(at), Some(terms)) => networks.insert(at, Held::new(network, terms)),
                (Err(_), None) => continue,
            }
            cut(*first, chunks.end(number), networks, &mut cuts);
        }
        match (known, terms.is_some()) {
            (false, true) => _ = self.count.fetch_add(1, Ordering::Relaxed),
            (true, false) => _ = self.count.fetch_sub(1, Ordering::Relaxed),
            (true, true) => {}
            (false, false) => return false,
        }
        if cuts.len() == touched.clone().count() {
            for ((_, after), chunk) in cuts.into_iter().zip(chunks.chunks.iter().skip(*touched.start())) {
                chunk.store(Arc::new(after));
            }
        } else if chunks.chunks.len() > FEW + self.len() {
            // Chunks that lost their networks stay; with so many of them it is time to begin anew.
            let mut all = Vec::with_capacity(self.len());
            chunks.each(|held| all.push(*held));
            all.retain(|held| held.network != network);
            let place = all.binary_search_by_key(&network, |held| held.network).unwrap_or_else(|at| at);
            terms.iter().for_each(|terms| all.insert(place, Held::new(network, *terms)));
            self.replace(all);
        } else {
            let known =
                |number: usize| Some((*chunks.firsts.get(number)?, chunks.chunks.get(number)?.load_full()));
            let before = (0..*touched.start()).filter_map(known);
            let after = (touched.end() + 1..chunks.chunks.len()).filter_map(known);
            let cuts = cuts.into_iter().map(|(first, chunk)| (first, Arc::new(chunk)));
            self.chunks.store(Arc::new(Chunks::of(before.chain(cuts).chain(after))));
        }
        known
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        let chunks = self.chunks.load();
        let chunk =
            |slot: &ArcSwap<Chunk<K>>| size_of_val(&*slot.load().networks) + size_of::<Chunk<K>>() + 16;
        let held: usize = chunks.chunks.iter().map(chunk).sum();
        held + size_of_val(&*chunks.firsts) + size_of_val(&*chunks.chunks)
    }

    /// Calls `each` with all networks in their order.
    pub(crate) fn each(&self, mut each: impl FnMut(Network<K>, Terms)) {
        self.chunks.load().each(|held| each(held.network, held.terms));
    }
}

impl<K> Held<K> {
    fn new(network: Network<K>, terms: Terms) -> Held<K> {
        Held { network, terms, wider: NOBODY }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn terms() -> impl Strategy<Value = Terms> {
        (any::<u16>(), proptest::option::of(0..4i64)).prop_map(|(class, expires)| Terms::new(class, expires))
    }

    /// Networks that often hold one another: of few addresses, at both ends and in between.
    fn network() -> impl Strategy<Value = Network<u32>> {
        let address = prop_oneof![0..300u32, (u32::MAX - 300)..=u32::MAX, (0..64u32).prop_map(|n| n << 26)];
        (address, prop_oneof![24..=32u8, 0..=32u8]).prop_map(|(address, length)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            Network { first: address & mask, length }
        })
    }

    /// The definition: of all that hold the address and count, the longest.
    fn slowly(networks: &BTreeMap<Network<u32>, Terms>, address: u32, time: i64) -> Option<Terms> {
        let holding = networks.iter().filter(|(network, terms)| {
            network.first <= address && address <= network.last() && terms.counts_at(time)
        });
        holding.max_by_key(|(network, _)| network.length).map(|(_, terms)| *terms)
    }

    fn all(networks: &Networks<u32>) -> Vec<(Network<u32>, Terms)> {
        let mut all = Vec::new();
        networks.each(|network, terms| all.push((network, terms)));
        all
    }

    proptest! {
        #[test]
        fn the_longest_that_counts(
            loaded in proptest::collection::vec((network(), terms()), 0..400),
            changes in proptest::collection::vec(
                proptest::collection::vec((network(), proptest::option::of(terms())), 1..40), 0..10),
            asked in proptest::collection::vec((network(), 0..5i64), 60),
        ) {
            let mut expected: BTreeMap<_, _> = loaded.iter().copied().collect();
            let networks = Networks::new(loaded);
            prop_assert_eq!(networks.len(), expected.len());
            for changes in changes {
                for (network, terms) in &changes {
                    match terms {
                        Some(terms) => drop(expected.insert(*network, *terms)),
                        None => drop(expected.remove(network)),
                    }
                }
                networks.change(&changes);
                prop_assert_eq!(networks.len(), expected.len());
            }
            for (network, time) in asked {
                for address in [network.first, network.last(), network.first.wrapping_sub(1), network.last().wrapping_add(1)] {
                    prop_assert_eq!(networks.find(address, time), slowly(&expected, address, time));
                }
            }
            prop_assert_eq!(all(&networks), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn networks_that_come_and_go_leave_no_chunks_behind() {
        let networks = Networks::<u32>::default();
        let terms = Terms::new(0, None);
        for n in 0..100_000u32 {
            let at = |n: u32| Network { first: n << 12, length: 28 };
            networks.change(&[(at(n), Some(terms))]);
            if let Some(earlier) = n.checked_sub(100) {
                assert_eq!(networks.change(&[(at(earlier), None)]), 1);
            }
        }
        assert_eq!(networks.len(), 100);
        let chunks = networks.chunks.load().chunks.len();
        assert!(chunks < 300, "{chunks}");
    }
}
