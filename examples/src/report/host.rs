//! The host's side of the conversation: fill the event, ask, act, tell how it ended.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::time::Instant;

use sekisho::{Action, Decision, Engine, Event, Field, HashKey, Label, ListEntry, Outcome, Policy, Result};

use super::{Hits, Report, Verdict};
use crate::stream::{Flow, Stream, StreamEvent, Truth, Value};

/// An analyst needs so long to ask the customer about a stopped event.
const ENQUIRY: i64 = 24 * 3_600_000;

/// A wallet that asks the library about every event of a stream.
///
/// What is known when: a login, a link or a change of the profile comes with its outcome, because the password
/// was checked before. Money is assessed first and has its outcome told afterwards. Members pass a challenge;
/// attackers do not, and the rest of their case no longer happens. A day after an attacker was stopped, an
/// analyst labels the event as fraud; what was not stopped is labelled when the victim complains.
pub struct Host<'a> {
    stream: &'a Stream,
    engine: Engine,
    fields: HashMap<&'static str, Field>,
    /// The numbers of events to label, by time.
    labels: BinaryHeap<Reverse<(i64, usize)>>,
    /// Cases, and accounts within campaigns, that were stopped.
    stopped: HashSet<(u32, String)>,
    /// E-mail changes of attackers that did not happen, and what the account's last change is instead.
    undone: HashMap<(String, i64), Option<i64>>,
    report: Report,
}

