//! How unlike its owner's earlier logins, and how like everybody's, a login is.
//!
//! Freeman, Jain, Dürmuth, Biggio, Giacinto: "Who Are You? A Statistical Approach to Measuring User Authenticity"
//! (NDSS 2016), without its term for attackers, and with what Wiefling, Jørgensen, Thunem, Lo Iacono: "Pump Up
//! Password Security!" (TOPS 2022) completed it by. Each facet of a login has levels from the finest to the
//! coarsest, so that a new address of a known network is less of a surprise than one of a new country.

use super::row::Row;
use crate::event::Field;

/// The facets of a login and their levels, with weights: those of Wiefling et al.
pub(crate) const FACETS: [&[(Field, f64)]; 2] = [
    &[(Field::IP, 0.6), (Field::ASN, 0.3), (Field::COUNTRY, 0.1)],
    &[
        (Field::BROWSER_USER_AGENT, 0.538_665_384_055_135_9),
        (Field::BROWSER_NAME, 0.268_045_149_862_566_6),
        (Field::DEVICE_PLATFORM, 0.188_182_951_001_095_36),
        (Field::DEVICE_TYPE, 0.005_106_515_081_202_152_5),
    ],
];

/// The ratio of a facet of which the user's history has nothing at any level.
const UNKNOWN: f64 = 4.0;

/// The places of the row from which the score is made.
#[derive(Debug)]
pub(crate) struct LoginScore {
    pub(crate) facets: Vec<Facet>,
    pub(crate) logins_of_user: u16,
    pub(crate) logins: u16,
    pub(crate) users: u16,
}

/// One facet, such as the address.
#[derive(Debug)]
pub(crate) struct Facet {
    /// The finest first.
    pub(crate) levels: Vec<Level>,
    /// How many different values of each lower level there are among all logins.
    pub(crate) known_below: Vec<u16>,
    /// The same among the logins with this value of the finest level.
    pub(crate) seen_below: Vec<u16>,
}

/// One level of a facet.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) weight: f64,
    /// How many logins of the user had this value.
    pub(crate) of_user: u16,
    /// How many logins of anybody had it.
    pub(crate) of_all: u16,
}

impl LoginScore {
    /// Every place that it reads.
    pub(crate) fn reads(&self) -> Vec<u16> {
        let mut places = vec![self.logins_of_user, self.logins, self.users];
        for facet in &self.facets {
            places.extend(facet.levels.iter().flat_map(|level| [level.of_user, level.of_all]));
            places.extend(facet.known_below.iter().chain(&facet.seen_below));
        }
        places
    }

    /// The product over facets of how common the login is among all by how common it is for the user, times how
    /// rare the user is. `None` for a user's first login, or without any facet.
    pub(crate) fn score(&self, row: &Row) -> Option<f64> {
        let count = |place: u16| row.get(place).map(|word| word as f64);
        let own = count(self.logins_of_user).filter(|own| *own > 0.0)?;
        let (all, users) = (count(self.logins)?, count(self.users)?);
        let mut known = false;
        let mut score = 1.0;
        for facet in &self.facets {
            if let Some(ratio) = facet.ratio(row, own, all) {
                score *= ratio;
                known = true;
            }
        }
        known.then(|| score * (1.0 / users) / (own / all))
    }
}

impl Facet {
    /// How common its values are among all logins, by how common they are for the user; `None` when the login
    /// lacks the finest one.
    fn ratio(&self, row: &Row, own: f64, all: f64) -> Option<f64> {
        let count = |place: u16| row.get(place).map_or(0.0, |word| word as f64);
        let total = |places: &[u16]| 1.0 + places.iter().map(|place| count(*place)).sum::<f64>();
        let (finest, lower) = self.levels.split_first()?;
        row.get(finest.of_all)?;
        let mut for_user = finest.weight * count(finest.of_user) / own;
        let seen = count(finest.of_all);
        // What is left for values that nobody has had yet.
        let unseen = total(&self.known_below);
        let share =
            if seen > 0.0 { seen / all * (1.0 - unseen / (all + unseen)) } else { 1.0 / (all + unseen) };
        // A value that many coarser ones share is no better known than they are.
        let trust = if seen > 0.0 { seen / (seen + total(&self.seen_below)) } else { 1.0 };
        let mut for_all = finest.weight * trust * share;
        for level in lower {
            for_user += level.weight * count(level.of_user) / own;
            for_all += level.weight * count(level.of_all) / all;
        }
        Some(if for_user > 0.0 { for_all / for_user } else { UNKNOWN })
    }
}
