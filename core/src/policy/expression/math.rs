//! The functions that reckon: those of CEL's math extension that expressions know, with `log` and `exp` beside them,
//! and how many texts disagree.

use super::Type;
use super::ast::{Expr, Span};
use super::check::{Checker, Node, Typed};
use crate::event::nearest;

/// Texts that can be compared at once.
const MOST_TEXTS: usize = 16;

/// A function of one double.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Math {
    Absolute,
    SquareRoot,
    /// The natural one.
    Logarithm,
    Exponential,
    Floor,
    Ceiling,
    /// Halves away from zero.
    Round,
}

impl Math {
    pub(super) fn of(self, number: f64) -> f64 {
        match self {
            Math::Absolute => libm::fabs(number),
            Math::SquareRoot => libm::sqrt(number),
            Math::Logarithm => libm::log(number),
            Math::Exponential => libm::exp(number),
            Math::Floor => libm::floor(number),
            Math::Ceiling => libm::ceil(number),
            Math::Round => libm::round(number),
        }
    }
}

/// Which of two numbers is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extreme {
    pub(crate) greatest: bool,
    /// They are doubles.
    pub(crate) number: bool,
}

impl Extreme {
    /// The first of equal ones; `None` when they cannot be compared.
    pub(super) fn of(self, first: u64, second: u64) -> Option<u64> {
        let order = if self.number {
            f64::from_bits(second).partial_cmp(&f64::from_bits(first))?
        } else {
            (second as i64).cmp(&(first as i64))
        };
        let better = if self.greatest { order.is_gt() } else { order.is_lt() };
        Some(if better { second } else { first })
    }
}

/// How many different words there are besides the first; `None` when there is none at all.
pub(super) fn disagreements(words: &[Option<u64>]) -> Option<u64> {
    let earlier = |at: usize, word: &Option<u64>| words.iter().take(at).any(|known| known == word);
    let different = words.iter().enumerate().filter(|(at, word)| word.is_some() && !earlier(*at, word));
    different.count().checked_sub(1).map(|others| others as u64)
}

/// What the namespace holds.
pub(super) const FUNCTIONS: [&str; 9] =
    ["abs", "least", "greatest", "sqrt", "log", "exp", "floor", "ceil", "round"];

/// Whether the namespace has a function of this name.
pub(super) fn is_function(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}

impl Checker<'_, '_> {
    /// A call of `math.function(arguments)`.
    pub(super) fn math(
        &mut self,
        function: &str,
        function_span: &Span,
        arguments: &[Expr],
    ) -> Option<(Node, Type)> {
        let one = match function {
            "least" | "greatest" => return self.extreme(function, function_span, arguments),
            "abs" => Math::Absolute,
            "sqrt" => Math::SquareRoot,
            "log" => Math::Logarithm,
            "exp" => Math::Exponential,
            "floor" => Math::Floor,
            "ceil" => Math::Ceiling,
            "round" => Math::Round,
            _ => {
                let hint = match nearest(function, FUNCTIONS.into_iter()) {
                    Some(known) => format!("did you mean math.{known}()?"),
                    None => format!("there are {}", FUNCTIONS.map(|name| format!("math.{name}")).join(", ")),
                };
                return self.fail(function_span, format!("there is no function math.{function}(); {hint}"));
            }
        };
        let [argument] = arguments else {
            return self.fail(function_span, format!("math.{function}() wants one argument"));
        };
        let rounds = matches!(one, Math::Floor | Math::Ceiling | Math::Round);
        let node = match self.value(argument)? {
            (node, Type::Number) => node,
            (node, Type::Integer) if one == Math::Absolute => {
                return Some((Node::AbsoluteInteger(Box::new(node)), Type::Integer));
            }
            (_, Type::Integer) if rounds => {
                return self.fail(
                    &argument.span,
                    format!("math.{function}() wants a double, this is an integer already"),
                );
            }
            (node, Type::Integer) => Node::Widen(Box::new(node)),
            (_, other) => {
                return self
                    .fail(&argument.span, format!("math.{function}() wants a number, this is {other}"));
            }
        };
        Some((Node::Math(one, Box::new(node)), Type::Number))
    }

    fn extreme(&mut self, function: &str, span: &Span, arguments: &[Expr]) -> Option<(Node, Type)> {
        if arguments.is_empty() {
            return self.fail(span, format!("math.{function}() wants at least one number"));
        }
        let mut values = Vec::new();
        for argument in arguments {
            values.push(match self.value(argument) {
                Some((_, other)) if !matches!(other, Type::Integer | Type::Number) => {
                    self.fail(&argument.span, format!("math.{function}() wants numbers, this is {other}"))
                }
                value => value,
            });
        }
        let values = values.into_iter().collect::<Option<Vec<_>>>()?;
        let number = values.iter().any(|(_, value_type)| *value_type == Type::Number);
        let items = values.into_iter().map(|(node, value_type)| match value_type {
            Type::Integer if number => Node::Widen(Box::new(node)),
            _ => node,
        });
        let node = Node::Extreme(Extreme { greatest: function == "greatest", number }, items.collect());
        Some((node, if number { Type::Number } else { Type::Integer }))
    }

    /// `disagreements(texts)`: those that are absent do not count, so reading one is no error.
    pub(super) fn disagreements(&mut self, arguments: &[Expr], span: &Span) -> Option<(Node, Type)> {
        if !(2..=MOST_TEXTS).contains(&arguments.len()) {
            return self.fail(span, format!("disagreements() wants 2 to {MOST_TEXTS} texts"));
        }
        let mut words = Vec::new();
        for argument in arguments {
            words.push(match self.expr(argument) {
                Some(
                    typed @ (Typed::Text(_) | Typed::Literal(_) | Typed::Value(Node::Load(_), Type::Symbol)),
                ) => self.symbol(typed, &argument.span),
                Some(typed) => {
                    let found = match typed.value_type() {
                        Type::Text => "text that is changed".to_owned(),
                        other => other.to_string(),
                    };
                    let message =
                        format!("disagreements() wants fields of text as they are, this is {found}");
                    self.fail(&argument.span, message)
                }
                None => None,
            });
        }
        Some((Node::Disagreements(words.into_iter().collect::<Option<_>>()?), Type::Integer))
    }
}
