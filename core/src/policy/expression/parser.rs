//! CEL's grammar: precedence climbing over the tokens.
//!
//! The `cel` crate's own parser brings the antlr runtime, locks and a random number generator along, so it is
//! the oracle in the tests and not a dependency of the core.

use super::ast::{Expr, ExprKind, Mistake, Operator, Span};
use super::lexer::{Token, tokenize};
use crate::event::is_meant;

/// Deeper nesting is refused, so that no policy can exhaust the stack.
const DEEPEST: usize = 64;

/// Trees of more levels are refused.
const HIGHEST: usize = 128;

/// Longer expressions are refused.
pub(crate) const LONGEST: usize = 16_384;

/// Parses one expression.
pub(crate) fn parse(text: &str) -> Result<Expr, Mistake> {
    if text.len() > LONGEST {
        return Err(Mistake::new(&(0..1), format!("this expression is longer than {LONGEST} bytes")));
    }
    if text.trim().is_empty() {
        return Err(Mistake::new(&(0..text.len()), "this expression is empty"));
    }
    let tokens = tokenize(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let expr = parser.expression()?;
    match parser.next() {
        (Token::End, _) => Ok(expr),
        (token, span) => Err(parser.foreign().unwrap_or_else(|| {
            Mistake::new(&span, format!("found {} where the expression could end", token.describe()))
        })),
    }
}

/// The word of this language for one of another.
fn own_word(name: &str, words: &[&'static str]) -> Option<&'static str> {
    words.iter().copied().find(|word| is_meant(name, word))
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn span(&self) -> Span {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0..0, |(_, span)| span.clone())
    }

    fn next(&mut self) -> (Token, Span) {
        let token = self.peek().clone();
        let span = self.span();
        self.at += 1;
        (token, span)
    }

    fn accept(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == wanted;
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, wanted: &Token) -> Result<Span, Mistake> {
        let (token, span) = self.next();
        if token == *wanted {
            return Ok(span);
        }
        Err(self.foreign().unwrap_or_else(|| {
            Mistake::new(&span, format!("expected {}, found {}", wanted.describe(), token.describe()))
        }))
    }

    /// The operator of another language that explains why the token that was just taken, or the one before it, cannot
    /// stand where it does.
    fn foreign(&self) -> Option<Mistake> {
        let places = [self.at.checked_sub(2), self.at.checked_sub(1)].into_iter().flatten();
        places.filter_map(|at| self.tokens.get(at)).find_map(|(token, span)| {
            let Token::Name(name) = token else { return None };
            let own = own_word(name, &["&&", "||", "!", "=="])?;
            Some(Mistake::new(span, format!("`{name}` has no meaning here; did you mean `{own}`?")))
        })
    }

    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        if self.depth >= DEEPEST {
            return Err(Mistake::new(&self.span(), format!("this is nested deeper than {DEEPEST} levels")));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Result<Expr, Mistake> {
        self.deeper(|parser| {
            let condition = parser.binary(1)?;
            if !parser.accept(&Token::Question) {
                return Ok(condition);
            }
            let then = parser.binary(1)?;
            parser.expect(&Token::Colon)?;
            let otherwise = parser.expression()?;
            let span = condition.span.start..otherwise.span.end;
            let kind = ExprKind::Conditional(Box::new(condition), Box::new(then), Box::new(otherwise));
            Ok(Expr::new(span, kind))
        })
    }

    fn binary(&mut self, lowest: u8) -> Result<Expr, Mistake> {
        let mut left = self.unary()?;
        while let Token::Operator(operator) = *self.peek() {
            if operator.precedence() < lowest {
                break;
            }
            // A chain nests to the left, and the compiler walks it recursively.
            if left.height > HIGHEST {
                let message = "this chain of operators is too long; use `in` or several rules";
                return Err(Mistake::new(&self.span(), message));
            }
            self.at += 1;
            let right = self.binary(operator.precedence() + 1)?;
            let span = left.span.start..right.span.end;
            left = Expr::new(span, ExprKind::Binary(operator, Box::new(left), Box::new(right)));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Mistake> {
        let start = self.span().start;
        match self.peek() {
            Token::Not => {
                self.at += 1;
                let inner = self.deeper(Self::unary)?;
                Ok(Expr::new(start..inner.span.end, ExprKind::Not(Box::new(inner))))
            }
            Token::Operator(Operator::Subtract) => {
                self.at += 1;
                // The lowest integer has no positive counterpart, so the sign belongs to the literal.
                if let Token::Integer(value) = *self.peek() {
                    let (_, span) = self.next();
                    let value = 0i64.checked_sub_unsigned(value).ok_or_else(|| {
                        Mistake::new(&(start..span.end), "this integer does not fit 64 bits")
                    })?;
                    let literal = Expr::new(start..span.end, ExprKind::Integer(value));
                    return self.members(literal);
                }
                let inner = self.deeper(Self::unary)?;
                Ok(Expr::new(start..inner.span.end, ExprKind::Negate(Box::new(inner))))
            }
            _ => {
                let primary = self.primary()?;
                self.members(primary)
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, Mistake> {
        let (token, span) = self.next();
        let kind = match token {
            Token::Integer(value) => ExprKind::Integer(
                i64::try_from(value).map_err(|_| Mistake::new(&span, "this integer does not fit 64 bits"))?,
            ),
            Token::Number(value) => ExprKind::Number(value),
            Token::Text(value) => ExprKind::Text(value),
            Token::Name(name) => match name.as_str() {
                "true" => ExprKind::Boolean(true),
                "false" => ExprKind::Boolean(false),
                _ if self.accept(&Token::Open) => {
                    let (arguments, end) = self.arguments()?;
                    let kind = ExprKind::Call {
                        function: name,
                        function_span: span.clone(),
                        target: None,
                        arguments,
                    };
                    return Ok(Expr::new(span.start..end, kind));
                }
                // No field begins with a capital.
                _ if name == "null" || name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                    let hint = own_word(&name, &["has(field)", "true", "false"]);
                    let hint = hint.map(|own| format!("; did you mean `{own}`?")).unwrap_or_default();
                    return Err(Mistake::new(&span, format!("there is no `{name}`{hint}")));
                }
                _ => ExprKind::Name(name),
            },
            Token::Open => {
                let inner = self.expression()?;
                if *self.peek() == Token::Comma {
                    let message = "a list stands in brackets, such as [\"a\", \"b\"]";
                    return Err(Mistake::new(&span, message));
                }
                let end = self.expect(&Token::Close)?.end;
                return Ok(Expr::new(span.start..end, inner.kind));
            }
            Token::OpenList => {
                let mut items = Vec::new();
                while *self.peek() != Token::CloseList {
                    items.push(self.expression()?);
                    if !self.accept(&Token::Comma) {
                        break;
                    }
                }
                let end = self.expect(&Token::CloseList)?.end;
                return Ok(Expr::new(span.start..end, ExprKind::List(items)));
            }
            token => {
                return Err(Mistake::new(&span, format!("expected a value, found {}", token.describe())));
            }
        };
        Ok(Expr::new(span, kind))
    }

    fn members(&mut self, mut expr: Expr) -> Result<Expr, Mistake> {
        let mut members = 0;
        loop {
            if *self.peek() == Token::OpenList {
                return Err(Mistake::new(&self.span(), "there are no lists or maps to index"));
            }
            if !self.accept(&Token::Dot) {
                return Ok(expr);
            }
            members += 1;
            if members > DEEPEST {
                return Err(Mistake::new(
                    &self.span(),
                    format!("this is nested deeper than {DEEPEST} levels"),
                ));
            }
            let (token, name_span) = self.next();
            let Token::Name(name) = token else {
                return Err(Mistake::new(&name_span, format!("expected a name, found {}", token.describe())));
            };
            if self.accept(&Token::Open) {
                let (arguments, end) = self.arguments()?;
                let span = expr.span.start..end;
                let target = Some(Box::new(expr));
                let kind = ExprKind::Call { function: name, function_span: name_span, target, arguments };
                expr = Expr::new(span, kind);
            } else if let ExprKind::Name(path) = expr.kind {
                expr = Expr::new(expr.span.start..name_span.end, ExprKind::Name(format!("{path}.{name}")));
            } else {
                return Err(Mistake::new(&name_span, "only event fields have members"));
            }
        }
    }

    fn arguments(&mut self) -> Result<(Vec<Expr>, usize), Mistake> {
        let mut arguments = Vec::new();
        while *self.peek() != Token::Close {
            arguments.push(self.expression()?);
            if !self.accept(&Token::Comma) {
                break;
            }
        }
        Ok((arguments, self.expect(&Token::Close)?.end))
    }
}
