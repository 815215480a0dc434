//! Distances, speeds and homes by other formulas than the library's.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "other mathematics than the library's")]

/// Degrees of latitude and longitude.
pub(crate) type Place = (f64, f64);

/// Tokyo, its antipode, Osaka, London, a pole, both sides of the date line.
pub(crate) const PLACES: [Place; 7] = [
    (35.681, 139.767),
    (-35.681, -40.233),
    (34.702, 135.496),
    (51.507, -0.128),
    (90.0, 17.0),
    (-17.5, 179.9),
    (-17.5, -180.0),
];

/// An event with a position: when, where, and how far off that may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) time: i64,
    pub(crate) place: Place,
    pub(crate) radius: f64,
}

/// Kilometres between two places, by the formula of Vincenty for a sphere.
fn kilometres(a: Place, b: Place) -> f64 {
    let ((sine, cosine), (other_sine, other_cosine)) =
        (a.0.to_radians().sin_cos(), b.0.to_radians().sin_cos());
    let (east, ahead) = (b.1 - a.1).to_radians().sin_cos();
    let across = (other_cosine * east).hypot(cosine * other_sine - sine * other_cosine * ahead);
    6371.0088 * across.atan2(sine * other_sine + cosine * other_cosine * ahead)
}

/// Kilometres an hour.
pub(crate) fn speed(last: Visit, current: Visit) -> f64 {
    let apart = kilometres(last.place, current.place) - last.radius - current.radius;
    apart.max(0.0) / ((current.time - last.time).max(1) as f64 / 3_600_000.0)
}

/// Kilometres from where the others are on average.
pub(crate) fn from_home(
    visits: &[Visit],
    half_life: Option<i64>,
    at_least: usize,
    current: Visit,
) -> Option<f64> {
    let newest = visits.iter().map(|visit| visit.time).max()?;
    let (mut sum, mut weights) = ([0.0; 3], 0.0);
    for visit in visits {
        let (latitude, longitude) = (visit.place.0.to_radians(), visit.place.1.to_radians());
        let age = (newest - visit.time) as f64;
        let weight = half_life.map_or(1.0, |half_life| (-age / half_life as f64).exp2());
        sum[0] += weight * latitude.cos() * longitude.cos();
        sum[1] += weight * latitude.cos() * longitude.sin();
        sum[2] += weight * latitude.sin();
        weights += weight;
    }
    let across = sum[0].hypot(sum[1]);
    if visits.len() < at_least || across.hypot(sum[2]) <= 1e-3 * weights {
        return None;
    }
    let home = (sum[2].atan2(across).to_degrees(), sum[1].atan2(sum[0]).to_degrees());
    Some((kilometres(home, current.place) - current.radius).max(0.0))
}
