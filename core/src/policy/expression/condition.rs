//! Conditions: what rules and `where` come down to.
//!
//! Nearly everything that conditions say is a comparison with a constant, and many say the same. Those atoms are
//! collected over all conditions and evaluated once for each event, without branches, into one bit of truth and
//! one of absence each. A condition is then a mask over the atoms; what is left of it (texts, sums, alternatives)
//! runs only when the mask does not decide.

use smallvec::SmallVec;

use super::ast::Operator;
use super::check::Node;
use super::program::{Evaluation, Program, constant_number};
use crate::feature::Row;

/// How a condition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    True,
    /// It read an absent value that nothing absorbed.
    Missing,
}

/// Comparisons of places with constants, shared by many conditions.
///
/// They stand in blocks of up to 64 of one kind, so that a block is one loop and one word of facts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Atoms {
    blocks: Vec<Block>,
}

#[derive(Clone, Debug)]
enum Block {
    Integers(Vec<IntegerAtom>),
    Numbers(Vec<NumberAtom>),
    Others(Vec<OtherAtom>),
}

#[derive(Clone, Debug, PartialEq)]
enum Atom {
    Integer(IntegerAtom),
    Number(NumberAtom),
    Other(OtherAtom),
}

/// The integer lies within `low..=low + width`, or outside when `inside` is false.
#[derive(Clone, Debug, PartialEq)]
struct IntegerAtom {
    place: u16,
    inside: bool,
    low: i64,
    width: u64,
}

/// The double lies within `low..=high`, or outside. NaN lies outside of everything.
#[derive(Clone, Debug, PartialEq)]
struct NumberAtom {
    place: u16,
    inside: bool,
    low: f64,
    high: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum OtherAtom {
    /// The word is one of these.
    OneOf { place: u16, words: Vec<u64> },
    /// There is a value.
    Present { place: u16, expected: bool },
}

/// What the atoms of one event came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    words: Vec<Fact>,
}

/// One block's atoms: a bit for each that holds, and for each whose value is absent.
#[derive(Clone, Copy, Debug)]
struct Fact {
    truth: u64,
    missing: u64,
}

impl Atoms {
    /// Evaluates every atom.
    pub(crate) fn evaluate(&self, row: &Row, facts: &mut Facts) {
        facts.words.clear();
        for block in &self.blocks {
            facts.words.push(match block {
                Block::Integers(atoms) => gather(atoms, |atom| atom.evaluate(row)),
                Block::Numbers(atoms) => gather(atoms, |atom| atom.evaluate(row)),
                Block::Others(atoms) => gather(atoms, |atom| atom.evaluate(row)),
            });
        }
    }

    /// The word and the bit of an atom, added when it is new.
    fn place(&mut self, atom: Atom) -> (u16, u32) {
        for (word, block) in (0u16..).zip(&mut self.blocks) {
            let bit = match (block, &atom) {
                (Block::Integers(atoms), Atom::Integer(atom)) => find_or_add(atoms, atom),
                (Block::Numbers(atoms), Atom::Number(atom)) => find_or_add(atoms, atom),
                (Block::Others(atoms), Atom::Other(atom)) => find_or_add(atoms, atom),
                _ => None,
            };
            if let Some(bit) = bit {
                return (word, bit);
            }
        }
        self.blocks.push(match atom {
            Atom::Integer(atom) => Block::Integers(vec![atom]),
            Atom::Number(atom) => Block::Numbers(vec![atom]),
            Atom::Other(atom) => Block::Others(vec![atom]),
        });
        (self.blocks.len() as u16 - 1, 0)
    }
}

/// The place of an atom in a block, at its end when it is new; `None` when there is no room.
fn find_or_add<A: PartialEq + Clone>(atoms: &mut Vec<A>, atom: &A) -> Option<u32> {
    let found = atoms.iter().position(|known| known == atom);
    if found.is_none() && atoms.len() < 64 {
        atoms.push(atom.clone());
        return Some(atoms.len() as u32 - 1);
    }
    found.map(|found| found as u32)
}

#[inline(always)]
fn gather<A>(atoms: &[A], evaluate: impl Fn(&A) -> (bool, bool)) -> Fact {
    let mut fact = Fact { truth: 0, missing: 0 };
    for (bit, atom) in atoms.iter().enumerate() {
        let (holds, present) = evaluate(atom);
        fact.truth |= u64::from(holds & present) << (bit & 63);
        fact.missing |= u64::from(!present) << (bit & 63);
    }
    fact
}

