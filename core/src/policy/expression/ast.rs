//! What an expression says, before names and types are known.

use std::ops::Range;

/// Where in the expression's text a part of it stands, in bytes.
pub(crate) type Span = Range<usize>;

/// Something wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mistake {
    pub(crate) span: Span,
    pub(crate) message: String,
}

impl Mistake {
    pub(crate) fn new(span: &Span, message: impl Into<String>) -> Mistake {
        Mistake { span: span.clone(), message: message.into() }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) kind: ExprKind,
    /// Levels of the tree from here down, so that recursion over it is bounded.
    pub(crate) height: usize,
}

impl Expr {
    pub(crate) fn new(span: Span, kind: ExprKind) -> Expr {
        let below = match &kind {
            ExprKind::Not(a) | ExprKind::Negate(a) => a.height,
            ExprKind::Binary(_, a, b) => a.height.max(b.height),
            ExprKind::Conditional(a, b, c) => a.height.max(b.height).max(c.height),
            ExprKind::List(items) => items.iter().map(|e| e.height).max().unwrap_or(0),
            ExprKind::Call { target, arguments, .. } => {
                target.iter().map(|e| e.height).chain(arguments.iter().map(|e| e.height)).max().unwrap_or(0)
            }
            _ => 0,
        };
        Expr { span, kind, height: below + 1 }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExprKind {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    /// A name, or names joined by dots.
    Name(String),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    /// `target.function(arguments)` or `function(arguments)`.
    Call {
        function: String,
        function_span: Span,
        target: Option<Box<Expr>>,
        arguments: Vec<Expr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    #[cfg(test)]
    pub(crate) const COMPARISONS: [Operator; 6] = [
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Equal,
        Operator::NotEqual,
    ];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Operator::Or => "||",
            Operator::And => "&&",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::In => "in",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
        }
    }

    /// Whether a comparison holds; no other operator ever does.
    pub(crate) fn compares<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Operator::Less => a < b,
            Operator::LessOrEqual => a <= b,
            Operator::Greater => a > b,
            Operator::GreaterOrEqual => a >= b,
            Operator::Equal => a == b,
            Operator::NotEqual => a != b,
            _ => false,
        }
    }

    /// CEL's precedence, a higher one binds tighter.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::And => 2,
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Equal
            | Operator::NotEqual
            | Operator::In => 3,
            Operator::Add | Operator::Subtract => 4,
            Operator::Multiply | Operator::Divide | Operator::Remainder => 5,
        }
    }
}
