//! Conditions: what rules and `where` come down to.
//!
//! Nearly everything that conditions say is a comparison of one value with a constant, and many say the same. All
//! constants that one value is compared with cut its range into classes, within which every comparison ends alike.
//! So each value is classified once for each event, and its class says at once which conditions it fails and which
//! it leaves missing. What is left of a condition (texts, sums, alternatives) runs only when no class decides it.

use super::ast::Operator;
use super::check::Node;
use super::program::{Evaluation, Program, constant_number};
use crate::feature::Row;
use crate::state::ones;

/// How a condition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    True,
    /// It read an absent value that nothing absorbed.
    Missing,
}

/// Conditions that are evaluated together, by their number: first those that were compiled, then parts of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// How many were compiled.
    count: usize,
    /// What classes do not decide, for each condition.
    rest: Vec<Vec<Test>>,
    tables: Vec<TableClassifier>,
    /// Where the effects of the classes of neighbouring values are.
    table: Vec<u32>,
    searches: Vec<SearchClassifier>,
    /// What each class of each classifier says of 64 conditions each.
    effects: Vec<Effect>,
}

/// A test that has to hold beside those of classes.
#[derive(Clone, Debug)]
enum Test {
    /// At least one of the conditions holds: a chain of `||`.
    Any(Vec<usize>),
    Program(Program),
}

/// A bit for each of 64 conditions that fails, and for each that reads an absent value.
#[derive(Clone, Copy, Debug, Default)]
struct Effect {
    failed: u64,
    missing: u64,
}

/// How one value of the row is classified: 0 when it is absent, else 1 + the breakpoints that it reaches.
///
/// Here the breakpoints lie together: the classes of all values from `low` on are in the table; those before are as
/// the first, those behind as the last.
#[derive(Clone, Debug)]
struct TableClassifier {
    place: u16,
    low: i64,
    high: i64,
    /// What to add to a value for its place in the table.
    shift: i64,
    /// Where the effects of class 0 are.
    effects: u32,
}

/// The same by a search among the breakpoints.
#[derive(Clone, Debug)]
struct SearchClassifier {
    place: u16,
    /// Doubles are ordered by their keys, and NaN has the class behind the last.
    number: bool,
    breakpoints: Box<[i64]>,
    effects: u32,
}

/// Values that a table of classes may span.
const MOST_SPAN: i64 = 512;

/// What the values of one event came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    words: Vec<Effect>,
}

impl Facts {
    /// The first conditions, but for those that fail.
    pub(crate) fn candidates(&self, count: usize) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(move |(number, effect)| {
            let first = 64 * number;
            let mut bits = !effect.failed & ones(count.saturating_sub(first));
            std::iter::from_fn(move || {
                let bit = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(first + bit)
            })
        })
    }
}

