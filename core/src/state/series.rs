//! Series: what is kept of the events that a history has no room for, one for each way in which features sum them up.

use smallvec::SmallVec;

use super::codec::{Reader, Writer};
use super::history::History;
use super::panes::{MOST_COMPOSITES, MOST_PENDING, Panes, Pending};
use super::record::{Shape, View};
use super::sample::Sample;
use super::tallies::Tallies;

/// How much of a history is kept exactly, and what of the rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget {
    /// Events that a history holds exactly.
    pub(crate) events: usize,
    pub(crate) series: Vec<SeriesPlan>,
}

impl Budget {
    /// Bytes that one entity can take beside its block, with events of so many predicates and columns.
    pub(super) fn most_bytes(&self, predicates: usize, columns: usize) -> usize {
        let series = self.series.iter().map(|series| {
            let folded = match (series.reach, series.same.is_empty()) {
                (_, false) => MOST_COMPOSITES,
                (Some(reach), true) => (reach / series.width.max(1)) as usize + 2,
                (None, true) => 1,
            };
            // A sample sees what is not folded, too.
            let exact = if series.same.is_empty() && series.reach.is_some() { self.events } else { 0 };
            match series.kind {
                Kind::Distinct => Sample::most_bytes(series, folded + exact),
                _ => Tallies::bytes_of(folded),
            }
        });
        let labels = History::most_bytes(self.events, predicates);
        let waiting = Pending::bytes(MOST_PENDING, predicates, columns);
        labels + waiting + Panes::listed_bytes(self.series.len()) + series.sum::<usize>()
    }
}

/// What a series keeps of the events of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Count,
    Sum,
    /// Mean and squared deviations.
    Moments,
    Least,
    Greatest,
    Oldest,
    Newest,
    /// Different words, as a sample.
    Distinct,
    /// A sum, or a count without a column, that fades by half in each half-life.
    Fading {
        half_life: i64,
    },
}

/// Which events a series sums up, how, and over panes of which width.
#[derive(Clone, Debug)]
pub(crate) struct SeriesPlan {
    pub(crate) kind: Kind,
    /// The column that is summed up, when there is one.
    pub(crate) column: Option<usize>,
    /// The column holds doubles.
    pub(crate) number: bool,
    /// The place of a predicate in the shape.
    pub(crate) predicate: Option<usize>,
    /// That of another one, which has to hold as well.
    pub(crate) step: Option<usize>,
    /// This column has a value.
    pub(crate) present: Option<usize>,
    /// Each combination of the words of these columns is summed up by itself.
    pub(crate) same: Vec<usize>,
    /// Milliseconds of one pane.
    pub(crate) width: i64,
    /// Panes that ended so long before the newest folded event are dropped; none are without.
    pub(crate) reach: Option<i64>,
    /// The window ends in the past.
    pub(crate) delayed: bool,
    /// Says all of the above in words that mean the same in every policy.
    pub(crate) signature: String,
}

impl SeriesPlan {
    /// A series of the first column, whose panes are a millisecond wide.
    #[cfg(test)]
    pub(super) fn of_kind(kind: Kind, number: bool) -> SeriesPlan {
        SeriesPlan {
            kind,
            column: Some(0),
            number,
            predicate: None,
            step: None,
            present: None,
            same: Vec::new(),
            width: 1,
            reach: None,
            delayed: false,
            signature: String::new(),
        }
    }

    /// The pane of a time; panes are aligned to 1970.
    pub(crate) fn pane(&self, time: i64) -> i64 {
        time.div_euclid(self.width.max(1))
    }

    /// The oldest pane that is kept once events up to `time` have been folded.
    pub(super) fn oldest_pane(&self, time: i64) -> i64 {
        self.reach.map_or(i64::MIN, |reach| self.pane(time.saturating_sub(reach)))
    }

    /// Whether a tally can be taken out of another to the bit, and all panes are of one composite.
    pub(super) fn is_exact(&self) -> bool {
        self.same.is_empty() && (self.kind == Kind::Count || self.kind == Kind::Sum && !self.number)
    }

    /// One number for the words of the columns in `same`; 0 without any. `None` when one of them is absent.
    pub(crate) fn key(&self, mut cell: impl FnMut(usize) -> Option<u64>) -> Option<u64> {
        self.same.iter().try_fold(0, |key, column| Some(mix(key ^ mix(cell(*column)?))))
    }

