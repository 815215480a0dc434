//! The **route**: from an event to the entities that it touches and what each has to know of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::plan::{CellSource, KeyPlan, KeySource, Plan, TablePlan};
use super::row::{Presence, Row};
use crate::event::token::{HashKey, Token, Tokenizer};
use crate::event::{CardNumber, Event, Field, FieldKind, FieldSpec, Schema, Symbol};
use crate::locale::{self, Kind, NameMatch};
use crate::policy::{Compiled, EventPlace, Facts, ListPlan, Reading, TextWord, literal_word};
use crate::state::{Rekeying, list_mark};

/// The tokenizers of a policy's keys, in their order.
#[derive(Debug)]
pub(crate) struct Keyring {
    identifier: Tokenizer,
    keys: Vec<Tokenizer>,
    /// One for each list that does not hold the identifiers' own tokens.
    lists: Vec<Option<Tokenizer>>,
    /// The same under the previous key, while it is replaced.
    previous: Option<Box<Keyring>>,
}

impl Keyring {
    pub(crate) fn new(key: &HashKey, shared: &BTreeMap<String, HashKey>, policy: &Compiled) -> Keyring {
        let key_of = |plan: &ListPlan| match &plan.key {
            Some(name) => shared.get(name),
            None => Some(key),
        };
        let of_list = |plan: &ListPlan| Some(Tokenizer::new(key_of(plan)?, &plan.hashed()?));
        // An engine that lacks a shared key takes no policy with it.
        let of_key = |plan: &KeyPlan| plan.shared.as_ref().and_then(|name| shared.get(name)).unwrap_or(key);
        Keyring {
            identifier: Tokenizer::new(key, "id"),
            keys: policy.plan.keys.iter().map(|plan| Tokenizer::new(of_key(plan), &plan.kind)).collect(),
            lists: policy.lists.iter().map(of_list).collect(),
            previous: None,
        }
    }

    /// What hashes for a list that does not hold the identifiers' own tokens, under the key and under the previous one while it is replaced.
    pub(crate) fn of_list(&self, list: usize) -> Option<(&Tokenizer, Option<&Tokenizer>)> {
        let own = self.lists.get(list)?.as_ref()?;
        Some((own, self.previous.as_ref().and_then(|previous| previous.lists.get(list)?.as_ref())))
    }

    /// The same beside another key, which it replaces.
    pub(crate) fn replacing(
        self,
        previous: Option<&HashKey>,
        shared: &BTreeMap<String, HashKey>,
        policy: &Compiled,
    ) -> Keyring {
        Keyring { previous: previous.map(|key| Box::new(Keyring::new(key, shared, policy))), ..self }
    }

    /// The token of the event's own id.
    pub(crate) fn event_id(&self, event: &Event) -> Option<Token> {
        event.raw_bytes(Field::ID).map(|id| self.identifier.token(id))
    }
}

/// What the row has of an event, by how it is read: so that the processor foresees how the next one is, and where it
/// stands in the event is known before.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Texts that are compared with literals.
    literals: Vec<Read>,
    /// Numbers, times and booleans, but for the amount.
    words: Vec<Read>,
    /// Texts themselves.
    texts: Vec<Read>,
    /// Whether there is one.
    present: Vec<Read>,
    others: Vec<EventPlace>,
}

/// Where the row has a field, and where the event.
#[derive(Clone, Copy, Debug)]
struct Read {
    place: u16,
    index: u16,
    field: Field,
}

impl Reads {
    pub(crate) fn of(places: &[EventPlace], schema: &Schema) -> Reads {
        let mut reads = Reads::default();
        for event_place in places {
            let EventPlace { place, field, reading, .. } = *event_place;
            let kind = schema.spec(field).map(FieldSpec::kind);
            let alike = match (reading, kind) {
                // Only in the policy's currency.
                (Reading::Value | Reading::Present, _) if field == Field::AMOUNT_MINOR => None,
                (Reading::Literal, _) => Some(&mut reads.literals),
                (Reading::Value, Some(FieldKind::Text)) => Some(&mut reads.texts),
                (Reading::Value, Some(kind)) if kind.is_plain() => Some(&mut reads.words),
                (Reading::Present, _) => Some(&mut reads.present),
                _ => None,
            };
            match alike {
                Some(alike) => alike.push(Read { place, index: field.index() as u16, field }),
                None => reads.others.push(*event_place),
            }
        }
        reads
    }
}

/// What the route finds out; reused from event to event.
#[derive(Debug, Default)]
pub(crate) struct Route {
    /// One for each key of the plan.
    pub(crate) tokens: Vec<Option<Token>>,
    /// One for each cell of the plan.
    pub(crate) cells: Vec<Option<u64>>,
    /// One bit for each predicate that holds.
    pub(crate) masks: Vec<u64>,
    /// The low half of the event's id, 0 without one.
    pub(crate) id: u64,
    /// The event under the previous key, while it is replaced.
    pub(crate) previous: Option<Previous>,
    facts: Facts,
}

