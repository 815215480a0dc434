//! Who there is in a population, and what they do: the same for the same numbers.

use sekisho::{Event, Field};

use super::features::FEATURES;

pub(crate) const DAY: u64 = 86_400_000;
pub(crate) const HOUR: u64 = 3_600_000;
/// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600_000;
/// How long the population has been watched, and how far back the policy looks.
const SPAN: u64 = 30 * DAY;
/// What each account has done in that time.
pub(crate) const EVENTS_OF_ACCOUNT: u64 = 12;

/// One event.
pub(crate) struct Sample {
    pub(crate) id: String,
    pub(crate) time: u64,
    /// In the order of [`FEATURES`].
    pub(crate) entities: [Option<String>; FEATURES.len()],
    pub(crate) event_type: &'static str,
    pub(crate) amount_minor: i64,
    pub(crate) country: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) outcome: &'static str,
}

impl Sample {
    pub(crate) fn fill(&self, event: &mut Event) -> sekisho::Result<()> {
        const ENTITIES: [Field; FEATURES.len()] = [
            Field::ACCOUNT,
            Field::DEVICE,
            Field::IP,
            Field::CARD,
            Field::MERCHANT,
            Field::EMAIL,
            Field::PAYEE,
        ];
        event.clear();
        event.set(Field::ID, &*self.id)?;
        event.set(Field::TYPE, self.event_type)?;
        event.set(Field::TIME, self.time as i64)?;
        for (field, entity) in ENTITIES.into_iter().zip(&self.entities) {
            if let Some(entity) = entity {
                event.set(field, &**entity)?;
            }
        }
        event.set(Field::AMOUNT_MINOR, self.amount_minor)?;
        event.set(Field::COUNTRY, self.country)?;
        event.set(Field::CHANNEL, self.channel)?;
        event.set(Field::OUTCOME, self.outcome)
    }
}

/// Who there is, and what they do: the same for the same numbers.
#[derive(Clone, Copy)]
pub(crate) struct Population {
    pub(crate) accounts: u64,
    pub(crate) accounts_of_merchant: u64,
}

impl Population {
    /// Event `number` of the stream; every account has one in turn.
    pub(crate) fn sample(self, number: u64) -> Sample {
        // The stride has no divisor in common with any number of accounts that people ask for.
        let account = (number % self.accounts) * 2_147_483_647 % self.accounts;
        self.sample_of(account, scatter(number), number)
    }

    /// Event `number`, done by an account; the number that is random says with what and to whom.
    pub(crate) fn sample_of(self, account: u64, random: u64, number: u64) -> Sample {
        // Nine of ten times what is theirs.
        let own = |count: u64| {
            if random.is_multiple_of(10) { scatter(random ^ count) % count } else { account % count }
        };
        let (device, ip) = (own(self.accounts / 2), own(self.accounts / 5));
        let merchant = (random >> 20) % (self.accounts / self.accounts_of_merchant).max(1);
        let payee = (random >> 20) % (self.accounts / 5).max(1);
        // By turns to a merchant and to a person.
        let pays = (number / self.accounts).is_multiple_of(2);
        Sample {
            id: format!("e-{number:012}"),
            time: START + number * (SPAN / EVENTS_OF_ACCOUNT) / self.accounts,
            entities: [
                Some(format!("acct-{account:010}")),
                Some(format!("{:016x}{device:016x}", scatter(device))),
                Some(format!("10.{}.{}.{}", ip >> 16 & 255, ip >> 8 & 255, ip & 255)),
                pays.then(|| format!("token-{account:012}")),
                pays.then(|| format!("m-{merchant:07}")),
                Some(format!("person.{account}@example.com")),
                (!pays).then(|| format!("p-{payee:010}")),
            ],
            event_type: if pays { "payment" } else { "transfer" },
            amount_minor: (random >> 8) as i64 % 100_000,
            country: ["JP", "JP", "JP", "US"][(random >> 40) as usize % 4],
            channel: if random >> 44 & 1 == 0 { "web" } else { "app" },
            outcome: if random >> 45 & 7 == 0 { "declined" } else { "approved" },
        }
    }

    /// Events of half an hour: how far apart threads that fill may be, half of what may be late.
    pub(crate) fn stretch(self) -> u64 {
        (self.accounts * EVENTS_OF_ACCOUNT * HOUR / SPAN / 2).max(1)
    }
}

/// The finaliser of SplitMix64: the same numbers everywhere, not good ones.
pub(crate) fn scatter(number: u64) -> u64 {
    let mut word = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}
