//! CEL's tokens.

use super::ast::{Mistake, Operator, Span};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Integer(u64),
    Number(f64),
    Text(String),
    Name(String),
    Operator(Operator),
    Not,
    Question,
    Colon,
    Comma,
    Dot,
    Open,
    Close,
    OpenList,
    CloseList,
    End,
}

impl Token {
    pub(crate) fn describe(&self) -> String {
        match self {
            Token::Integer(_) | Token::Number(_) => "a number".to_owned(),
            Token::Text(_) => "text".to_owned(),
            Token::Name(name) => format!("`{name}`"),
            Token::Operator(operator) => format!("`{}`", operator.text()),
            Token::Not => "`!`".to_owned(),
            Token::Question => "`?`".to_owned(),
            Token::Colon => "`:`".to_owned(),
            Token::Comma => "`,`".to_owned(),
            Token::Dot => "`.`".to_owned(),
            Token::Open => "`(`".to_owned(),
            Token::Close => "`)`".to_owned(),
            Token::OpenList => "`[`".to_owned(),
            Token::CloseList => "`]`".to_owned(),
            Token::End => "the end".to_owned(),
        }
    }
}

/// Splits an expression into tokens; the last one is [`Token::End`].
pub(crate) fn tokenize(text: &str) -> Result<Vec<(Token, Span)>, Mistake> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let token = lexer.token()?;
        let ends = token == Token::End;
        tokens.push((token, start..lexer.at));
        if ends {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest().starts_with("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<Token, Mistake> {
        let start = self.at;
        let Some(c) = self.peek() else { return Ok(Token::End) };
        if c.is_ascii_digit() || (c == '.' && self.rest().chars().nth(1).is_some_and(|d| d.is_ascii_digit()))
        {
            return self.number();
        }
        if c.is_ascii_alphabetic() || c == '_' {
            let quoted = self.rest().chars().nth(1).is_some_and(|q| q == '"' || q == '\'');
            if matches!(c, 'r' | 'R') && quoted {
                self.take();
                return self.string(true);
            }
            if matches!(c, 'b' | 'B') && quoted {
                return Err(Mistake::new(&(start..start + 1), "bytes are not supported"));
            }
            let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return Ok(match name {
                "in" => Token::Operator(Operator::In),
                _ => Token::Name(name.to_owned()),
            });
        }
        if c == '"' || c == '\'' {
            return self.string(false);
        }
        for (sign, operator) in [
            ("&&", Operator::And),
            ("||", Operator::Or),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("+", Operator::Add),
            ("-", Operator::Subtract),
            ("*", Operator::Multiply),
            ("/", Operator::Divide),
            ("%", Operator::Remainder),
        ] {
            if self.rest().starts_with(sign) {
                self.at += sign.len();
                return Ok(Token::Operator(operator));
            }
        }
        self.take();
        Ok(match c {
            '!' => Token::Not,
            '?' => Token::Question,
            ':' => Token::Colon,
            ',' => Token::Comma,
            '.' => Token::Dot,
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenList,
            ']' => Token::CloseList,
            _ => {
                let hint = match c {
                    '=' => "; compare with `==`",
                    '&' => "; logical and is `&&`",
                    '|' => "; logical or is `||`",
                    _ => "",
                };
                return Err(Mistake::new(&(start..self.at), format!("`{c}` has no meaning here{hint}")));
            }
        })
    }

    fn number(&mut self) -> Result<Token, Mistake> {
        let start = self.at;
        let refuse = |end: usize, why: &str| Err(Mistake::new(&(start..end), why));
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.at += 2;
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            return match u64::from_str_radix(digits, 16) {
                Ok(value) => Ok(Token::Integer(value)),
                Err(_) => refuse(self.at, "this integer does not fit 64 bits"),
            };
        }
        self.take_while(|c| c.is_ascii_digit());
        let mut whole = true;
        if self.peek() == Some('.') && self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit()) {
            whole = false;
            self.take();
            self.take_while(|c| c.is_ascii_digit());
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            whole = false;
            self.take();
            if matches!(self.peek(), Some('+' | '-')) {
                self.take();
            }
            self.take_while(|c| c.is_ascii_digit());
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        if self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return refuse(
                self.at,
                match self.text.get(start..self.at) {
                    Some(written) if written.contains('_') => "this is no number; leave out the `_`",
                    _ => {
                        "this is no number; unsigned integers are not supported, durations are duration(\"10m\")"
                    }
                },
            );
        }
        if whole {
            match digits.parse() {
                Ok(value) => Ok(Token::Integer(value)),
                Err(_) => refuse(self.at, "this integer does not fit 64 bits"),
            }
        } else {
            match digits.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Token::Number(value)),
                _ => refuse(self.at, "this is no finite number"),
            }
        }
    }

    fn string(&mut self, raw: bool) -> Result<Token, Mistake> {
        let start = self.at;
        let Some(quote) = self.take() else { return Ok(Token::End) };
        let mut value = String::new();
        loop {
            let at = self.at;
            match self.take() {
                None | Some('\n') => {
                    return Err(Mistake::new(&(start..at), "this text has no closing quote"));
                }
                Some(c) if c == quote => return Ok(Token::Text(value)),
                Some('\\') if !raw => value.push(self.escape(at)?),
                Some(c) => value.push(c),
            }
        }
    }

    fn escape(&mut self, at: usize) -> Result<char, Mistake> {
        let Some(c) = self.take() else {
            return Err(Mistake::new(&(at..self.at), "this text has no closing quote"));
        };
        let (digits, radix) = match c {
            'a' => return Ok('\u{07}'),
            'b' => return Ok('\u{08}'),
            'f' => return Ok('\u{0c}'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\u{0b}'),
            '\\' | '?' | '"' | '\'' | '`' => return Ok(c),
            'x' | 'X' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='3' => {
                self.at -= 1;
                (3, 8)
            }
            _ => return Err(Mistake::new(&(at..self.at), format!("`\\{c}` is no escape"))),
        };
        let number = self.rest().get(..digits).and_then(|text| u32::from_str_radix(text, radix).ok());
        match number.and_then(char::from_u32) {
            Some(c) => {
                self.at += digits;
                Ok(c)
            }
            None => {
                Err(Mistake::new(&(at..self.at), format!("this escape wants {digits} digits of a character")))
            }
        }
    }
}
