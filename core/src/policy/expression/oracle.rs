//! Three evaluators must agree on random expressions: the flat program, a walk over the tree (slow and
//! obvious), and the `cel` crate (somebody else's reading of the language).

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cel::extractors::Arguments;
use cel::{Context, Env, ExecutionError, Value as Cel, extensions};
use proptest::prelude::*;

use super::ast::Operator;
use super::atom::Truth;
use super::check::{Checked, Fold, Node, TextTest};
use super::condition::{Conditions, Facts};
use super::math::{Extreme, Math};
use super::program::{Evaluation, Program};
use super::scope::{Scope, SlotSource, Slots, Use};
use super::{Type, compile};
use crate::event::{Event, Schema};
use crate::feature::{Presence, Row, event_word};

thread_local! {
    static NAN_COMPARED: Cell<bool> = const { Cell::new(false) };
}

/// Evaluates the tree as its definition reads.
fn walk(node: &Node, evaluation: &Evaluation<'_>, slots: &Slots) -> Option<Walked> {
    use Walked::{Text, Word};
    let word = |node: &Node| walk(node, evaluation, slots).map(Walked::word);
    let text = |node: &Node| walk(node, evaluation, slots).map(Walked::text);
    let both = |a: &Node, b: &Node| Some((word(a)?, word(b)?));
    let float = f64::from_bits;
    Some(match node {
        Node::Constant(constant) => Word(*constant),
        Node::TextLiteral(number) => Text(slots.literals()[*number as usize].clone()),
        Node::Load(place) => {
            let loaded = evaluation.row.get(*place)?;
            match slots.sources()[usize::from(*place)] {
                SlotSource::Event(field, super::Reading::Value) if evaluation.event.text(field).is_some() => {
                    Text(evaluation.event.text(field)?.to_owned())
                }
                _ => Word(loaded),
            }
        }
        Node::Present(place) => Word(u64::from(evaluation.row.get(*place).is_some())),
        Node::Not(a) => Word(u64::from(word(a)? == 0)),
        Node::And(a, b) => match (word(a), word(b)) {
            (Some(0), _) | (_, Some(0)) => Word(0),
            (Some(_), Some(_)) => Word(1),
            _ => return None,
        },
        Node::Or(a, b) => match (word(a), word(b)) {
            (Some(1), _) | (_, Some(1)) => Word(1),
            (Some(_), Some(_)) => Word(0),
            _ => return None,
        },
        Node::Conditional(c, a, b) => walk(if word(c)? != 0 { a } else { b }, evaluation, slots)?,
        Node::NegateInteger(a) => Word((word(a)? as i64).checked_neg()? as u64),
        Node::NegateNumber(a) => Word((-float(word(a)?)).to_bits()),
        Node::Widen(a) => Word((word(a)? as i64 as f64).to_bits()),
        Node::Truncate(a) => {
            let number = float(word(a)?).trunc();
            if !(-9_223_372_036_854_775_807.0..9_223_372_036_854_775_807.0).contains(&number) {
                return None;
            }
            Word(number as i64 as u64)
        }
        Node::Integer(operator, a, b) => {
            let (a, b) = both(a, b)?;
            let (a, b) = (a as i64, b as i64);
            let result = match operator {
                Operator::Add => a.checked_add(b)?,
                Operator::Subtract => a.checked_sub(b)?,
                Operator::Multiply => a.checked_mul(b)?,
                Operator::Divide => a.checked_div(b)?,
                Operator::Remainder => a.checked_rem(b)?,
                _ => return None,
            };
            Word(result as u64)
        }
        Node::Number(operator, a, b) => {
            let (a, b) = both(a, b)?;
            let (a, b) = (float(a), float(b));
            let result = match operator {
                Operator::Add => a + b,
                Operator::Subtract => a - b,
                Operator::Multiply => a * b,
                Operator::Divide => a / b,
                _ => return None,
            };
            Word(result.to_bits())
        }
        Node::CompareInteger(operator, a, b) => {
            let (a, b) = both(a, b)?;
            Word(compare(*operator, &(a as i64), &(b as i64)))
        }
        Node::CompareNumber(operator, a, b) => {
            let (a, b) = both(a, b)?;
            // CEL says that nothing compares with NaN; the `cel` crate makes it an error.
            NAN_COMPARED.with(|seen| seen.set(seen.get() || float(a).is_nan() || float(b).is_nan()));
            Word(compare(*operator, &float(a), &float(b)))
        }
        Node::CompareText(operator, a, b) => Word(compare(*operator, &text(a)?, &text(b)?)),
        Node::OneOf(a, words) => Word(u64::from(words.contains(&word(a)?))),
        Node::TestText(test, a, b) => {
            let (a, b) = (text(a)?, text(b)?);
            Word(u64::from(match test {
                TextTest::StartsWith => a.starts_with(&b),
                TextTest::EndsWith => a.ends_with(&b),
                TextTest::Contains => a.contains(&b),
            }))
        }
        Node::TextSize(a) => Word(text(a)?.chars().count() as u64),
        Node::TimePart(part, zone, a) => {
            let zone = &evaluation.zones[usize::from(*zone)];
            Word(zone.part(*part, word(a)? as i64)? as u64)
        }
        Node::Math(math, a) => {
            let number = float(word(a)?);
            let result = match math {
                Math::Absolute => number.abs(),
                Math::SquareRoot => number.sqrt(),
                Math::Logarithm => libm::log(number),
                Math::Exponential => libm::exp(number),
                Math::Floor => number.floor(),
                Math::Ceiling => number.ceil(),
                Math::Round => number.round(),
            };
            Word(result.to_bits())
        }
        Node::AbsoluteInteger(a) => Word((word(a)? as i64).checked_abs()? as u64),
        Node::Extreme(Extreme { greatest, number: false }, items) => {
            let items: Vec<i64> = items.iter().map(|item| Some(word(item)? as i64)).collect::<Option<_>>()?;
            Word(if *greatest { items.into_iter().max() } else { items.into_iter().min() }? as u64)
        }
        Node::Extreme(Extreme { greatest, number: true }, items) => {
            let mut items: Vec<f64> =
                items.iter().map(|item| Some(float(word(item)?))).collect::<Option<_>>()?;
            if items.len() > 1 && items.iter().any(|item| item.is_nan()) {
                return None;
            }
            if *greatest {
                items.reverse();
            }
            items.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
            Word(if *greatest { items.last() } else { items.first() }?.to_bits())
        }
        Node::Disagreements(items) => {
            let different: BTreeSet<u64> = items.iter().filter_map(word).collect();
            Word(different.len().checked_sub(1)? as u64)
        }
        Node::Fold(Fold::Lower, a) => Text(text(a)?.to_ascii_lowercase()),
        Node::Fold(Fold::Upper, a) => Text(text(a)?.to_ascii_uppercase()),
    })
}