impl<'a> Host<'a> {
    /// Prepares an engine with a policy and the lists that the stream brings along.
    ///
    /// # Errors
    /// A policy without the fields or lists that the stream needs.
    pub fn new(stream: &'a Stream, policy: Policy) -> Result<Host<'a>> {
        let engine = Engine::new(policy, HashKey::new(1, [42; 32]));
        for device in &stream.fraud_devices {
            engine.list_add("fraud_devices", device, ListEntry::new().severity(90).source("consortium"))?;
        }
        for device in &stream.shared_devices {
            engine.list_add("shared_devices", device, ListEntry::new().source("branches"))?;
        }
        for network in &stream.office_networks {
            engine.list_add("office_networks", network, ListEntry::new().source("sales"))?;
        }
        let mut fields = HashMap::new();
        let event = engine.event();
        for (name, _) in stream.events.iter().flat_map(|event| &event.fields) {
            if !fields.contains_key(name) {
                fields.insert(*name, event.schema().field(name)?);
            }
        }
        let mut report = Report::default();
        for told in stream.events.iter().filter(|told| told.moves_money()) {
            if let Some(case) = case_of(told) {
                report.cases.entry(case).or_default().at_stake += told.amount().unwrap_or_default();
            }
        }
        Ok(Host {
            stream,
            engine,
            fields,
            labels: BinaryHeap::new(),
            stopped: HashSet::new(),
            undone: HashMap::new(),
            report,
        })
    }

    /// Plays the whole stream.
    ///
    /// # Errors
    /// The first event that the library refuses; the generator makes none.
    pub fn play(mut self) -> Result<Report> {
        let (mut event, mut decision) = (self.engine.event(), Decision::new());
        for (number, told) in self.stream.events.iter().enumerate() {
            // A small wallet may be silent for longer than the day ahead that the engine takes by itself.
            self.engine.advance(told.time())?;
            self.tell_labels(told.time())?;
            if self.is_prevented(told) {
                self.undo(told);
                self.report.prevented += 1;
                self.report.verdicts.push(None);
                continue;
            }
            self.fill(&mut event, told)?;
            let outcome = told.text("outcome").and_then(Outcome::named);
            let is_open = matches!(outcome, Some(Outcome::Approved | Outcome::Declined));
            if is_open {
                event.unset(Field::OUTCOME);
            }

            let start = Instant::now();
            self.engine.assess_into(&event, &mut decision)?;
            let took = start.elapsed().as_nanos() as u64;
            self.report.engine_time += took;
            self.report.latencies.push(u32::try_from(took).unwrap_or(u32::MAX));

            let action = decision.action();
            let let_by = match action {
                Action::Allow => true,
                Action::Challenge | Action::Review => !told.is_attack(),
                _ => false,
            };
            let end = match (let_by, action) {
                (true, _) => outcome.filter(|_| is_open),
                (false, _) if outcome == Some(Outcome::Failed) => None,
                (false, Action::Deny) => Some(Outcome::Declined),
                (false, _) => Some(Outcome::Challenged),
            };
            if let Some(end) = end {
                let start = Instant::now();
                self.engine.resolve(&event, end)?;
                self.report.engine_time += start.elapsed().as_nanos() as u64;
            }
            self.count(number, told, &decision, let_by);
        }
        self.report.latencies.sort_unstable();
        Ok(self.report)
    }

    fn fill(&self, event: &mut Event, told: &StreamEvent) -> Result<()> {
        event.clear();
        for (name, value) in &told.fields {
            let (Some(field), false) = (self.fields.get(name), name.starts_with("label")) else { continue };
            match value {
                Value::Text(text) => event.set(*field, &**text)?,
                Value::Integer(number) => event.set(*field, *number)?,
                Value::Number(number) => event.set(*field, *number)?,
                Value::Boolean(flag) => event.set(*field, *flag)?,
            }
        }
        if let (Some(account), Some(at)) = (told.text("account"), told.integer("account.email_changed_at"))
            && let Some(before) = self.undone.get(&(account.to_owned(), at))
        {
            match before {
                Some(before) => event.set(Field::ACCOUNT_EMAIL_CHANGED_AT, *before)?,
                None => event.unset(Field::ACCOUNT_EMAIL_CHANGED_AT),
            }
        }
        Ok(())
    }

    /// Tells the engine what has been learnt by now.
    fn tell_labels(&mut self, now: i64) -> Result<()> {
        while let Some(Reverse((at, number))) = self.labels.peek().copied()
            && at <= now
        {
            self.labels.pop();
            if let Some(told) = self.stream.events.get(number) {
                let mut event = self.engine.event();
                self.fill(&mut event, told)?;
                let start = Instant::now();
                self.engine.label(&event, Label::Fraud, at)?;
                self.report.engine_time += start.elapsed().as_nanos() as u64;
            }
        }
        Ok(())
    }

    fn is_prevented(&self, told: &StreamEvent) -> bool {
        case_of(told).is_some_and(|(_, number, account)| self.stopped.contains(&(number, account)))
    }

    /// The e-mail address stays what it was: the attacker did not get so far.
    fn undo(&mut self, told: &StreamEvent) {
        if told.text("account.changed") == Some("email")
            && let Some(account) = told.text("account")
        {
            let before = told.integer("account.email_changed_at");
            self.undone.insert((account.to_owned(), told.time()), before);
        }
    }

    fn count(&mut self, number: usize, told: &StreamEvent, decision: &Decision, let_by: bool) {
        let action = decision.action();
        let is_attack = told.is_attack();
        let [genuine, attacks] = self.report.actions.entry(action).or_default();
        *(if is_attack { attacks } else { genuine }) += 1;
        // What a limit denies is a matter of contract, not of suspicion.
        if !is_attack && action == Action::Deny {
            let over_limit = decision.limits().any(|limit| limit.is_live() && limit.is_exceeded());
            self.report.over_limit += usize::from(over_limit);
        }
        let mut reasons = Vec::new();
        for reason in decision.reasons() {
            let code = self.code(reason.code());
            // Two rules may give the same reason.
            if !reasons.contains(&code) {
                reasons.push(code);
                if let Some(hits) = self.report.hits.get_mut(usize::from(code)) {
                    hits.attack += usize::from(is_attack);
                    hits.genuine += usize::from(!is_attack);
                    hits.challenged += usize::from(!is_attack && action != Action::Allow);
                }
            }
        }
        self.report.verdicts.push(Some(Verdict { score: decision.score(), action, reasons }));

        match case_of(told) {
            None => {
                if let Some(account) = told.text("account") {
                    let [all, challenged] = &mut self.report.members;
                    for (members, belongs) in [(all, true), (challenged, action != Action::Allow)] {
                        if belongs && !members.contains(account) {
                            members.insert(account.to_owned());
                        }
                    }
                }
            }
            Some((flow, case, account)) => {
                self.count_attack(number, told, action, let_by, (flow, case, account))
            }
        }
    }

    fn count_attack(
        &mut self,
        number: usize,
        told: &StreamEvent,
        action: Action,
        let_by: bool,
        (flow, case, account): (Flow, u32, String),
    ) {
        let stopped = action != Action::Allow;
        if flow == Flow::ListAttack && told.kind() == "login" {
            self.report.tries[0] += 1;
            self.report.tries[1] += usize::from(stopped);
            // A try that failed has opened no account, so there is no case yet.
            if told.text("outcome") == Some("failed") {
                return;
            }
        }
        let entry = self.report.cases.entry((flow, case, account.clone())).or_default();
        if let_by {
            if told.moves_money() {
                entry.lost += told.amount().unwrap_or_default();
            }
            if let Some(at) = told.integer("labelled_at") {
                self.labels.push(Reverse((at, number)));
            }
        }
        if stopped {
            entry.stopped_at = Some(told.kind().to_owned());
            self.stopped.insert((case, account));
            self.labels.push(Reverse((told.time() + ENQUIRY, number)));
            self.undo(told);
        }
    }

    fn code(&mut self, code: &str) -> u16 {
        let known = self.report.codes.iter().position(|known| known == code);
        let place = known.unwrap_or_else(|| {
            self.report.codes.push(code.to_owned());
            self.report.hits.push(Hits::default());
            self.report.codes.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }
}

/// The case that an event belongs to. A campaign is many cases: one for each account.
fn case_of(told: &StreamEvent) -> Option<(Flow, u32, String)> {
    match told.truth {
        Truth::Genuine => None,
        Truth::Attack { flow: Flow::ListAttack, case, .. } => {
            Some((Flow::ListAttack, case, told.text("account").unwrap_or_default().to_owned()))
        }
        Truth::Attack { flow, case, .. } => Some((flow, case, String::new())),
    }
}
