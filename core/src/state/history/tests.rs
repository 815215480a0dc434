//! Histories under the worst that can come: what they take, whether they go on alike when they are read again.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::state::series::{Kind, SeriesPlan};

/// Something that happens to a history.
#[derive(Clone, Debug)]
enum Step {
    /// So many events, one after the other, late or early by some time.
    Come { many: u16, by: i64, other: u64 },
    /// Labels of so many events up to one, that become known so much later, again and again.
    Labelled { many: u64, back: u64, later: i64, again: i64 },
    /// Another policy keeps so many exactly, as of the next event, late by some time.
    Keep { events: usize, late: i64 },
    /// What is so old goes.
    Forget(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let by = prop_oneof![4 => 0i64..4, 1 => -90i64..0, 1 => 4i64..90];
    let step = prop_oneof![
        6 => (1u16..40, by, 0u64..4).prop_map(|(many, by, other)| Step::Come { many, by, other }),
        1 => (200u16..900, 0i64..2, 0u64..4).prop_map(|(many, by, other)| Step::Come { many, by, other }),
        6 => (1u64..200, 0u64..200, 0i64..400, 1i64..7)
            .prop_map(|(many, back, later, again)| Step::Labelled { many, back, later, again }),
        2 => (1usize..50, 0i64..30).prop_map(|(events, late)| Step::Keep { events, late }),
        1 => (50i64..400).prop_map(Step::Forget),
    ];
    vec(step, 1..40)
}

/// Series of every kind, most of which are of those whose label is not fraud.
fn series() -> impl Strategy<Value = Vec<SeriesPlan>> {
    let one =
        (0u8..8, proptest::option::of(0usize..3), any::<(bool, bool)>(), proptest::option::of(1i64..200));
    let plan = one.prop_map(|(kind, predicate, (delayed, composite), reach)| {
        let kind = match kind {
            0 => Kind::Count,
            1 => Kind::Sum,
            2 => Kind::Moments,
            3 => Kind::Least,
            _ => Kind::Distinct,
        };
        let same = if composite { vec![1, 2] } else { Vec::new() };
        let width = if reach.is_some() { 2 } else { i64::MAX };
        SeriesPlan { predicate, delayed, same, reach, width, ..SeriesPlan::of_kind(kind, false) }
    });
    vec(plan, 0..12)
}

/// An entity with a policy's shape and budget, and the time and the number of its events.
struct Entity {
    shape: Shape,
    budget: Budget,
    history: History,
    time: i64,
    count: u64,
}

impl Entity {
    fn new(predicates: u16, columns: usize, budget: Budget) -> Entity {
        let mut shape = Shape::default();
        (0..predicates).for_each(|number| _ = shape.predicate(number));
        (0..columns).for_each(|column| shape.add_column(column % 3 != 2));
        Entity { shape, budget, history: History::default(), time: 1_000, count: 0 }
    }

    fn cells(&self, number: u64, other: u64) -> Vec<Option<u64>> {
        let cell = |column| if column == 0 { Some(number) } else { Some(number % (1 + other * other * 60)) };
        (0..self.shape.columns().count()).map(cell).collect()
    }

    fn come(&mut self, by: i64, other: u64) {
        self.count += 1;
        self.time += by.max(0);
        let time = self.time + by.min(0);
        let all = self.cells(self.count, other);
        let places: Vec<usize> = (0..all.len()).collect();
        let masks = [0b0111; 2];
        let entry = Entry { time, id: self.count, masks: &masks, outcome: 0, label: 0 };
        let cells = Cells { places: &places, all: &all };
        self.history.insert((&self.shape, &self.budget), &entry, cells, &mut Spares::default());
    }

    fn labelled(&mut self, id: u64, later: i64, label: u8) {
        let all = self.cells(id, 1);
        let places: Vec<usize> = (0..all.len()).collect();
        let known = self.history.known(&self.shape, id);
        let (time, _, label_before) = known.unwrap_or((self.time - 100, 0, 0));
        let by_label = [vec![0b0111; 2], vec![0b0101; 2], vec![0b0011; 2]];
        let learnt = Learnt {
            id,
            time,
            outcome: 0,
            label: Some((label, self.time - 20 + later)),
            by_label: &by_label,
            before: &by_label,
            label_before,
            revisable: &[0b0110; 2],
        };
        self.history.revise(&self.shape, &self.budget, &learnt, Cells { places: &places, all: &all });
    }

    fn happen(&mut self, step: &Step) {
        match *step {
            Step::Come { many, by, other } => (0..many).for_each(|_| self.come(by, other)),
            Step::Labelled { many, back, later, again } => {
                let newest = self.count.saturating_sub(back);
                for id in newest.saturating_sub(many) + 1..=newest {
                    let times =
                        (0..again).map(|number| (later + id as i64 % 7 + number, 1 + number as u8 % 2));
                    times.for_each(|(later, label)| self.labelled(id, later, label));
                }
            }
            Step::Keep { events, late } => {
                self.budget.events = events;
                self.come(-late, 0);
            }
            Step::Forget(age) => self.history.forget_until(&self.shape, self.time - age),
        }
    }

    /// What all of it takes, its labels, and what is summed up.
    fn bytes(&self) -> [usize; 3] {
        let panes = self.history.panes().map_or(0, Panes::bytes);
        [self.history.bytes(), self.history.labels().bytes(), panes]
    }

    /// The same at most.
    fn most_bytes(&self) -> [usize; 3] {
        let Entity { shape, budget, .. } = self;
        let predicates = shape.predicates().len();
        let beside = budget.most_bytes(predicates, shape.columns().count());
        let panes = beside - History::most_bytes(budget.events, predicates);
        [shape.most_bytes(budget), Labels::most_bytes(budget.events, predicates), panes]
    }

    /// The same one, from what was written of it.
    fn read_again(&self) -> Entity {
        let (shape, budget, written) = (self.shape.clone(), self.budget.clone(), self.written());
        let history = History::read(&shape, budget.series.len(), &mut Reader(&written)).unwrap();
        Entity { shape, budget, history, ..*self }
    }

    fn written(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.history.write(&mut Writer(&mut bytes));
        bytes
    }
}

proptest! {
    /// Whatever comes, a history takes no more than is said. What is exact is behind what is summed up. A history that
    /// was written and read is as large, and whatever comes later it stays the same.
    #[test]
    fn a_history_takes_no_more_than_is_said(
        series in series(),
        (predicates, columns, events) in (3u16..40, 3usize..24, 1usize..50),
        steps in steps(),
        restored in 0usize..20,
    ) {
        let mut entity = Entity::new(predicates, columns, Budget { events, series });
        let mut again: Option<Entity> = None;
        let mut most = [0; 3];
        for (number, step) in steps.iter().enumerate() {
            entity.happen(step);
            // What was made for more stays as it is.
            for (most, now) in most.iter_mut().zip(entity.most_bytes()) {
                *most = now.max(*most);
            }
            let found = entity.bytes();
            prop_assert!(found.iter().zip(&most).all(|(found, most)| found <= most), "{found:?} of {most:?}");
            prop_assert!(entity.history.len() <= entity.budget.events);
            let folded = entity.history.panes().map(Panes::folded_until);
            let exact = entity.history.view(&entity.shape).time_at(0);
            prop_assert!(folded.is_none() || exact.is_none() || folded <= exact, "{folded:?} {exact:?}");

            if let Some(again) = &mut again {
                again.happen(step);
                prop_assert_eq!(again.bytes(), found);
                prop_assert!(again.written() == entity.written());
            } else if number >= restored {
                again = Some(entity.read_again());
            }
        }
    }
}