enum Walked {
    Word(u64),
    Text(String),
}

impl Walked {
    fn word(self) -> u64 {
        match self {
            Walked::Word(word) => word,
            Walked::Text(text) => panic!("text {text:?} where a word belongs"),
        }
    }

    fn text(self) -> String {
        match self {
            Walked::Text(text) => text,
            Walked::Word(word) => panic!("word {word} where text belongs"),
        }
    }
}

fn compare<T: PartialOrd>(operator: Operator, a: &T, b: &T) -> u64 {
    u64::from(match operator {
        Operator::Less => a < b,
        Operator::LessOrEqual => a <= b,
        Operator::Greater => a > b,
        Operator::GreaterOrEqual => a >= b,
        Operator::Equal => a == b,
        Operator::NotEqual => a != b,
        _ => panic!("{operator:?} compares nothing"),
    })
}

/// Values of the fields that the generated expressions read; each may be absent.
#[derive(Clone, Debug)]
struct Values {
    width: Option<i64>,
    depth: Option<i64>,
    radius: Option<f64>,
    latitude: Option<f64>,
    rooted: Option<bool>,
    emulator: Option<bool>,
    channel: Option<String>,
    model: Option<String>,
    language: Option<String>,
    time: i64,
    created: Option<i64>,
}

fn values() -> impl Strategy<Value = Values> {
    let integer = || proptest::option::of(prop_oneof![-3i64..4, -(1i64 << 53)..(1 << 53)]);
    let flag = || proptest::option::of(any::<bool>());
    let text = || proptest::option::of("[abBé-]{1,3}");
    let numbers =
        (proptest::option::of(prop_oneof![Just(0.0), 0.0..20_000.0]), proptest::option::of(-90.0..90.0f64));
    let times = (0..2_000_000_000_000i64, proptest::option::of(0..2_000_000_000_000i64));
    (integer(), integer(), numbers, (flag(), flag()), (text(), text(), text()), times).prop_map(
        |(
            width,
            depth,
            (radius, latitude),
            (rooted, emulator),
            (channel, model, language),
            (time, created),
        )| Values {
            width,
            depth,
            radius,
            latitude,
            rooted,
            emulator,
            channel,
            model,
            language,
            time,
            created,
        },
    )
}

