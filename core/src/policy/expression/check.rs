//! Types of expressions: from what is written to what can be evaluated.

use super::Type;
use super::ast::{Expr, ExprKind, Mistake, Operator, Span};
use super::math::{Extreme, Math};
use super::scope::{Named, Reading, Scope, SlotSource, Slots, field_type};
use crate::event::time::TimePart;
use crate::event::{Domain, Field, FieldSpec, nearest};

/// A typed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Constant(u64),
    TextLiteral(u32),
    Load(u16),
    /// Whether the place has a value.
    Present(u16),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Conditional(Box<Node>, Box<Node>, Box<Node>),
    NegateInteger(Box<Node>),
    NegateNumber(Box<Node>),
    Widen(Box<Node>),
    Truncate(Box<Node>),
    Integer(Operator, Box<Node>, Box<Node>),
    Number(Operator, Box<Node>, Box<Node>),
    CompareInteger(Operator, Box<Node>, Box<Node>),
    CompareNumber(Operator, Box<Node>, Box<Node>),
    CompareText(Operator, Box<Node>, Box<Node>),
    /// The word is one of these.
    OneOf(Box<Node>, Vec<u64>),
    TestText(TextTest, Box<Node>, Box<Node>),
    TextSize(Box<Node>),
    Fold(Fold, Box<Node>),
    /// A part of a time in a time zone, by its number.
    TimePart(TimePart, u16, Box<Node>),
    Math(Math, Box<Node>),
    AbsoluteInteger(Box<Node>),
    /// Of at least one.
    Extreme(Extreme, Vec<Node>),
    /// How many different texts there are, less one.
    Disagreements(Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

/// A change of ASCII letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Lower,
    Upper,
}

/// What a part of the expression's text refers to, for explanations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reference {
    Field(Field),
    Place(u16, Type),
    /// Whether the place has a value.
    Presence(u16),
}

/// A checked expression.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) node: Node,
    pub(crate) value_type: Type,
    /// The places of names and list tests in the text, in order, none inside another.
    pub(crate) references: Vec<(Span, Reference)>,
}

/// Types an expression; every mistake found is returned.
pub(crate) fn check(expr: &Expr, scope: &Scope<'_>, slots: &mut Slots) -> Result<Checked, Vec<Mistake>> {
    let mut checker = Checker { scope, slots, mistakes: Vec::new(), references: Vec::new() };
    let checked = checker.expr(expr).map(|typed| checker.as_value(typed));
    let Checker { mistakes, mut references, .. } = checker;
    match checked {
        Some((node, value_type)) if mistakes.is_empty() => {
            references.sort_by_key(|(span, _)| span.start);
            Ok(Checked { node, value_type, references })
        }
        _ => Err(mistakes),
    }
}

/// A typed part; text fields stay fields until it is known how they are read.
pub(super) enum Typed<'a> {
    Value(Node, Type),
    Text(&'a FieldSpec),
    Literal(String),
    Entity(&'a FieldSpec),
}

impl Typed<'_> {
    pub(super) fn value_type(&self) -> Type {
        match self {
            Typed::Value(_, value_type) => *value_type,
            Typed::Text(_) | Typed::Literal(_) => Type::Text,
            Typed::Entity(_) => Type::Entity,
        }
    }
}

pub(super) struct Checker<'a, 's> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) slots: &'s mut Slots,
    mistakes: Vec<Mistake>,
    pub(super) references: Vec<(Span, Reference)>,
}

