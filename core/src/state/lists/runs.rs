//! Pairs in the order of their keys, in runs that copies share: a change copies one run, however many there are.

use std::sync::Arc;

type Run<K, V> = Arc<[(K, V)]>;

/// Pairs of a run; few in tests, so that there are many runs.
const MOST_OF_RUN: usize = if cfg!(test) { 4 } else { 256 };

#[derive(Clone, Debug)]
pub(super) struct Runs<K, V>(Arc<[Run<K, V>]>);

impl<K, V> Default for Runs<K, V> {
    fn default() -> Runs<K, V> {
        Runs(Arc::default())
    }
}

impl<K: Copy + Ord, V: Copy> Runs<K, V> {
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|run| run.len()).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.0.iter().flat_map(|run| run.iter())
    }

    /// Those from the first one on that is not before what is looked for.
    pub(super) fn from(&self, is_before: impl Fn(&K) -> bool) -> impl Iterator<Item = &(K, V)> {
        let first = self.0.partition_point(|run| run.last().is_some_and(|(last, _)| is_before(last)));
        let within = self.0.get(first).map_or(0, |run| run.partition_point(|(key, _)| is_before(key)));
        self.0.iter().skip(first).flat_map(|run| run.iter()).skip(within)
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let (_, value) = self.from(|other| other < key).next().filter(|(own, _)| own == key)?;
        Some(*value)
    }

    /// The pairs after changes that are in order, each of a key to its new value or away, of which the last one to a
    /// key counts; and how many of these keys there were.
    pub(super) fn changed(&self, mut changes: &[(K, Option<V>)]) -> (Runs<K, V>, usize) {
        let (mut after, mut known) = (Vec::with_capacity(self.0.len() + 1), 0);
        let empty = Run::default();
        let runs = if self.0.is_empty() { std::slice::from_ref(&empty) } else { &self.0 };
        for (at, run) in runs.iter().enumerate() {
            let next = runs.get(at + 1).and_then(|next| next.first());
            let own = changes.partition_point(|(key, _)| next.is_none_or(|(next, _)| key < next));
            let (own, others) = changes.split_at(own);
            changes = others;
            if own.is_empty() {
                after.push(Arc::clone(run));
                continue;
            }
            let mut pairs = Vec::with_capacity(run.len() + own.len());
            let mut rest = run.iter().copied().peekable();
            for same in own.chunk_by(|(a, _), (b, _)| a == b) {
                let Some((key, value)) = same.last() else { continue };
                while let Some(pair) = rest.next_if(|(other, _)| other < key) {
                    pairs.push(pair);
                }
                known += usize::from(rest.next_if(|(other, _)| other == key).is_some());
                pairs.extend(value.map(|value| (*key, value)));
            }
            pairs.extend(rest);
            // Runs of about the same length, with room for more.
            let length = pairs.len().div_ceil(pairs.len().div_ceil(MOST_OF_RUN).max(1)).max(1);
            after.extend(pairs.chunks(length).map(Run::from));
        }
        (Runs(after.into()), known)
    }

    /// Bytes of memory that it refers to.
    pub(super) fn bytes(&self) -> usize {
        let run = |run: &Run<K, V>| size_of_val(&**run) + 16;
        size_of_val(&*self.0) + 16 + self.0.iter().map(run).sum::<usize>()
    }
}
