//! From the text of a scenario to its lines.

use sekisho::Action;

use super::{Actor, Comparison, Expectation, Failure, Line, Pair, Scenario, Step};

type Parsed<T> = Result<T, String>;

pub(super) fn scenario(file: &str, text: &str) -> Result<Scenario, Failure> {
    let mut scenario = Scenario {
        file: file.to_owned(),
        title: String::new(),
        policy: String::new(),
        start: 0,
        actors: Vec::new(),
        lines: Vec::new(),
    };
    for (number, line) in (1..).zip(text.lines()) {
        read(&mut scenario, number, line.trim()).map_err(|message| Failure {
            file: file.to_owned(),
            line: number,
            message,
        })?;
    }
    for (missing, what) in [
        (scenario.title.is_empty(), "there is no `title`"),
        (scenario.policy.is_empty(), "there is no `policy`"),
        (scenario.start == 0, "there is no `start`"),
    ] {
        if missing {
            return Err(Failure { file: file.to_owned(), line: 1, message: what.to_owned() });
        }
    }
    Ok(scenario)
}

fn read(scenario: &mut Scenario, number: usize, line: &str) -> Parsed<()> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if verb == "title" {
        rest.trim().clone_into(&mut scenario.title);
        return Ok(());
    }
    let words = words(rest)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = match (verb, words.as_slice()) {
        ("policy", [file]) => {
            (*file).clone_into(&mut scenario.policy);
            return Ok(());
        }
        ("start", [time]) => {
            scenario.start = utc(time).ok_or("a start looks like 2026-11-02T01:00:00Z")?;
            return Ok(());
        }
        ("member" | "attacker", [name, fields @ ..]) => {
            let (name, is_attacker) = ((*name).to_owned(), verb == "attacker");
            scenario.actors.push(Actor { name, is_attacker, fields: pairs(fields)? });
            return Ok(());
        }
        ("list", [list, value, details @ ..]) => {
            let (mut severity, mut source) = (None, None);
            for (key, detail) in pairs(details)? {
                match key.as_str() {
                    "severity" => {
                        severity = Some(detail.parse().map_err(|_| "a severity lies between 0 and 100")?);
                    }
                    "source" => source = Some(detail),
                    _ => return Err(format!("a list entry has no `{key}`; it has severity and source")),
                }
            }
            Line::List { list: (*list).to_owned(), value: (*value).to_owned(), severity, source }
        }
        ("unlist", [list, value]) => Line::Unlist { list: (*list).to_owned(), value: (*value).to_owned() },
        ("expect", items @ [_, ..]) => Line::Expect(expectations(items)?),
        ("always", items @ [_, ..]) => Line::Always(expectations(items)?),
        ("stopped", [step]) => Line::Stopped((*step != "never").then(|| (*step).to_owned())),
        _ => match verb.strip_prefix('+') {
            Some(after) => {
                let after = duration(after).ok_or_else(|| format!("`{verb}` is no time; write +90s"))?;
                timed(scenario, after, &words)?
            }
            None => return Err(format!("`{line}` is no statement, or has too few or too many words")),
        },
    };
    scenario.lines.push((number, line));
    Ok(())
}

fn timed(scenario: &Scenario, after: i64, words: &[&str]) -> Parsed<Line> {
    let (times, words) = match words {
        [first, rest @ ..] => match first.strip_prefix('x').and_then(|times| times.parse().ok()) {
            Some(times) if times > 0 => (times, rest),
            _ => (1, words),
        },
        [] => return Err("nothing happens at this time".to_owned()),
    };
    match words {
        ["label", id, label] => Ok(Line::Label { after, id: (*id).to_owned(), label: (*label).to_owned() }),
        ["resolve", id, outcome] => {
            Ok(Line::Resolve { after, id: (*id).to_owned(), outcome: (*outcome).to_owned() })
        }
        [name, kind, fields @ ..] => {
            let actor = scenario.actors.iter().position(|actor| actor.name == *name);
            let actor = actor.ok_or_else(|| format!("there is no member or attacker `{name}`"))?;
            let mut step = Step {
                after,
                times,
                actor,
                kind: (*kind).to_owned(),
                fields: Vec::new(),
                id: None,
                passes: false,
                ends: "approved".to_owned(),
            };
            for (key, value) in pairs(fields)? {
                match key.as_str() {
                    "id" => step.id = Some(value),
                    "passes" => step.passes = value == "yes",
                    "ends" => step.ends = value,
                    _ => step.fields.push((key, value)),
                }
            }
            Ok(Line::Step(step))
        }
        _ => Err("a step names who does what: +2m thief login ip=203.0.113.9".to_owned()),
    }
}

