//! Types of calls: the functions and methods that expressions know.

use super::Type;
use super::ast::{Expr, ExprKind, Span};
use super::check::{Checker, Fold, Node, Reference, TextTest};
use super::math::{FUNCTIONS, is_function};
use super::scope::{ListAsk, Named, Reading, SlotSource};
use crate::event::time::{TimePart, parse_duration};
use crate::event::{Field, FieldSpec, is_meant, nearest};
use crate::locale::Kind;
use crate::policy::ListKind;
use crate::policy::hints::{no_duration, no_zone};

impl<'a> Checker<'a, '_> {
    pub(super) fn function(
        &mut self,
        function: &str,
        function_span: &Span,
        arguments: &[Expr],
        span: &Span,
    ) -> Option<(Node, Type)> {
        match (function, arguments) {
            ("has", [argument]) => self.has(argument, span),
            ("duration", [Expr { kind: ExprKind::Text(text), span, .. }]) => match parse_duration(text) {
                Some(duration) => Some((Node::Constant(duration as u64), Type::Duration)),
                None => self.fail(span, no_duration(text, false)),
            },
            ("timestamp", [Expr { kind: ExprKind::Text(text), span, .. }]) => {
                match text.parse::<jiff::Timestamp>() {
                    Ok(time) => Some((Node::Constant(time.as_millisecond() as u64), Type::Time)),
                    Err(_) => self.fail(span, "this is no time; write 2026-11-01T00:00:00Z"),
                }
            }
            ("duration" | "timestamp", [argument]) => {
                self.fail(&argument.span, format!("{function}() wants a literal"))
            }
            ("double", [argument]) => match self.value(argument)? {
                (node, Type::Integer) => Some((Node::Widen(Box::new(node)), Type::Number)),
                (node, Type::Number) => Some((node, Type::Number)),
                (_, other) => self.fail(&argument.span, format!("double() wants a number, this is {other}")),
            },
            ("int", [argument]) => match self.value(argument)? {
                (node, Type::Number) => Some((Node::Truncate(Box::new(node)), Type::Integer)),
                (node, Type::Integer) => Some((node, Type::Integer)),
                (_, other) => self.fail(&argument.span, format!("int() wants a number, this is {other}")),
            },
            ("size", [argument]) => self.size(argument),
            ("disagreements", texts) => self.disagreements(texts, span),
            ("well_formed", [field]) => self.well_formed(field, span),
            ("same_name", [a, b]) => {
                self.agreement((a, b), span, "holder_name", Reading::SameName, Type::Boolean)
            }
            ("address_level", [a, b]) => {
                self.agreement((a, b), span, "address", Reading::AddressLevel, Type::Integer)
            }
            (function, [list, entity]) if ListAsk::named(function).is_some() => {
                self.list_test(function, list, entity, span)
            }
            ("has" | "duration" | "timestamp" | "double" | "int" | "size", _) => {
                self.fail(span, format!("{function}() wants one argument"))
            }
            ("well_formed", _) => self.fail(span, "well_formed() wants one identifier"),
            ("same_name" | "address_level", _) => {
                self.fail(span, format!("{function}() wants two identifiers of one kind"))
            }
            (function, _) if ListAsk::named(function).is_some() => {
                self.fail(span, format!("{function}() wants the name of a list and an identifier"))
            }
            _ => {
                let known = [
                    "has",
                    "duration",
                    "timestamp",
                    "double",
                    "int",
                    "size",
                    "in_list",
                    "list_severity",
                    "disagreements",
                    "list_reason",
                    "list_source",
                    "list_level",
                    "well_formed",
                    "same_name",
                    "address_level",
                ];
                let hint = match nearest(function, known.into_iter().chain(FUNCTIONS)) {
                    Some(known) if is_function(known) => format!("did you mean math.{known}()?"),
                    Some(known) => format!("did you mean {known}()?"),
                    None if is_meant(function, "!") => "did you mean `!`?".to_owned(),
                    None => format!("there are {}", known.join(", ")),
                };
                self.fail(function_span, format!("there is no function {function}(); {hint}"))
            }
        }
    }

    fn has(&mut self, argument: &Expr, span: &Span) -> Option<(Node, Type)> {
        let ExprKind::Name(name) = &argument.kind else {
            return self.fail(&argument.span, "has() wants a field or a feature");
        };
        match self.scope.find(name) {
            Err(message) => self.fail(&argument.span, message),
            Ok(Named::Feature(feature)) => {
                self.references.push((span.clone(), Reference::Presence(feature.place)));
                Some((Node::Present(feature.place), Type::Boolean))
            }
            Ok(Named::Field(spec)) => {
                let place = self.slots.place(SlotSource::Event(spec.field(), Reading::Present));
                self.references.push((span.clone(), Reference::Place(place, Type::Boolean)));
                Some((Node::Load(place), Type::Boolean))
            }
        }
    }

    /// Whether an identifier can be brought into its one form.
    fn well_formed(&mut self, argument: &Expr, span: &Span) -> Option<(Node, Type)> {
        let spec = self.written(argument)?;
        if spec.entity().and_then(Kind::named).is_none() {
            let message =
                "only an address, a bank account, a name, an e-mail address and a phone number have a form";
            return self.fail(&argument.span, message);
        }
        self.reading(spec, Reading::WellFormed, span, Type::Boolean)
    }

    /// How two identifiers of a kind agree beyond being equal.
    fn agreement(
        &mut self,
        (a, b): (&Expr, &Expr),
        span: &Span,
        kind: &str,
        reading: fn(Field) -> Reading,
        value_type: Type,
    ) -> Option<(Node, Type)> {
        let mut of_kind = |expr: &Expr| {
            let spec = self.written(expr)?;
            if spec.entity() == Some(kind) {
                return Some(spec);
            }
            self.fail(&expr.span, format!("`{}` is no identifier of kind {kind}", spec.name()))
        };
        let (a, b) = (of_kind(a), of_kind(b));
        let (a, b) = (a?, b?);
        self.reading(a, reading(b.field()), span, value_type)
    }

    /// A field whose spelling counts.
    fn written(&mut self, argument: &Expr) -> Option<&'a FieldSpec> {
        if !self.scope.japanese {
            return self.fail(
                &argument.span,
                "how identifiers are written is read with `locale = \"ja\"` in [policy]",
            );
        }
        let ExprKind::Name(name) = &argument.kind else {
            return self.fail(&argument.span, "this is no event field with an identifier");
        };
        match self.scope.find(name) {
            Ok(Named::Field(spec)) if spec.entity().is_some() => Some(spec),
            Ok(_) => self.fail(&argument.span, format!("`{name}` is no identifier")),
            Err(message) => self.fail(&argument.span, message),
        }
    }

    fn reading(
        &mut self,
        spec: &FieldSpec,
        reading: Reading,
        span: &Span,
        value_type: Type,
    ) -> Option<(Node, Type)> {
        let place = self.slots.place(SlotSource::Event(spec.field(), reading));
        self.references.push((span.clone(), Reference::Place(place, value_type)));
        Some((Node::Load(place), value_type))
    }

    fn size(&mut self, argument: &Expr) -> Option<(Node, Type)> {
        match self.value(argument)? {
            (node, Type::Text) => Some((Node::TextSize(Box::new(node)), Type::Integer)),
            (_, other) => self.fail(&argument.span, format!("size() wants text, this is {other}")),
        }
    }

    fn list_test(&mut self, function: &str, list: &Expr, entity: &Expr, span: &Span) -> Option<(Node, Type)> {
        let ExprKind::Text(name) = &list.kind else {
            return self.fail(&list.span, "the name of a list is a literal such as \"fraud_devices\"");
        };
        let list = match self.scope.list(name) {
            Ok(found) => Some(found),
            Err(message) => self.fail(&list.span, message),
        };
        let ExprKind::Name(field) = &entity.kind else {
            return self.fail(&entity.span, "the second argument is an event field with an identifier");
        };
        let spec = match self.scope.find(field) {
            Ok(Named::Field(spec)) if spec.entity().is_some() => spec,
            Ok(_) => return self.fail(&entity.span, format!("`{field}` is no identifier")),
            Err(message) => return self.fail(&entity.span, message),
        };
        let list = list?;
        if spec.entity() != Some(&list.entity) {
            let message = format!(
                "the list \"{name}\" holds identifiers of kind {}, `{field}` is of kind {}",
                list.entity,
                spec.entity().unwrap_or_default()
            );
            return self.fail(&entity.span, message);
        }
        let ask = ListAsk::named(function)?;
        if ask == ListAsk::Level && list.kind != ListKind::Address {
            let message =
                format!("the list \"{name}\" has no levels; list_level() is for lists of kind \"address\"");
            return self.fail(span, message);
        }
        let (list, field) = (list.number, spec.field());
        let (place, value_type) = (self.slots.place(SlotSource::List { list, field, ask }), ask.value_type());
        self.references.push((span.clone(), Reference::Place(place, value_type)));
        Some((Node::Load(place), value_type))
    }

    pub(super) fn method(
        &mut self,
        function: &str,
        function_span: &Span,
        target: &Expr,
        arguments: &[Expr],
    ) -> Option<(Node, Type)> {
        let namespace = matches!(&target.kind, ExprKind::Name(name) if name == "math");
        if namespace && (is_function(function) || self.scope.find("math").is_err()) {
            return self.math(function, function_span, arguments);
        }
        let test = match function {
            "startsWith" => Some(TextTest::StartsWith),
            "endsWith" => Some(TextTest::EndsWith),
            "contains" => Some(TextTest::Contains),
            _ => None,
        };
        let fold = match function {
            "lowerAscii" => Some(Fold::Lower),
            "upperAscii" => Some(Fold::Upper),
            _ => None,
        };
        if let Some((_, part)) = TimePart::ACCESSORS.into_iter().find(|(name, _)| *name == function) {
            return self.time_part(part, function_span, target, arguments);
        }
        match (function, arguments) {
            ("size", []) => return self.size(target),
            (_, [argument]) if test.is_some() => {
                let (target_value, argument_value) = (self.value(target), self.value(argument));
                let (a, b) = (target_value?, argument_value?);
                return match (a, b, test) {
                    ((a, Type::Text), (b, Type::Text), Some(test)) => {
                        Some((Node::TestText(test, Box::new(a), Box::new(b)), Type::Boolean))
                    }
                    ((_, Type::Text), (_, other), _) => {
                        self.fail(&argument.span, format!("{function}() wants text, this is {other}"))
                    }
                    ((_, other), ..) => {
                        self.fail(&target.span, format!("{function}() wants text, this is {other}"))
                    }
                };
            }
            (_, []) => {
                if let Some(fold) = fold {
                    return match self.value(target)? {
                        (node, Type::Text) => Some((Node::Fold(fold, Box::new(node)), Type::Text)),
                        (_, other) => {
                            self.fail(&target.span, format!("{function}() wants text, this is {other}"))
                        }
                    };
                }
            }
            _ => {}
        }
        let of_text = ["startsWith", "endsWith", "contains", "size", "lowerAscii", "upperAscii"];
        let of_times = TimePart::ACCESSORS.into_iter().map(|(name, _)| name);
        let known: Vec<&str> = of_text.into_iter().chain(of_times).collect();
        if of_text.contains(&function) {
            let wanted = if test.is_some() { "one argument" } else { "no argument" };
            return self.fail(function_span, format!("{function}() wants {wanted}"));
        }
        let hint = match (function, nearest(function, known.iter().copied())) {
            ("matches", _) => {
                "regular expressions are not supported; use startsWith, endsWith or contains".to_owned()
            }
            (_, Some(known)) => format!("did you mean {known}()?"),
            _ => format!("there are {}", known.join(", ")),
        };
        self.fail(function_span, format!("there is no function {function}(); {hint}"))
    }

    fn time_part(
        &mut self,
        part: TimePart,
        function_span: &Span,
        target: &Expr,
        arguments: &[Expr],
    ) -> Option<(Node, Type)> {
        let zone = match arguments {
            [] => self.slots.zone("UTC"),
            [Expr { kind: ExprKind::Text(name), span, .. }] => match self.slots.zone(name) {
                Some(zone) => Some(zone),
                None => self.fail(span, no_zone(name)),
            },
            _ => self.fail(function_span, "a part of a time wants at most the name of a time zone"),
        };
        match self.value(target)? {
            (node, Type::Time) => Some((Node::TimePart(part, zone?, Box::new(node)), Type::Integer)),
            (_, other) => self.fail(&target.span, format!("only a time has this part, this is {other}")),
        }
    }
}
