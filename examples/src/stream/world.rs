//! What people share: networks, store counters, shops.

use super::calendar::{DAY, START, Span, moment};
use super::device::Device;
use super::dice::Dice;
use super::event::Text;
use super::market::Market;
use super::numbers;
use super::place::{CITIES, City, Place};

/// A mobile carrier: few addresses, many subscribers, and one apparent city for the whole country.
struct Carrier {
    asn: &'static str,
    addresses: Vec<Text>,
    prefix: &'static str,
}

const HOME_ASNS: [&str; 5] = ["AS64500", "AS64501", "AS64502", "AS64503", "AS64504"];
/// Where travellers go.
const ABROAD: [(&str, &str, City); 5] = [
    ("AS65536", "KR", (37.566, 126.978)),
    ("AS65537", "TW", (25.033, 121.565)),
    ("AS65538", "TH", (13.756, 100.502)),
    ("AS65539", "US", (21.307, -157.858)),
    ("AS65541", "FR", (48.857, 2.352)),
];
/// Data centres.
const HOSTING: [(&str, &str, City); 4] = [
    ("AS65548", "JP", (35.681, 139.767)),
    ("AS65549", "US", (37.774, -122.419)),
    ("AS65550", "NL", (52.370, 4.895)),
    ("AS65551", "SG", (1.352, 103.820)),
];

/// A data centre's network, from which attackers work.
#[derive(Clone, Copy, Default)]
pub(super) struct Hosting {
    asn: &'static str,
    country: &'static str,
    city: City,
    subnet: usize,
}

impl Hosting {
    /// An address of its /24.
    pub(super) fn place(self, dice: &mut Dice) -> Place {
        self.address(self.subnet, dice)
    }

    /// An address anywhere in its autonomous system.
    pub(super) fn anywhere(self, dice: &mut Dice) -> Place {
        let subnet = self.subnet / 64 * 64 + dice.below(64);
        self.address(subnet, dice)
    }

    fn address(self, subnet: usize, dice: &mut Dice) -> Place {
        Place {
            ip: format!("198.19.{subnet}.{}", dice.between(1, 254)).into(),
            asn: self.asn,
            country: self.country,
            city: self.city,
            radius_km: 50.0,
        }
    }
}

/// An account of the wallet.
pub(super) struct Member {
    pub(super) account: Text,
    pub(super) created_at: i64,
}

impl Member {
    /// Most accounts are older than the stream; some are opened during it.
    fn new(number: usize, span: Span, dice: &mut Dice) -> Self {
        let created_at = if dice.chance(0.12) {
            let day = dice.below(span.days as usize) as i64;
            moment(dice, day)
        } else {
            START - dice.between(3 * DAY, 1_400 * DAY)
        };
        Self { account: numbers::account(number), created_at }
    }
}

/// Everything that outlives a single person.
pub(super) struct World {
    pub(super) market: Market,
    /// Accounts that other members may pay.
    pub(super) members: Vec<Member>,
    pub(super) offices: Vec<Place>,
    /// Store counters, where staff open accounts for customers on one tablet.
    pub(super) counters: Vec<(Place, Device)>,
    carriers: Vec<Carrier>,
}

impl World {
    pub(super) fn new(users: usize, span: Span, dice: &mut Dice) -> Self {
        let carriers = [
            ("AS64496", "2001:db8:1000", "100.64.10"),
            ("AS64497", "2001:db8:2000", "100.64.20"),
            ("AS64498", "2001:db8:3000", "100.64.30"),
            ("AS64499", "2001:db8:4000", "10.20.30"),
        ]
        .into_iter()
        .map(|(asn, prefix, network)| Carrier {
            asn,
            prefix,
            addresses: (1..=3).map(|host| format!("{network}.{host}").into()).collect(),
        })
        .collect();
        let domestic = |ip: String, asn, dice: &mut Dice| Place {
            ip: ip.into(),
            asn,
            country: "JP",
            city: dice.choose(&CITIES),
            radius_km: 10.0,
        };
        Self {
            market: Market::new(dice),
            members: (1..=users).map(|number| Member::new(number, span, dice)).collect(),
            offices: (1..=12)
                .map(|office| domestic(format!("203.0.113.{}", office * 16 + 1), "AS64510", dice))
                .collect(),
            counters: (1..=3)
                .map(|counter| {
                    let place = domestic(format!("203.0.113.{}", 240 + counter), "AS64511", dice);
                    (place, Device::tablet(dice))
                })
                .collect(),
            carriers,
        }
    }

    /// The office networks, as the bank would list them.
    pub(super) fn office_networks(&self) -> Vec<String> {
        (1..=self.offices.len()).map(|office| format!("203.0.113.{}/28", office * 16)).collect()
    }

    /// A household's connection.
    pub(super) fn home(&self, city: City, dice: &mut Dice) -> Place {
        let ip = if dice.chance(0.55) {
            format!("198.18.{}.{}", dice.below(256), dice.between(1, 254))
        } else {
            format!("2001:db8:{:x}:{:x}::1", 0x5000 + dice.below(0x1000), dice.below(0x10000))
        };
        Place { ip: ip.into(), asn: dice.choose(&HOME_ASNS), country: "JP", city, radius_km: 15.0 }
    }

    /// Which carrier someone is with.
    pub(super) fn subscribe(&self, dice: &mut Dice) -> usize {
        dice.below(self.carriers.len())
    }

    /// A mobile connection: a shared address, or one's own when the carrier speaks IPv6.
    pub(super) fn mobile(&self, carrier: usize, own: u64, dice: &mut Dice) -> Place {
        let (asn, ip) = match self.carriers.get(carrier) {
            Some(carrier) if dice.chance(0.3) => {
                let (high, low) = (own >> 16 & 0xffff, own & 0xffff);
                let ip = format!("{}:{high:x}:{low:x}::2", carrier.prefix);
                (carrier.asn, ip.into())
            }
            Some(carrier) => {
                let shared = dice.pick(&carrier.addresses).cloned();
                (carrier.asn, shared.unwrap_or_default())
            }
            None => ("", Text::default()),
        };
        Place { ip, asn, country: "JP", city: (35.681, 139.767), radius_km: 400.0 }
    }

    /// A hotel's network, at home or abroad.
    pub(super) fn hotel(&self, dice: &mut Dice) -> Place {
        let (asn, country, city) =
            if dice.chance(0.6) { ("AS64505", "JP", dice.choose(&CITIES)) } else { dice.choose(&ABROAD) };
        Place { ip: format!("192.0.2.{}", dice.between(1, 254)).into(), asn, country, city, radius_km: 20.0 }
    }

    /// A data centre.
    pub(super) fn hosting(&self, dice: &mut Dice) -> Hosting {
        let index = dice.below(HOSTING.len());
        let (asn, country, city) = HOSTING.get(index).copied().unwrap_or_default();
        Hosting { asn, country, city, subnet: index * 64 + dice.below(64) }
    }

    /// Where an attacker seems to be: a data centre, a hijacked home router or a mobile network.
    pub(super) fn lair(&self, dice: &mut Dice) -> Place {
        match dice.below(4) {
            0 => {
                let city = dice.choose(&CITIES);
                self.home(city, dice)
            }
            1 => {
                let (carrier, own) = (self.subscribe(dice), dice.bits());
                self.mobile(carrier, own, dice)
            }
            _ => self.hosting(dice).place(dice),
        }
    }
}
