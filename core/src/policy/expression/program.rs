//! Flat programs: what a checked expression becomes, and how it runs.
//!
//! Absent values follow CEL: reading one is an error that `&&` and `||` absorb where the other side decides.
//! Here the error is `None`.

use super::ast::Operator;
use super::check::{Fold, Node, TextTest};
use super::math::{Extreme, Math, disagreements};
use crate::event::time::{Calendar, TimePart};
use crate::event::{Event, Field};
use crate::feature::Row;

/// What a program reads.
#[derive(Clone, Copy)]
pub(crate) struct Evaluation<'a> {
    pub(crate) row: &'a Row,
    pub(crate) event: &'a Event,
    pub(crate) literals: &'a [String],
    /// The time zones that expressions name.
    pub(crate) zones: &'a [Calendar],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Constant(u64),
    Load(u16),
    Present(u16),
    Not,
    NegateInteger,
    NegateNumber,
    Widen,
    Truncate,
    /// Leaves false and jumps when the top is false.
    JumpIfFalse(u32),
    /// Leaves true and jumps when the top is true.
    JumpIfTrue(u32),
    And,
    Or,
    /// Takes the condition: to `otherwise` when false, to `end` with nothing when missing.
    Branch {
        otherwise: u32,
        end: u32,
    },
    Jump(u32),
    Integer(Operator, Second),
    Number(Operator, Second),
    CompareInteger(Operator, Second),
    CompareNumber(Operator, Second),
    CompareText(Operator),
    /// Loads an integer and compares it with a constant: most of what rules do.
    TestInteger {
        place: u16,
        operator: Operator,
        constant: i64,
    },
    TestNumber {
        place: u16,
        operator: Operator,
        constant: f64,
    },
    OneOf(u32),
    TestText(TextTest),
    TextSize,
    Fold(Fold),
    TimePart(TimePart, u16),
    Math(Math),
    AbsoluteInteger,
    Extreme(Extreme),
    /// Of so many texts.
    Disagreements(u32),
}

/// Where the second operand is: the first is on the top, or below the second where that is there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Second {
    Top,
    Place(u16),
    Constant(u64),
}

/// A compiled expression.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    ops: Vec<Op>,
    sets: Vec<Vec<u64>>,
}

const FIELD: u64 = 0;
const LITERAL: u64 = 1 << 60;
const LOWER: u64 = 1 << 61;
const UPPER: u64 = 1 << 62;
const INDEX: u64 = 0xffff_ffff;

/// Text on the stack: whose bytes, and how its letters are folded.
#[derive(Clone, Copy)]
pub(crate) struct TextWord(u64);

impl TextWord {
    pub(crate) fn field(field: Field) -> u64 {
        FIELD | u64::from(field.number())
    }

    fn literal(number: u32) -> u64 {
        LITERAL | u64::from(number)
    }

    fn text<'a>(self, evaluation: &Evaluation<'a>) -> &'a str {
        let index = self.0 & INDEX;
        if self.0 & LITERAL != 0 {
            evaluation.literals.get(index as usize).map_or("", String::as_str)
        } else {
            evaluation.event.raw_text(Field(index as u16)).unwrap_or("")
        }
    }

    fn bytes<'a>(self, evaluation: &Evaluation<'a>) -> impl DoubleEndedIterator<Item = u8> + Clone + 'a {
        let (lower, upper) = (self.0 & LOWER != 0, self.0 & UPPER != 0);
        self.text(evaluation).bytes().map(move |byte| match (lower, upper) {
            (true, _) => byte.to_ascii_lowercase(),
            (_, true) => byte.to_ascii_uppercase(),
            _ => byte,
        })
    }

    fn fold(self, fold: Fold) -> u64 {
        let bare = self.0 & !(LOWER | UPPER);
        // The last fold wins, as it does for ASCII letters.
        match fold {
            Fold::Lower => bare | LOWER,
            Fold::Upper => bare | UPPER,
        }
    }
}

impl Program {
    pub(crate) fn compile(node: &Node) -> Program {
        let mut program = Program::default();
        program.emit(node);
        program
    }

    fn push(&mut self, op: Op) -> usize {
        self.ops.push(op);
        self.ops.len() - 1
    }

