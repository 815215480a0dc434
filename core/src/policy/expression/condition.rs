//! Conditions: what rules and `where` come down to.
//!
//! Nearly everything that conditions say is a comparison of one value with a constant, and many say the same. All
//! constants that one value is compared with cut its range into classes, within which every comparison ends alike.
//! So each value is classified once for each event, and its class says at once which conditions it fails and which
//! it leaves missing. What is left of a condition (texts, sums, alternatives) runs only when no class decides it.

use std::hint::select_unpredictable;

use super::atom::{Atom, AtomTest, Truth, key_of, word_of};
use super::check::Node;
use super::pair::Pair;
use super::program::{Evaluation, Program};
use crate::feature::Row;
use crate::state::ones;

/// Conditions that are evaluated together, by their number: first those that were compiled, then parts of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// How many were compiled.
    count: usize,
    /// What classes do not decide, for each condition.
    rest: Vec<Vec<Test>>,
    /// Where classes fail all alternatives of a chain, those within a chain before it.
    chains: Vec<Chain>,
    /// A bit for each compiled condition of which classes do not decide all.
    tested: Vec<u64>,
    tables: Vec<TableClassifier>,
    sets: Vec<SetClassifier>,
    slots: Vec<Slot>,
    searches: Vec<SearchClassifier>,
    /// What each class of each classifier says of 64 conditions each.
    effects: Vec<Effect>,
}

/// A test that has to hold beside those of classes.
#[derive(Clone, Debug)]
enum Test {
    /// At least one of the conditions holds: a chain of `||`.
    Any(Vec<usize>),
    Pair(Pair),
    Program(Program),
}

/// A condition that fails when all of these do: the numbers of words, and a bit for each of 64 conditions.
#[derive(Clone, Debug)]
struct Chain {
    condition: usize,
    alternatives: Vec<(usize, u64)>,
}

/// A bit for each of 64 conditions that fails, and for each that reads an absent value.
#[derive(Clone, Copy, Debug, Default)]
struct Effect {
    failed: u64,
    missing: u64,
}

/// How one value of the row is classified whose breakpoints lie together: first come the effects of its absence, then
/// those of each value from `low` to `high`. What is before is as the first, what is behind as the last.
#[derive(Clone, Debug)]
struct TableClassifier {
    place: u16,
    low: i64,
    high: i64,
    /// Where the effects of its absence are.
    effects: u32,
    /// Where those of 0 are, or would be.
    origin: i64,
}

/// How a value is classified that is only tested for being one of a few: each of them has a slot of its own, to which
/// it is multiplied. First come the effects of its absence, then those of being none of them.
#[derive(Clone, Debug)]
struct SetClassifier {
    place: u16,
    shift: u8,
    multiplier: u64,
    slots: u32,
    effects: u32,
}

/// A value, and where its effects are.
#[derive(Clone, Copy, Debug)]
struct Slot {
    word: u64,
    effects: u32,
}

/// How any other value is classified: 0 when it is absent, else 1 + the breakpoints that it reaches.
#[derive(Clone, Debug)]
struct SearchClassifier {
    place: u16,
    /// Doubles are ordered by their keys, and NaN has the class behind the last.
    number: bool,
    breakpoints: Box<[i64]>,
    effects: u32,
}

/// Effects that a table may have.
const MOST_SPAN: usize = 512;
/// Values that a set may have.
const MOST_OF_SET: usize = 64;

/// What the values of one event came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    words: Vec<Effect>,
}

impl Facts {
    /// The first conditions, but for those that fail: the number of each 64th, and bits from there on.
    pub(crate) fn candidates(&self, count: usize) -> impl Iterator<Item = (usize, u64)> {
        (0..)
            .step_by(64)
            .zip(&self.words)
            .map(move |(first, effect)| (first, !effect.failed & ones(count.saturating_sub(first))))
    }
}

/// The bits that are set, the lowest first.
pub(crate) fn bits_of(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(bit)
    })
}