/// An event's id and tokens under the previous key.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    pub(crate) id: u64,
    pub(crate) tokens: Vec<Option<Token>>,
}

impl Route {
    pub(crate) fn token(&self, key: usize) -> Option<Token> {
        self.tokens.get(key).copied().flatten()
    }

    /// A number that differs from event to event, the same whenever the event is done again; far from overflow.
    pub(crate) fn turn(&self) -> u64 {
        self.tokens.iter().flatten().fold(0, |all, token| all ^ token.low()) >> 32
    }

    /// The token under the previous key, while it is replaced.
    pub(crate) fn previous_token(&self, key: usize) -> Option<Token> {
        self.previous.as_ref().and_then(|previous| previous.tokens.get(key).copied().flatten())
    }

    /// What the event's words become in the histories of a table, while the key is replaced.
    #[cold]
    pub(crate) fn rekeying(&self, plan: &Plan, table: &TablePlan) -> Rekeying {
        let mut rekeying = Rekeying {
            ids: (self.previous.as_ref().map_or(0, |previous| previous.id), self.id),
            ..Rekeying::default()
        };
        for (column, cell) in table.columns.iter().enumerate() {
            let after = self.cells.get(*cell).copied().flatten();
            let mut before = after;
            if let Some((own, word)) = plan.cells.get(*cell).and_then(|cell| cell.of_token()) {
                before = self.previous_token(own).map(word);
                let kind = plan.keys.get(own).map(|key| (&key.kind, &key.shared));
                // Another field of the same kind may be equal to it one day.
                let alike =
                    plan.keys.iter().enumerate().filter(|(_, key)| Some((&key.kind, &key.shared)) == kind);
                for (number, _) in alike {
                    if let (Some(before), Some(after)) = (self.previous_token(number), self.token(number))
                        && before != after
                    {
                        rekeying.words.push((column, word(before), word(after)));
                    }
                }
            }
            rekeying.before.push(before);
            rekeying.after.push(after);
        }
        rekeying
    }

    #[cold]
    fn follow_previous(&mut self, policy: &Compiled, keyring: &Keyring, event: &Event) {
        let previous = self.previous.get_or_insert_default();
        previous.id = keyring.event_id(event).map_or(0, Token::low);
        previous.tokens.clear();
        let keys = policy.plan.keys.iter().zip(&keyring.keys);
        previous.tokens.extend(keys.map(|(plan, tokenizer)| token(plan, tokenizer, event)));
    }

    /// Hashes identifiers and reads the cells and the event's part of the row.
    pub(crate) fn follow(&mut self, policy: &Compiled, keyring: &Keyring, event: &Event, row: &mut Row) {
        // Nobody's id hashes to 0 but for one in 2^64, whose events would count as having no id.
        self.id = keyring.event_id(event).map_or(0, Token::low);
        self.tokens.clear();
        let keys = policy.plan.keys.iter().zip(&keyring.keys);
        self.tokens.extend(keys.map(|(plan, tokenizer)| token(plan, tokenizer, event)));
        match &keyring.previous {
            None => self.previous = None,
            Some(previous) => self.follow_previous(policy, previous, event),
        }
        let words = Words::new(policy, event);
        self.cells.clear();
        self.cells.extend(policy.plan.cells.iter().map(|cell| match *cell {
            CellSource::Key(key) => self.tokens.get(key).copied().flatten().map(Token::low),
            CellSource::Mark(key) => self.tokens.get(key).copied().flatten().map(list_mark),
            CellSource::Symbol(field) => event.raw_text(field).map(|text| Symbol::of(text).0),
            CellSource::Word(field) | CellSource::Number(field) => words.word(field),
            CellSource::Worked(working) => {
                working.word_of(&policy.calendar, event, |field| words.word(field))
            }
        }));
        self.fill(&words, row);
    }

    /// Fills what the row has of the event.
    #[inline(never)]
    fn fill(&self, words: &Words<'_>, row: &mut Row) {
        let Words { policy, event, .. } = *words;
        let Reads { literals, words: plain, texts, present, others } = &policy.reads;
        row.reset(policy.places.len());
        for &Read { place, index, field } in literals {
            match event.symbol_at(index.into()) {
                Some(symbol) => row.put(place, symbol, Presence::Exact),
                None => row.set(place, words.longer_literal(field), Presence::Exact),
            }
        }
        for &Read { place, index, .. } in plain {
            row.set(place, event.word_at(index.into()), Presence::Exact);
        }
        for &Read { place, index, field } in texts {
            if event.has_text_at(index.into()) {
                row.put(place, TextWord::field(field), Presence::Exact);
            }
        }
        for &Read { place, index, .. } in present {
            row.put(place, event.has_at(index.into()).into(), Presence::Exact);
        }
        for place in others {
            let value = match place.reading {
                Reading::Token => self.token(place.key).map(Token::low),
                Reading::TokenPresent => Some(u64::from(self.token(place.key).is_some())),
                reading => words.read(place.field, reading),
            };
            row.set(place.place, value, Presence::Exact);
        }
    }

