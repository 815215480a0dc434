//! What a policy remembers, in words that mean the same under every policy.

use crate::feature::Plan;
use crate::policy::Compiled;
use crate::state::{Reader, Shape, Writer};

/// What one table remembers.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) name: String,
    pub(super) shape: Shape,
    /// What the columns hold.
    pub(super) columns: Vec<String>,
    /// The conditions whose bits are kept.
    pub(super) predicates: Vec<String>,
    /// What is kept of events for which a history has no room.
    pub(super) series: Vec<String>,
    /// Milliseconds for which it is remembered at least; `None` for ever, or where a snapshot does not say.
    pub(super) retention: Option<i64>,
}

impl Layout {
    /// What each table of a policy remembers.
    pub(super) fn of(policy: &Compiled) -> Vec<Layout> {
        let tables = policy.plan.tables.iter().map(|table| Layout {
            name: table.name.clone(),
            shape: table.shape.clone(),
            columns: table
                .columns
                .iter()
                .filter_map(|cell| policy.plan.cell_name(&policy.schema, *cell))
                .collect(),
            predicates: predicates(&policy.plan, &table.shape),
            series: table.budget.series.iter().map(|series| series.signature.clone()).collect(),
            retention: table.retention,
        });
        tables.collect()
    }

    /// Whether the same words are in the same places.
    pub(super) fn is_like(&self, other: &Layout) -> bool {
        self.shape.is_like(&other.shape)
            && self.columns == other.columns
            && self.predicates == other.predicates
            && self.series == other.series
    }

    /// Whether a column, a condition or a series is kept.
    pub(super) fn has(&self, part: &str) -> bool {
        [&self.columns, &self.predicates, &self.series]
            .iter()
            .any(|names| names.iter().any(|name| name == part))
    }

    /// What this layout remembers and another does not.
    pub(super) fn lost_in(&self, other: &Layout) -> Option<&str> {
        self.columns
            .iter()
            .find(|name| !other.columns.contains(name))
            .or_else(|| self.predicates.iter().find(|text| !other.predicates.contains(text)))
            .map(String::as_str)
    }

    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.text(&self.name);
        to.number(self.columns.len() as u32);
        for (column, name) in self.columns.iter().enumerate() {
            to.byte(u8::from(self.shape.is_coded(column)));
            to.text(name);
        }
        for texts in [&self.predicates, &self.series] {
            to.number(texts.len() as u32);
            for text in texts {
                to.text(text);
            }
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Layout> {
        let name = from.text()?.to_owned();
        let (mut shape, mut columns, mut predicates) = (Shape::default(), Vec::new(), Vec::new());
        for _ in 0..from.count(5)? {
            shape.add_column(from.byte()? == 1);
            columns.push(from.text()?.to_owned());
        }
        for number in 0..from.count(4)? {
            shape.predicate(u16::try_from(number).ok()?);
            predicates.push(from.text()?.to_owned());
        }
        let series = (0..from.count(4)?).map(|_| from.text().map(without_reach)).collect::<Option<_>>()?;
        Some(Layout { name, shape, columns, predicates, series, retention: None })
    }
}

/// What a series keeps, without the ` to ` and how long, which it once said as well.
fn without_reach(series: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let reach = series.char_indices().find_map(|(at, letter)| {
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        let (before, rest) = series.split_at_checked(at).filter(|_| !quoted)?;
        let rest = rest.strip_prefix(" to ")?;
        Some((before, rest.find(' ').map_or("", |end| rest.split_at(end).1)))
    });
    reach.map_or_else(|| series.to_owned(), |(before, behind)| format!("{before}{behind}"))
}

fn predicates(plan: &Plan, shape: &Shape) -> Vec<String> {
    let numbers = shape.predicates().iter();
    let predicates = numbers.filter_map(|number| plan.predicates.get(usize::from(*number)));
    predicates.map(|predicate| predicate.text.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::without_reach;

    #[test]
    fn a_series_of_an_older_snapshot_is_known() {
        let of = |reach: &str, behind: &str| {
            format!(
                r#"Count of None where Some("x != \" to \\ y") has Some("a to b") same [] over Window {{ delay: 0 }} in 5{reach}{behind}"#
            )
        };
        for behind in ["", " step \"outcome == \\\"a to b\\\"\"", " for Mean"] {
            for reach in [" to Some(604800000)", " to None"] {
                assert_eq!(without_reach(&of(reach, behind)), of("", behind));
            }
            assert_eq!(without_reach(&of("", behind)), of("", behind));
        }
    }
}