impl Conditions {
    /// Compiles conditions.
    pub(crate) fn compile(nodes: &[Node]) -> Conditions {
        let mut builder = Builder { rest: vec![Vec::new(); nodes.len()], atoms: Vec::new() };
        for (number, node) in nodes.iter().enumerate() {
            builder.chain(node, number);
        }
        Conditions { count: nodes.len(), ..builder.build() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Evaluates what is compared with constants.
    pub(crate) fn classify(&self, row: &Row, facts: &mut Facts) {
        let words = self.rest.len().div_ceil(64);
        facts.words.clear();
        if words == 1 {
            let mut sum = Effect::default();
            self.each_class(row, 1, |effects| {
                if let Some(effect) = self.effects.get(effects) {
                    sum.failed |= effect.failed;
                    sum.missing |= effect.missing;
                }
            });
            facts.words.push(sum);
            return;
        }
        facts.words.resize(words, Effect::default());
        self.each_class(row, words, |from| {
            let effects = self.effects.get(from..from + words).unwrap_or(&[]);
            for (sum, effect) in facts.words.iter_mut().zip(effects) {
                sum.failed |= effect.failed;
                sum.missing |= effect.missing;
            }
        });
    }

    /// Where the effects of each value's class are, of which every class has `words`.
    #[inline(always)]
    fn each_class(&self, row: &Row, words: usize, mut visit: impl FnMut(usize)) {
        for &TableClassifier { place, low, high, shift, effects } in &self.tables {
            let (word, present) = row.read(place);
            let at = (word as i64).max(low).min(high).wrapping_add(shift);
            let class = self.table.get(at as usize).copied().unwrap_or(effects);
            visit(if present { class } else { effects } as usize);
        }
        for SearchClassifier { place, number, breakpoints, effects } in &self.searches {
            let (word, present) = row.read(*place);
            let key = if *number { key_of(word) } else { Some(word as i64) };
            let class = match key {
                _ if !present => 0,
                Some(key) => 1 + breakpoints.partition_point(|breakpoint| *breakpoint <= key),
                None => breakpoints.len() + 2,
            };
            visit(*effects as usize + class * words);
        }
    }

    /// Whether a condition holds: false as soon as one part is, missing when one is and none is false.
    #[inline(always)]
    pub(crate) fn truth(
        &self,
        number: usize,
        facts: &Facts,
        evaluation: &Evaluation<'_>,
        stack: &mut Vec<Option<u64>>,
    ) -> Truth {
        let effect = facts.words.get(number / 64).copied().unwrap_or_default();
        let bit = 1u64 << (number % 64);
        if effect.failed & bit != 0 {
            return Truth::False;
        }
        let truth = if effect.missing & bit != 0 { Truth::Missing } else { Truth::True };
        match self.rest.get(number) {
            Some(rest) if !rest.is_empty() => self.test(rest, truth, facts, evaluation, stack),
            _ => truth,
        }
    }

    #[inline(never)]
    fn test(
        &self,
        tests: &[Test],
        mut truth: Truth,
        facts: &Facts,
        evaluation: &Evaluation<'_>,
        stack: &mut Vec<Option<u64>>,
    ) -> Truth {
        for test in tests {
            let holds = match test {
                Test::Any(conditions) => self.any(conditions, facts, evaluation, stack),
                Test::Program(program) => match program.run(evaluation, stack) {
                    None => Truth::Missing,
                    Some(0) => Truth::False,
                    Some(_) => Truth::True,
                },
            };
            match holds {
                Truth::True => {}
                Truth::False => return Truth::False,
                Truth::Missing => truth = Truth::Missing,
            }
        }
        truth
    }

    fn any(
        &self,
        conditions: &[usize],
        facts: &Facts,
        evaluation: &Evaluation<'_>,
        stack: &mut Vec<Option<u64>>,
    ) -> Truth {
        let mut truth = Truth::False;
        for condition in conditions {
            match self.truth(*condition, facts, evaluation, stack) {
                Truth::True => return Truth::True,
                Truth::False => {}
                Truth::Missing => truth = Truth::Missing,
            }
        }
        truth
    }

    fn add_classifier(&mut self, place: u16, number: bool, breakpoints: &[i64], effects: u32, words: usize) {
        let low = breakpoints.first().map_or(0, |first| first.saturating_sub(1));
        let span = breakpoints.last().map_or(0, |last| last.saturating_sub(low));
        if number || span > MOST_SPAN {
            let breakpoints = breakpoints.into();
            return self.searches.push(SearchClassifier { place, number, breakpoints, effects });
        }
        let (high, shift) = (low + span, (self.table.len() as i64).wrapping_sub(low));
        let class = |key| 1 + breakpoints.iter().filter(|breakpoint| **breakpoint <= key).count();
        self.table.extend((low..=high).map(|key| effects + (class(key) * words) as u32));
        self.tables.push(TableClassifier { place, low, high, shift, effects });
    }
}

/// Collects comparisons while conditions are compiled.
#[derive(Debug, Default)]
struct Builder {
    rest: Vec<Vec<Test>>,
    /// Comparisons, and the conditions that they are part of.
    atoms: Vec<(Atom, usize)>,
}

impl Builder {
    fn chain(&mut self, node: &Node, number: usize) {
        let test = if let Node::And(a, b) = node {
            self.chain(a, number);
            return self.chain(b, number);
        } else if let Some(atom) = Atom::of(node) {
            return self.atoms.push((atom, number));
        } else if let Node::Or(..) = node {
            let mut any = Vec::new();
            self.alternatives(node, &mut any);
            Test::Any(any)
        } else {
            Test::Program(Program::compile(node))
        };
        if let Some(rest) = self.rest.get_mut(number) {
            rest.push(test);
        }
    }

    fn alternatives(&mut self, node: &Node, any: &mut Vec<usize>) {
        if let Node::Or(a, b) = node {
            self.alternatives(a, any);
            self.alternatives(b, any);
        } else {
            any.push(self.rest.len());
            self.rest.push(Vec::new());
            self.chain(node, self.rest.len() - 1);
        }
    }

    /// Cuts the values that are compared into classes.
    fn build(self) -> Conditions {
        let mut conditions = Conditions { rest: self.rest, ..Conditions::default() };
        let words = conditions.rest.len().div_ceil(64);
        let mut places: Vec<u16> = self.atoms.iter().map(|(atom, _)| atom.place).collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            let here: Vec<&(Atom, usize)> =
                self.atoms.iter().filter(|(atom, _)| atom.place == place).collect();
            let number = here.iter().any(|(atom, _)| matches!(atom.test, AtomTest::Number { .. }));
            let mut breakpoints: Vec<i64> = here.iter().flat_map(|(atom, _)| atom.breakpoints()).collect();
            breakpoints.sort_unstable();
            breakpoints.dedup();
            // One word of each class, in their order; NaN has a class of its own.
            let first = if number { f64::NEG_INFINITY.to_bits() } else { i64::MIN as u64 };
            let mut classes = vec![None, Some(first)];
            let word = |key: &i64| if number { word_of(*key) } else { *key as u64 };
            classes.extend(breakpoints.iter().map(|key| Some(word(key))));
            if number {
                classes.push(Some(f64::NAN.to_bits()));
            }
            let first_effect = conditions.effects.len() as u32;
            for class in classes {
                let mut effects = vec![Effect::default(); words];
                for (atom, condition) in &here {
                    let Some(effect) = effects.get_mut(condition / 64) else { continue };
                    match atom.truth(class) {
                        Truth::True => {}
                        Truth::False => effect.failed |= 1 << (condition % 64),
                        Truth::Missing => effect.missing |= 1 << (condition % 64),
                    }
                }
                conditions.effects.extend(effects);
            }
            conditions.add_classifier(place, number, &breakpoints, first_effect, words);
        }
        conditions
    }
}

/// A comparison of the value at one place.
#[derive(Clone, Debug)]
struct Atom {
    place: u16,
    test: AtomTest,
}

#[derive(Clone, Debug)]
enum AtomTest {
    Integer { operator: Operator, constant: i64 },
    Number { operator: Operator, constant: f64 },
    OneOf(Vec<u64>),
    Present { expected: bool },
}

impl Atom {
    fn of(node: &Node) -> Option<Atom> {
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
    fn truth(&self, word: Option<u64>) -> Truth {
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
        if holds { Truth::True } else { Truth::False }
    }

    /// The values at which it may change.
    fn breakpoints(&self) -> Vec<i64> {
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
fn key_of(word: u64) -> Option<i64> {
    let number = f64::from_bits(word) + 0.0;
    let bits = number.to_bits() as i64;
    // Negative doubles grow downward.
    if number.is_nan() { None } else { Some(bits ^ ((bits >> 63) as u64 >> 1) as i64) }
}

/// The double of a key.
fn word_of(key: i64) -> u64 {
    (key ^ ((key >> 63) as u64 >> 1) as i64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::Presence;
    use proptest::prelude::*;

    const OPERATORS: [Operator; 6] = [
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Equal,
        Operator::NotEqual,
    ];

    fn doubles() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<f64>(),
            proptest::sample::select(vec![
                0.0,
                -0.0,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::MIN_POSITIVE,
                f64::MAX,
                1.5,
                5e-324,
                -5e-324
            ])
        ]
        .prop_map(f64::to_bits)
    }

    fn integers() -> impl Strategy<Value = u64> {
        prop_oneof![any::<i64>(), -2i64..3, Just(i64::MAX), Just(i64::MIN)].prop_map(|number| number as u64)
    }

    /// Tests of one value, and values.
    fn cases() -> impl Strategy<Value = (bool, Vec<(usize, u64)>, Vec<Option<u64>>)> {
        any::<bool>().prop_flat_map(|number| {
            let word = if number { doubles().boxed() } else { integers().boxed() };
            let tests = proptest::collection::vec((0usize..9, word.clone()), 1..90);
            let values = proptest::collection::vec(proptest::option::of(word), 1..20);
            (Just(number), tests, values)
        })
    }

    proptest! {
        /// Each condition of one comparison ends as the comparison does, at every edge, beside up to 89 others.
        #[test]
        fn classes_are_comparisons((number, tests, values) in cases()) {
            let atom = |(kind, word): &(usize, u64)| {
                let test = match (kind, number) {
                    (6, false) => AtomTest::OneOf(vec![*word, 7, word.wrapping_add(2)]),
                    (6 | 7, _) => AtomTest::Present { expected: true },
                    (8, _) => AtomTest::Present { expected: false },
                    (kind, true) => {
                        AtomTest::Number { operator: OPERATORS[*kind], constant: f64::from_bits(*word) }
                    }
                    (kind, false) => {
                        AtomTest::Integer { operator: OPERATORS[*kind], constant: *word as i64 }
                    }
                };
                Atom { place: 0, test }
            };
            let atoms: Vec<Atom> = tests.iter().map(atom).collect();
            let builder = Builder {
                rest: vec![Vec::new(); atoms.len()],
                atoms: atoms.iter().cloned().enumerate().map(|(number, atom)| (atom, number)).collect(),
            };
            let conditions = builder.build();
            let constants = tests.iter().map(|(_, word)| Some(*word));
            for value in values.into_iter().chain(constants) {
                let mut row = Row::default();
                row.reset(1);
                row.set(0, value, Presence::Exact);
                let mut facts = Facts::default();
                conditions.classify(&row, &mut facts);
                for (condition, atom) in atoms.iter().enumerate() {
                    let (effect, bit) = (facts.words[condition / 64], 1u64 << (condition % 64));
                    let truth = match (effect.failed & bit != 0, effect.missing & bit != 0) {
                        (true, _) => Truth::False,
                        (false, true) => Truth::Missing,
                        (false, false) => Truth::True,
                    };
                    prop_assert_eq!(truth, atom.truth(value), "{:?} of {:?}", atom, value);
                }
            }
        }
    }
}
