//! Windows that reach back beyond what a history holds exactly: panes and entries together.

use super::behaviour::Past;
use super::bounds::Bounds;
use super::matches::Matches;
use super::plan::{TablePlan, WindowFeature};
use super::velocity::{Gathered, Moment, moments, reduce, sum};
use crate::policy::Aggregate;
use crate::state::{History, Panes, SeriesPlan, Tally, ones};

/// The panes that a feature reads, or a part of it.
pub(super) struct Folded<'a> {
    panes: &'a Panes,
    number: usize,
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
        part: usize,
    ) -> Option<Folded<'a>> {
        Folded::numbered(plan, history, moment, *feature.series.get(part)?)
    }

    /// What a series holds of the composite that is asked for.
    pub(super) fn numbered(
        plan: &'a TablePlan,
        history: &'a History,
        moment: &Moment<'_>,
        number: usize,
    ) -> Option<Folded<'a>> {
        let series = plan.budget.series.get(number)?;
        let key = series.key(|column| moment.cell(plan, column))?;
        Some(Folded { panes: history.panes()?, number, series, key })
    }

    pub(super) fn series(&self) -> &'a SeriesPlan {
        self.series
    }

    /// The panes that a window touches.
    fn range(&self, window: &Bounds) -> (i64, i64) {
        (self.series.pane(window.after.saturating_add(1)), self.series.pane(window.end))
    }

    pub(super) fn tally(&self, window: &Bounds) -> Tally {
        self.panes.tally(self.number, self.series, self.key, self.range(window))
    }

    /// The time of the oldest or newest event of all panes up to that of a time.
    pub(super) fn edge_until(&self, until: i64) -> Option<i64> {
        let tally = self.panes.tally(self.number, self.series, self.key, (i64::MIN, self.series.pane(until)));
        tally.edge().map(|(time, _)| time)
    }

    /// Of the oldest or newest events of each pane, the first one after a time and no later than another.
    pub(super) fn edge_after(&self, range: (i64, i64)) -> Option<i64> {
        self.panes.edge_after(self.number, self.series, self.key, range)
    }

    /// Different words, that of the event that is scored among them.
    pub(super) fn distinct(&self, window: &Bounds, current: Option<u64>, values: &mut Vec<u64>) -> u64 {
        self.panes.distinct(self.number, self.key, self.range(window), current, values)
    }

    /// Adds the words that were seen last until there are `most` of them; says whether there are more.
    pub(super) fn recent(&self, window: &Bounds, most: usize, words: &mut Vec<u64>) -> bool {
        self.panes.recent(self.number, self.key, self.range(window), most, words)
    }
}

impl Past<'_> {
    /// How many of the picked entries and of the panes are in a window. Most features of long histories ask for no
    /// more, so nothing is gathered for it.
    #[inline(always)]
    pub(super) fn count(&self, feature: &WindowFeature, window: &Bounds, picks: &[u64]) -> u64 {
        let before = |at: usize| {
            let whole = picks.get(..at / 64).unwrap_or(picks).iter().map(|word| u64::from(word.count_ones()));
            let part = picks.get(at / 64).map_or(0, |word| word & ones(at % 64));
            whole.sum::<u64>() + u64::from(part.count_ones())
        };
        let entries = before(window.high) - if window.low == 0 { 0 } else { before(window.low) };
        let folded =
            if window.folded { Folded::of(self.plan, self.history, self.moment, feature, 0) } else { None };
        entries + folded.map_or(0, |folded| folded.tally(window).count)
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
        let (series, window) = (folded.series, self.window);
        if feature.aggregate == Aggregate::Distinct {
            return Some(Some(folded.distinct(window, self.current, values)));
        }
        let mut tally = folded.tally(window);
        let count = tally.count + self.count();
        Some(match feature.aggregate {
            Aggregate::Count => Some(count),
            Aggregate::Rate if window.length() <= 0 => None,
            Aggregate::Rate => Some((count as f64 * feature.per as f64 / window.length() as f64).to_bits()),
            Aggregate::Age => {
                let exact = self.matches.places().next().and_then(|at| self.view.time_at(at));
                let oldest = tally.edge().map(|(time, _)| time).filter(|time| *time <= window.end).or(exact);
                oldest.or(self.current.map(|_| self.time)).map(|oldest| (self.time - oldest) as u64)
            }
            Aggregate::Since if self.current.is_some() => Some(0),
            Aggregate::Since => {
                let exact = self.matches.newest().and_then(|at| self.view.time_at(at));
                let newest = exact.or(tally.edge().map(|(time, _)| time));
                // Of an event late by more than that, all that is known is that there was one before.
                newest.map(|newest| (self.time - newest).max(0) as u64)
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
                        if let Some(word) = reduce(feature.aggregate, feature.number, words)? {
                            tally.merge(series, &Tally::of(series, 0, word));
                        }
                        tally.extreme()
                    }
                }
            }
        })
    }
}