impl<'a> Checker<'a, '_> {
    pub(super) fn fail<T>(&mut self, span: &Span, message: impl Into<String>) -> Option<T> {
        let message = message.into();
        if !message.is_empty() {
            self.mistakes.push(Mistake::new(span, message));
        }
        None
    }

    /// Turns a part into a value whose bytes can be looked at.
    fn as_value(&mut self, typed: Typed<'a>) -> (Node, Type) {
        match typed {
            Typed::Value(node, value_type) => (node, value_type),
            Typed::Text(spec) => {
                (Node::Load(self.slots.place(SlotSource::Event(spec.field(), Reading::Value))), Type::Text)
            }
            Typed::Literal(text) => (Node::TextLiteral(self.slots.literal(&text)), Type::Text),
            Typed::Entity(spec) => {
                (Node::Load(self.slots.place(SlotSource::Event(spec.field(), Reading::Token))), Type::Entity)
            }
        }
    }

    pub(super) fn value(&mut self, expr: &Expr) -> Option<(Node, Type)> {
        let typed = self.expr(expr)?;
        Some(self.as_value(typed))
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Option<Typed<'a>> {
        let span = &expr.span;
        let value = |node, value_type| Some(Typed::Value(node, value_type));
        match &expr.kind {
            ExprKind::Boolean(flag) => value(Node::Constant(u64::from(*flag)), Type::Boolean),
            ExprKind::Integer(number) => value(Node::Constant(*number as u64), Type::Integer),
            ExprKind::Number(number) => value(Node::Constant(number.to_bits()), Type::Number),
            ExprKind::Text(text) => Some(Typed::Literal(text.clone())),
            ExprKind::List(_) => self.fail(span, "a list can only stand behind `in`"),
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::Not(inner) => {
                let node = self.boolean(inner, "`!`")?;
                value(Node::Not(Box::new(node)), Type::Boolean)
            }
            ExprKind::Negate(inner) => match self.value(inner)? {
                (node, value_type @ (Type::Integer | Type::Duration)) => {
                    value(Node::NegateInteger(Box::new(node)), value_type)
                }
                (node, Type::Number) => value(Node::NegateNumber(Box::new(node)), Type::Number),
                (_, other) => self.fail(&inner.span, format!("`-` wants a number, this is {other}")),
            },
            ExprKind::Binary(operator, left, right) => {
                let (node, value_type) = self.binary(*operator, left, right, span)?;
                value(node, value_type)
            }
            ExprKind::Conditional(condition, then, otherwise) => {
                let condition = self.boolean(condition, "`?`");
                let then_value = self.value(then);
                let otherwise_value = self.value(otherwise);
                let (condition, then_value, otherwise_value) = (condition?, then_value?, otherwise_value?);
                let (a, b, value_type) = match (then_value, otherwise_value) {
                    ((a, ta), (b, tb)) if ta == tb => (a, b, ta),
                    ((a, Type::Integer), (b, Type::Number)) => (Node::Widen(Box::new(a)), b, Type::Number),
                    ((a, Type::Number), (b, Type::Integer)) => (a, Node::Widen(Box::new(b)), Type::Number),
                    ((_, ta), (_, tb)) => {
                        return self.fail(span, format!("one branch is {ta}, the other is {tb}"));
                    }
                };
                value(Node::Conditional(Box::new(condition), Box::new(a), Box::new(b)), value_type)
            }
            ExprKind::Call { function, function_span, target, arguments } => {
                let (node, value_type) = match target {
                    None => self.function(function, function_span, arguments, span)?,
                    Some(target) => self.method(function, function_span, target, arguments)?,
                };
                value(node, value_type)
            }
        }
    }

    fn name(&mut self, name: &str, span: &Span) -> Option<Typed<'a>> {
        match self.scope.find(name) {
            Err(message) => self.fail(span, message),
            Ok(Named::Feature(feature)) => {
                self.references.push((span.clone(), Reference::Place(feature.place, feature.value_type)));
                Some(Typed::Value(Node::Load(feature.place), feature.value_type))
            }
            Ok(Named::Field(spec)) => {
                self.references.push((span.clone(), Reference::Field(spec.field())));
                Some(match field_type(spec) {
                    Type::Text => Typed::Text(spec),
                    Type::Entity => Typed::Entity(spec),
                    value_type => {
                        let place = self.slots.place(SlotSource::Event(spec.field(), Reading::Value));
                        Typed::Value(Node::Load(place), value_type)
                    }
                })
            }
        }
    }

    fn boolean(&mut self, expr: &Expr, wanted_by: &str) -> Option<Node> {
        match self.value(expr)? {
            (node, Type::Boolean) => Some(node),
            (_, other) => self.fail(&expr.span, format!("{wanted_by} wants a condition, this is {other}")),
        }
    }

    fn binary(&mut self, operator: Operator, left: &Expr, right: &Expr, span: &Span) -> Option<(Node, Type)> {
        match operator {
            Operator::And | Operator::Or => {
                let (a, b) = (self.boolean(left, operator.text()), self.boolean(right, operator.text()));
                let (a, b) = (Box::new(a?), Box::new(b?));
                let node = if operator == Operator::And { Node::And(a, b) } else { Node::Or(a, b) };
                Some((node, Type::Boolean))
            }
            Operator::In => self.one_of(left, right),
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => {
                let (a, b) = (self.expr(left), self.expr(right));
                let literal = [right, left].into_iter().find(|e| matches!(e.kind, ExprKind::Text(_)));
                self.comparison(operator, a?, b?, span, literal.map_or(span, |e| &e.span))
            }
            _ => {
                let (a, b) = (self.value(left), self.value(right));
                self.arithmetic(operator, a?, b?, right, span)
            }
        }
    }

    fn comparison(
        &mut self,
        operator: Operator,
        a: Typed<'a>,
        b: Typed<'a>,
        span: &Span,
        literal_span: &Span,
    ) -> Option<(Node, Type)> {
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        let (ta, tb) = (a.value_type(), b.value_type());
        let node = match (a, b) {
            // A text field against a literal is a comparison of two integers.
            (Typed::Text(spec), Typed::Literal(text)) | (Typed::Literal(text), Typed::Text(spec))
                if equality =>
            {
                self.check_choice(spec, &text, literal_span)?;
                let place = self.slots.place(SlotSource::Event(spec.field(), Reading::Literal));
                let literal = self.slots.literal_word(&text);
                integers(operator, Node::Load(place), Node::Constant(literal))
            }
            (a, b) if ta == Type::Symbol || tb == Type::Symbol => {
                if !equality {
                    let message = "remembered text can be compared with `==`, `!=` and `in` only";
                    return self.fail(span, message);
                }
                let (a, b) = (self.symbol(a, span)?, self.symbol(b, span)?);
                integers(operator, a, b)
            }
            (Typed::Entity(a), Typed::Entity(b)) if equality => {
                if a.entity() != b.entity() {
                    let kinds = (a.entity().unwrap_or_default(), b.entity().unwrap_or_default());
                    let message =
                        format!("an identifier of kind {} never equals one of kind {}", kinds.0, kinds.1);
                    return self.fail(span, message);
                }
                let a = self.as_value(Typed::Entity(a)).0;
                let b = self.as_value(Typed::Entity(b)).0;
                integers(operator, a, b)
            }
            (a, b) => {
                let ((a, _), (b, _)) = (self.as_value(a), self.as_value(b));
                let (a, b) = (a, b);
                match (ta, tb) {
                    (Type::Integer, Type::Integer)
                    | (Type::Duration, Type::Duration)
                    | (Type::Time, Type::Time) => integers(operator, a, b),
                    (Type::Boolean, Type::Boolean) if equality => integers(operator, a, b),
                    (Type::Number, Type::Number) => numbers(operator, a, b),
                    (Type::Integer, Type::Number) => numbers(operator, Node::Widen(Box::new(a)), b),
                    (Type::Number, Type::Integer) => numbers(operator, a, Node::Widen(Box::new(b))),
                    (Type::Text, Type::Text) => Node::CompareText(operator, Box::new(a), Box::new(b)),
                    (Type::Entity, _) | (_, Type::Entity) => {
                        let message = "an identifier is hashed: test it with has(), in_list(), list_severity() \
                                       or against another identifier of its kind";
                        return self.fail(span, message);
                    }
                    (Type::Duration, Type::Integer) | (Type::Integer, Type::Duration) => {
                        let message = format!(
                            "`{}` compares a duration with an integer; write duration(\"10m\")",
                            operator.text()
                        );
                        return self.fail(span, message);
                    }
                    _ => {
                        let message = format!("`{}` cannot compare {ta} with {tb}", operator.text());
                        return self.fail(span, message);
                    }
                }
            }
        };
        Some((node, Type::Boolean))
    }

    /// A part as the word under which history remembers it.
    pub(super) fn symbol(&mut self, typed: Typed<'a>, span: &Span) -> Option<Node> {
        match typed {
            Typed::Value(node, Type::Symbol) => Some(node),
            Typed::Literal(text) => Some(Node::Constant(crate::event::Symbol::of(&text).0)),
            Typed::Text(spec) => {
                Some(Node::Load(self.slots.place(SlotSource::Event(spec.field(), Reading::Symbol))))
            }
            other => {
                let other = other.value_type();
                self.fail(span, format!("remembered text can be compared with text only, this is {other}"))
            }
        }
    }

    /// A literal that a field with a closed set of values never equals is a typing mistake.
    fn check_choice(&mut self, spec: &FieldSpec, text: &str, span: &Span) -> Option<()> {
        let Domain::Choice(values) = &spec.domain else { return Some(()) };
        if values.iter().any(|value| value == text) {
            return Some(());
        }
        let known = || values.iter().map(|value| &**value);
        let hint = match nearest(text, known()) {
            Some(known) => format!("did you mean \"{known}\"?"),
            None => format!("it is one of {}", known().collect::<Vec<_>>().join(", ")),
        };
        self.fail(span, format!("`{}` is never \"{text}\"; {hint}", spec.name()))
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        (a, ta): (Node, Type),
        (b, tb): (Node, Type),
        right: &Expr,
        span: &Span,
    ) -> Option<(Node, Type)> {
        use Operator::{Add, Divide, Multiply, Remainder, Subtract};
        let integer =
            |a, b, value_type| Some((Node::Integer(operator, Box::new(a), Box::new(b)), value_type));
        let number = |a, b| Some((Node::Number(operator, Box::new(a), Box::new(b)), Type::Number));
        match (operator, ta, tb) {
            (Divide | Remainder, Type::Integer, Type::Integer) => match right.kind {
                ExprKind::Integer(0) => self.fail(span, "this divides by zero"),
                ExprKind::Integer(_) => integer(a, b, Type::Integer),
                _ => self.fail(
                    span,
                    "this division can fail; divide by a literal, or divide doubles with double(...)",
                ),
            },
            (Remainder, Type::Number, _) | (Remainder, _, Type::Number) => {
                self.fail(span, "`%` wants integers")
            }
            (_, Type::Integer, Type::Integer) => integer(a, b, Type::Integer),
            (_, Type::Number, Type::Number) => number(a, b),
            (_, Type::Integer, Type::Number) => number(Node::Widen(Box::new(a)), b),
            (_, Type::Number, Type::Integer) => number(a, Node::Widen(Box::new(b))),
            (Subtract, Type::Time, Type::Time) => integer(a, b, Type::Duration),
            (Add | Subtract, Type::Duration, Type::Duration) => integer(a, b, Type::Duration),
            (Add | Subtract, Type::Time, Type::Duration) | (Add, Type::Duration, Type::Time) => {
                integer(a, b, Type::Time)
            }
            (Add, Type::Text, Type::Text) => self.fail(span, "text cannot be joined"),
            (Add | Subtract | Multiply | Divide | Remainder, ..) => {
                let message = format!("`{}` cannot take {ta} and {tb}", operator.text());
                self.fail(span, message)
            }
            _ => None,
        }
    }

    fn one_of(&mut self, left: &Expr, right: &Expr) -> Option<(Node, Type)> {
        let ExprKind::List(items) = &right.kind else {
            let message = "`in` wants a list such as [\"a\", \"b\"]; for lists of the policy use in_list()";
            return self.fail(&right.span, message);
        };
        let tested = self.expr(left);
        let mut literals = Vec::new();
        for item in items {
            let literal = match &item.kind {
                ExprKind::Text(_) | ExprKind::Integer(_) | ExprKind::Number(_) | ExprKind::Boolean(_) => {
                    self.expr(item)
                }
                ExprKind::Call { function, .. } if function == "duration" || function == "timestamp" => {
                    self.expr(item)
                }
                _ => self.fail(&item.span, "the items of a list are literals"),
            };
            literals.push((literal, &item.span));
        }
        let tested = tested?;
        let tested_type = tested.value_type();
        match tested {
            Typed::Text(spec) => {
                let mut words = Vec::new();
                for (literal, span) in literals {
                    match literal? {
                        Typed::Literal(text) => {
                            self.check_choice(spec, &text, span)?;
                            words.push(self.slots.literal_word(&text));
                        }
                        other => return self.unlike(span, other.value_type(), Type::Text),
                    }
                }
                let place = self.slots.place(SlotSource::Event(spec.field(), Reading::Literal));
                Some((Node::OneOf(Box::new(Node::Load(place)), words), Type::Boolean))
            }
            Typed::Value(node, Type::Symbol) => {
                let mut words = Vec::new();
                for (literal, span) in literals {
                    match literal? {
                        Typed::Literal(text) => words.push(crate::event::Symbol::of(&text).0),
                        other => return self.unlike(span, other.value_type(), Type::Text),
                    }
                }
                Some((Node::OneOf(Box::new(node), words), Type::Boolean))
            }
            Typed::Value(
                node,
                value_type @ (Type::Integer | Type::Duration | Type::Time | Type::Boolean),
            ) => {
                let mut words = Vec::new();
                for (literal, span) in literals {
                    match literal? {
                        Typed::Value(Node::Constant(word), found) if found == value_type => words.push(word),
                        other => return self.unlike(span, other.value_type(), value_type),
                    }
                }
                Some((Node::OneOf(Box::new(node), words), Type::Boolean))
            }
            Typed::Value(_, Type::Number) | Typed::Literal(_) | Typed::Value(_, Type::Text) => {
                // Any equality makes it true: a chain of comparisons.
                let (node, value_type) = self.as_value(tested);
                let mut chain = None;
                for (literal, span) in literals {
                    let literal = literal?;
                    let found = literal.value_type();
                    let (item, _) = self.as_value(literal);
                    let (node, item) = (Box::new(node.clone()), Box::new(item));
                    let equal = match (value_type, found) {
                        (Type::Number, Type::Number) => Node::CompareNumber(Operator::Equal, node, item),
                        (Type::Number, Type::Integer) => {
                            Node::CompareNumber(Operator::Equal, node, Box::new(Node::Widen(item)))
                        }
                        (Type::Text, Type::Text) => Node::CompareText(Operator::Equal, node, item),
                        _ => return self.unlike(span, found, value_type),
                    };
                    chain = Some(match chain {
                        None => equal,
                        Some(before) => Node::Or(Box::new(before), Box::new(equal)),
                    });
                }
                Some((chain.unwrap_or(Node::Constant(0)), Type::Boolean))
            }
            _ => self.fail(
                &left.span,
                format!("`in` cannot look for {tested_type}; use in_list() for identifiers"),
            ),
        }
    }

    fn unlike<T>(&mut self, span: &Span, found: Type, wanted: Type) -> Option<T> {
        self.fail(span, format!("this item is {found}, what is looked for is {wanted}"))
    }
}