    fn here(&self) -> u32 {
        self.ops.len() as u32
    }

    fn patch(&mut self, at: usize, op: Op) {
        if let Some(place) = self.ops.get_mut(at) {
            *place = op;
        }
    }

    fn emit(&mut self, node: &Node) {
        match node {
            Node::Constant(word) => {
                self.push(Op::Constant(*word));
            }
            Node::TextLiteral(number) => {
                self.push(Op::Constant(TextWord::literal(*number)));
            }
            Node::Load(place) => {
                self.push(Op::Load(*place));
            }
            Node::Present(place) => {
                self.push(Op::Present(*place));
            }
            Node::And(a, b) => {
                self.emit(a);
                let jump = self.push(Op::JumpIfFalse(0));
                self.emit(b);
                self.push(Op::And);
                let end = self.here();
                self.patch(jump, Op::JumpIfFalse(end));
            }
            Node::Or(a, b) => {
                self.emit(a);
                let jump = self.push(Op::JumpIfTrue(0));
                self.emit(b);
                self.push(Op::Or);
                let end = self.here();
                self.patch(jump, Op::JumpIfTrue(end));
            }
            Node::Conditional(condition, then, otherwise) => {
                self.emit(condition);
                let branch = self.push(Op::Jump(0));
                self.emit(then);
                let jump = self.push(Op::Jump(0));
                let otherwise_at = self.here();
                self.emit(otherwise);
                let end = self.here();
                self.patch(branch, Op::Branch { otherwise: otherwise_at, end });
                self.patch(jump, Op::Jump(end));
            }
            Node::Not(a) => self.unary(a, Op::Not),
            Node::NegateInteger(a) => self.unary(a, Op::NegateInteger),
            Node::NegateNumber(a) => self.unary(a, Op::NegateNumber),
            Node::Widen(a) => self.unary(a, Op::Widen),
            Node::Truncate(a) => self.unary(a, Op::Truncate),
            Node::TextSize(a) => self.unary(a, Op::TextSize),
            Node::Fold(fold, a) => self.unary(a, Op::Fold(*fold)),
            Node::TimePart(part, zone, a) => self.unary(a, Op::TimePart(*part, *zone)),
            Node::Math(math, a) => self.unary(a, Op::Math(*math)),
            Node::AbsoluteInteger(a) => self.unary(a, Op::AbsoluteInteger),
            Node::Extreme(extreme, items) => {
                for (number, item) in items.iter().enumerate() {
                    self.emit(item);
                    if number > 0 {
                        self.push(Op::Extreme(*extreme));
                    }
                }
            }
            Node::Disagreements(items) => {
                items.iter().for_each(|item| self.emit(item));
                self.push(Op::Disagreements(items.len() as u32));
            }
            Node::OneOf(a, words) => {
                let set = self.sets.len() as u32;
                self.sets.push(words.clone());
                self.unary(a, Op::OneOf(set));
            }
            Node::CompareInteger(operator, a, b) => match (&**a, &**b) {
                (Node::Load(place), Node::Constant(word)) => {
                    let (place, operator, constant) = (*place, *operator, *word as i64);
                    self.push(Op::TestInteger { place, operator, constant });
                }
                _ => self.reckon(a, b, |second| Op::CompareInteger(*operator, second)),
            },
            Node::CompareNumber(operator, a, b) => match (&**a, constant_number(b)) {
                (Node::Load(place), Some(constant)) => {
                    self.push(Op::TestNumber { place: *place, operator: *operator, constant });
                }
                _ => self.reckon(a, b, |second| Op::CompareNumber(*operator, second)),
            },
            Node::Integer(operator, a, b) => self.reckon(a, b, |second| Op::Integer(*operator, second)),
            Node::Number(operator, a, b) => self.reckon(a, b, |second| Op::Number(*operator, second)),
            Node::CompareText(operator, a, b) => self.binary(a, b, Op::CompareText(*operator)),
            Node::TestText(test, a, b) => self.binary(a, b, Op::TestText(*test)),
        }
    }

    fn unary(&mut self, a: &Node, op: Op) {
        self.emit(a);
        self.push(op);
    }

