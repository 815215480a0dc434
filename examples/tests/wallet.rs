//! The reference policy against small streams, on seeds that it was not tuned on.

use sekisho::{Action, Policy};
use sekisho_examples::report::{Host, Report, in_shadow, write_csv};
use sekisho_examples::stream::{self, Stream};

const DOCUMENT: &str = include_str!("../policies/wallet.toml");

fn play(stream: &Stream, document: &str) -> Report {
    let policy = Policy::builder().document(document).file("wallet.toml").build();
    let policy = policy.unwrap_or_else(|error| panic!("{error}"));
    Host::new(stream, policy).and_then(Host::play).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn no_yen_leaves_and_no_member_is_suspected_in_vain() {
    for seed in [11, 12, 13] {
        let stream = stream::wallet(seed, 500, 30);
        let report = play(&stream, DOCUMENT);
        assert!(report.at_stake() > 10_000_000, "seed {seed}");
        assert_eq!(report.lost(), 0, "seed {seed}");
        assert_eq!(report.genuine(Action::Deny), report.over_limit, "seed {seed}");
        let share = report.false_challenges();
        assert!(share > 0.0 && share < 0.005, "seed {seed}: {share}");
    }
}

#[test]
fn no_layer_stands_alone() {
    let stream = stream::wallet(14, 500, 30);
    let off = ["new-device-weak-login", "listed-device", "labelled-device", "holder-mismatch"];
    let document = in_shadow(DOCUMENT, &off).expect("the policy has these rules");
    assert_eq!(play(&stream, &document).lost(), 0);
    assert_eq!(in_shadow(DOCUMENT, &["no-such-rule"]), None);
}

#[test]
fn a_policy_without_rules_loses_everything() {
    let stream = stream::wallet(15, 300, 20);
    let rules = DOCUMENT.find("# === Rules").expect("the rules have a heading");
    let decision = DOCUMENT.find("[decision]").expect("the policy decides");
    let report = play(&stream, &format!("{}{}", &DOCUMENT[..rules], &DOCUMENT[decision..]));
    assert_eq!(report.lost(), report.at_stake());
    assert_eq!(report.prevented, 0);
}

#[test]
fn the_table_has_a_row_for_every_event() {
    let stream = stream::wallet(16, 60, 10);
    let report = play(&stream, DOCUMENT);
    let mut table = Vec::new();
    write_csv(&mut table, &stream, &report).expect("memory takes it");
    let table = String::from_utf8(table).expect("it is text");
    let mut rows = table.lines();
    let columns = rows.next().expect("there is a header").split(',').count();
    assert_eq!(rows.clone().count(), stream.events.len());
    // Every other part between quotes is a text that may hold commas, such as "iPhone12,8".
    let cells =
        |row: &str| 1 + row.split('"').step_by(2).map(|part| part.matches(',').count()).sum::<usize>();
    assert!(rows.all(|row| cells(row) == columns));
}
