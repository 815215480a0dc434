//! Features that look at habits: how unlike an entity's past the event is that is scored, and pasts that fade.

use super::heavy::Folded;
use super::matches::Matches;
use super::plan::{TablePlan, WindowFeature};
use super::velocity::{Gathered, Moment, moments};
use super::vonmises::surprise;
use crate::policy::Aggregate;
use crate::state::{Column, Fading, History, Tally};

/// What a feature of this kind does with what it selects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behaviour {
    /// Events count half as much after each half-life.
    Fading { half_life: i64 },
    /// By how many standard deviations the event's value is off the mean, of so many values at least.
    Score { at_least: u64 },
    /// How unusual the event's time of day is.
    TimeOfDay { at_least: u64 },
    /// How unusual the event's value is: among so many different ones, where it is said how many there are.
    Novelty { smoothing: f64, categories: Option<f64> },
    /// How mixed the values are.
    Entropy,
    /// How fast one had to be to get to the event.
    Speed,
    /// How far the event is from home, which is the mean of so many positions at least.
    Distance { half_life: Option<i64>, at_least: u64 },
}

/// A history with what a visit knows beside it.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) plan: &'a TablePlan,
    pub(super) history: &'a History,
    pub(super) moment: &'a Moment<'a>,
}

impl<'a> Past<'a> {
    /// The word of the event that is scored.
    fn own(&self, feature: &WindowFeature) -> Option<u64> {
        self.moment.cell(self.plan, feature.column)
    }

    /// What one of the feature's series holds of the window.
    pub(super) fn folded<M: Matches>(
        &self,
        feature: &WindowFeature,
        gathered: &Gathered<'_, M>,
        part: usize,
    ) -> Option<Folded<'a>> {
        let folded = gathered.window.folded;
        if folded { Folded::of(self.plan, self.history, self.moment, feature, part) } else { None }
    }
}