impl IntegerAtom {
    fn of(place: u16, operator: Operator, constant: i64) -> IntegerAtom {
        let (inside, low, high) = match operator {
            Operator::Less => (false, constant, i64::MAX),
            Operator::LessOrEqual => (true, i64::MIN, constant),
            Operator::Greater => (false, i64::MIN, constant),
            Operator::GreaterOrEqual => (true, constant, i64::MAX),
            Operator::NotEqual => (false, constant, constant),
            _ => (true, constant, constant),
        };
        IntegerAtom { place, inside, low, width: high.wrapping_sub(low) as u64 }
    }

    /// Whether it holds, and whether there is a value.
    #[inline(always)]
    fn evaluate(&self, row: &Row) -> (bool, bool) {
        let (word, present) = row.read(self.place);
        (((word as i64).wrapping_sub(self.low) as u64 <= self.width) == self.inside, present)
    }
}

impl NumberAtom {
    fn of(place: u16, operator: Operator, constant: f64) -> NumberAtom {
        let (inside, low, high) = match operator {
            Operator::Less => (true, f64::NEG_INFINITY, below(constant)),
            Operator::LessOrEqual => (true, f64::NEG_INFINITY, constant),
            Operator::Greater => (true, above(constant), f64::INFINITY),
            Operator::GreaterOrEqual => (true, constant, f64::INFINITY),
            Operator::NotEqual => (false, constant, constant),
            _ => (true, constant, constant),
        };
        NumberAtom { place, inside, low, high }
    }

    #[inline(always)]
    fn evaluate(&self, row: &Row) -> (bool, bool) {
        let (word, present) = row.read(self.place);
        let number = f64::from_bits(word);
        (((self.low <= number) & (number <= self.high)) == self.inside, present)
    }
}

impl OtherAtom {
    #[inline(always)]
    fn evaluate(&self, row: &Row) -> (bool, bool) {
        match self {
            OtherAtom::OneOf { place, words } => {
                let (word, present) = row.read(*place);
                (words.iter().fold(false, |any, known| any | (*known == word)), present)
            }
            OtherAtom::Present { place, expected } => (row.read(*place).1 == *expected, true),
        }
    }
}

impl Atom {
    fn of(node: &Node) -> Option<Atom> {
        let load = |node: &Node| match node {
            Node::Load(place) => Some(*place),
            _ => None,
        };
        Some(match node {
            Node::Load(place) => {
                Atom::Integer(IntegerAtom { place: *place, inside: false, low: 0, width: 0 })
            }
            Node::Present(place) => Atom::Other(OtherAtom::Present { place: *place, expected: true }),
            Node::Not(inner) => match &**inner {
                Node::Load(place) => {
                    Atom::Integer(IntegerAtom { place: *place, inside: true, low: 0, width: 0 })
                }
                Node::Present(place) => Atom::Other(OtherAtom::Present { place: *place, expected: false }),
                _ => return None,
            },
            Node::CompareInteger(operator, a, b) => match &**b {
                Node::Constant(word) => Atom::Integer(IntegerAtom::of(load(a)?, *operator, *word as i64)),
                _ => return None,
            },
            Node::CompareNumber(operator, a, b) => {
                Atom::Number(NumberAtom::of(load(a)?, *operator, constant_number(b)?))
            }
            Node::OneOf(inner, words) => {
                Atom::Other(OtherAtom::OneOf { place: load(inner)?, words: words.clone() })
            }
            _ => return None,
        })
    }
}

/// The greatest double less than a constant; nothing is less than the least, which is NaN's answer too.
fn below(constant: f64) -> f64 {
    // Zero has two bit patterns of one value: step down from the lower.
    let constant = if constant == 0.0 { -0.0 } else { constant };
    if constant == f64::NEG_INFINITY { f64::NAN } else { constant.next_down() }
}

fn above(constant: f64) -> f64 {
    let constant = if constant == 0.0 { 0.0 } else { constant };
    if constant == f64::INFINITY { f64::NAN } else { constant.next_up() }
}

/// A compiled condition: atoms and tests that all have to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Condition {
    /// Words of the facts, and which bits of each have to be true.
    masks: SmallVec<[(u16, u64); 2]>,
    rest: Vec<Test>,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// At least one of the conditions holds: a chain of `||`.
    Any(Vec<Condition>),
    Program(Program),
}