    /// Under which key the series takes in a fact, if it does.
    pub(super) fn picks(&self, fact: &Fact, bits: &[bool]) -> Option<u64> {
        let holds = |place: usize| bits.get(place).is_some_and(|bit| *bit);
        let picked = self.predicate.is_none_or(holds)
            && self.step.is_none_or(holds)
            && self.present.is_none_or(|column| fact.cell(column).is_some());
        if picked { self.key(|column| fact.cell(column)) } else { None }
    }

    pub(super) fn word(&self, fact: &Fact) -> u64 {
        self.column.and_then(|column| fact.cell(column)).unwrap_or(0)
    }
}

/// Spreads a word over all 64 bits (the finaliser of SplitMix64): integers that follow one another no longer do.
pub(super) fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Predicates and cells that stand in place.
pub(super) const INLINE_BITS: usize = 16;
pub(super) const INLINE_CELLS: usize = 16;

/// One bit for each predicate of a shape.
pub(super) type Bits = SmallVec<[bool; INLINE_BITS]>;

/// The word that was spread.
pub(super) fn unmix(word: u64) -> u64 {
    // The inverses of the factors modulo 2^64, and the shifts undone from the top.
    let word = word ^ (word >> 31) ^ (word >> 62);
    let word = word.wrapping_mul(0x3196_42b2_d24d_8ec3);
    let word = word ^ (word >> 27) ^ (word >> 54);
    let word = word.wrapping_mul(0x96de_1b17_3f11_9089);
    let word = word ^ (word >> 30) ^ (word >> 60);
    word.wrapping_sub(0x9e37_79b9_7f4a_7c15)
}

/// An event as series see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Fact {
    pub(super) time: i64,
    pub(super) bits: Bits,
    pub(super) cells: SmallVec<[Option<u64>; INLINE_CELLS]>,
}

impl Fact {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.time(self.time);
        to.flags(&self.bits);
        to.optional(&self.cells, Writer::word);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Fact> {
        let (time, bits) = (from.time()?, from.flags()?.into());
        Some(Fact { time, bits, cells: from.optional(Reader::word)?.into() })
    }

    /// An entry of a history.
    pub(super) fn of_entry(shape: &Shape, view: &View<'_>, at: usize) -> Option<Fact> {
        let predicates = 0..shape.predicates().len();
        Some(Fact {
            time: view.time_at(at)?,
            bits: predicates.map(|predicate| view.predicate_bits(predicate, at) & 1 == 1).collect(),
            cells: shape.columns().enumerate().map(|(column, kept)| view.cell(kept, column, at)).collect(),
        })
    }

    fn cell(&self, column: usize) -> Option<u64> {
        self.cells.get(column).copied().flatten()
    }
}

/// A sum whose terms count half as much after each half-life, as of the newest of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fading {
    pub(crate) total: f64,
    pub(crate) at: i64,
}

impl Fading {
    pub(crate) fn plus(self, other: Fading, half_life: i64) -> Fading {
        let at = self.at.max(other.at);
        Fading { total: self.as_of(at, half_life) + other.as_of(at, half_life), at }
    }

    /// What is left of it at a later time.
    pub(crate) fn as_of(self, time: i64, half_life: i64) -> f64 {
        let age = time.saturating_sub(self.at);
        if age <= 0 { self.total } else { self.total * libm::exp2(-(age as f64) / half_life as f64) }
    }
}

/// Several events summed up. What the two words mean is the series' affair.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    low: u64,
    high: u64,
}

impl Tally {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.word(self.count);
        to.word(self.low);
        to.word(self.high);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Tally> {
        Some(Tally { count: from.word()?, low: from.word()?, high: from.word()? })
    }

    /// A single event.
    pub(crate) fn of(plan: &SeriesPlan, time: i64, word: u64) -> Tally {
        let (low, high) = match plan.kind {
            Kind::Count | Kind::Distinct => (0, 0),
            Kind::Sum if plan.number => (word, 0),
            Kind::Sum => (word, if (word as i64) < 0 { u64::MAX } else { 0 }),
            Kind::Moments => (value(plan, word).to_bits(), 0),
            Kind::Least | Kind::Greatest => (word, 0),
            Kind::Oldest | Kind::Newest => (time as u64, word),
            Kind::Fading { .. } => {
                let value = plan.column.map_or(1.0, |_| value(plan, word));
                (value.to_bits(), time as u64)
            }
        };
        Tally { count: 1, low, high }
    }