impl Values {
    fn event(&self) -> Event {
        let mut event = Event::of("login", self.time).unwrap();
        let schema = Arc::clone(event.schema());
        let field = |name: &str| schema.field(name).unwrap();
        for (name, value) in [("device.screen_width", self.width), ("browser.color_depth", self.depth)] {
            if let Some(value) = value {
                event.set(field(name), value).unwrap();
            }
        }
        for (name, value) in [("radius_km", self.radius), ("latitude", self.latitude)] {
            if let Some(value) = value {
                event.set(field(name), value).unwrap();
            }
        }
        for (name, value) in [("device.rooted", self.rooted), ("device.emulator", self.emulator)] {
            if let Some(value) = value {
                event.set(field(name), value).unwrap();
            }
        }
        for (name, value) in
            [("channel", &self.channel), ("device.model", &self.model), ("browser.language", &self.language)]
        {
            if let Some(value) = value {
                event.set(field(name), value).unwrap();
            }
        }
        if let Some(created) = self.created {
            event.set(field("account.created_at"), created).unwrap();
        }
        event
    }

    fn context(&self, env: Arc<Env>) -> Context<'static, 'static> {
        let mut context = Context::with_env(env);
        let mut maps: BTreeMap<&str, HashMap<String, Cel>> =
            ["device", "browser", "account"].into_iter().map(|name| (name, HashMap::new())).collect();
        let mut put = |group: &str, name: &str, value: Option<Cel>| {
            if let Some(value) = value {
                maps.get_mut(group).unwrap().insert(name.to_owned(), value);
            }
        };
        let time = |time: i64| Cel::Timestamp(chrono::DateTime::from_timestamp_millis(time).unwrap().into());
        put("device", "screen_width", self.width.map(Cel::Int));
        put("browser", "color_depth", self.depth.map(Cel::Int));
        put("device", "rooted", self.rooted.map(Cel::Bool));
        put("device", "emulator", self.emulator.map(Cel::Bool));
        put("device", "model", self.model.as_deref().map(Cel::from));
        put("browser", "language", self.language.as_deref().map(Cel::from));
        put("account", "created_at", self.created.map(time));
        for (name, map) in maps {
            context.add_variable_from_value(name, map);
        }
        if let Some(radius) = self.radius {
            context.add_variable_from_value("radius_km", Cel::Float(radius));
        }
        if let Some(latitude) = self.latitude {
            context.add_variable_from_value("latitude", Cel::Float(latitude));
        }
        if let Some(channel) = &self.channel {
            context.add_variable_from_value("channel", channel.as_str());
        }
        context.add_variable_from_value("time", time(self.time));
        let texts: HashMap<String, String> =
            [("channel", &self.channel), ("device.model", &self.model), ("browser.language", &self.language)]
                .into_iter()
                .filter_map(|(name, text)| Some((name.to_owned(), text.clone()?)))
                .collect();
        let disagreements = move |Arguments(names): Arguments| {
            let text = |name: &Cel| match name {
                Cel::String(name) => texts.get(&**name),
                other => panic!("{other:?}"),
            };
            let different: BTreeSet<&String> = names.iter().filter_map(text).collect();
            match different.len() {
                0 => Err(ExecutionError::function_error("disagreements", "there is no text")),
                count => Ok(Cel::Int(count as i64 - 1)),
            }
        };
        context.add_function("disagreements", disagreements).unwrap();
        context.add_function("math.log", |number: f64| libm::log(number)).unwrap();
        context.add_function("math.exp", |number: f64| libm::exp(number)).unwrap();
        context
    }
}

fn environment() -> Arc<Env> {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings).unwrap();
    env.add_extension(extensions::math).unwrap();
    Arc::new(env)
}

/// The same for the `cel` crate, which would read absent arguments before it calls: it is given their names.
fn with_quoted_names(text: &str) -> String {
    let mut parts = text.split("disagreements(");
    let mut quoted = parts.next().unwrap().to_owned();
    for part in parts {
        let (names, rest) = part.split_once(')').unwrap();
        let names: Vec<String> = names.split(", ").map(|name| format!("'{name}'")).collect();
        quoted.push_str(&format!("disagreements({}){rest}", names.join(", ")));
    }
    quoted
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    proptest::sample::select(texts).prop_map(str::to_owned)
}

