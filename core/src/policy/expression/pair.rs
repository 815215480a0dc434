//! Comparisons of two integers, or of their sum or difference with a constant: most of what classes do not decide.

use super::ast::Operator;
use super::atom::Truth;
use super::check::Node;
use crate::feature::Row;

/// A comparison of the values at two places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    first: u16,
    second: u16,
    sides: Sides,
    operator: Operator,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
enum Sides {
    /// The first with the second.
    Both,
    /// Their sum with a constant.
    Sum(i64),
    /// Their difference with a constant.
    Difference(i64),
}

impl Pair {
    pub(super) fn of(node: &Node) -> Option<Pair> {
        let Node::CompareInteger(operator, a, b) = node else { return None };
        let (first, second, sides) = match (&**a, &**b) {
            (Node::Load(first), Node::Load(second)) => (first, second, Sides::Both),
            (Node::Integer(joined, first, second), Node::Constant(word)) => {
                let (Node::Load(first), Node::Load(second)) = (&**first, &**second) else { return None };
                let sides = match joined {
                    Operator::Add => Sides::Sum(*word as i64),
                    Operator::Subtract => Sides::Difference(*word as i64),
                    _ => return None,
                };
                (first, second, sides)
            }
            _ => return None,
        };
        Some(Pair { first: *first, second: *second, sides, operator: *operator })
    }

    /// How it ends: missing without one of the two, and when 64 bits cannot hold what they come to.
    #[inline(always)]
    pub(super) fn truth(&self, row: &Row) -> Truth {
        let (Some(first), Some(second)) = (row.get(self.first), row.get(self.second)) else {
            return Truth::Missing;
        };
        let (first, second) = (first as i64, second as i64);
        let (reached, limit) = match self.sides {
            Sides::Both => (Some(first), second),
            Sides::Sum(constant) => (first.checked_add(second), constant),
            Sides::Difference(constant) => (first.checked_sub(second), constant),
        };
        reached.map_or(Truth::Missing, |reached| Truth::of(self.operator.compares(&reached, &limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;
    use crate::feature::Presence;
    use crate::policy::expression::{Evaluation, Program};
    use proptest::prelude::*;

    fn integers() -> impl Strategy<Value = i64> {
        prop_oneof![-3i64..4, Just(i64::MAX), Just(i64::MIN), any::<i64>()]
    }

    proptest! {
        /// Against the program of the same comparison.
        #[test]
        fn pairs_are_programs(
            values in proptest::collection::vec(proptest::option::weighted(0.9, integers()), 2),
            constant in integers(),
            kind in 0usize..3,
            operator in proptest::sample::select(&Operator::COMPARISONS[..]),
        ) {
            let load = |place| Box::new(Node::Load(place));
            let joined = [Operator::Add, Operator::Subtract].get(kind);
            let node = match joined {
                Some(joined) => Node::CompareInteger(
                    operator,
                    Box::new(Node::Integer(*joined, load(0), load(1))),
                    Box::new(Node::Constant(constant as u64)),
                ),
                None => Node::CompareInteger(operator, load(0), load(1)),
            };
            let mut row = Row::default();
            row.reset(2);
            for (place, value) in (0u16..).zip(&values) {
                row.set(place, value.map(|value| value as u64), Presence::Exact);
            }
            let event = Event::of("login", 0).unwrap();
            let evaluation = Evaluation { row: &row, event: &event, literals: &[], zones: &[] };
            let ended = Program::compile(&node).run(&evaluation, &mut Vec::new());
            let expected = ended.map_or(Truth::Missing, |word| Truth::of(word != 0));
            let pair = Pair::of(&node).unwrap();
            prop_assert_eq!(pair.truth(&row), expected, "{:?} of {:?}", pair, values);
        }
    }
}
