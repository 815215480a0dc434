//! Where events happen: how fast somebody would have had to travel, and how far from home he is.
//!
//! Positions are unit vectors from the centre of a sphere: near, far and opposite ones, poles and the date line are no
//! cases of their own, and vectors can be summed up.

use super::behaviour::Past;
use super::matches::Matches;
use super::plan::WindowFeature;
use super::velocity::Gathered;
use crate::state::Fading;

/// The mean radius of the Earth in km (IUGG).
const EARTH: f64 = 6_371.008_8;
const HOUR: f64 = 3_600_000.0;
/// Positions whose mean is nearer to the centre of the Earth than this part of its radius lie all around.
const ALL_AROUND: f64 = 1e-3;

pub(super) type Vector = [f64; 3];

/// A position, and how far off it may be in km.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: Vector,
    radius: f64,
}

/// The unit vector of a position in degrees.
pub(super) fn unit(latitude: f64, longitude: f64) -> Vector {
    let (up, across) = sine_and_cosine(latitude);
    let (east, front) = sine_and_cosine(longitude);
    [across * front, across * east, up]
}

/// Of an angle in degrees. Those of multiples of 90 are exact, so that all meridians meet at a pole and both sides of
/// the date line are one.
fn sine_and_cosine(degrees: f64) -> (f64, f64) {
    let quarter = libm::round(degrees / 90.0);
    let (sine, cosine) = libm::sincos((degrees - 90.0 * quarter).to_radians());
    match (quarter as i64).rem_euclid(4) {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

fn length([x, y, z]: Vector) -> f64 {
    libm::sqrt(x * x + y * y + z * z)
}

/// Along the great circle between two unit vectors, in km: half the angle is that of a right triangle with their
/// difference and their sum, which is as good for opposite points as for near ones.
fn distance(a: Vector, b: Vector) -> f64 {
    let ([ax, ay, az], [bx, by, bz]) = (a, b);
    let (apart, together) = (length([ax - bx, ay - by, az - bz]), length([ax + bx, ay + by, az + bz]));
    2.0 * EARTH * libm::atan2(apart, together)
}

/// Between two places that may be anywhere within their radii, in km an hour. What happens at once is taken to be a
/// millisecond apart.
fn speed(there: Place, here: Place, elapsed: i64) -> f64 {
    let apart = distance(there.at, here.at) - there.radius - here.radius;
    apart.max(0.0) / (elapsed.max(1) as f64 / HOUR)
}

/// Positions summed up.
#[derive(Clone, Copy, Debug, Default)]
struct Centroid {
    sum: Vector,
    weight: f64,
}

impl Centroid {
    fn add(&mut self, at: Vector, weight: f64) {
        for (sum, part) in self.sum.iter_mut().zip(at) {
            *sum += weight * part;
        }
        self.weight += weight;
    }

    /// The unit vector of their mean; `None` where they cancel one another.
    fn unit(&self) -> Option<Vector> {
        let length = length(self.sum);
        (length > ALL_AROUND * self.weight).then(|| self.sum.map(|part| part / length))
    }
}

/// The columns of a feature of this kind are the radius and the three coordinates; its series are of the same.
impl Place {
    /// That of the event that is scored.
    fn here(feature: &WindowFeature, past: &Past<'_>) -> Option<Place> {
        let cell = |column| past.moment.cell(past.plan, column).map(f64::from_bits);
        let [x, y, z] = *feature.further.as_slice() else { return None };
        Some(Place { at: [cell(x.0)?, cell(y.0)?, cell(z.0)?], radius: cell(feature.column)? })
    }
}

impl<M: Matches> Gathered<'_, M> {
    fn position(&self, feature: &WindowFeature, at: usize) -> Option<Vector> {
        let word = |kept| self.view.word(kept, at).map(f64::from_bits);
        let [x, y, z] = *feature.further.as_slice() else { return None };
        Some([word(x.1)?, word(y.1)?, word(z.1)?])
    }

    /// How fast one had to be to get here from where the newest entry was.
    pub(super) fn speed(&self, feature: &WindowFeature, past: &Past<'_>) -> Option<f64> {
        let here = Place::here(feature, past)?;
        let (time, there) = match self.matches.newest() {
            Some(at) => {
                let radius = f64::from_bits(self.view.word(feature.kept, at)?);
                (self.view.time_at(at)?, Place { at: self.position(feature, at)?, radius })
            }
            None => {
                let edge = |part| past.folded(feature, self, part)?.tally(self.window).edge();
                let word = |part| edge(part).map(|(_, word)| f64::from_bits(word));
                (edge(0)?.0, Place { at: [word(1)?, word(2)?, word(3)?], radius: word(0)? })
            }
        };
        // A pane may hold what is newer than a late event.
        Some(speed(there, here, (self.time - time).abs()))
    }

    /// How far it is from home, which is where the entries were on average.
    pub(super) fn distance(
        &self,
        half_life: Option<i64>,
        at_least: u64,
        feature: &WindowFeature,
        past: &Past<'_>,
    ) -> Option<f64> {
        let here = Place::here(feature, past)?;
        let before = |part| {
            let folded = past.folded(feature, self, part);
            folded.map(|folded| folded.tally(self.window)).unwrap_or_default()
        };
        let (sums, weights) = ([0, 1, 2].map(before), before(3));
        if weights.count + self.count() < at_least {
            return None;
        }
        // As of the newest entry: the mean's direction is the same at any time.
        let newest = self.matches.newest().and_then(|at| self.view.time_at(at));
        let newest = newest.unwrap_or(i64::MIN).max(weights.fading().at);
        let left = |sum: Fading| half_life.map_or(sum.total, |half_life| sum.as_of(newest, half_life));
        let counted = if half_life.is_some() { left(weights.fading()) } else { weights.count as f64 };
        let mut home = Centroid { sum: sums.map(|sum| left(sum.fading())), weight: counted };
        for at in self.matches.places() {
            let time = self.view.time_at(at)?;
            home.add(self.position(feature, at)?, left(Fading { total: 1.0, at: time }));
        }
        Some((distance(home.unit()?, here.at) - here.radius).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(a: (f64, f64), b: (f64, f64)) -> f64 {
        distance(unit(a.0, a.1), unit(b.0, b.1))
    }

    const TOKYO: (f64, f64) = (35.681236, 139.767125);

    #[test]
    fn distances_are_those_of_the_formula() {
        // 2 R atan2(√h, √(1 - h)) with h the haversine, with 60 digits by mpmath.
        for (a, b, expected) in [
            (TOKYO, (51.507351, -0.127758), 9_562.311_517_922_342),
            (TOKYO, (34.702485, 135.495951), 403.058_083_699_990_03),
            ((-33.868820, 151.209290), (-33.448890, -70.669265), 11_346.732_248_448_746),
            (TOKYO, (-35.681, -40.2328), 20_015.087_339_770_844),
            (TOKYO, (-35.681236, -40.232875), 20_015.114_442_035_924),
            ((90.0, 0.0), (-90.0, 77.0), 20_015.114_442_035_924),
            ((90.0, 12.0), (0.0, -133.0), 10_007.557_221_017_962),
            ((0.0, 0.0), (0.0, 90.0), 10_007.557_221_017_962),
            ((-17.5, 179.9), (-17.5, -179.9), 21.209_725_598_010_36),
        ] {
            let found = apart(a, b);
            assert!((found - expected).abs() <= 1e-12 * expected, "{a:?} {b:?}: {found}");
            assert_eq!(found.to_bits(), apart(b, a).to_bits());
        }
        // Of what is near, a hundredth of a micrometre is the smallest difference that counts.
        for (b, expected) in [
            ((35.690236, 139.767125), 1.000_755_722_101_834),
            ((35.681245, 139.767125), 0.001_000_755_721_945),
        ] {
            assert!((apart(TOKYO, b) - expected).abs() <= 1e-11, "{b:?}: {}", apart(TOKYO, b));
        }
    }

    #[test]
    fn meridians_meet_at_the_poles_and_at_the_date_line() {
        assert_eq!(apart(TOKYO, TOKYO), 0.0);
        assert_eq!(apart((90.0, 12.0), (90.0, -133.0)), 0.0);
        assert_eq!(apart((-90.0, 180.0), (-90.0, 0.0)), 0.0);
        assert_eq!(apart((10.0, 180.0), (10.0, -180.0)), 0.0);
    }

    #[test]
    fn both_radii_are_taken_off_and_time_never_stands_still() {
        let place = |at: (f64, f64), radius| Place { at: unit(at.0, at.1), radius };
        let (a, b) = ((0.0, 0.0), (0.0, 90.0));
        let whole = apart(a, b);
        let hour = 3_600_000;
        assert_eq!(speed(place(a, 0.0), place(b, 0.0), hour), whole);
        assert_eq!(speed(place(a, 7.0), place(b, 500.0), hour), whole - 7.0 - 500.0);
        assert_eq!(speed(place(a, 6_000.0), place(b, 6_000.0), hour), 0.0);
        assert_eq!(speed(place(a, 0.0), place(b, 0.0), 1), whole / (1.0 / HOUR));
        assert_eq!(speed(place(a, 0.0), place(b, 0.0), 0), whole / (1.0 / HOUR));
        assert_eq!(speed(place(a, 0.0), place(a, 0.0), 0), 0.0);
        assert!(speed(place(a, 0.0), place((0.0, 180.0), 0.0), 0).is_finite());
    }

    #[test]
    fn home_is_between_and_nowhere_when_all_cancels() {
        let mut home = Centroid::default();
        assert_eq!(home.unit(), None);
        home.add(unit(0.0, 0.0), 1.0);
        home.add(unit(0.0, 90.0), 1.0);
        let middle = home.unit().expect("it is there");
        assert!(distance(middle, unit(0.0, 45.0)) < 1e-11);
        home.add(unit(0.0, 180.0), 1.0);
        home.add(unit(0.0, -90.0), 1.0);
        assert_eq!(home.unit(), None);
        home.add(unit(80.0, 10.0), 1e-3);
        assert_eq!(home.unit(), None);
        // A hundredth of the weight on one side decides.
        home.add(unit(80.0, 10.0), 0.04);
        assert!(distance(home.unit().expect("it is there"), unit(80.0, 10.0)) < 1e-9);
    }
}