impl Conditions {
    /// Compiles conditions.
    pub(crate) fn compile(nodes: &[Node]) -> Conditions {
        let mut builder = Builder { rest: vec![Vec::new(); nodes.len()], ..Builder::default() };
        for (number, node) in nodes.iter().enumerate() {
            builder.chain(node, number);
        }
        let mut conditions = Conditions { count: nodes.len(), ..builder.build() };
        let tested = |rest: &[Vec<Test>]| {
            rest.iter().rev().fold(0, |bits, rest| bits << 1 | u64::from(!rest.is_empty()))
        };
        conditions.tested = conditions.rest.chunks(64).map(tested).collect();
        conditions
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
            self.each_class(row, 1, |from| {
                let effect = self.effects.get(from)?;
                sum.failed |= effect.failed;
                sum.missing |= effect.missing;
                Some(())
            });
            facts.words.push(sum);
            return self.fail_chains(&mut facts.words);
        }
        facts.words.resize(words, Effect::default());
        self.each_class(row, words, |from| {
            let effects = self.effects.get(from..from + words)?;
            for (sum, effect) in facts.words.iter_mut().zip(effects) {
                sum.failed |= effect.failed;
                sum.missing |= effect.missing;
            }
            Some(())
        });
        self.fail_chains(&mut facts.words);
    }

    /// Fails the conditions that classes leave no alternative.
    #[inline(always)]
    fn fail_chains(&self, words: &mut [Effect]) {
        for Chain { condition, alternatives } in &self.chains {
            let fail = |(word, bits): &(usize, u64)| {
                words.get(*word).is_some_and(|effect| effect.failed & bits == *bits)
            };
            if alternatives.iter().all(fail)
                && let Some(effect) = words.get_mut(condition / 64)
            {
                effect.failed |= 1 << (condition % 64);
            }
        }
    }

    /// Where the effects of each value's class are, of which every class has `words`. All places are in the row, so that
    /// nothing ends it early.
    #[inline(always)]
    fn each_class(&self, row: &Row, words: usize, mut visit: impl FnMut(usize) -> Option<()>) -> Option<()> {
        for &TableClassifier { place, low, high, effects, origin } in &self.tables {
            let (word, present) = row.read(place)?;
            let value = (word as i64).max(low).min(high);
            let at = value.wrapping_mul(words as i64).wrapping_add(origin) as usize;
            visit(select_unpredictable(present, at, effects as usize))?;
        }
        for &SetClassifier { place, shift, multiplier, slots, effects } in &self.sets {
            let (word, present) = row.read(place)?;
            let at = word.wrapping_mul(multiplier).wrapping_shr(shift.into()) as usize;
            let &Slot { word: known, effects: own } = self.slots.get(slots as usize + at)?;
            let at = select_unpredictable(known == word, own as usize, effects as usize + words);
            visit(select_unpredictable(present, at, effects as usize))?;
        }
        for SearchClassifier { place, number, breakpoints, effects } in &self.searches {
            let (word, present) = row.read(*place)?;
            let key = if *number { key_of(word) } else { Some(word as i64) };
            let class = match key {
                _ if !present => 0,
                Some(key) => 1 + breakpoints.partition_point(|breakpoint| *breakpoint <= key),
                None => breakpoints.len() + 2,
            };
            visit(*effects as usize + class * words)?;
        }
        Some(())
    }

    /// Marks the compiled conditions that hold, in words with a bit for each.
    pub(crate) fn mark(
        &self,
        facts: &Facts,
        evaluation: &Evaluation<'_>,
        stack: &mut Vec<Option<u64>>,
        marks: &mut [u64],
    ) {
        let decided = facts.words.iter().zip(&self.tested);
        for (word, (mark, (effect, tested))) in marks.iter_mut().zip(decided).enumerate() {
            let first = 64 * word;
            *mark = !(effect.failed | effect.missing) & ones(self.count.saturating_sub(first));
            for bit in bits_of(*mark & tested) {
                let holds = self.truth(first + bit, facts, evaluation, stack) == Truth::True;
                *mark &= !(u64::from(!holds) << bit);
            }
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
        match self.rest.get(number).map_or(&[][..], Vec::as_slice) {
            [] => truth,
            [Test::Pair(pair)] => match pair.truth(evaluation.row) {
                Truth::True => truth,
                ended => ended,
            },
            rest => self.test(rest, truth, facts, evaluation, stack),
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
                Test::Pair(pair) => pair.truth(evaluation.row),
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

    /// Adds a classifier of the value that these comparisons are about, each with the number of its condition.
    fn classify_by(&mut self, place: u16, atoms: &[&(Atom, usize)], words: usize) {
        let number = atoms.iter().any(|(atom, _)| matches!(atom.test, AtomTest::Number { .. }));
        let mut breakpoints: Vec<i64> = atoms.iter().flat_map(|(atom, _)| atom.breakpoints()).collect();
        breakpoints.sort_unstable();
        breakpoints.dedup();
        let effects = self.effects.len() as u32;
        self.add_effects(None, atoms, words);
        let low = breakpoints.first().map_or(0, |first| first.saturating_sub(1));
        let high = breakpoints.last().map_or(low, |last| *last);
        let span = high.abs_diff(low).saturating_mul(words as u64);
        if !number && span <= MOST_SPAN as u64 {
            let origin = i64::from(effects) + words as i64;
            let origin = origin.wrapping_sub(low.wrapping_mul(words as i64));
            self.tables.push(TableClassifier { place, low, high, effects, origin });
            return (low..=high).for_each(|value| self.add_effects(Some(value as u64), atoms, words));
        }
        let constants: Option<Vec<Vec<u64>>> = atoms.iter().map(|(atom, _)| atom.constants()).collect();
        let mut constants = constants.unwrap_or_default().concat();
        constants.sort_unstable();
        constants.dedup();
        if let Some((multiplier, bits)) = perfect(&constants) {
            let other = (0..).find(|word| !constants.contains(word));
            self.add_effects(other, atoms, words);
            let (slots, shift) = (self.slots.len() as u32, 64 - bits);
            let effects_of = |number: usize| effects + ((2 + number) * words) as u32;
            // Nothing finds itself in a slot that is not its own.
            let first = constants.first().copied().unwrap_or_default();
            let slot = Slot { word: first, effects: effects_of(0) };
            self.slots.resize(self.slots.len() + (1 << bits), slot);
            for (number, word) in constants.iter().enumerate() {
                let at = slots as usize + (word.wrapping_mul(multiplier) >> shift) as usize;
                if let Some(slot) = self.slots.get_mut(at) {
                    *slot = Slot { word: *word, effects: effects_of(number) };
                }
                self.add_effects(Some(*word), atoms, words);
            }
            let shift = shift as u8;
            return self.sets.push(SetClassifier { place, shift, multiplier, slots, effects });
        }
        // One word of each class, in their order; NaN has a class of its own.
        let first = if number { f64::NEG_INFINITY.to_bits() } else { i64::MIN as u64 };
        let word = |key: &i64| if number { word_of(*key) } else { *key as u64 };
        let nan = number.then_some(f64::NAN.to_bits());
        for word in [first].into_iter().chain(breakpoints.iter().map(word)).chain(nan) {
            self.add_effects(Some(word), atoms, words);
        }
        self.searches.push(SearchClassifier { place, number, breakpoints: breakpoints.into(), effects });
    }

    /// What a value comes to.
    fn add_effects(&mut self, value: Option<u64>, atoms: &[&(Atom, usize)], words: usize) {
        let mut effects = vec![Effect::default(); words];
        for (atom, condition) in atoms {
            let Some(effect) = effects.get_mut(condition / 64) else { continue };
            match atom.truth(value) {
                Truth::True => {}
                Truth::False => effect.failed |= 1 << (condition % 64),
                Truth::Missing => effect.missing |= 1 << (condition % 64),
            }
        }
        self.effects.extend(effects);
    }
}

/// What to multiply words with so that so many of the product's first bits differ for all of them.
fn perfect(words: &[u64]) -> Option<(u64, u32)> {
    if words.is_empty() || words.len() > MOST_OF_SET {
        return None;
    }
    let least = words.len().next_power_of_two().trailing_zeros().max(1);
    let odd = |number: u64| 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(2 * number + 1);
    let mut tries = (least..least + 5).flat_map(|bits| (0..64).map(move |number| (odd(number), bits)));
    tries.find(|(multiplier, bits)| {
        let mut slots: Vec<u64> =
            words.iter().map(|word| word.wrapping_mul(*multiplier) >> (64 - bits)).collect();
        slots.sort_unstable();
        slots.windows(2).all(|pair| pair.first() != pair.last())
    })
}

impl Chain {
    fn of(condition: usize, alternatives: &[usize]) -> Chain {
        let mut words: Vec<(usize, u64)> = Vec::new();
        for number in alternatives {
            match words.iter_mut().find(|(word, _)| *word == number / 64) {
                Some((_, bits)) => *bits |= 1 << (number % 64),
                None => words.push((number / 64, 1 << (number % 64))),
            }
        }
        Chain { condition, alternatives: words }
    }
}

/// Collects comparisons while conditions are compiled.
#[derive(Debug, Default)]
struct Builder {
    rest: Vec<Vec<Test>>,
    chains: Vec<Chain>,
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
            self.chains.push(Chain::of(number, &any));
            Test::Any(any)
        } else if let Some(pair) = Pair::of(node) {
            Test::Pair(pair)
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
        let mut conditions = Conditions { rest: self.rest, chains: self.chains, ..Conditions::default() };
        let words = conditions.rest.len().div_ceil(64);
        let mut places: Vec<u16> = self.atoms.iter().map(|(atom, _)| atom.place).collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            let here: Vec<&(Atom, usize)> =
                self.atoms.iter().filter(|(atom, _)| atom.place == place).collect();
            conditions.classify_by(place, &here, words);
        }
        conditions
    }
}