fn integers(operator: Operator, a: Node, b: Node) -> Node {
    Node::CompareInteger(operator, Box::new(a), Box::new(b))
}

fn numbers(operator: Operator, a: Node, b: Node) -> Node {
    Node::CompareNumber(operator, Box::new(a), Box::new(b))
}

impl Checked {
    /// The places of the row that the expression reads.
    pub(crate) fn places_read(&self) -> Vec<u16> {
        let mut places = Vec::new();
        self.node.visit(&mut |node| {
            if let Node::Load(place) | Node::Present(place) = node
                && !places.contains(place)
            {
                places.push(*place);
            }
        });
        places
    }

    /// The event fields that the expression reads.
    pub(crate) fn fields_read(&self, slots: &Slots) -> Vec<Field> {
        let mut fields = Vec::new();
        self.node.visit(&mut |node| {
            if let Node::Load(place) | Node::Present(place) = node
                && let Some(SlotSource::Event(field, _)) = slots.sources().get(usize::from(*place))
            {
                fields.push(*field);
            }
        });
        fields
    }
}

impl Node {
    /// Calls `f` with this node and every one below it.
    pub(crate) fn visit(&self, f: &mut impl FnMut(&Node)) {
        f(self);
        match self {
            Node::Constant(_) | Node::TextLiteral(_) | Node::Load(_) | Node::Present(_) => {}
            Node::Not(a)
            | Node::NegateInteger(a)
            | Node::NegateNumber(a)
            | Node::Widen(a)
            | Node::Truncate(a)
            | Node::OneOf(a, _)
            | Node::TextSize(a)
            | Node::Fold(_, a)
            | Node::TimePart(_, _, a)
            | Node::Math(_, a)
            | Node::AbsoluteInteger(a) => a.visit(f),
            Node::Extreme(_, items) | Node::Disagreements(items) => {
                items.iter().for_each(|item| item.visit(f));
            }
            Node::And(a, b)
            | Node::Or(a, b)
            | Node::Integer(_, a, b)
            | Node::Number(_, a, b)
            | Node::CompareInteger(_, a, b)
            | Node::CompareNumber(_, a, b)
            | Node::CompareText(_, a, b)
            | Node::TestText(_, a, b) => {
                a.visit(f);
                b.visit(f);
            }
            Node::Conditional(a, b, c) => {
                a.visit(f);
                b.visit(f);
                c.visit(f);
            }
        }
    }
}
