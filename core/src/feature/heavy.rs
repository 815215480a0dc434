//! Windows that reach back beyond what a history holds exactly: panes and entries together.

use super::plan::{TablePlan, WindowFeature};
use super::velocity::{Gathered, Matches, Moment, moments, reduce, sum};
use crate::policy::Aggregate;
use crate::state::{History, Panes, SeriesPlan, Tally};

/// The panes that a feature reads.
pub(super) struct Folded<'a> {
    panes: &'a Panes,
    series: &'a SeriesPlan,
    /// Which composite is asked for.
    key: u64,
}

impl<'a> Folded<'a> {
    #[cold]
    pub(super) fn of(
        plan: &'a TablePlan,
        history: &'a History,
        moment: &Moment<'_>,
        feature: &WindowFeature,
    ) -> Option<Folded<'a>> {
        let series = plan.budget.series.get(feature.series)?;
        let key = series.key(|column| moment.cell(plan, column))?;
        Some(Folded { panes: history.panes()?, series, key })
    }
}

impl<M: Matches> Gathered<'_, M> {
    /// The feature's value over panes and entries; `None` when an exact sum leaves 64 bits.
    #[cold]
    #[inline(never)]
    pub(super) fn aggregate_folded(
        self,
        feature: &WindowFeature,
        folded: &Folded<'_>,
        values: &mut Vec<u64>,
    ) -> Option<Option<u64>> {
        let Folded { panes, series, key } = *folded;
        let (number, window) = (feature.series, self.window);
        let range =
            (window.start().map_or(i64::MIN, |start| series.pane(start + 1)), series.pane(window.end));
        if feature.aggregate == Aggregate::Distinct {
            return Some(Some(panes.distinct(number, key, range, self.current, values)));
        }
        let mut tally = panes.tally(number, series, key, range);
        let count = tally.count + self.count();
        Some(match feature.aggregate {
            Aggregate::Count => Some(count),
            Aggregate::Rate if window.length() <= 0 => None,
            Aggregate::Rate => Some((count as f64 * feature.per as f64 / window.length() as f64).to_bits()),
            Aggregate::Since if self.current.is_some() => Some(0),
            Aggregate::Since => {
                let exact = self.matches.newest().and_then(|at| self.view.time_at(at));
                let newest = exact.or(tally.edge().map(|(time, _)| time));
                newest.map(|newest| (self.time - newest) as u64)
            }
            _ => {
                let words = self.words(feature.kept, values).iter().copied();
                let doubles = || words.clone().fold(tally.total(), |sum, word| sum + f64::from_bits(word));
                let mean = |sum: f64| (count > 0).then(|| (sum / count as f64).to_bits());
                match feature.aggregate {
                    Aggregate::Sum if feature.number => Some(doubles().to_bits()),
                    Aggregate::Sum => Some(i64::try_from(tally.sum() + sum(words.clone())).ok()? as u64),
                    Aggregate::Mean if feature.number => mean(doubles()),
                    Aggregate::Mean => mean((tally.sum() + sum(words.clone())) as f64),
                    Aggregate::First => tally.edge().map(|(_, word)| word).or(words.clone().next()),
                    Aggregate::Last => words.clone().last().or(tally.edge().map(|(_, word)| word)),
                    Aggregate::Stddev => {
                        if let Some((mean, squares)) = moments(words.clone(), feature.number) {
                            tally.merge(series, &Tally::of_moments(words.len() as u64, mean, squares));
                        }
                        (count > 1).then(|| libm::sqrt(tally.squares() / (count - 1) as f64).to_bits())
                    }
                    _ => {
                        if let Some(word) = reduce(feature, words)? {
                            tally.merge(series, &Tally::of(series, 0, word));
                        }
                        tally.extreme()
                    }
                }
            }
        })
    }
}
