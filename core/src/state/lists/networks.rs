//! Networks of one family of addresses, to find the longest that holds an address.
//!
//! The addresses are cut into stretches; each stretch has a chunk of its own with all networks that reach into it, the
//! large ones among them in many chunks. Within a chunk the networks cut the stretch into ranges, each with the
//! narrowest that holds it. A chunk never changes: another takes its place in a copy of all this, which shares the others.
//!
//! Tries of libraries find strangers sooner and members later; but they would have to be copied as a whole for each
//! change.

use std::fmt::Debug;
use std::sync::Arc;

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
/// A list of some offices and hosting providers has no more.
const FEW_RANGES: usize = 16;
/// Fewer changes than this touch only their chunks.
const FEW: usize = 64;
/// Stretches side by side in a row: about as many as there are rows where there are a million networks, so that a change
/// copies few references. Tests have few networks.
const ROW: usize = if cfg!(test) { 3 } else { 256 };
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
        let begun_of = |starts: &[K]| starts.iter().filter(|start| **start <= address).count();
        // Of many all are looked at: what stands side by side is fetched side by side.
        let begun = match self.starts.first_chunk::<FEW_RANGES>() {
            Some(first) if self.ranges <= FEW_RANGES => begun_of(first),
            _ => begun_of(&self.starts),
        };
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

/// Stretches side by side, each with its first address.
type Row<K> = Vec<(K, Arc<Chunk<K>>)>;

/// The number of the last one that begins at an address or before it.
fn number_of<K: Ord, T>(cut: &[(K, T)], address: K) -> usize {
    cut.partition_point(|(first, _)| *first <= address).saturating_sub(1)
}

/// The last address of what has a number; `last` is that of all of them.
fn end_of<K: Address, T>(cut: &[(K, T)], number: usize, last: K) -> K {
    cut.get(number + 1).and_then(|(next, _)| next.before()).unwrap_or(last)
}

/// As few rows as hold the stretches, about as long as each other: so that one that grows is not cut again soon.
fn rows_of<K: Address>(stretches: &[(K, Arc<Chunk<K>>)]) -> impl Iterator<Item = (K, Arc<Row<K>>)> {
    let rows = stretches.len().div_ceil(ROW).max(1);
    stretches
        .chunks(stretches.len().div_ceil(rows).max(1))
        .filter_map(|row| Some((row.first()?.0, Arc::new(row.to_vec()))))
}

/// The networks of one family.
#[derive(Clone, Debug)]
pub(crate) struct Networks<K> {
    /// The stretches in rows, each with its first address, the first of all addresses among them.
    rows: Arc<Vec<(K, Arc<Row<K>>)>>,
    count: usize,
}

impl<K: Address> Default for Networks<K> {
    fn default() -> Networks<K> {
        Networks::of(Vec::new())
    }
}

impl<K: Address> Networks<K> {
    /// Of several that are the same the last counts.
    pub(crate) fn new(mut networks: Vec<(Network<K>, Terms)>) -> Networks<K> {
        networks.sort_by_key(|(network, _)| *network);
        let last = networks.chunk_by(|(a, _), (b, _)| a == b).filter_map(<[_]>::last);
        Networks::of(last.map(|(network, terms)| Held::new(*network, *terms)).collect())
    }

