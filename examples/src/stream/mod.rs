//! A seeded stream of events of a Japanese wallet, with attacks hidden in it.
//!
//! [`wallet`] simulates the members of a wallet for some days: they log in (and mistype), charge,
//! pay, send money to each other, travel, buy new phones. Among them work four kinds of attackers
//! ([`Flow`]). Every event tells the truth about itself in [`StreamEvent::truth`]; what a bank
//! would learn later stands in the fields `label` and `labelled_at`.
//!
//! The same seed gives the same stream on every platform.
//!
//! Conventions of the fields, where practice differs:
//!
//! - `channel`: `app`, `web`, `pos` (a card at a till), `online` (a card at a web shop), `atm`.
//! - `pos_entry_mode`: `03` a code on a screen, `07` contactless card, `05` card's chip, `81` card
//!   number typed into a web shop, `10` card number kept by the merchant.
//! - `card_status` (`ordered`, `delivered`) and `card_product` (`digital`, `plastic`) are attributes
//!   that the policy declares. A digital card may be used while its plastic twin is on its way.
//! - `auth.strength`: 1 one secret, 2 a one-time code or a bank's check, 3 biometrics or a passkey.
//! - `payee` is the receiving member's account.
//! - The owner of an account that was emptied lives on unaware until the account is locked, some hours
//!   or days later; then the account falls silent.
//! - A stolen yen leaves the wallet once: mules' later withdrawals are not part of the stream, so the
//!   attack events for which [`StreamEvent::moves_money`] holds add up to what was lost.

mod attack;
mod calendar;
mod device;
mod dice;
mod errands;
mod event;
mod life;
mod market;
mod numbers;
mod person;
mod place;
mod scene;
#[cfg(test)]
mod tests;
mod world;

pub use event::{Flow, StreamEvent, Text, Truth, Value};

use calendar::Span;
use dice::Dice;
use world::World;

/// The events of a wallet, and the lists that its host would keep.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The events in the order of their times.
    pub events: Vec<StreamEvent>,
    /// Devices known for fraud: some of the attackers', and many that never show up.
    pub fraud_devices: Vec<String>,
    /// Devices that many customers share, such as tablets at store counters.
    pub shared_devices: Vec<String>,
    /// Networks of offices, in CIDR notation.
    pub office_networks: Vec<String>,
}

/// The number of members in the usual stream.
pub const USERS: usize = 3_000;
/// The number of days in the usual stream.
pub const DAYS: u32 = 60;

/// Simulates a wallet with `users` members from 2026-09-01 in Tokyo for `days` days.
///
/// Expect about 2.5 events a member and day. Very short or very small streams hold fewer attacks.
#[must_use]
pub fn wallet(seed: u64, users: usize, days: u32) -> Stream {
    let span = Span { days: days.into() };
    let mut dice = Dice::new(seed, 0);
    let world = World::new(users, span, &mut dice);
    let mut people = person::populate(&world, seed, span);

    let mut events = Vec::with_capacity(users.saturating_mul(days as usize).saturating_mul(3));
    let fraud_devices = attack::strike(&world, &mut people, seed, span, &mut events);
    for (stream, person) in (FIRST_LIFE..).zip(people) {
        life::live(&world, person, Dice::new(seed, stream), span, &mut events);
    }

    events.retain(|event| event.time() < span.end());
    // Stable, so that ties keep the order in which they were told.
    events.sort_by_cached_key(StreamEvent::time);
    for (number, event) in (1..).zip(&mut events) {
        if let Some((_, id)) = event.fields.first_mut() {
            *id = Value::Text(format!("e-{number:07}").into());
        }
    }

    Stream {
        events,
        fraud_devices,
        shared_devices: world.counters.iter().map(|(_, device)| device.id.to_string()).collect(),
        office_networks: world.office_networks(),
    }
}

/// The random streams below are the world's, the population's and the attackers'.
const FIRST_LIFE: u64 = 100;