/// Mutually recursive types of expressions, to a depth.
struct Grammar {
    boolean: BoxedStrategy<String>,
    integer: BoxedStrategy<String>,
    number: BoxedStrategy<String>,
    text: BoxedStrategy<String>,
    duration: BoxedStrategy<String>,
}

fn grammar(depth: u32) -> Grammar {
    let comparison = || one_of(&["==", "!=", "<", "<=", ">", ">="]);
    let integer_literal = prop_oneof![(-4i64..5), any::<i64>()].prop_map(|n| n.to_string());
    let number_literal = one_of(&["0.0", "1.5", "-2.25", "1e300", "3.0"]);
    let text_literal = one_of(&["\"a\"", "'b'", "\"\"", "\"ab\"", "\"é\"", "'-'", "\"B\""]);
    if depth == 0 {
        return Grammar {
            boolean: one_of(&["true", "false", "device.rooted", "device.emulator"]).boxed(),
            integer: prop_oneof![integer_literal, one_of(&["device.screen_width", "browser.color_depth"])]
                .boxed(),
            number: prop_oneof![number_literal, one_of(&["radius_km", "latitude"])].boxed(),
            text: prop_oneof![text_literal, one_of(&["channel", "device.model", "browser.language"])].boxed(),
            duration: one_of(&[
                "duration(\"10m\")",
                "duration(\"-1h30m\")",
                "duration('1.5s')",
                "(time - account.created_at)",
            ])
            .boxed(),
        };
    }
    let Grammar { boolean, integer, number, text, duration } = grammar(depth - 1);
    let infix = |operand: &BoxedStrategy<String>, operators: &'static [&'static str]| {
        (operand.clone(), one_of(operators), operand.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})"))
    };
    let compared = |operand: &BoxedStrategy<String>| {
        (operand.clone(), comparison(), operand.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})"))
    };
    let chosen = |operand: &BoxedStrategy<String>| {
        (boolean.clone(), operand.clone(), operand.clone()).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})"))
    };
    let extreme = |operand: &BoxedStrategy<String>| {
        (one_of(&["least", "greatest"]), proptest::collection::vec(operand.clone(), 1..4))
            .prop_map(|(f, items)| format!("math.{f}({})", items.join(", ")))
    };
    Grammar {
        boolean: prop_oneof![
            2 => boolean.clone(),
            3 => infix(&boolean, &["&&", "||"]),
            1 => boolean.clone().prop_map(|a| format!("!{a}")),
            1 => infix(&boolean, &["==", "!="]),
            1 => chosen(&boolean),
            2 => compared(&integer),
            2 => compared(&number),
            2 => compared(&text),
            1 => compared(&duration),
            1 => integer.clone().prop_map(|a| format!("({a} in [1, -2, 7])")),
            1 => number.clone().prop_map(|a| format!("({a} in [1.5, 0.0])")),
            1 => text.clone().prop_map(|a| format!("({a} in ['a', \"ab\", '-'])")),
            1 => one_of(&["has(device.rooted)", "has(browser.color_depth)", "has(device.model)"]),
            1 => (text.clone(), one_of(&["startsWith", "endsWith", "contains"]), text.clone())
                .prop_map(|(a, f, b)| format!("{a}.{f}({b})")),
        ]
        .boxed(),
        integer: prop_oneof![
            2 => integer.clone(),
            2 => infix(&integer, &["+", "-", "*"]),
            1 => (integer.clone(), one_of(&["/", "%"]), one_of(&["2", "-3", "7"]))
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            1 => integer.clone().prop_map(|a| format!("-({a})")),
            1 => chosen(&integer),
            1 => integer.clone().prop_map(|a| format!("math.abs({a})")),
            1 => extreme(&integer),
            1 => one_of(&[
                "disagreements(channel, device.model)",
                "disagreements(device.model, browser.language, channel)",
                "disagreements(browser.language, browser.language)",
            ]),
            1 => text.clone().prop_map(|a| format!("size({a})")),
            1 => (one_of(&["time", "account.created_at"]),
                  one_of(&["getHours", "getMinutes", "getDayOfWeek", "getDate", "getMonth", "getFullYear"]),
                  one_of(&["", "'Asia/Tokyo'", "\"Europe/Berlin\""]))
                .prop_map(|(a, f, zone)| format!("{a}.{f}({zone})")),
        ]
        .boxed(),
        number: prop_oneof![
            2 => number.clone(),
            2 => infix(&number, &["+", "-", "*", "/"]),
            1 => number.clone().prop_map(|a| format!("-({a})")),
            2 => (one_of(&["abs", "sqrt", "log", "exp", "floor", "ceil", "round"]), number.clone())
                .prop_map(|(f, a)| format!("math.{f}({a})")),
            1 => extreme(&number),
            1 => integer.clone().prop_map(|a| format!("math.sqrt({a})")),
            1 => integer.prop_map(|a| format!("double({a})")),
            1 => chosen(&number),
        ]
        .boxed(),
        text: prop_oneof![
            3 => text.clone(),
            1 => chosen(&text),
            1 => (text, one_of(&["lowerAscii", "upperAscii"])).prop_map(|(a, f)| format!("{a}.{f}()")),
        ]
        .boxed(),
        duration: prop_oneof![2 => duration.clone(), 1 => infix(&duration, &["+", "-"])].boxed(),
    }
}

