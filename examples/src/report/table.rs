//! The report as text.

use std::collections::BTreeMap;
use std::fmt;

use sekisho::Action;

use super::Report;
use crate::stream::Flow;

const FLOWS: [(Flow, &str); 4] = [
    (Flow::LinkFraud, "link fraud"),
    (Flow::ListAttack, "list attack, by account"),
    (Flow::Takeover, "takeover"),
    (Flow::CardBeforeArrival, "card before arrival"),
];

/// A number with commas: `1,234,567`.
#[must_use]
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn count(number: usize) -> String {
    thousands(i64::try_from(number).unwrap_or(i64::MAX))
}

fn percent(part: usize, whole: usize) -> String {
    format!("{:.3} %", 100.0 * part as f64 / whole.max(1) as f64)
}

impl Report {
    /// The time below which a share of the assessments stayed, in microseconds.
    fn percentile(&self, share: f64) -> f64 {
        let place =
            ((self.latencies.len() as f64 * share) as usize).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(place).map_or(0.0, |nanoseconds| f64::from(*nanoseconds) / 1_000.0)
    }

    fn speed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = self.latencies.len();
        let seconds = self.engine_time as f64 / 1e9;
        writeln!(f, "Speed, one thread, time in the library only")?;
        writeln!(f, "  events scored       {:>12}", count(events))?;
        writeln!(f, "  events prevented    {:>12}  (an attacker was stopped before)", count(self.prevented))?;
        writeln!(f, "  events a second     {:>12}", count((events as f64 / seconds.max(1e-9)) as usize))?;
        for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
            writeln!(f, "  latency {name:<12}{:>12.1} us", self.percentile(share))?;
        }
        Ok(())
    }

    fn attacks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nAttacks{:>30}{:>9}{:>10}{:>15}{:>13}",
            "cases", "stopped", "no loss", "yen at stake", "yen lost"
        )?;
        let mut sums = [0, 0, 0, 0, 0];
        for (flow, name) in FLOWS {
            let cases: Vec<_> =
                self.cases.iter().filter(|((of, ..), _)| *of == flow).map(|(_, case)| case).collect();
            let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            let row = [
                number(cases.len()),
                number(cases.iter().filter(|case| case.stopped_at.is_some()).count()),
                number(cases.iter().filter(|case| case.lost == 0).count()),
                cases.iter().map(|case| case.at_stake).sum(),
                cases.iter().map(|case| case.lost).sum(),
            ];
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
            write_attack_row(f, name, &row)?;
            let mut steps: BTreeMap<&str, usize> = BTreeMap::new();
            for case in &cases {
                *steps.entry(case.stopped_at.as_deref().unwrap_or("never")).or_default() += 1;
            }
            let mut steps: Vec<_> = steps.into_iter().collect();
            steps.sort_by_key(|(_, cases)| std::cmp::Reverse(*cases));
            let steps: Vec<String> = steps.iter().map(|(step, cases)| format!("{step} {cases}")).collect();
            writeln!(
                f,
                "    stopped at: {}",
                if steps.is_empty() { "-".to_owned() } else { steps.join(", ") }
            )?;
        }
        write_attack_row(f, "all", &sums)?;
        let [tries, stopped] = self.tries;
        writeln!(
            f,
            "  logins tried with lists of passwords: {}, not allowed: {} ({})\n  \
             (attackers pass no challenge and do not come back; members pass every one)",
            count(tries),
            count(stopped),
            percent(stopped, tries)
        )
    }

    fn members(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.actions.values().map(|counts| counts[0]).sum();
        let [members, challenged] = &self.members;
        writeln!(f, "\nMembers")?;
        writeln!(f, "  events              {:>12}", count(all))?;
        for (what, number) in [
            ("challenged", self.genuine(Action::Challenge)),
            ("held for review", self.genuine(Action::Review)),
            ("denied, suspected", self.genuine(Action::Deny) - self.over_limit),
            ("denied, over a limit", self.over_limit),
        ] {
            writeln!(f, "  {what:<20}{:>12}  {}", count(number), percent(number, all))?;
        }
        writeln!(
            f,
            "  members affected    {:>12}  {} of {}",
            count(challenged.len()),
            percent(challenged.len(), members.len()),
            count(members.len())
        )
    }

    fn decisions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nDecisions{:>25}{:>12}", "members'", "attackers'")?;
        for (action, [genuine, attack]) in &self.actions {
            writeln!(f, "  {:<20}{:>12}{:>12}", action.to_string(), count(*genuine), count(*attack))?;
        }
        Ok(())
    }

    fn reasons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons: Vec<_> = self.codes.iter().zip(&self.hits).collect();
        reasons.sort_by_key(|(code, hits)| (std::cmp::Reverse(hits.attack + hits.genuine), *code));
        writeln!(
            f,
            "\nMost frequent reasons{:>21}{:>12}{:>18}",
            "attackers'", "members'", "of these stopped"
        )?;
        for (code, hits) in reasons.into_iter().take(10) {
            writeln!(
                f,
                "  {code:<28}{:>12}{:>12}{:>18}",
                count(hits.attack),
                count(hits.genuine),
                count(hits.challenged)
            )?;
        }
        Ok(())
    }
}

fn write_attack_row(f: &mut fmt::Formatter<'_>, name: &str, row: &[i64; 5]) -> fmt::Result {
    let [cases, stopped, unharmed, at_stake, lost] = row.map(thousands);
    writeln!(f, "  {name:<29}{cases:>6}{stopped:>9}{unharmed:>10}{at_stake:>15}{lost:>13}")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.speed(f)?;
        self.decisions(f)?;
        self.attacks(f)?;
        self.members(f)?;
        self.reasons(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_thousands() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567"), (100_000, "100,000")]
        {
            assert_eq!(thousands(number), text);
        }
    }
}
