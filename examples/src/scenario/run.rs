//! Plays a scenario to an engine, and writes down what the engine says.

use std::collections::HashMap;
use std::fmt::Write;

use sekisho::{
    Action, Decision, Engine, Error, Event, Field, HashKey, Label, ListEntry, Outcome as Ending, Policy,
    Value,
};

use super::parse::duration;
use super::{Comparison, Expectation, Failure, Line, Scenario, Step};

/// Every runner uses this key, so that nothing depends on a secret.
const KEY: [u8; 32] = [7; 32];

/// What came of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was expected and did not hold.
    pub failures: Vec<Failure>,
    /// Every step's score, action, reasons and features, to the bit.
    pub trace: String,
    /// The yen that attackers got away with.
    pub lost: i64,
}

/// Plays a scenario under a policy.
///
/// # Errors
/// The first line that cannot be played: an unknown field, a refused value, an unknown id.
pub fn run(scenario: &Scenario, policy: Policy) -> Result<Outcome, Failure> {
    let engine = Engine::new(policy, HashKey::new(1, KEY));
    let mut player = Player {
        scenario,
        engine,
        now: scenario.start,
        number: 0,
        events: HashMap::new(),
        decision: Decision::detailed(),
        always: &[],
        stopped: None,
        outcome: Outcome::default(),
    };
    for (number, line) in &scenario.lines {
        player.play(*number, line).map_err(|message| player.failure(*number, message))?;
    }
    Ok(player.outcome)
}

struct Player<'a> {
    scenario: &'a Scenario,
    engine: Engine,
    now: i64,
    /// The steps played so far.
    number: usize,
    events: HashMap<String, Event>,
    decision: Decision,
    always: &'a [Expectation],
    /// The id of the first step of an attacker that was not allowed.
    stopped: Option<String>,
    outcome: Outcome,
}

fn told(error: Error) -> String {
    error.to_string()
}

impl<'a> Player<'a> {
    fn failure(&self, line: usize, message: String) -> Failure {
        Failure { file: self.scenario.file.clone(), line, message }
    }

    fn play(&mut self, number: usize, line: &'a Line) -> Result<(), String> {
        match line {
            Line::List { list, value, severity, source } => {
                let mut entry = ListEntry::new();
                if let Some(severity) = severity {
                    entry = entry.severity(*severity);
                }
                if let Some(source) = source {
                    entry = entry.source(source.as_str());
                }
                self.engine.list_add(list, value, entry).map_err(told)?;
            }
            Line::Unlist { list, value } => {
                self.engine.list_remove(list, value).map_err(told)?;
            }
            Line::Step(step) => {
                for repetition in 1..=step.times {
                    self.pass(step.after)?;
                    self.step(number, step, repetition)?;
                }
            }
            Line::Label { after, id, label } => {
                self.pass(*after)?;
                let label = Label::named(label)
                    .ok_or_else(|| format!("`{label}` is no label; there are fraud and genuine"))?;
                self.engine.label(find(&self.events, id)?, label, self.now).map_err(told)?;
            }
            Line::Resolve { after, id, outcome } => {
                self.pass(*after)?;
                let outcome = ending(outcome)?;
                self.engine.resolve(find(&self.events, id)?, outcome).map_err(told)?;
            }
            Line::Always(expectations) => self.always = expectations,
            Line::Expect(expectations) => self.check(number, expectations),
            Line::Stopped(expected) => {
                if self.stopped != *expected {
                    let name = |step: &Option<String>| step.clone().unwrap_or_else(|| "never".to_owned());
                    let message =
                        format!("expected stopped {}, found {}", name(expected), name(&self.stopped));
                    self.outcome.failures.push(self.failure(number, message));
                }
            }
        }
        Ok(())
    }

    /// Lets time pass, and tells the engine: it refuses events from more than a day ahead.
    fn pass(&mut self, milliseconds: i64) -> Result<(), String> {
        self.now += milliseconds;
        self.engine.advance(self.now).map_err(told)
    }