impl<M: Matches> Gathered<'_, M> {
    /// The feature's value over entries and what has been folded.
    #[inline(never)]
    pub(super) fn behaviour(
        &self,
        behaviour: Behaviour,
        feature: &WindowFeature,
        past: &Past<'_>,
        values: &mut Vec<u64>,
        seen: &mut Vec<u64>,
    ) -> Option<u64> {
        let value = match behaviour {
            Behaviour::Fading { half_life } => self.fading(half_life, feature, past, values),
            Behaviour::Score { at_least } => self.score(at_least, feature, past, values),
            Behaviour::TimeOfDay { at_least } => self.time_of_day(at_least, feature, past, values),
            Behaviour::Novelty { smoothing, categories } => {
                self.novelty((smoothing, categories), feature, past, values, seen)
            }
            Behaviour::Entropy => self.entropy(feature, seen),
            Behaviour::Speed => self.speed(feature, past),
            Behaviour::Distance { half_life, at_least } => self.distance(half_life, at_least, feature, past),
        };
        value.map(f64::to_bits)
    }

    fn fading(
        &self,
        half_life: i64,
        feature: &WindowFeature,
        past: &Past<'_>,
        values: &mut Vec<u64>,
    ) -> Option<f64> {
        let before = |part| past.folded(feature, self, part).map(|folded| folded.tally(self.window).fading());
        let times = || {
            let entries = self.matches.places().map(|at| self.view.time_at(at).unwrap_or(0));
            entries.chain(self.current.map(|_| self.time))
        };
        let weight = |part| {
            let one = |sum: Fading, time| sum.plus(Fading { total: 1.0, at: time }, half_life);
            times().fold(before(part).unwrap_or_default(), one)
        };
        if !matches!(feature.aggregate, Aggregate::Sum | Aggregate::Mean) {
            let weight = weight(0).as_of(self.window.end, half_life);
            let rate = feature.aggregate == Aggregate::Rate;
            return Some(if rate {
                weight * feature.per as f64 / fading_length(self.window.length(), half_life)
            } else {
                weight
            });
        }
        let value = |word: u64| if feature.number { f64::from_bits(word) } else { word as i64 as f64 };
        let words = self.words(feature.kept, values).iter();
        let sum = times().zip(words).fold(before(0).unwrap_or_default(), |sum, (time, word)| {
            sum.plus(Fading { total: value(*word), at: time }, half_life)
        });
        if feature.aggregate == Aggregate::Sum {
            return Some(sum.as_of(self.window.end, half_life));
        }
        // As of the newest of them: however long ago that is, there is something to divide.
        let weight = weight(1);
        (weight.total > 0.0).then(|| sum.as_of(weight.at, half_life) / weight.total)
    }

    fn score(
        &self,
        at_least: u64,
        feature: &WindowFeature,
        past: &Past<'_>,
        values: &mut Vec<u64>,
    ) -> Option<f64> {
        let own = past.own(feature)?;
        let own = if feature.number { f64::from_bits(own) } else { own as i64 as f64 };
        let words = self.words(feature.kept, values).iter().copied();
        let mut all = Tally::default();
        if let Some((mean, squares)) = moments(words.clone(), feature.number) {
            all = Tally::of_moments(words.len() as u64, mean, squares);
        }
        if let Some(folded) = past.folded(feature, self, 0) {
            let mut before = folded.tally(self.window);
            before.merge(folded.series(), &all);
            all = before;
        }
        if all.count < at_least { None } else { standard_score(own, all.count, all.total(), all.squares()) }
    }

    fn time_of_day(
        &self,
        at_least: u64,
        feature: &WindowFeature,
        past: &Past<'_>,
        values: &mut Vec<u64>,
    ) -> Option<f64> {
        let (sine, sine_kept) = *feature.further.first()?;
        let own = [past.own(feature)?, past.moment.cell(past.plan, sine)?].map(f64::from_bits);
        let mut count = self.count();
        let mut sum = |part, kept| {
            let before = past.folded(feature, self, part).map(|folded| folded.tally(self.window));
            let before = before.unwrap_or_default();
            let words = self.words(kept, values).iter().copied();
            (before.total() + precise_total(words), before.count)
        };
        let ((cosine, folded), (sine, _)) = (sum(0, feature.kept), sum(1, sine_kept));
        count += folded;
        (count >= at_least).then(|| surprise(own, [cosine, sine], count))
    }

    fn novelty(
        &self,
        (smoothing, categories): (f64, Option<f64>),
        feature: &WindowFeature,
        past: &Past<'_>,
        values: &mut Vec<u64>,
        seen: &mut Vec<u64>,
    ) -> Option<f64> {
        let own = past.own(feature)?;
        let Column::Coded(number) = feature.kept else { return None };
        let coded = self.view.coded(number);
        let alike = coded
            .code_of(own)
            .map_or(0, |code| self.matches.places().filter(|at| coded.code(*at) == code).count() as u64);
        let before = |part| {
            let folded = past.folded(feature, self, part);
            folded.map_or(0, |folded| folded.tally(self.window).count)
        };
        let (all, alike) = (before(0) + self.count(), before(1) + alike);
        let categories = categories.unwrap_or_else(|| {
            let different = match past.folded(feature, self, 2) {
                Some(folded) => folded.distinct(self.window, None, values),
                None => self.distinct(feature.kept, seen),
            };
            different as f64 + 1.0
        });
        Some(unlikelihood(alike, all, smoothing, categories))
    }

    /// The values of folded events are not known by how often they came: entries alone are looked at.
    fn entropy(&self, feature: &WindowFeature, counts: &mut Vec<u64>) -> Option<f64> {
        let Column::Coded(number) = feature.kept else { return None };
        let coded = self.view.coded(number);
        counts.clear();
        counts.resize(coded.size() + 1, 0);
        let current = self.current.map(|word| coded.code_of(word).unwrap_or(coded.size()));
        for code in self.matches.places().map(|at| coded.code(at)).chain(current) {
            if let Some(count) = counts.get_mut(code) {
                *count += 1;
            }
        }
        entropy(counts)
    }
}

/// The length of a window in which an event counts half as much after each half-life; 0 stands for no end.
fn fading_length(length: i64, half_life: i64) -> f64 {
    let decay = std::f64::consts::LN_2 / half_life as f64;
    let whole = 1.0 / decay;
    if length > 0 { whole * -libm::expm1(-decay * length as f64) } else { whole }
}

/// The sum of doubles as if it were rounded once: what each addition loses is summed up beside (Knuth, *The Art of
/// Computer Programming*, 4.2.2). How far the mean of many points close together is from the circle is next to nothing
/// of their sum.
fn precise_total(words: impl Iterator<Item = u64>) -> f64 {
    let add = |(sum, lost): (f64, f64), value: f64| {
        let next = sum + value;
        let added = next - sum;
        (next, lost + ((sum - (next - added)) + (value - added)))
    };
    let (sum, lost) = words.map(f64::from_bits).fold((0.0, 0.0), add);
    sum + lost
}

