//! Features of the whole event: what joins the parts that visits computed.

use super::device::{DeviceMatch, inconsistencies};
use super::login::LoginScore;
use super::row::{Presence, Row};
use crate::event::Event;
use crate::policy::{Compiled, Program, Type};

/// A feature that is computed from the row when all visits are done.
#[derive(Debug)]
pub(crate) struct DerivedFeature {
    pub(crate) place: u16,
    /// The places that it reads.
    pub(crate) reads: Vec<u16>,
    pub(crate) derivation: Derivation,
}

/// How the places are joined.
#[derive(Debug)]
pub(crate) enum Derivation {
    /// One feature divided by another; each with whether it is a double.
    Ratio {
        numerator: (u16, bool),
        denominator: (u16, bool),
        /// What is added to the numerator, and to the rest of the denominator.
        prior: Option<[f64; 2]>,
    },
    /// What an expression says, with its type.
    Expression(Program, Type),
    LoginScore(LoginScore),
    /// It fills several places, which features then read.
    DeviceMatch(Box<DeviceMatch>),
    /// What is in another place,
    Place(u16),
    /// or how many bits of it are set.
    Flags(u16),
    /// How many ways there are in which the event contradicts itself, or whether it does so in one of them.
    Inconsistencies(Option<u32>),
}

/// Fills the places of derived features, each after those that it reads.
pub(crate) fn derive(policy: &Compiled, event: &Event, row: &mut Row, stack: &mut Vec<Option<u64>>) {
    for feature in &policy.plan.derived {
        let approximate = feature.reads.iter().any(|place| row.presence(*place) == Presence::Approximate);
        let presence = if approximate { Presence::Approximate } else { Presence::Exact };
        let word = match &feature.derivation {
            Derivation::Ratio { numerator, denominator, prior } => {
                ratio(row, *numerator, *denominator, *prior)
            }
            Derivation::Expression(program, value_type) => {
                let word = program.run(&policy.evaluation(row, event), stack);
                // What is no number is nothing to compare with.
                word.filter(|word| *value_type != Type::Number || f64::from_bits(*word).is_finite())
            }
            Derivation::LoginScore(login) => login.score(row).map(f64::to_bits),
            Derivation::DeviceMatch(devices) => {
                devices.find(event, row, presence);
                continue;
            }
            Derivation::Place(place) => row.get(*place),
            Derivation::Flags(place) => row.get(*place).map(|flags| u64::from(flags.count_ones())),
            Derivation::Inconsistencies(one) => inconsistencies(event).map(|flags| {
                let counted = one.map_or(flags, |one| flags & 1 << one);
                u64::from(counted.count_ones())
            }),
        };
        row.set(feature.place, word, presence);
    }
}

fn ratio(
    row: &Row,
    numerator: (u16, bool),
    denominator: (u16, bool),
    prior: Option<[f64; 2]>,
) -> Option<u64> {
    let read = |(place, number): (u16, bool)| {
        row.get(place).map(|word| if number { f64::from_bits(word) } else { word as i64 as f64 })
    };
    let (numerator, denominator) = (read(numerator)?, read(denominator)?);
    let [more, rest] = prior.unwrap_or_default();
    let (numerator, denominator) = (numerator + more, denominator + more + rest);
    (denominator != 0.0).then(|| (numerator / denominator).to_bits())
}