/// Splits a line at its blanks; between double quotes blanks do not count.
fn words(text: &str) -> Parsed<Vec<String>> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for letter in text.chars() {
        match letter {
            '"' => (quoted, begun) = (!quoted, true),
            _ if letter.is_whitespace() && !quoted => {
                if std::mem::take(&mut begun) {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => {
                begun = true;
                word.push(letter);
            }
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    if begun {
        words.push(word);
    }
    Ok(words)
}

fn pairs(words: &[&str]) -> Parsed<Vec<Pair>> {
    let pair = |word: &&str| match word.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("`{word}` is no field=value")),
    };
    words.iter().map(pair).collect()
}

fn expectations(words: &[&str]) -> Parsed<Vec<Expectation>> {
    let number = |text: &str| text.parse::<u16>().map_err(|_| format!("`{text}` is no number"));
    let names = |text: &str| match text {
        "-" => Vec::new(),
        _ => text.split(',').map(str::to_owned).collect(),
    };
    let expectation = |(key, value): (String, String)| {
        Ok(match key.as_str() {
            "action" => Expectation::Action(Comparison::Equal, action(&value)?),
            "action>" => Expectation::Action(Comparison::AtLeast, action(&value)?),
            "action<" => Expectation::Action(Comparison::AtMost, action(&value)?),
            "score" => {
                let (low, high) = value.split_once("..").ok_or("a score is a range such as 0..399")?;
                Expectation::Score(number(low)?, number(high)?)
            }
            "reasons" => Expectation::Reasons(names(&value)),
            "obligations" => Expectation::Obligations(names(&value)),
            "strength" => Expectation::Strength(value.parse().map_err(|_| "a strength is 1 to 4")?),
            "lost" => Expectation::Lost(value.parse().map_err(|_| "lost is a number of yen")?),
            _ => {
                return Err(format!(
                    "nothing can be expected of `{key}`; there are action, score, reasons, obligations, \
                     strength and lost"
                ));
            }
        })
    };
    pairs(words)?.into_iter().map(expectation).collect()
}

fn action(name: &str) -> Parsed<Action> {
    Action::ALL
        .into_iter()
        .find(|action| action.as_str() == name)
        .ok_or_else(|| format!("`{name}` is no action; there are allow, challenge, review and deny"))
}

/// Milliseconds of a duration such as `90s` or `1h30m`.
pub(super) fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?);
        let (unit, tail) =
            tail.split_at(tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len()));
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// Milliseconds since 1970 of a time such as `2026-11-02T01:00:00Z`.
fn utc(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let parts = |text: &str, at: char| -> Option<[i64; 3]> {
        let parts: Vec<i64> = text.split(at).map(str::parse).collect::<Result<_, _>>().ok()?;
        parts.try_into().ok()
    };
    let ([year, month, day], [hour, minute, second]) = (parts(date, '-')?, parts(time, ':')?);
    // Days since 1970 in the Gregorian calendar, with years that begin in March.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations() {
        assert_eq!(utc("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(utc("2026-08-31T15:00:00Z"), Some(1_788_188_400_000));
        assert_eq!(utc("2024-02-29T23:59:59Z"), Some(1_709_251_199_000));
        assert_eq!(utc("2026-11-02"), None);
        assert_eq!(duration("1h30m"), Some(5_400_000));
        assert_eq!(duration("250ms"), Some(250));
        assert_eq!(duration("10"), None);
        assert_eq!(duration("5w"), None);
        assert_eq!(duration(""), None);
    }

    #[test]
    fn quotes_keep_blanks_together() {
        let split = words("a  b=\"c d\" \"\" e").expect("quotes are closed");
        assert_eq!(split, ["a", "b=c d", "", "e"]);
        assert!(words("a \"b").is_err());
    }

    #[test]
    fn mistakes_name_their_line() {
        let head = "title t\npolicy p.toml\nstart 2026-11-02T01:00:00Z\nmember m device=d\n";
        for (line, expected) in [
            ("+1 m login", "`+1` is no time"),
            ("+1s n login", "there is no member or attacker `n`"),
            ("+1s m login device", "`device` is no field=value"),
            ("expect colour=red", "nothing can be expected of `colour`"),
            ("expect action=alow", "`alow` is no action"),
            ("expect", "is no statement"),
            ("walk away", "is no statement"),
            ("list l v colour=red", "a list entry has no `colour`"),
        ] {
            let failure = scenario("f.txt", &format!("{head}{line}\n")).expect_err(line);
            assert_eq!((failure.file.as_str(), failure.line), ("f.txt", 5), "{line}");
            assert!(failure.message.contains(expected), "{line}: {}", failure.message);
        }
        assert!(scenario("f.txt", head).is_ok());
        assert_eq!(scenario("f.txt", "title t").expect_err("no policy").message, "there is no `policy`");
    }
}