    fn step(&mut self, line: usize, step: &'a Step, repetition: u32) -> Result<(), String> {
        self.number += 1;
        let actor = self.scenario.actors.get(step.actor).ok_or("the actor is gone")?;
        let id = match &step.id {
            Some(id) => id.replace("{n}", &repetition.to_string()),
            None => self.number.to_string(),
        };
        let mut event = self.engine.event();
        event.set(Field::ID, &id).map_err(told)?;
        event.set(Field::TYPE, &step.kind).map_err(told)?;
        event.set(Field::TIME, self.now).map_err(told)?;
        for (name, value) in actor.fields.iter().chain(&step.fields) {
            let field = event.schema().field(name).map_err(told)?;
            match value.strip_prefix("@-") {
                // So long before the step.
                Some(ago) => {
                    let ago = duration(ago).ok_or_else(|| format!("`{value}` is no time; write @-5m"))?;
                    event.set(field, self.now - ago)
                }
                None => event.set_parsed(field, &value.replace("{n}", &repetition.to_string())),
            }
            .map_err(told)?;
        }

        self.engine.assess_into(&event, &mut self.decision).map_err(told)?;
        self.trace();

        let action = self.decision.action();
        let let_by = action == Action::Allow || action == Action::Challenge && step.passes;
        let open = !event.has(Field::OUTCOME);
        let failed = event.text(Field::OUTCOME) == Some("failed");
        // What the host does then, and tells the engine.
        let end = match action {
            _ if let_by && open => Some(ending(&step.ends)?),
            _ if let_by || failed => None,
            Action::Challenge => Some(Ending::Challenged),
            Action::Review => Some(Ending::Pending),
            _ => Some(Ending::Declined),
        };
        if let Some(end) = end {
            self.engine.resolve(&event, end).map_err(told)?;
        }

        if actor.is_attacker {
            if action != Action::Allow && self.stopped.is_none() {
                self.stopped = Some(id.clone());
            }
            let moves = matches!(step.kind.as_str(), "payment" | "transfer" | "withdrawal");
            if moves && let_by && open && step.ends == "approved" {
                self.outcome.lost += event.integer(Field::AMOUNT_MINOR).unwrap_or(0);
            }
        } else {
            self.check(line, self.always);
        }
        self.events.insert(id, event);
        Ok(())
    }

    fn trace(&mut self) {
        let trace = &mut self.outcome.trace;
        // Writing to a String cannot fail.
        if trace.is_empty() {
            trace.push_str("features");
            for feature in self.decision.features() {
                let _ = write!(trace, " {}", feature.name());
            }
            trace.push('\n');
        }
        let reasons: Vec<&str> = self.decision.reasons().map(|reason| reason.code()).collect();
        let reasons = if reasons.is_empty() { "-".to_owned() } else { reasons.join(",") };
        let (score, action) = (self.decision.score(), self.decision.action());
        let _ = write!(trace, "{} {score} {action} {reasons}", self.number);
        for feature in self.decision.features() {
            let _ = match feature.value() {
                Value::Boolean(flag) => write!(trace, " {flag}"),
                Value::Integer(number) | Value::Duration(number) | Value::Time(number) => {
                    write!(trace, " {number}")
                }
                Value::Number(number) => write!(trace, " 0x{:016x}", number.to_bits()),
                Value::Text(text) => write!(trace, " \"{text}\""),
                _ => write!(trace, " -"),
            };
        }
        trace.push('\n');
    }

    /// Checks the last decision.
    fn check(&mut self, line: usize, expectations: &[Expectation]) {
        for expectation in expectations {
            if let Some(message) = self.unmet(expectation) {
                self.outcome.failures.push(self.failure(line, message));
            }
        }
    }

    fn unmet(&self, expectation: &Expectation) -> Option<String> {
        let decision = &self.decision;
        let (holds, expected) = match expectation {
            Expectation::Action(Comparison::Equal, action) => {
                (decision.action() == *action, format!("action={action}"))
            }
            Expectation::Action(Comparison::AtLeast, action) => {
                (decision.action() >= *action, format!("action>={action}"))
            }
            Expectation::Action(Comparison::AtMost, action) => {
                (decision.action() <= *action, format!("action<={action}"))
            }
            Expectation::Score(low, high) => {
                ((*low..=*high).contains(&decision.score()), format!("score={low}..{high}"))
            }
            Expectation::Reasons(codes) if codes.is_empty() => {
                (decision.reasons().len() == 0, "no reasons".to_owned())
            }
            Expectation::Reasons(codes) => {
                let given = |code: &String| decision.reasons().any(|reason| reason.code() == code);
                (codes.iter().all(given), format!("reasons={}", codes.join(",")))
            }
            Expectation::Obligations(names) => {
                let given: Vec<&str> = decision.obligations().names().collect();
                let holds = names.iter().all(|name| given.contains(&name.as_str()))
                    && (!names.is_empty() || given.is_empty());
                (holds, format!("obligations={} (found {})", names.join(","), given.join(",")))
            }
            Expectation::Strength(strength) => {
                let found = decision.strength();
                (found == *strength, format!("strength={strength} (found {found})"))
            }
            Expectation::Lost(lost) => {
                let found = self.outcome.lost;
                (found == *lost, format!("lost={lost} (found {found})"))
            }
        };
        (!holds).then(|| format!("expected {expected}, found {}", self.summary()))
    }

    /// The last decision in one line.
    fn summary(&self) -> String {
        let (decision, number) = (&self.decision, self.number);
        let mut summary = format!("step {number}: score={} action={}", decision.score(), decision.action());
        for reason in decision.reasons() {
            let _ = write!(summary, " {}={}", reason.code(), reason.points());
        }
        summary
    }
}

fn find<'a>(events: &'a HashMap<String, Event>, id: &str) -> Result<&'a Event, String> {
    events.get(id).ok_or_else(|| format!("there was no step `{id}`"))
}

fn ending(name: &str) -> Result<Ending, String> {
    Ending::named(name).ok_or_else(|| format!("`{name}` is no outcome"))
}
