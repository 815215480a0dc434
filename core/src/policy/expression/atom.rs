//! Comparisons of one value with constants: what conditions mostly consist of.

use super::ast::Operator;
use super::check::Node;
use super::program::constant_number;

/// How a condition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    True,
    /// It read an absent value that nothing absorbed.
    Missing,
}

impl Truth {
    #[inline(always)]
    pub(super) fn of(holds: bool) -> Truth {
        if holds { Truth::True } else { Truth::False }
    }
}

/// A comparison of the value at one place.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    pub(super) place: u16,
    pub(super) test: AtomTest,
}

#[derive(Clone, Debug)]
pub(super) enum AtomTest {
    Integer { operator: Operator, constant: i64 },
    Number { operator: Operator, constant: f64 },
    OneOf(Vec<u64>),
    Present { expected: bool },
}

impl Atom {
    pub(super) fn of(node: &Node) -> Option<Atom> {
        let load = |node: &Node| match node {
            Node::Load(place) => Some(*place),
            _ => None,
        };
        let zero =
            |place: u16, operator| Some(Atom { place, test: AtomTest::Integer { operator, constant: 0 } });
        let present = |place: u16, expected| Some(Atom { place, test: AtomTest::Present { expected } });
        match node {
            Node::Load(place) => zero(*place, Operator::NotEqual),
            Node::Present(place) => present(*place, true),
            Node::Not(inner) => match &**inner {
                Node::Load(place) => zero(*place, Operator::Equal),
                Node::Present(place) => present(*place, false),
                _ => None,
            },
            Node::CompareInteger(operator, a, b) => match &**b {
                Node::Constant(word) => {
                    let test = AtomTest::Integer { operator: *operator, constant: *word as i64 };
                    Some(Atom { place: load(a)?, test })
                }
                _ => None,
            },
            Node::CompareNumber(operator, a, b) => {
                let test = AtomTest::Number { operator: *operator, constant: constant_number(b)? };
                Some(Atom { place: load(a)?, test })
            }
            Node::OneOf(inner, words) => {
                Some(Atom { place: load(inner)?, test: AtomTest::OneOf(words.clone()) })
            }
            _ => None,
        }
    }

    /// How it ends for a value.
    pub(super) fn truth(&self, word: Option<u64>) -> Truth {
        let holds = match (&self.test, word) {
            (AtomTest::Present { expected }, word) => word.is_some() == *expected,
            (_, None) => return Truth::Missing,
            (AtomTest::Integer { operator, constant }, Some(word)) => {
                operator.compares(&(word as i64), constant)
            }
            (AtomTest::Number { operator, constant }, Some(word)) => {
                operator.compares(&f64::from_bits(word), constant)
            }
            (AtomTest::OneOf(words), Some(word)) => words.contains(&word),
        };
        Truth::of(holds)
    }

    /// The values that it tests for, if it does nothing else.
    pub(super) fn constants(&self) -> Option<Vec<u64>> {
        match &self.test {
            AtomTest::Integer { operator: Operator::Equal | Operator::NotEqual, constant } => {
                Some(vec![*constant as u64])
            }
            AtomTest::OneOf(words) => Some(words.clone()),
            AtomTest::Present { .. } => Some(Vec::new()),
            _ => None,
        }
    }

    /// The values at which it may change.
    pub(super) fn breakpoints(&self) -> Vec<i64> {
        let at = |operator, key: i64| match operator {
            Operator::Less | Operator::GreaterOrEqual => [Some(key), None],
            Operator::LessOrEqual | Operator::Greater => [None, key.checked_add(1)],
            _ => [Some(key), key.checked_add(1)],
        };
        let keys: Vec<[Option<i64>; 2]> = match &self.test {
            AtomTest::Integer { operator, constant } => vec![at(*operator, *constant)],
            AtomTest::Number { operator, constant } => {
                key_of(constant.to_bits()).map(|key| at(*operator, key)).into_iter().collect()
            }
            AtomTest::OneOf(words) => words.iter().map(|word| at(Operator::Equal, *word as i64)).collect(),
            AtomTest::Present { .. } => Vec::new(),
        };
        keys.into_iter().flatten().flatten().collect()
    }
}

/// An integer that orders doubles as they compare, both zeros alike; none for NaN.
#[inline(always)]
pub(super) fn key_of(word: u64) -> Option<i64> {
    let number = f64::from_bits(word) + 0.0;
    let bits = number.to_bits() as i64;
    // Negative doubles grow downward.
    if number.is_nan() { None } else { Some(bits ^ ((bits >> 63) as u64 >> 1) as i64) }
}

/// The double of a key.
pub(super) fn word_of(key: i64) -> u64 {
    (key ^ ((key >> 63) as u64 >> 1) as i64) as u64
}