    fn binary(&mut self, a: &Node, b: &Node, op: Op) {
        self.emit(a);
        self.emit(b);
        self.push(op);
    }

    fn reckon(&mut self, a: &Node, b: &Node, op: impl Fn(Second) -> Op) {
        self.emit(a);
        let second = match b {
            Node::Load(place) => Second::Place(*place),
            b => match constant(b) {
                Some(word) => Second::Constant(word),
                None => {
                    self.emit(b);
                    Second::Top
                }
            },
        };
        self.push(op(second));
    }

    /// Runs the program; `None` when it read an absent value or an integer overflowed.
    pub(crate) fn run(&self, evaluation: &Evaluation<'_>, stack: &mut Vec<Option<u64>>) -> Option<u64> {
        let row = evaluation.row;
        stack.clear();
        // The top of the stack; what lies below the first value does not matter.
        let mut top = None;
        let mut at = 0;
        while let Some(op) = self.ops.get(at) {
            at += 1;
            top = match *op {
                Op::Constant(word) => {
                    stack.push(top);
                    Some(word)
                }
                Op::Load(place) => {
                    stack.push(top);
                    row.get(place)
                }
                Op::Present(place) => {
                    stack.push(top);
                    Some(u64::from(row.get(place).is_some()))
                }
                Op::TestInteger { place, operator, constant } => {
                    stack.push(top);
                    row.get(place).map(|word| compare_integers(operator, word as i64, constant))
                }
                Op::TestNumber { place, operator, constant } => {
                    stack.push(top);
                    row.get(place).map(|word| compare(operator, &f64::from_bits(word), &constant))
                }
                Op::JumpIfFalse(target) => {
                    if top == Some(0) {
                        at = target as usize;
                    }
                    continue;
                }
                Op::JumpIfTrue(target) => {
                    if top == Some(1) {
                        at = target as usize;
                    }
                    continue;
                }
                Op::Jump(target) => {
                    at = target as usize;
                    continue;
                }
                Op::Branch { otherwise, end } => match top {
                    None => {
                        at = end as usize;
                        continue;
                    }
                    Some(condition) => {
                        if condition == 0 {
                            at = otherwise as usize;
                        }
                        take(stack)
                    }
                },
                Op::And => {
                    let (a, b) = (take(stack), top);
                    match (a, b) {
                        (Some(0), _) | (_, Some(0)) => Some(0),
                        (Some(_), Some(_)) => Some(1),
                        _ => None,
                    }
                }
                Op::Or => {
                    let (a, b) = (take(stack), top);
                    match (a, b) {
                        (Some(1), _) | (_, Some(1)) => Some(1),
                        (Some(_), Some(_)) => Some(0),
                        _ => None,
                    }
                }
                Op::Not => top.map(|word| u64::from(word == 0)),
                Op::NegateInteger => {
                    top.and_then(|word| (word as i64).checked_neg()).map(|number| number as u64)
                }
                Op::NegateNumber => top.map(|word| (-f64::from_bits(word)).to_bits()),
                Op::Widen => top.map(|word| (word as i64 as f64).to_bits()),
                Op::Truncate => top.and_then(truncate),
                Op::Integer(operator, second) => {
                    let (a, b) = operands(second, top, row, stack);
                    a.zip(b).and_then(|(a, b)| integer(operator, a as i64, b as i64))
                }
                Op::Number(operator, second) => {
                    let (a, b) = operands(second, top, row, stack);
                    a.zip(b).map(|(a, b)| number(operator, f64::from_bits(a), f64::from_bits(b)))
                }
                Op::CompareInteger(operator, second) => {
                    let (a, b) = operands(second, top, row, stack);
                    a.zip(b).map(|(a, b)| compare_integers(operator, a as i64, b as i64))
                }
                Op::CompareNumber(operator, second) => {
                    let (a, b) = operands(second, top, row, stack);
                    a.zip(b).map(|(a, b)| compare(operator, &f64::from_bits(a), &f64::from_bits(b)))
                }
                Op::CompareText(operator) => {
                    let (a, b) = (take(stack), top);
                    a.zip(b).map(|(a, b)| compare_text(operator, TextWord(a), TextWord(b), evaluation))
                }
                Op::OneOf(set) => {
                    let set = self.sets.get(set as usize).map_or(&[][..], Vec::as_slice);
                    top.map(|word| u64::from(set.contains(&word)))
                }
                Op::TestText(test) => {
                    let (a, b) = (take(stack), top);
                    a.zip(b).map(|(a, b)| u64::from(test_text(test, TextWord(a), TextWord(b), evaluation)))
                }
                Op::TextSize => top.map(|word| TextWord(word).text(evaluation).chars().count() as u64),
                Op::TimePart(part, zone) => top.and_then(|word| {
                    let calendar = evaluation.zones.get(usize::from(zone))?;
                    calendar.part(part, word as i64).map(|part| part as u64)
                }),
                Op::Fold(fold) => top.map(|word| TextWord(word).fold(fold)),
                Op::Math(math) => top.map(|word| math.of(f64::from_bits(word)).to_bits()),
                Op::AbsoluteInteger => {
                    top.and_then(|word| (word as i64).checked_abs()).map(|number| number as u64)
                }
                Op::Extreme(extreme) => {
                    let (a, b) = (take(stack), top);
                    a.zip(b).and_then(|(a, b)| extreme.of(a, b))
                }
                Op::Disagreements(count) => {
                    stack.push(top);
                    let from = stack.len().saturating_sub(count as usize);
                    let result = disagreements(stack.get(from..).unwrap_or(&[]));
                    stack.truncate(from);
                    result
                }
            };
        }
        top
    }
}