    /// Several values with their mean and the sum of squared deviations from it.
    pub(crate) fn of_moments(count: u64, mean: f64, squares: f64) -> Tally {
        Tally { count, low: mean.to_bits(), high: squares.to_bits() }
    }

    /// The exact sum of integers.
    pub(crate) fn sum(&self) -> i128 {
        i128::from(self.high as i64) << 64 | i128::from(self.low)
    }

    /// The sum of doubles, or the mean of either.
    pub(crate) fn total(&self) -> f64 {
        f64::from_bits(self.low)
    }

    /// The sum of squared deviations from the mean.
    pub(crate) fn squares(&self) -> f64 {
        f64::from_bits(self.high)
    }

    /// The least or greatest word.
    pub(crate) fn extreme(&self) -> Option<u64> {
        (self.count > 0).then_some(self.low)
    }

    /// Time and word of the oldest or newest event.
    pub(crate) fn edge(&self) -> Option<(i64, u64)> {
        (self.count > 0).then_some((self.low as i64, self.high))
    }

    /// The sum that fades.
    pub(crate) fn fading(&self) -> Fading {
        Fading { total: self.total(), at: self.high as i64 }
    }

    fn set_fading(&mut self, sum: Fading) {
        (self.low, self.high) = (sum.total.to_bits(), sum.at as u64);
    }

    /// Takes in what came later.
    #[inline(always)]
    pub(crate) fn merge(&mut self, plan: &SeriesPlan, later: &Tally) {
        if self.count == 0 || later.count == 0 {
            if later.count > 0 {
                *self = *later;
            }
            return;
        }
        let better = match plan.kind {
            Kind::Count | Kind::Distinct => false,
            Kind::Sum if plan.number => {
                self.low = (self.total() + later.total()).to_bits();
                false
            }
            Kind::Sum => {
                self.set_sum(self.sum().wrapping_add(later.sum()));
                false
            }
            Kind::Moments => {
                self.merge_moments(later);
                false
            }
            Kind::Fading { half_life } => {
                self.set_fading(self.fading().plus(later.fading(), half_life));
                false
            }
            Kind::Least if plan.number => later.total() < self.total(),
            Kind::Greatest if plan.number => later.total() > self.total(),
            Kind::Least => (later.low as i64) < self.low as i64,
            Kind::Greatest => later.low as i64 > self.low as i64,
            Kind::Oldest => later.low < self.low,
            Kind::Newest => later.low >= self.low,
        };
        if better {
            (self.low, self.high) = (later.low, later.high);
        }
        self.count += later.count;
    }

    /// Takes a single event out again. An extreme or an edge stays: what was next to it is not known any more.
    pub(super) fn subtract(&mut self, plan: &SeriesPlan, one: &Tally) {
        if self.count <= 1 {
            // Of the last event nothing is left, rounding included.
            *self = Tally::default();
            return;
        }
        match plan.kind {
            Kind::Sum if plan.number => self.low = (self.total() - one.total()).to_bits(),
            Kind::Sum => self.set_sum(self.sum().wrapping_sub(one.sum())),
            Kind::Moments => {
                let (count, value) = (self.count as f64, one.total());
                let mean = (count * self.total() - value) / (count - 1.0);
                let squares = self.squares() - (value - mean) * (value - self.total());
                (self.low, self.high) = (mean.to_bits(), squares.max(0.0).to_bits());
            }
            Kind::Fading { half_life } => {
                let sum = self.fading();
                let total = sum.total - one.fading().as_of(sum.at, half_life);
                self.set_fading(Fading { total, ..sum });
            }
            _ => {}
        }
        self.count -= 1;
    }

    /// What is left of counts or exact sums when others that were merged into them are taken out again.
    pub(super) fn without(&self, other: &Tally) -> Tally {
        let mut rest = Tally { count: self.count.wrapping_sub(other.count), ..*self };
        rest.set_sum(self.sum().wrapping_sub(other.sum()));
        rest
    }

    fn set_sum(&mut self, sum: i128) {
        (self.low, self.high) = (sum as u64, (sum >> 64) as u64);
    }

    /// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances".
    fn merge_moments(&mut self, later: &Tally) {
        let (count, more) = (self.count as f64, later.count as f64);
        let all = count + more;
        let difference = later.total() - self.total();
        let mean = self.total() + difference * more / all;
        let squares = self.squares() + later.squares() + difference * difference * count * more / all;
        (self.low, self.high) = (mean.to_bits(), squares.to_bits());
    }
}