#[cfg(test)]
mod tests {
    use super::super::ast::Operator;
    use super::*;
    use crate::feature::Presence;
    use proptest::prelude::*;

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
        (any::<bool>(), any::<bool>()).prop_flat_map(|(number, ordered)| {
            let word = if number { doubles().boxed() } else { integers().boxed() };
            let first = if ordered { 0usize } else { 4 };
            let tests = proptest::collection::vec((first..9, word.clone()), 1..90);
            let values = proptest::collection::vec(proptest::option::of(word), 1..20);
            (Just(number), tests, values)
        })
    }

    #[test]
    fn few_values_have_slots_of_their_own() {
        let words = |count: u64| (0..count).map(|number| number << 56 | 0x3231).collect::<Vec<u64>>();
        for count in 1..=MOST_OF_SET as u64 {
            let words = words(count);
            let (multiplier, bits) = perfect(&words).unwrap();
            let slots: std::collections::BTreeSet<u64> =
                words.iter().map(|word| word.wrapping_mul(multiplier) >> (64 - bits)).collect();
            assert_eq!(slots.len(), words.len());
        }
        assert_eq!(perfect(&words(MOST_OF_SET as u64 + 1)), None);
        let one_of = |words| Node::OneOf(Box::new(Node::Load(0)), words);
        let conditions = Conditions::compile(&[one_of(words(7)), one_of(words(2))]);
        assert_eq!((conditions.tables.len(), conditions.sets.len(), conditions.searches.len()), (0, 1, 0));
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
                        AtomTest::Number { operator: Operator::COMPARISONS[*kind], constant: f64::from_bits(*word) }
                    }
                    (kind, false) => {
                        AtomTest::Integer { operator: Operator::COMPARISONS[*kind], constant: *word as i64 }
                    }
                };
                Atom { place: 0, test }
            };
            let atoms: Vec<Atom> = tests.iter().map(atom).collect();
            let builder = Builder {
                rest: vec![Vec::new(); atoms.len()],
                atoms: atoms.iter().cloned().enumerate().map(|(number, atom)| (atom, number)).collect(),
                ..Builder::default()
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