/// By how many standard deviations of a sample a value is off its mean; `None` where all of the sample is the same.
fn standard_score(value: f64, count: u64, mean: f64, squares: f64) -> Option<f64> {
    let deviation = libm::sqrt(squares / (count - 1) as f64);
    // The mean of values that are all the same may be off by rounding.
    (deviation > 1e-12 * libm::fabs(mean)).then(|| (value - mean) / deviation)
}

/// How unlikely a value is that came `alike` times of `all`, in nats.
fn unlikelihood(alike: u64, all: u64, smoothing: f64, categories: f64) -> f64 {
    libm::log((all as f64 + smoothing * categories) / (alike as f64 + smoothing))
}

/// Shannon's entropy in bits, from how often each value came. In the order of the counts, which is the same whatever
/// the values are.
fn entropy(counts: &mut [u64]) -> Option<f64> {
    counts.sort_unstable();
    let all: u64 = counts.iter().sum();
    let present = counts.iter().filter(|count| **count > 0);
    let bits = present.map(|count| *count as f64 / all as f64).map(|share| share * libm::log2(share));
    (all > 0).then(|| bits.fold(0.0, |sum, bits| sum - bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() <= 1e-12 * expected.abs())
    }

    #[test]
    fn scores_are_those_of_numpy() {
        let score = |values: &[f64], own: f64| {
            let words = values.iter().map(|value| value.to_bits());
            let (mean, squares) = moments(words, true)?;
            standard_score(own, values.len() as u64, mean, squares)
        };
        // (x - mean) / std with ddof = 1, of logarithms and of the values.
        let amounts = [1_200.0, 980.0, 15_000.0, 3_000.0, 700.0];
        let logarithms = amounts.map(libm::log1p);
        assert!(close(score(&logarithms, libm::log1p(250_000.0)), 3.8897316845916756));
        assert!(close(score(&amounts, 250_000.0), 40.18369559154489));
        // However the mean of equal values is rounded, they do not differ.
        for value in 1..2_000 {
            let value = libm::log1p(f64::from(value));
            for count in [2, 3, 5, 7, 100] {
                assert_eq!(score(&vec![value; count], 0.0), None, "{count} of {value}");
            }
        }
        assert_eq!(score(&[0.0; 5], 1.0), None);
        assert!(score(&[0.0, 0.0, 1e-300], 1.0).is_none(), "below what doubles tell apart");
    }

    #[test]
    fn precise_totals_are_rounded_once() {
        let words = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let tenths = words(&[0.1; 4_000]);
        assert_eq!(precise_total(tenths.iter().copied()), 400.0);
        assert!(tenths.iter().fold(0.0, |sum, word| sum + f64::from_bits(*word)) > 400.0 + 1e-11);
        assert_eq!(precise_total(words(&[1e16, 1.0, -1e16, 1.0]).into_iter()), 2.0);
        assert_eq!(precise_total(std::iter::empty()), 0.0);
    }

    #[test]
    fn entropies_are_those_of_scipy() {
        // scipy.stats.entropy(counts, base=2)
        assert!(close(entropy(&mut [3, 2, 0, 5, 1, 1]), 2.054585169337799));
        assert!(close(entropy(&mut [1; 7]), 2.8073549220576037));
        assert_eq!(entropy(&mut [9, 0]), Some(0.0));
        assert_eq!(entropy(&mut [0, 0]), None);
        assert_eq!(entropy(&mut [1, 7, 3]), entropy(&mut [3, 1, 7]));
    }

    #[test]
    fn novelty_is_its_formula() {
        // -log((c + a) / (n + a K))
        assert!(close(Some(unlikelihood(3, 12, 1.0, 6.0)), 1.5040773967762742));
        assert!(close(Some(unlikelihood(0, 12, 0.5, 20.0)), 3.784189633918261));
        assert_eq!(unlikelihood(0, 0, 3.0, 1.0), 0.0);
    }

    #[test]
    fn a_window_in_which_events_fade_is_as_long_as_their_weights() {
        const HOUR: i64 = 3_600_000;
        assert!(close(Some(fading_length(0, HOUR)), HOUR as f64 / std::f64::consts::LN_2));
        // One half-life has half of it, and a short one is as long as it is.
        assert!(close(Some(fading_length(HOUR, HOUR)), HOUR as f64 / std::f64::consts::LN_2 / 2.0));
        assert!((fading_length(1, HOUR) - 1.0).abs() < 1e-6);
    }
}