    /// Of networks in their order.
    fn of(networks: Vec<Held<K>>) -> Networks<K> {
        let (count, mut all) = (networks.len(), Vec::new());
        cut(K::FIRST, K::LAST, networks, &mut all);
        let stretches: Row<K> = all.into_iter().map(|(first, chunk)| (first, Arc::new(chunk))).collect();
        Networks { rows: Arc::new(rows_of(&stretches).collect()), count }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The narrowest network that holds an address and counts at `time`.
    #[inline]
    pub(crate) fn find(&self, address: K, time: i64) -> Option<Terms> {
        self.chunk(address)?.find(address, time)
    }

    #[inline]
    fn chunk(&self, address: K) -> Option<&Chunk<K>> {
        let (_, row) = self.rows.get(number_of(&self.rows, address))?;
        row.get(number_of(row, address)).map(|(_, chunk)| &**chunk)
    }

    /// Changes networks, each to its new terms or away; of several changes to one the last counts. Says how many of
    /// them were there before.
    pub(crate) fn change(&mut self, changes: &[(Network<K>, Option<Terms>)]) -> usize {
        if changes.len() < FEW && changes.len() * FEW < self.len() + FEW {
            return changes.iter().filter(|(network, terms)| self.change_one(*network, *terms)).count();
        }
        let mut changes = changes.to_vec();
        changes.sort_by_key(|(network, _)| *network);
        let mut last = changes.chunk_by(|(a, _), (b, _)| a == b).filter_map(<[_]>::last).peekable();
        let (mut after, mut known) = (Vec::with_capacity(self.len()), 0);
        self.each_held(|held| {
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
        *self = Networks::of(after);
        known
    }

    fn change_one(&mut self, network: Network<K>, terms: Option<Terms>) -> bool {
        let place = |networks: &[Held<K>]| networks.binary_search_by_key(&network, |held| held.network);
        // Every chunk that it reaches into has it.
        let known = self.chunk(network.first).is_some_and(|chunk| place(&chunk.networks).is_ok());
        match (known, terms) {
            (false, Some(_)) => self.count += 1,
            (true, None) => self.count -= 1,
            (true, Some(_)) => {}
            (false, None) => return false,
        }
        let touched = number_of(&self.rows, network.first)..=number_of(&self.rows, network.last());
        let mut after = Vec::new();
        for number in touched.clone() {
            let Some((_, row)) = self.rows.get(number) else { continue };
            let end = end_of(&self.rows, number, K::LAST);
            let touched = number_of(row, network.first)..=number_of(row, network.last());
            for (number, (first, chunk)) in row.iter().enumerate() {
                if !touched.contains(&number) {
                    after.push((*first, Arc::clone(chunk)));
                    continue;
                }
                let mut networks = chunk.networks.to_vec();
                match (place(&networks), terms) {
                    (Ok(at), Some(terms)) => {
                        networks.iter_mut().skip(at).take(1).for_each(|held| held.terms = terms);
                    }
                    (Ok(at), None) => drop(networks.remove(at)),
                    (Err(at), Some(terms)) => networks.insert(at, Held::new(network, terms)),
                    (Err(_), None) => {}
                }
                let mut cuts = Vec::new();
                cut(*first, end_of(row, number, end), networks, &mut cuts);
                after.extend(cuts.into_iter().map(|(first, chunk)| (first, Arc::new(chunk))));
            }
        }
        Arc::make_mut(&mut self.rows).splice(touched, rows_of(&after));
        // Chunks that lost their networks stay; with so many of them it is time to begin anew.
        if self.rows.iter().map(|(_, row)| row.len()).sum::<usize>() > FEW + self.count {
            let mut all = Vec::with_capacity(self.count);
            self.each_held(|held| all.push(*held));
            *self = Networks::of(all);
        }
        known
    }

    fn stretches(&self) -> impl Iterator<Item = &(K, Arc<Chunk<K>>)> {
        self.rows.iter().flat_map(|(_, row)| row.iter())
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        let stretch = |(_, chunk): &(K, Arc<Chunk<K>>)| {
            size_of_val(&*chunk.networks) + size_of::<Chunk<K>>() + 16 + size_of::<(K, Arc<Chunk<K>>)>()
        };
        let row = size_of::<(K, Arc<Row<K>>)>() + size_of::<Row<K>>() + 16;
        self.stretches().map(stretch).sum::<usize>() + self.rows.len() * row
    }

    fn each_held(&self, mut each: impl FnMut(&Held<K>)) {
        for (first, chunk) in self.stretches() {
            chunk.networks.iter().filter(|held| held.network.first >= *first).for_each(&mut each);
        }
    }

    /// Calls `each` with all networks in their order.
    pub(crate) fn each(&self, mut each: impl FnMut(Network<K>, Terms)) {
        self.each_held(|held| each(held.network, held.terms));
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
            let mut networks = Networks::new(loaded);
            prop_assert_eq!(networks.len(), expected.len());
            for changes in changes {
                let (before, copy) = (expected.clone(), networks.clone());
                for (network, terms) in &changes {
                    match terms {
                        Some(terms) => drop(expected.insert(*network, *terms)),
                        None => drop(expected.remove(network)),
                    }
                }
                networks.change(&changes);
                prop_assert_eq!(networks.len(), expected.len());
                prop_assert_eq!((copy.len(), all(&copy)), (before.len(), before.into_iter().collect()));
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
        let mut networks = Networks::<u32>::default();
        let terms = Terms::new(0, None);
        for n in 0..100_000u32 {
            let at = |n: u32| Network { first: n << 12, length: 28 };
            networks.change(&[(at(n), Some(terms))]);
            if let Some(earlier) = n.checked_sub(100) {
                assert_eq!(networks.change(&[(at(earlier), None)]), 1);
            }
        }
        assert_eq!(networks.len(), 100);
        let chunks = networks.stretches().count();
        assert!(chunks < 300, "{chunks}");
    }
}