fn value(plan: &SeriesPlan, word: u64) -> f64 {
    if plan.number { f64::from_bits(word) } else { word as i64 as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(plan: &SeriesPlan, values: &[i64]) -> Tally {
        values.iter().fold(Tally::default(), |mut all, value| {
            all.merge(plan, &one(plan, *value));
            all
        })
    }

    fn one(plan: &SeriesPlan, value: i64) -> Tally {
        Tally::of(plan, 0, if plan.number { (value as f64).to_bits() } else { value as u64 })
    }

    proptest! {
        #[test]
        fn words_that_were_spread_come_back(word in any::<u64>()) {
            prop_assert_eq!(unmix(mix(word)), word);
        }

        /// Whatever the order in which they came, as of whatever time.
        #[test]
        fn fading_sums_are_their_weights(
            events in proptest::collection::vec((0i64..1_000_000, -1_000i64..1_000), 1..20),
            cut in 0usize..20,
            later in 0i64..1_000_000,
        ) {
            let half_life = 70_000;
            let plan = SeriesPlan::of_kind(Kind::Fading { half_life }, false);
            let one = |(time, value): &(i64, i64)| Tally::of(&plan, *time, *value as u64);
            let all = |events: &[(i64, i64)]| events.iter().fold(Tally::default(), |mut all, event| {
                all.merge(&plan, &one(event));
                all
            });
            let (earlier, others) = events.split_at(cut.min(events.len()));
            let mut tally = all(earlier);
            tally.merge(&plan, &all(others));
            let out = (5_000, 123);
            tally.merge(&plan, &one(&out));
            tally.subtract(&plan, &one(&out));
            let end = events.iter().map(|(time, _)| *time).max().unwrap_or(0) + later;
            let weight = |time: i64| libm::pow(0.5, (end - time) as f64 / half_life as f64);
            let expected: f64 = events.iter().map(|(time, value)| *value as f64 * weight(*time)).sum();
            let found = tally.fading().as_of(end, half_life);
            prop_assert_eq!(tally.count, events.len() as u64);
            prop_assert!((found - expected).abs() <= 1e-9, "{found}, expected {expected}");
        }

        /// Two parts merged are the whole, and taking a value out leaves the others.
        #[test]
        fn tallies_merge_and_subtract(
            earlier in proptest::collection::vec(-1_000_000i64..1_000_000, 0..20),
            later in proptest::collection::vec(-1_000_000i64..1_000_000, 0..20),
            out in -1_000_000i64..1_000_000,
        ) {
            let joined = [earlier.clone(), later.clone()].concat();
            let sum: i64 = joined.iter().sum();
            let mean = sum as f64 / joined.len() as f64;
            let squares: f64 = joined.iter().map(|value| *value as f64 - mean).map(|off| off * off).sum();
            for number in [false, true] {
                for kind in [Kind::Sum, Kind::Moments, Kind::Least, Kind::Greatest] {
                    let plan = SeriesPlan::of_kind(kind, number);
                    let mut tally = all(&plan, &earlier);
                    tally.merge(&plan, &all(&plan, &later));
                    if matches!(kind, Kind::Sum | Kind::Moments) {
                        tally.merge(&plan, &one(&plan, out));
                        tally.subtract(&plan, &one(&plan, out));
                    }
                    prop_assert_eq!(tally.count, joined.len() as u64);
                    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1e4 + b.abs());
                    let word = |value: &i64| if number { (*value as f64).to_bits() } else { *value as u64 };
                    match kind {
                        _ if joined.is_empty() => prop_assert_eq!(tally, Tally::default()),
                        Kind::Sum if number => prop_assert_eq!(tally.total(), sum as f64),
                        Kind::Sum => prop_assert_eq!(tally.sum(), i128::from(sum)),
                        Kind::Moments => {
                            prop_assert!(close(tally.total(), mean));
                            prop_assert!(close(tally.squares(), squares), "{} {squares}", tally.squares());
                        }
                        Kind::Least => prop_assert_eq!(tally.extreme(), joined.iter().min().map(word)),
                        _ => prop_assert_eq!(tally.extreme(), joined.iter().max().map(word)),
                    }
                }
            }
        }
    }
}