    /// Evaluates every predicate on the event; one that ends missing does not hold.
    pub(crate) fn evaluate(
        &mut self,
        policy: &Compiled,
        event: &Event,
        row: &Row,
        stack: &mut Vec<Option<u64>>,
    ) {
        self.masks.clear();
        self.masks.resize(policy.plan.mask_words(), 0);
        let evaluation = policy.evaluation(row, event);
        let conditions = &policy.plan.conditions;
        conditions.classify(row, &mut self.facts);
        conditions.mark(&self.facts, &evaluation, stack, &mut self.masks);
    }
}

#[inline(always)]
fn token(plan: &KeyPlan, tokenizer: &Tokenizer, event: &Event) -> Option<Token> {
    match (plan.source, plan.form) {
        // Nearly every one.
        (KeySource::Field(field), None) => plain_token(tokenizer, event, field),
        _ => derived_token(plan, tokenizer, event),
    }
}

#[inline(never)]
fn derived_token(plan: &KeyPlan, tokenizer: &Tokenizer, event: &Event) -> Option<Token> {
    match plan.source {
        KeySource::Field(field) => identifier_token(plan.form, tokenizer, event, field),
        KeySource::Network4(length) => match event.address(Field::IP)? {
            IpAddr::V4(address) => {
                let network = u32::from(address) >> (32 - u32::from(length.clamp(1, 32)));
                Some(tokenizer.token(&network.to_be_bytes()))
            }
            IpAddr::V6(_) => None,
        },
        KeySource::Network6(length) => match event.address(Field::IP)? {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> (128 - u32::from(length.clamp(1, 128)));
                Some(tokenizer.token(&network.to_be_bytes()))
            }
            IpAddr::V4(_) => None,
        },
        KeySource::Issuer => plain_token(tokenizer, event, Field::BIN).or_else(|| {
            let number = CardNumber::parse(event.raw_text(Field::CARD)?)?;
            Some(tokenizer.token(number.issuer()))
        }),
        KeySource::Value(field) => match event.raw_bytes(field) {
            Some(bytes) => Some(tokenizer.token(bytes)),
            None => event.word(field).map(|word| tokenizer.token(&word.to_be_bytes())),
        },
        KeySource::Population => Some(tokenizer.token(&[])),
    }
}

/// The token of a field's identifier, in its one form where it has one.
pub(crate) fn identifier_token(
    form: Option<Kind>,
    tokenizer: &Tokenizer,
    event: &Event,
    field: Field,
) -> Option<Token> {
    match form {
        Some(kind) if event.has_text(field) => {
            Some(locale::with_form(kind, event.raw_text(field)?, |bytes| tokenizer.token(bytes)))
        }
        _ => plain_token(tokenizer, event, field),
    }
}

#[inline(always)]
fn plain_token(tokenizer: &Tokenizer, event: &Event, field: Field) -> Option<Token> {
    let mut octets = [0; 16];
    Some(tokenizer.token(event.identifier(field, &mut octets)?))
}

/// What a place of the row reads from the event's own fields; tokens are the route's.
pub(crate) fn event_word(policy: &Compiled, event: &Event, field: Field, reading: Reading) -> Option<u64> {
    Words::new(policy, event).read(field, reading)
}

/// The words of an event as a policy reads them.
struct Words<'a> {
    policy: &'a Compiled,
    event: &'a Event,
    /// The amount in the policy's currency.
    amount: Option<u64>,
}

