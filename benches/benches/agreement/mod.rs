//! Before anything is measured: all do the same work and come to the same answers.

use cel::Value as Cel;
use sekisho::{Action, Decision, Event, Value};
use sekisho_benches::{
    CelRules, FEATURES, RULES, Sample, SqliteFeatures, Workload, document_of_features, document_of_rules,
};

/// Goes through one period of the stream.
///
/// # Panics
/// When a peer finds another feature value or another rule hit, or when the stream is not what it says.
pub(crate) fn check(workload: &Workload) {
    let engine = workload.engine().expect("the policy compiles");
    let next = workload.warm_up(&engine).expect("the events are fine");
    workload.check_histories(&engine).expect("every history has 20 events");
    let features_alone = workload.engine_with(&document_of_features()).expect("the policy compiles");
    workload.warm_up(&features_alone).expect("the events are fine");
    let rules_alone = workload.engine_with(&document_of_rules()).expect("the policy compiles");
    let cel = CelRules::new(workload);
    let connection = SqliteFeatures::database().expect("SQLite works");
    let mut sqlite = SqliteFeatures::new(&connection).expect("the statements are fine");
    for number in 0..next {
        sqlite.insert(workload, &workload.sample(number)).expect("the insert works");
    }

    let (mut event, mut bare) = (engine.event(), rules_alone.event());
    let (mut decision, mut other) = (Decision::detailed(), Decision::detailed());
    let mut values = vec![None; FEATURES.len()];
    let mut by_rule = [0u32; RULES.len()];
    let mut by_action = [0u32; 4];
    let (mut present, mut unhit) = (vec![0u32; FEATURES.len()], 0u32);
    for number in next..next + workload.period() {
        let sample = workload.sample(number);
        workload.fill(&sample, &mut event).expect("the sample is fine");
        engine.assess_into(&event, &mut decision).expect("the event is fine");
        features_alone.assess_into(&event, &mut other).expect("the event is fine");
        sqlite.read(workload, &sample, &mut values).expect("the query works");
        sqlite.insert(workload, &sample).expect("the insert works");
        for (place, ((feature, alone), theirs)) in
            decision.features().zip(other.features()).zip(&values).enumerate()
        {
            assert_eq!(feature, alone, "event {number}");
            let ours = match feature.value() {
                Value::Missing => None,
                Value::Integer(number) | Value::Duration(number) => Some(*number as f64),
                Value::Number(number) => Some(*number),
                value => panic!("{} is {value:?}", feature.name()),
            };
            present[place] += u32::from(ours.is_some_and(|number| number != 0.0));
            assert!(
                equal(ours, *theirs),
                "event {number}: {} is {ours:?}, {theirs:?} in SQLite",
                feature.name()
            );
        }

        let row = CelRules::features(&decision);
        let (mut hits, mut missing) = (Vec::new(), Vec::new());
        cel.run(&cel.context(workload, &sample, &row), |rule, holds| {
            if holds { hits.push(rule) } else { missing.push(rule) }
        });
        fill_with_features(workload, &sample, &row, &mut bare);
        rules_alone.score_into(&bare, &mut other).expect("the event is fine");
        for (found, decision) in [("sekisho", &decision), ("the rules alone", &other)] {
            let number_of = |id: &str| id.parse::<usize>().expect("ids are numbers");
            let ours: Vec<usize> = decision.hits().map(|hit| number_of(hit.id())).collect();
            assert_eq!(ours, hits, "event {number}: hits of {found}, and of cel");
            let ours: Vec<usize> = decision.missing_rules().map(number_of).collect();
            assert_eq!(ours, missing, "event {number}: missing rules of {found}, and of cel");
        }
        for rule in &hits {
            by_rule[*rule] += 1;
        }
        unhit += u32::from(hits.is_empty());
        let actions = [Action::Allow, Action::Challenge, Action::Review, Action::Deny];
        by_action[actions.iter().position(|action| *action == decision.action()).expect("there are four")] +=
            1;
    }
    workload.check_histories(&engine).expect("histories stay as long as they were");
    println!(
        "{} events: {:.2} hits each, {unhit} without any; {by_action:?} allowed, challenged, reviewed, denied",
        workload.period(),
        f64::from(by_rule.iter().sum::<u32>()) / workload.period() as f64
    );
    let idle: Vec<usize> = (0..RULES.len()).filter(|rule| by_rule[*rule] == 0).collect();
    assert!(idle.len() <= 5, "rules that never hit: {idle:?}");
    assert!(by_action.iter().all(|count| *count > 0), "every action is taken");
    assert!(unhit > 0 && u64::from(unhit) < workload.period(), "some events hit a rule, some do not");
    for (line, count) in FEATURES.iter().zip(present) {
        assert!(count > 0, "{} is never anything", line.name);
    }
}

fn equal(ours: Option<f64>, theirs: Option<f64>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= 1e-9 * ours.abs().max(1.0),
        (ours, theirs) => ours.is_none() && theirs.is_none(),
    }
}

/// Fills an event that carries the features as attributes.
pub(crate) fn fill_with_features(
    workload: &Workload,
    sample: &Sample,
    row: &[(&str, Cel)],
    event: &mut Event,
) {
    workload.fill(sample, event).expect("the sample is fine");
    for (name, value) in row {
        let field = event.schema().field(name).expect("the attribute is declared");
        let set = match value {
            Cel::Int(number) => event.set(field, *number),
            Cel::Float(number) => event.set(field, *number),
            Cel::Duration(duration) => event.set(field, duration.num_milliseconds()),
            _ => continue,
        };
        set.expect("the value is fine");
    }
}
