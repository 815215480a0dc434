//! The members of the wallet as they are before the stream begins.

use super::calendar::{DAY, HOUR, START, Span};
use super::device::Device;
use super::dice::Dice;
use super::event::Text;
use super::numbers;
use super::place::{CITIES, Place};
use super::scene::Identity;
use super::world::{Member, World};

/// A bank account that feeds the wallet.
#[derive(Clone)]
pub(super) struct Bank {
    pub(super) number: Text,
    pub(super) holder: Text,
}

/// Another member whom one has paid before.
#[derive(Clone)]
pub(super) struct Payee {
    pub(super) account: Text,
    pub(super) created_at: i64,
}

/// The wallet's card.
#[derive(Clone)]
pub(super) struct Card {
    pub(super) number: Text,
    /// `digital` works at once; `plastic` works when it has arrived.
    pub(super) product: &'static str,
    pub(super) delivered_at: i64,
}

impl Card {
    pub(super) fn status(&self, time: i64) -> &'static str {
        if time < self.delivered_at { "ordered" } else { "delivered" }
    }

    pub(super) fn is_usable(&self, time: i64) -> bool {
        self.product == "digital" || time >= self.delivered_at
    }
}

/// A journey: between two moments, everything happens elsewhere.
#[derive(Clone)]
pub(super) struct Trip {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) place: Place,
}

/// What an attacker left behind in the account.
#[derive(Clone, Copy)]
pub(super) struct Intrusion {
    pub(super) email_changed_at: i64,
    /// When the owner has noticed and the account is closed.
    pub(super) locked_at: i64,
}

/// A member.
pub(super) struct Person {
    pub(super) identity: Identity,
    pub(super) device: Device,
    /// A tablet that the family shares.
    pub(super) family_tablet: Option<Device>,
    pub(super) home: Place,
    pub(super) office: Option<Place>,
    pub(super) carrier: usize,
    /// What tells the subscriber apart where addresses are not shared.
    pub(super) subscriber: u64,
    pub(super) trip: Option<Trip>,
    pub(super) banks: Vec<Bank>,
    pub(super) payees: Vec<Payee>,
    pub(super) card: Option<Card>,
    pub(super) favourites: Vec<usize>,
    pub(super) holder: Text,
    /// Visits a day.
    pub(super) pace: f64,
    /// How often a login goes wrong.
    pub(super) clumsiness: f64,
    pub(super) balance: i64,
    pub(super) intrusion: Option<Intrusion>,
}

impl Person {
    /// Whether the account existed long before a moment and no attacker has been in it.
    pub(super) fn is_established(&self, time: i64) -> bool {
        self.intrusion.is_none() && self.identity.created_at < time - 20 * DAY
    }
}

/// The members, in households that share a connection and perhaps a tablet.
pub(super) fn populate(world: &World, seed: u64, span: Span) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::with_capacity(world.members.len());
    let mut dice = Dice::new(seed, 1);
    let mut left_in_household = 0;
    let mut home: Option<Place> = None;
    let mut tablet = None;
    for member in &world.members {
        let place = match &home {
            Some(place) if left_in_household > 0 => place.clone(),
            _ => {
                left_in_household = 1 + dice.below(4);
                tablet = dice.chance(0.08).then(|| Device::tablet(&mut dice));
                let city = dice.choose(&CITIES);
                world.home(city, &mut dice)
            }
        };
        left_in_household -= 1;
        home = Some(place.clone());
        people.push(enrol(member, place, tablet.clone(), world, &mut dice, span));
    }
    people
}

fn enrol(
    member: &Member,
    home: Place,
    family_tablet: Option<Device>,
    world: &World,
    dice: &mut Dice,
    span: Span,
) -> Person {
    let created_at = member.created_at;
    let joins = created_at >= START;
    let long_ago = |chance: f64, dice: &mut Dice| {
        let age = START - created_at;
        (!joins && dice.chance(chance)).then(|| START - dice.between(HOUR, age.max(HOUR)))
    };
    let identity = Identity {
        account: member.account.clone(),
        created_at,
        email_changed_at: long_ago(0.12, dice),
        phone_changed_at: long_ago(0.15, dice),
        password_changed_at: long_ago(0.25, dice),
        address_changed_at: long_ago(0.10, dice),
    };
    let holder = numbers::holder(dice);
    let bank_count = if joins || dice.chance(0.12) { 0 } else { 1 + dice.below(2) };
    let banks = (0..bank_count)
        .map(|_| Bank { number: numbers::bank_account(dice), holder: holder.clone() })
        .collect();
    let payees = if joins { Vec::new() } else { payees(member, world, dice) };
    let card = (!joins && dice.chance(0.35)).then(|| Card {
        number: numbers::card(dice),
        product: dice.choose(&["digital", "plastic", "plastic"]),
        delivered_at: (created_at + 9 * DAY).min(START),
    });
    let trip = dice.chance(0.07).then(|| {
        let from = span.at(dice.unit());
        Trip { from, to: from + dice.between(1, 8) * DAY, place: world.hotel(dice) }
    });
    // A few honest people hide behind a data centre too.
    let home = if dice.chance(0.015) { world.hosting(dice).place(dice) } else { home };
    let student = dice.chance(0.08);
    let gamer = dice.chance(0.03);
    let favourites = (0..5 + dice.below(4))
        .map(|rank| if gamer && rank < 2 { world.market.game(dice) } else { world.market.popular(dice) })
        .collect();
    Person {
        identity,
        device: Device::phone(dice),
        family_tablet,
        home,
        office: if dice.chance(0.25) { dice.pick(&world.offices).cloned() } else { None },
        carrier: world.subscribe(dice),
        subscriber: dice.bits(),
        trip,
        banks,
        payees,
        card,
        favourites,
        holder,
        pace: dice.lognormal(1.26, 0.6).min(6.0),
        clumsiness: if student { 0.16 } else { 0.032 },
        balance: dice.lognormal(6_000.0, 1.0) as i64,
        intrusion: None,
    }
}

fn payees(own: &Member, world: &World, dice: &mut Dice) -> Vec<Payee> {
    let mut payees = Vec::new();
    for _ in 0..dice.below(5) {
        if let Some(other) = dice.pick(&world.members)
            && other.account != own.account
            && other.created_at < START
        {
            payees.push(Payee {
                account: other.account.clone(),
                created_at: dice.between(own.created_at.max(other.created_at), START - 1),
            });
        }
    }
    payees
}