impl<'a> Words<'a> {
    fn new(policy: &'a Compiled, event: &'a Event) -> Words<'a> {
        let amount = match event.raw_bytes(Field::CURRENCY) {
            Some(currency) if currency != policy.currency.as_bytes() => Field::AMOUNT_BASE_MINOR,
            _ => Field::AMOUNT_MINOR,
        };
        Words { policy, event, amount: event.integer(amount).map(|amount| amount as u64) }
    }

    /// A number, time or boolean of the event; the amount only in the policy's currency.
    #[inline(always)]
    fn word(&self, field: Field) -> Option<u64> {
        if field == Field::AMOUNT_MINOR { self.amount } else { self.event.word(field) }
    }

    #[inline(always)]
    fn read(&self, field: Field, reading: Reading) -> Option<u64> {
        let event = self.event;
        match reading {
            Reading::Value if event.has_text(field) => Some(TextWord::field(field)),
            Reading::Value => self.word(field),
            Reading::Literal => self.longer_literal(field),
            Reading::Present if field == Field::AMOUNT_MINOR => Some(u64::from(self.amount.is_some())),
            Reading::Present => Some(u64::from(event.has(field))),
            reading => self.judge(field, reading),
        }
    }

    /// The word of any text that is compared with literals.
    #[inline(never)]
    fn longer_literal(&self, field: Field) -> Option<u64> {
        let text = self.event.raw_text(field)?;
        Some(literal_word(text.as_bytes(), || self.policy.literals.number(text)))
    }

    /// What takes more than a look at the field.
    #[inline(never)]
    fn judge(&self, field: Field, reading: Reading) -> Option<u64> {
        let Words { policy, event, .. } = self;
        let text = event.raw_text(field)?;
        match reading {
            Reading::Symbol => Some(Symbol::of(text).0),
            Reading::WellFormed => {
                let kind = policy.plan.form(policy.schema.spec(field)?.entity()?)?;
                Some(u64::from(locale::is_well_formed(kind, text)))
            }
            Reading::SameName(other) => match locale::match_names(text, event.raw_text(other)?) {
                NameMatch::Match => Some(1),
                NameMatch::Mismatch => Some(0),
                NameMatch::NotComparable => None,
            },
            Reading::AddressLevel(other) => {
                let found = locale::match_addresses(text, event.raw_text(other)?);
                Some(found.level.map_or(0, |level| level as u64))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;
    use crate::Policy;

    /// Reads fields of every kind in every way.
    const POLICY: &str = r#"
        [policy]
        name = "reads"
        version = "1"
        currency = "JPY"

        [[attribute]]
        name = "note"
        type = "text"

        [[attribute]]
        name = "level"
        type = "integer"

        [[attribute]]
        name = "share"
        type = "number"

        [[rule]]
        id = "all"
        when = '''
            (note == "ab" || note == "seven b" || note == "eight by" || note.startsWith("a") || has(note))
            && (level > 3 || has(level)) && (share > 0.5 || has(share)) && (device.rooted || has(device.rooted))
            && (amount_minor > 7 || has(amount_minor)) && has(bin)
            && (time > timestamp("2020-01-01T00:00:00Z") || has(ip))
        '''
        points = 1
        reason = "ALL"

        [decision]
        bands = [{ from = 0, action = "allow" }]
    "#;

    proptest! {
        /// Against each place for itself.
        #[test]
        fn what_is_read_alike_is_read_as_alone(
            note in of(prop_oneof![Just("ab".to_owned()), Just("eight by".to_owned()), "[a-c]{1,9}"]),
            again in of("[a-c]{1,9}"),
            (level, share, rooted) in of((any::<i8>(), any::<f32>(), any::<bool>())).prop_map(|all| match all {
                Some((level, share, rooted)) => (Some(level), Some(share), Some(rooted)),
                None => (None, None, None),
            }),
            (amount, foreign) in (of(0i64..20), any::<bool>()),
            bin in any::<bool>(),
        ) {
            let policy = Policy::from_toml(POLICY).unwrap_or_else(|error| panic!("{error}"));
            let compiled = &*policy.0;
            let mut event = policy.event();
            let mut set = |name: &str, value: crate::FieldValue<'_>| {
                let field = compiled.schema.field(name).unwrap();
                event.set(field, value).unwrap();
            };
            set("type", "login".into());
            set("time", 1_767_225_600_000i64.into());
            note.iter().chain(&again).for_each(|text| set("note", text.into()));
            level.into_iter().for_each(|level| set("level", i64::from(level).into()));
            share.filter(|share| share.is_finite()).into_iter().for_each(|share| set("share", f64::from(share).into()));
            rooted.into_iter().for_each(|rooted| set("device.rooted", rooted.into()));
            amount.into_iter().for_each(|amount| set("amount_minor", amount.into()));
            set("currency", if foreign { "USD" } else { "JPY" }.into());
            if bin {
                set("bin", "411111".into());
                set("ip", "203.0.113.7".into());
            }
            let keyring = Keyring::new(&HashKey::new(1, [0; 32]), &BTreeMap::new(), compiled);
            let (mut route, mut row) = (Route::default(), Row::default());
            route.follow(compiled, &keyring, &event, &mut row);
            prop_assert!(compiled.event_places.len() > 13);
            for EventPlace { place, field, reading, .. } in &compiled.event_places {
                if *reading != Reading::TokenPresent {
                    let alone = event_word(compiled, &event, *field, *reading);
                    prop_assert_eq!(row.get(*place), alone, "{:?} of {:?}", reading, field);
                }
            }
        }
    }
}