impl Condition {
    /// Compiles a condition, its atoms among those of others.
    pub(crate) fn compile(node: &Node, atoms: &mut Atoms) -> Condition {
        let mut condition = Condition::default();
        condition.chain(node, atoms);
        condition
    }

    fn chain(&mut self, node: &Node, atoms: &mut Atoms) {
        if let Node::And(a, b) = node {
            self.chain(a, atoms);
            self.chain(b, atoms);
        } else if let Some(atom) = Atom::of(node) {
            let (word, bit) = atoms.place(atom);
            let bit = 1 << bit;
            match self.masks.iter_mut().find(|(known, _)| *known == word) {
                Some((_, mask)) => *mask |= bit,
                None => self.masks.push((word, bit)),
            }
        } else if let Node::Or(..) = node {
            let mut any = Vec::new();
            alternatives(node, atoms, &mut any);
            self.rest.push(Test::Any(any));
        } else {
            self.rest.push(Test::Program(Program::compile(node)));
        }
    }

    /// Whether it holds: false as soon as one part is, missing when one is and none is false.
    #[inline(always)]
    pub(crate) fn truth(
        &self,
        facts: &Facts,
        evaluation: &Evaluation<'_>,
        stack: &mut Vec<Option<u64>>,
    ) -> Truth {
        let (mut failed, mut missing) = (0, 0);
        for (word, mask) in &self.masks {
            let Some(fact) = facts.words.get(usize::from(*word)) else { continue };
            failed |= mask & !(fact.truth | fact.missing);
            missing |= mask & fact.missing;
        }
        if failed != 0 {
            return Truth::False;
        }
        let truth = if missing == 0 { Truth::True } else { Truth::Missing };
        if self.rest.is_empty() { truth } else { self.test_rest(truth, facts, evaluation, stack) }
    }

    #[inline(never)]
    fn test_rest(
        &self,
        mut truth: Truth,
        facts: &Facts,
        evaluation: &Evaluation<'_>,
        stack: &mut Vec<Option<u64>>,
    ) -> Truth {
        for test in &self.rest {
            let holds = match test {
                Test::Any(conditions) => any_of(conditions, facts, evaluation, stack),
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
}

fn any_of(
    conditions: &[Condition],
    facts: &Facts,
    evaluation: &Evaluation<'_>,
    stack: &mut Vec<Option<u64>>,
) -> Truth {
    let mut truth = Truth::False;
    for condition in conditions {
        match condition.truth(facts, evaluation, stack) {
            Truth::True => return Truth::True,
            Truth::False => {}
            Truth::Missing => truth = Truth::Missing,
        }
    }
    truth
}

fn alternatives(node: &Node, atoms: &mut Atoms, any: &mut Vec<Condition>) {
    if let Node::Or(a, b) = node {
        alternatives(a, atoms, any);
        alternatives(b, atoms, any);
    } else {
        any.push(Condition::compile(node, atoms));
    }
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

    fn compared<T: PartialOrd>(operator: Operator, a: &T, b: &T) -> bool {
        match operator {
            Operator::Less => a < b,
            Operator::LessOrEqual => a <= b,
            Operator::Greater => a > b,
            Operator::GreaterOrEqual => a >= b,
            Operator::NotEqual => a != b,
            _ => a == b,
        }
    }

    fn doubles() -> impl Strategy<Value = f64> {
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
    }

    proptest! {
        /// Ranges say what the operators say, at every edge of the doubles.
        #[test]
        fn ranges_of_doubles_are_comparisons(a in doubles(), b in doubles(), operator in 0usize..6) {
            let operator = OPERATORS[operator];
            let expected = compared(operator, &a, &b);
            let mut row = Row::default();
            row.reset(1);
            row.set(0, Some(a.to_bits()), Presence::Exact);
            prop_assert_eq!(NumberAtom::of(0, operator, b).evaluate(&row), (expected, true), "{} {:?} {}", a, operator, b);
        }

        #[test]
        fn ranges_of_integers_are_comparisons(
            a in prop_oneof![any::<i64>(), -2i64..3, Just(i64::MAX), Just(i64::MIN)],
            b in prop_oneof![any::<i64>(), -2i64..3, Just(i64::MAX), Just(i64::MIN)],
            operator in 0usize..6,
        ) {
            let operator = OPERATORS[operator];
            let expected = compared(operator, &a, &b);
            let mut row = Row::default();
            row.reset(1);
            row.set(0, Some(a as u64), Presence::Exact);
            prop_assert_eq!(IntegerAtom::of(0, operator, b).evaluate(&row), (expected, true));
        }
    }
}
