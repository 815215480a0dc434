//! Plays every scenario and compares its trace with the golden one, bit for bit.
//!
//! `SEKISHO_REWRITE=1 cargo test -p sekisho-examples --test scenarios` writes the golden traces anew.

use std::fs;
use std::path::{Path, PathBuf};

use sekisho::Policy;
use sekisho_examples::scenario::{self, Failure, Scenario};

fn room(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("it names a file").to_string_lossy().into_owned()
}

fn scenarios() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(room("scenarios"))
        .expect("the scenarios are here")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    paths
}

fn policy(name: &str) -> Policy {
    let text = fs::read_to_string(room("policies").join(name)).expect("the policy is here");
    Policy::builder().document(&text).file(name).build().unwrap_or_else(|error| panic!("{error}"))
}

/// Where two traces part, told by step and feature.
fn parting(expected: &str, found: &str) -> String {
    let names: Vec<&str> = found.lines().next().unwrap_or_default().split(' ').skip(1).collect();
    for (number, (left, right)) in expected.lines().zip(found.lines()).enumerate() {
        for (column, (old, new)) in left.split(' ').zip(right.split(' ')).enumerate() {
            if old != new {
                let what = match (number, column) {
                    (0, _) => "a feature's name",
                    (_, 0) => "the step's number",
                    (_, 1) => "the score",
                    (_, 2) => "the action",
                    (_, 3) => "the reasons",
                    (_, column) => names.get(column - 4).copied().unwrap_or("a feature"),
                };
                return format!("step {number}: expected {what} {old}, found {new}");
            }
        }
    }
    "one trace is longer than the other".to_owned()
}

#[test]
fn every_scenario_comes_out_as_written() {
    let rewrite = std::env::var_os("SEKISHO_REWRITE").is_some();
    let mut failures: Vec<Failure> = Vec::new();
    let paths = scenarios();
    assert!(paths.len() >= 8, "only {} scenarios were found", paths.len());
    for path in paths {
        let name = file_name(&path);
        let text = fs::read_to_string(&path).expect("it can be read");
        let played = Scenario::parse(&name, &text)
            .and_then(|scenario| scenario::run(&scenario, policy(&scenario.policy)));
        let outcome = match played {
            Ok(outcome) => outcome,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        failures.extend(outcome.failures);
        let golden = room("scenarios").join("golden").join(&name);
        if rewrite {
            fs::write(&golden, &outcome.trace).expect("it can be written");
            continue;
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if expected != outcome.trace {
            let message = match expected.is_empty() {
                true => "there is no golden trace; SEKISHO_REWRITE=1 writes it".to_owned(),
                false => parting(&expected, &outcome.trace),
            };
            failures.push(Failure { file: format!("golden/{name}"), line: 1, message });
        }
    }
    let told: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "\n{}\n", told.join("\n"));
}

#[test]
fn a_scenario_that_does_not_hold_says_where_and_why() {
    let text = "title nothing happens\npolicy wallet.toml\nstart 2026-11-02T01:00:00Z\nmember m account=a-1\n\
                +0s m login outcome=succeeded\nexpect action=deny\n";
    let scenario = Scenario::parse("calm.txt", text).expect("it reads");
    let outcome = scenario::run(&scenario, policy("wallet.toml")).expect("it plays");
    let told: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["calm.txt:6: expected action=deny, found step 1: score=0 action=allow"]);
}
