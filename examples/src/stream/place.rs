//! Where connections surface.

use super::event::Text;

/// A city: latitude, longitude.
pub(super) type City = (f64, f64);

pub(super) const CITIES: [City; 8] = [
    (35.681, 139.767), // Tokyo
    (35.444, 139.638), // Yokohama
    (34.703, 135.496), // Osaka
    (35.171, 136.882), // Nagoya
    (43.062, 141.354), // Sapporo
    (33.590, 130.421), // Fukuoka
    (38.260, 140.882), // Sendai
    (34.397, 132.475), // Hiroshima
];

/// Where a connection surfaces.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) ip: Text,
    pub(super) asn: &'static str,
    pub(super) country: &'static str,
    pub(super) city: City,
    /// How far the connection may really be from the city.
    pub(super) radius_km: f64,
}