fn constant(node: &Node) -> Option<u64> {
    match node {
        Node::Constant(word) => Some(*word),
        Node::Widen(inner) => match &**inner {
            Node::Constant(word) => Some((*word as i64 as f64).to_bits()),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn constant_number(node: &Node) -> Option<f64> {
    constant(node).map(f64::from_bits)
}

fn take(stack: &mut Vec<Option<u64>>) -> Option<u64> {
    stack.pop().flatten()
}

#[inline(always)]
fn operands(
    second: Second,
    top: Option<u64>,
    row: &Row,
    stack: &mut Vec<Option<u64>>,
) -> (Option<u64>, Option<u64>) {
    match second {
        Second::Top => (take(stack), top),
        Second::Place(place) => (top, row.get(place)),
        Second::Constant(word) => (top, Some(word)),
    }
}

fn compare<T: PartialOrd>(operator: Operator, a: &T, b: &T) -> u64 {
    u64::from(operator.compares(a, b))
}

fn compare_integers(operator: Operator, a: i64, b: i64) -> u64 {
    compare(operator, &a, &b)
}

fn compare_text(operator: Operator, a: TextWord, b: TextWord, evaluation: &Evaluation<'_>) -> u64 {
    use std::cmp::Ordering;
    let order = a.bytes(evaluation).cmp(b.bytes(evaluation));
    compare(operator, &order, &Ordering::Equal)
}

fn integer(operator: Operator, a: i64, b: i64) -> Option<u64> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Remainder => a.checked_rem(b),
        _ => None,
    };
    result.map(|number| number as u64)
}

fn number(operator: Operator, a: f64, b: f64) -> u64 {
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        _ => a / b,
    };
    result.to_bits()
}

/// Toward zero; an error outside 64 bits, as in CEL.
fn truncate(word: u64) -> Option<u64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let number = libm::trunc(f64::from_bits(word));
    (number > -LIMIT && number < LIMIT).then_some(number as i64 as u64)
}

fn test_text(test: TextTest, text: TextWord, part: TextWord, evaluation: &Evaluation<'_>) -> bool {
    let (mut text, mut part) = (text.bytes(evaluation), part.bytes(evaluation));
    match test {
        TextTest::StartsWith => part.all(|byte| text.next() == Some(byte)),
        TextTest::EndsWith => part.rev().all(|byte| text.next_back() == Some(byte)),
        TextTest::Contains => loop {
            let mut here = text.clone();
            if part.clone().all(|byte| here.next() == Some(byte)) {
                return true;
            }
            if text.next().is_none() {
                return false;
            }
        },
    }
}