fn checked(text: &str, slots: &mut Slots) -> Checked {
    let (features, lists) = (BTreeMap::new(), BTreeMap::new());
    let schema = Schema::built_in();
    let scope = Scope {
        schema: &schema,
        features: &features,
        lists: &lists,
        faulty: &[],
        japanese: true,
        purpose: Use::Rule,
    };
    compile(text, &scope, slots).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
}

/// The row of an event for the places that expressions asked for.
fn row(slots: &Slots, event: &Event) -> Row {
    // A policy without features reads the event as any other does.
    let policy = crate::Policy::from_toml(
        "[policy]\nname='x'\nversion='1'\ncurrency='JPY'\n[decision]\nbands=[{from=0,action='allow'}]",
    )
    .unwrap();
    let mut row = Row::default();
    row.reset(slots.sources().len());
    for (place, source) in (0u16..).zip(slots.sources()) {
        let SlotSource::Event(field, reading) = *source else { panic!("{source:?}") };
        let word = match reading {
            super::Reading::Literal => event.text(field).map(|text| {
                let number = |text: &str| slots.literals().iter().position(|known| known == text);
                super::literal_word(text.as_bytes(), || number(text).map(|number| number as u32))
            }),
            reading => event_word(&policy.0, event, field, reading),
        };
        row.set(place, word, Presence::Exact);
    }
    row
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn three_evaluators_agree(text in grammar(4).boolean, values in values(), beside in 0usize..70) {
        let mut slots = Slots::default();
        let checked = checked(&text, &mut slots);
        prop_assert_eq!(checked.value_type, Type::Boolean);
        let event = values.event();
        let row = row(&slots, &event);
        let zones = slots.zones();
        let evaluation =
            Evaluation { row: &row, event: &event, literals: slots.literals(), zones: &zones };

        let flat = Program::compile(&checked.node).run(&evaluation, &mut Vec::new());
        NAN_COMPARED.set(false);
        let walked = walk(&checked.node, &evaluation, &slots).map(Walked::word);
        prop_assert_eq!(flat, walked, "program and tree differ: {}", text);
        let truth = match flat {
            Some(0) => Truth::False,
            Some(_) => Truth::True,
            None => Truth::Missing,
        };
        let mut facts = Facts::default();
        let mut nodes = vec![Node::Constant(0); beside];
        nodes.push(checked.node);
        let conditions = Conditions::compile(&nodes);
        conditions.classify(&row, &mut facts);
        let condition = conditions.truth(beside, &facts, &evaluation, &mut Vec::new());
        prop_assert_eq!(condition, truth, "condition and program differ: {}", text);
        let mut marks = [0; 2];
        conditions.mark(&facts, &evaluation, &mut Vec::new(), &mut marks);
        let mut expected = [0; 2];
        expected[beside / 64] = u64::from(truth == Truth::True) << (beside % 64);
        prop_assert_eq!(marks, expected, "the mark of {}", text);
        prop_assume!(!NAN_COMPARED.get());

        let env = environment();
        let program = env.compile(&with_quoted_names(&text)).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        let oracle = match program.execute(&values.context(env)) {
            Ok(Cel::Bool(flag)) => Some(u64::from(flag)),
            Ok(other) => return Err(TestCaseError::fail(format!("{text}: {other:?}"))),
            Err(_) => None,
        };
        prop_assert_eq!(flat, oracle, "program and cel differ: {}", text);
    }

    /// Doubles to the bit, integers exactly.
    #[test]
    fn numbers_agree_to_the_bit(text in grammar(4).number, values in values()) {
        let mut slots = Slots::default();
        let checked = checked(&text, &mut slots);
        let event = values.event();
        let row = row(&slots, &event);
        let zones = slots.zones();
        let evaluation =
            Evaluation { row: &row, event: &event, literals: slots.literals(), zones: &zones };
        let flat = Program::compile(&checked.node).run(&evaluation, &mut Vec::new());
        NAN_COMPARED.set(false);
        let walked = walk(&checked.node, &evaluation, &slots).map(Walked::word);
        prop_assert_eq!(flat, walked, "program and tree differ: {}", text);
        prop_assume!(!NAN_COMPARED.get());
        let env = environment();
        let oracle = match env.compile(&with_quoted_names(&text)).unwrap().execute(&values.context(env)) {
            Ok(Cel::Float(number)) => Some(number.to_bits()),
            Ok(other) => return Err(TestCaseError::fail(format!("{text}: {other:?}"))),
            Err(_) => None,
        };
        let same = match (flat, oracle) {
            (Some(a), Some(b)) => a == b || f64::from_bits(a).is_nan() && f64::from_bits(b).is_nan(),
            (a, b) => a == b,
        };
        prop_assert!(same, "{}: {:?} and {:?}", text, flat.map(f64::from_bits), oracle.map(f64::from_bits));
    }

    #[test]
    fn no_text_panics(text in "[a-z0-9 .,()\\[\\]!&|=<>?:+*/%\"'\\\\é-]{0,60}") {
        let (features, lists) = (BTreeMap::new(), BTreeMap::new());
        let schema = Schema::built_in();
        let scope = Scope { schema: &schema, features: &features, lists: &lists, faulty: &[], japanese: true, purpose: Use::Rule };
        if let Err(mistakes) = compile(&text, &scope, &mut Slots::default()) {
            prop_assert!(!mistakes.is_empty());
            for mistake in mistakes {
                prop_assert!(mistake.span.start <= mistake.span.end && mistake.span.end <= text.len());
                prop_assert!(text.is_char_boundary(mistake.span.start) && text.is_char_boundary(mistake.span.end));
            }
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "(".repeat(10_000) + "1" + &")".repeat(10_000),
        "!".repeat(10_000) + "true",
        "-".repeat(10_000) + "1",
        "true".to_owned() + &" || true".repeat(5_000),
        "channel".to_owned() + &".lowerAscii()".repeat(1_000),
        "[".repeat(10_000),
        "has(".repeat(5_000),
    ] {
        let (features, lists) = (BTreeMap::new(), BTreeMap::new());
        let schema = Schema::built_in();
        let scope = Scope {
            schema: &schema,
            features: &features,
            lists: &lists,
            faulty: &[],
            japanese: true,
            purpose: Use::Rule,
        };
        assert!(compile(&text, &scope, &mut Slots::default()).is_err());
    }
}

#[test]
fn literals_read_as_cel_reads_them() {
    let env = Arc::new(Env::stdlib());
    for text in [
        r#""\n\t\\\"" == '\n\t\\"'"#,
        r#""\x41\u00e9\U0001F600\101" == "Aé😀A""#,
        r#"r"\n" == "\\n""#,
        "0x1F == 31",
        "-9223372036854775808 < -9223372036854775807",
        "1e3 == 1000.0",
        ".5 == 0.5",
        "true ? 1 == 1 : false // a comment",
        "2 + 3 * 4 == 14 && (2 + 3) * 4 == 20",
        "1 - 2 - 3 == -4",
        "!false && !(true && false)",
    ] {
        let mut slots = Slots::default();
        let checked = checked(text, &mut slots);
        let event = Event::of("login", 0).unwrap();
        let row = row(&slots, &event);
        let zones = slots.zones();
        let evaluation = Evaluation { row: &row, event: &event, literals: slots.literals(), zones: &zones };
        let flat = Program::compile(&checked.node).run(&evaluation, &mut Vec::new());
        assert_eq!(flat, Some(1), "{text}");
        let oracle = env.compile(text).unwrap().execute(&Context::with_env(Arc::clone(&env)));
        assert_eq!(oracle, Ok(Cel::Bool(true)), "{text}");
    }
}
