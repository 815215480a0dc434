//! One event through sekisho, and the same work done by what one would use instead.
//!
//! Everything is measured over the same stream of events, in which each entity always remembers 20.

mod agreement;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cel::Context;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use sekisho::{Decision, Engine, Event};
use sekisho_benches::{
    CelRules, FEATURES, HISTORY, RULES, SETS, Sample, SqliteFeatures, Workload, document,
    document_of_features, document_of_rules,
};

fn main() {
    let workload = Workload::default();
    agreement::check(&workload);
    let mut criterion = Criterion::default().configure_from_args();
    let figures = Figures::default();
    assess(&mut criterion, &workload, &figures);
    rules(&mut criterion, &workload, &figures);
    features(&mut criterion, &workload, &figures);
    criterion.final_summary();
    figures.print();
}

/// A stream of events on its way through an engine.
struct Steps<'w> {
    workload: &'w Workload,
    engine: Engine,
    next: u64,
    samples: Vec<Sample>,
    events: Vec<Event>,
    decision: Decision,
}

impl<'w> Steps<'w> {
    fn new(workload: &'w Workload, document: &str) -> Steps<'w> {
        let engine = workload.engine_with(document).expect("the policy compiles");
        let next = workload.warm_up(&engine).expect("the events are fine");
        let events = (0..SETS).map(|_| engine.event()).collect();
        Steps { workload, engine, next, samples: Vec::new(), events, decision: Decision::new() }
    }

    /// The next `count` samples, and their events filled.
    fn advance(&mut self, count: usize) {
        let numbers = self.next..self.next + count as u64;
        self.next = numbers.end;
        self.samples.clear();
        self.samples.extend(numbers.map(|number| self.workload.sample(number)));
        self.fill();
    }

    fn fill(&mut self) {
        for (sample, event) in self.samples.iter().zip(&mut self.events) {
            self.workload.fill(black_box(sample), event).expect("the sample is fine");
        }
    }

    fn score(&mut self) {
        for event in self.events.iter().take(self.samples.len()) {
            self.engine.score_into(black_box(event), &mut self.decision).expect("the event is fine");
            black_box(self.decision.score());
        }
    }

    fn assess(&mut self) {
        for event in self.events.iter().take(self.samples.len()) {
            self.engine.assess_into(black_box(event), &mut self.decision).expect("the event is fine");
            black_box(self.decision.score());
        }
    }

    /// As a host does it: one event, reused.
    fn fill_and_assess(&mut self) {
        let Some(event) = self.events.first_mut() else { return };
        for sample in &self.samples {
            self.workload.fill(black_box(sample), event).expect("the sample is fine");
            self.engine.assess_into(black_box(event), &mut self.decision).expect("the event is fine");
            black_box(self.decision.score());
        }
    }

    fn record(&self) {
        for event in self.events.iter().take(self.samples.len()) {
            self.engine.record(event).expect("the event is fine");
        }
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn assess(criterion: &mut Criterion, workload: &Workload, figures: &Figures) {
    let mut group = criterion.benchmark_group("assess");
    let mut steps = Steps::new(workload, &document());
    figures.bench(&mut group, "assess/fill", |count| {
        steps.advance(count);
        timed(|| steps.fill())
    });
    let mut steps = Steps::new(workload, &document());
    figures.bench(&mut group, "assess/score", |count| {
        steps.advance(count);
        let spent = timed(|| steps.score());
        steps.record();
        spent
    });
    let mut steps = Steps::new(workload, &document());
    figures.bench(&mut group, "assess/assess", |count| {
        steps.advance(count);
        timed(|| steps.assess())
    });
    workload.check_histories(&steps.engine).expect("histories stay as long as they were");
    let mut steps = Steps::new(workload, &document());
    figures.bench(&mut group, "assess/fill_and_assess", |count| {
        steps.advance(count);
        timed(|| steps.fill_and_assess())
    });
    group.finish();
}

fn rules(criterion: &mut Criterion, workload: &Workload, figures: &Figures) {
    let mut group = criterion.benchmark_group("rules");
    let bare = workload.engine_with(&document_of_rules()).expect("the policy compiles");
    let peer = CelRules::new(workload);
    // A period of events with the features that belong to them.
    let mut steps = Steps::new(workload, &document());
    steps.decision = Decision::detailed();
    let mut batches = Vec::new();
    for _ in 0..workload.period() / SETS as u64 {
        steps.advance(SETS);
        let rows: Vec<Vec<(&str, cel::Value)>> = (0..SETS)
            .map(|at| {
                let event = &steps.events[at];
                steps.engine.assess_into(event, &mut steps.decision).expect("the event is fine");
                CelRules::features(&steps.decision)
            })
            .collect();
        batches.push((steps.samples.clone(), rows));
    }
    let mut turn = 0;
    let mut next = || {
        turn += 1;
        &batches[turn % batches.len()]
    };

    let mut decision = Decision::new();
    let mut events: Vec<Event> = (0..SETS).map(|_| bare.event()).collect();
    figures.bench(&mut group, "rules/sekisho", |count| {
        let (samples, rows) = next();
        for ((sample, row), event) in samples.iter().zip(rows).zip(&mut events) {
            agreement::fill_with_features(workload, sample, row, event);
        }
        timed(|| {
            for event in events.iter().take(count) {
                bare.score_into(black_box(event), &mut decision).expect("the event is fine");
                black_box(decision.score());
            }
        })
    });
    figures.bench(&mut group, "rules/cel", |count| {
        let (samples, rows) = next();
        let filled = samples.iter().zip(rows).take(count);
        let contexts: Vec<Context<'_, '_>> =
            filled.map(|(sample, row)| peer.context(workload, sample, row)).collect();
        timed(|| {
            for context in &contexts {
                run(&peer, context);
            }
        })
    });
    figures.bench(&mut group, "rules/cel_with_filling", |count| {
        let (samples, rows) = next();
        timed(|| {
            for (sample, row) in samples.iter().zip(rows).take(count) {
                run(&peer, &peer.context(workload, black_box(sample), row));
            }
        })
    });
    group.finish();
}

fn run(peer: &CelRules, context: &Context<'_, '_>) {
    let mut hits = 0u64;
    peer.run(black_box(context), |number, holds| hits |= u64::from(holds) << number);
    black_box(hits);
}

fn features(criterion: &mut Criterion, workload: &Workload, figures: &Figures) {
    let mut group = criterion.benchmark_group("features");
    let mut steps = Steps::new(workload, &document_of_features());
    figures.bench(&mut group, "features/sekisho", |count| {
        steps.advance(count);
        let spent = timed(|| steps.score());
        steps.record();
        spent
    });
    let mut steps = Steps::new(workload, &document_of_features());
    figures.bench(&mut group, "features/sekisho_with_insert", |count| {
        steps.advance(count);
        timed(|| steps.assess())
    });

    let connection = SqliteFeatures::database().expect("SQLite works");
    let mut peer = SqliteFeatures::new(&connection).expect("the statements are fine");
    let mut values = vec![None; FEATURES.len()];
    let mut next = 0;
    while next < 2 * workload.period() {
        peer.insert(workload, &workload.sample(next)).expect("the insert works");
        next += 1;
    }
    // Old events are dropped between the measured calls.
    let mut numbers = |count: usize| {
        next += count as u64;
        next - count as u64..next
    };
    figures.bench(&mut group, "features/sqlite", |count| {
        let samples: Vec<Sample> = numbers(count).map(|number| workload.sample(number)).collect();
        let spent = timed(|| {
            for sample in &samples {
                peer.read(workload, black_box(sample), &mut values).expect("the query works");
                black_box(&values);
            }
        });
        for sample in &samples {
            peer.insert(workload, sample).expect("the insert works");
        }
        drop_old(&mut peer, workload);
        spent
    });
    figures.bench(&mut group, "features/sqlite_with_insert", |count| {
        let samples: Vec<Sample> = numbers(count).map(|number| workload.sample(number)).collect();
        let spent = timed(|| {
            for sample in &samples {
                peer.read(workload, black_box(sample), &mut values).expect("the query works");
                black_box(&values);
                peer.insert(workload, sample).expect("the insert works");
            }
        });
        drop_old(&mut peer, workload);
        spent
    });
    group.finish();
}

fn drop_old(peer: &mut SqliteFeatures<'_>, workload: &Workload) {
    peer.keep(workload.period()).expect("the delete works");
}

/// Nanoseconds an event in each batch that criterion asked for. Their median bears a busy machine better than the
/// mean that criterion reports: what interrupts a batch does not touch the others.
#[derive(Default)]
struct Figures(RefCell<BTreeMap<&'static str, Vec<f64>>>);

impl Figures {
    /// Measures `step`, which does a batch of at most [`SETS`] events and says how long the measured part took.
    fn bench(
        &self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &'static str,
        mut step: impl FnMut(usize) -> Duration,
    ) {
        let short = name.rsplit('/').next().unwrap_or(name);
        group.bench_function(short, |bencher| {
            bencher.iter_custom(|iterations| {
                let (mut spent, mut left) = (Duration::ZERO, iterations);
                while left > 0 {
                    let count = left.min(SETS as u64);
                    let batch = step(count as usize);
                    if count == SETS as u64 {
                        let each = batch.as_nanos() as f64 / count as f64;
                        self.0.borrow_mut().entry(name).or_default().push(each);
                    }
                    spent += batch;
                    left -= count;
                }
                spent
            });
        });
    }

    fn median(&self, name: &str) -> Option<f64> {
        let mut all = self.0.borrow().get(name)?.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }

    /// The medians side by side, where a whole run was asked for.
    fn print(&self) {
        println!(
            "5 entities, {} window features, {} rules, {HISTORY} events remembered; us an event, medians of batches",
            FEATURES.len(),
            RULES.len()
        );
        let pairs = [
            ("fill the event (about 24 fields)", "assess/fill", ""),
            ("score", "assess/score", ""),
            ("assess", "assess/assess", ""),
            ("fill and assess", "assess/fill_and_assess", ""),
            ("rules: sekisho, cel", "rules/sekisho", "rules/cel"),
            ("rules: sekisho, cel with its context filled", "rules/sekisho", "rules/cel_with_filling"),
            ("features: sekisho, SQLite", "features/sekisho", "features/sqlite"),
            (
                "features and insert: sekisho, SQLite",
                "features/sekisho_with_insert",
                "features/sqlite_with_insert",
            ),
        ];
        for (what, ours, theirs) in pairs {
            let Some(ours) = self.median(ours) else { continue };
            match self.median(theirs) {
                None => println!("{what:46} {:8.2}", ours / 1000.0),
                Some(theirs) => {
                    println!(
                        "{what:46} {:8.2} {:8.2}  {:5.1} times",
                        ours / 1000.0,
                        theirs / 1000.0,
                        theirs / ours
                    );
                }
            }
        }
        let whole = (
            self.median("assess/assess"),
            self.median("features/sqlite_with_insert"),
            self.median("rules/cel"),
        );
        if let (Some(ours), Some(features), Some(rules)) = whole {
            let theirs = features + rules;
            println!(
                "{:46} {:8.2} {:8.2}  {:5.1} times",
                "all of it: assess, SQLite and cel",
                ours / 1000.0,
                theirs / 1000.0,
                theirs / ours
            );
        }
    }
}
