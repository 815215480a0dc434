//! Events that keep every history at the same length for ever.
//!
//! A schedule of one period is repeated. In it each entity is touched [`HISTORY`] times, and a period is one
//! millisecond longer than the policy remembers, so that every event that is recorded drops exactly one. Events
//! come in bursts, as they do: of the 20 that an entity remembers, four lie within ten minutes, four more within
//! an hour, four more within a day.

use sekisho::{Engine, Event, Field, HashKey, ListEntry, Policy, Result};

use crate::policy::{LISTS, document};

/// How many accounts, devices, addresses, cards and merchants there are, each.
pub const SETS: usize = 64;
/// How many events each of them remembers.
pub const HISTORY: usize = 20;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Seven days of windows, a day for late events, and one millisecond.
const PERIOD: i64 = 8 * DAY + 1;
/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600_000;

/// When the events of a period come, and how far each set strays from it.
const SLOTS: [(i64, i64); HISTORY] = [
    (0, 8 * HOUR),
    (20 * HOUR, 8 * HOUR),
    (40 * HOUR, 8 * HOUR),
    (60 * HOUR, 8 * HOUR),
    (80 * HOUR, 8 * HOUR),
    (100 * HOUR, 8 * HOUR),
    (120 * HOUR, 8 * HOUR),
    (140 * HOUR, 8 * HOUR),
    (164 * HOUR, 2 * HOUR),
    (168 * HOUR, 2 * HOUR),
    (172 * HOUR, 2 * HOUR),
    (176 * HOUR, 2 * HOUR),
    (180 * HOUR, 8 * MINUTE),
    (180 * HOUR + 10 * MINUTE, 8 * MINUTE),
    (180 * HOUR + 20 * MINUTE, 8 * MINUTE),
    (180 * HOUR + 30 * MINUTE, 8 * MINUTE),
    (180 * HOUR + 45 * MINUTE, 2 * MINUTE),
    (180 * HOUR + 48 * MINUTE, 2 * MINUTE),
    (180 * HOUR + 51 * MINUTE, 2 * MINUTE),
    (180 * HOUR + 54 * MINUTE, 2 * MINUTE),
];

/// One event of the schedule: when in the period, and whom it touches.
#[derive(Clone, Copy, Debug)]
struct Entry {
    phase: i64,
    account: usize,
    device: usize,
    ip: usize,
    card: usize,
    merchant: usize,
}

/// One event, before it is filled.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as the fields of an event")]
pub struct Sample {
    pub id: String,
    pub time: i64,
    pub account: usize,
    pub device: usize,
    pub ip: usize,
    pub card: usize,
    pub merchant: usize,
    pub event_type: &'static str,
    pub channel: &'static str,
    pub outcome: &'static str,
    pub response_code: &'static str,
    pub amount_minor: i64,
    pub currency: &'static str,
    pub mcc: &'static str,
    pub country: &'static str,
    pub pos_entry_mode: &'static str,
    pub platform: &'static str,
    pub integrity: &'static str,
    pub rooted: bool,
    pub auth_method: &'static str,
    pub auth_result: &'static str,
    pub auth_strength: i64,
    pub cvv_result: Option<&'static str>,
    pub created_at: i64,
    pub password_changed_at: Option<i64>,
    pub ship_to_country: Option<&'static str>,
}

/// The schedule and the identifiers.
#[derive(Debug)]
pub struct Workload {
    sets: usize,
    schedule: Vec<Entry>,
    accounts: Vec<String>,
    devices: Vec<String>,
    ips: Vec<String>,
    cards: Vec<String>,
    merchants: Vec<String>,
}

fn key() -> HashKey {
    HashKey::new(1, *b"a secret of 32 bytes for benches")
}

impl Default for Workload {
    fn default() -> Self {
        Workload::new(SETS)
    }
}

impl Workload {
    /// The same for the same number of entities of each kind.
    pub fn new(sets: usize) -> Workload {
        Workload::named_from(sets, 0)
    }

    /// The same schedule for other entities: those behind the first `first`.
    pub fn named_from(sets: usize, first: usize) -> Workload {
        let mut random = Random(0x5e15_4005);
        let mut schedule = Vec::with_capacity(sets * HISTORY);
        for (slot, (at, stray)) in SLOTS.iter().enumerate() {
            // Mostly everybody uses what is theirs; merchants are anybody's.
            let device = random.permutation(sets, if slot % 6 == 5 { 30 } else { 0 });
            let ip = random.permutation(sets, if slot % 3 == 2 { 60 } else { 0 });
            let card = random.permutation(sets, if slot % 8 == 7 { 30 } else { 0 });
            let merchant = random.permutation(sets, 100);
            for account in 0..sets {
                schedule.push(Entry {
                    phase: at + random.below(*stray),
                    account,
                    device: device[account],
                    ip: ip[account],
                    card: card[account],
                    merchant: merchant[account],
                });
            }
        }
        schedule.sort_by_key(|entry| entry.phase);
        let names = |name: &dyn Fn(usize) -> String| (first..first + sets).map(name).collect();
        Workload {
            sets,
            schedule,
            accounts: names(&|n| format!("acct-{:08x}", scatter(n as u64) as u32)),
            devices: names(&|n| {
                format!("{:016x}{:016x}", scatter(n as u64 + 1_000_000), scatter(n as u64 + 2_000_000))
            }),
            // Some of the addresses are an office's.
            ips: names(&|n| match n % 16 {
                3 => format!("198.51.100.{}", n / 16 % 256),
                _ => format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255),
            }),
            cards: names(&|n| card_number(scatter(n as u64 + 3_000_000))),
            merchants: names(&|n| format!("m-{:06}", 100_000 + n * 7)),
        }
    }

    /// How many events a period has.
    pub fn period(&self) -> u64 {
        self.schedule.len() as u64
    }

    /// Event `number` of the stream.
    pub fn sample(&self, number: u64) -> Sample {
        let (period, at) = (number / self.period(), number % self.period());
        let entry = self.schedule[at as usize];
        let mut random = Random(scatter(number));
        let time = START + period as i64 * PERIOD + entry.phase;
        let web = random.chance(45);
        // Amounts from 500 to about 260,000, small ones far more often.
        let amount = (500.0 * (random.unit() * random.unit() * 6.25).exp()) as i64;
        let declined = random.chance(12);
        let failed = random.chance(9);
        // A few accounts are young.
        let age =
            if entry.account % 9 == 4 { 5 * DAY } else { (20 + entry.account as i64 * 29 % 1_500) * DAY };
        Sample {
            id: format!("e-{number:012}"),
            time,
            account: entry.account,
            device: entry.device,
            ip: entry.ip,
            card: entry.card,
            merchant: entry.merchant,
            event_type: random.pick(&["payment", "payment", "payment", "transfer", "withdrawal", "top_up"]),
            channel: if web {
                "web"
            } else {
                random.pick(&["app", "app", "app", "terminal", "api", "branch"])
            },
            outcome: if declined { "declined" } else { "approved" },
            response_code: if declined { random.pick(&["05", "51", "51", "54", "14", "91"]) } else { "00" },
            amount_minor: amount,
            currency: "JPY",
            mcc: random.pick(&["5411", "5812", "5732", "5944", "4829", "6011", "5999", "4111"]),
            country: if random.chance(88) { "JP" } else { random.pick(&["US", "CN", "KR", "NG", "VN"]) },
            pos_entry_mode: if web { "81" } else { random.pick(&["05", "07", "07", "01", "80"]) },
            platform: random.pick(&["ios", "ios", "android", "windows"]),
            integrity: random.pick(&["strong", "strong", "strong", "basic", "basic", "unknown", "failed"]),
            rooted: random.chance(4),
            auth_method: random.pick(&["password", "otp", "biometric", "biometric"]),
            auth_result: if failed { "failed" } else { "passed" },
            auth_strength: random.below(4),
            cvv_result: if random.chance(70) {
                Some(random.pick(&["M", "M", "M", "M", "N", "P"]))
            } else {
                None
            },
            created_at: time - age,
            password_changed_at: random.chance(40).then(|| time - HOUR * (1 + random.below(400))),
            ship_to_country: random.chance(50).then(|| random.pick(&["JP", "JP", "JP", "JP", "US"])),
        }
    }

    /// Sets all fields of a sample: 23 to 26.
    ///
    /// # Errors
    /// None, unless a field no longer takes what it took.
    #[inline]
    pub fn fill(&self, sample: &Sample, event: &mut Event) -> Result<()> {
        event.clear();
        event.set(Field::ID, &sample.id)?;
        event.set(Field::TYPE, sample.event_type)?;
        event.set(Field::TIME, sample.time)?;
        event.set(Field::CHANNEL, sample.channel)?;
        event.set(Field::OUTCOME, sample.outcome)?;
        event.set(Field::RESPONSE_CODE, sample.response_code)?;
        event.set(Field::AMOUNT_MINOR, sample.amount_minor)?;
        event.set(Field::CURRENCY, sample.currency)?;
        event.set(Field::ACCOUNT, self.account(sample))?;
        event.set(Field::DEVICE, self.device(sample))?;
        event.set(Field::IP, self.ip(sample))?;
        event.set(Field::CARD, self.card(sample))?;
        event.set(Field::MERCHANT, self.merchant(sample))?;
        event.set(Field::MCC, sample.mcc)?;
        event.set(Field::COUNTRY, sample.country)?;
        event.set(Field::POS_ENTRY_MODE, sample.pos_entry_mode)?;
        event.set(Field::DEVICE_PLATFORM, sample.platform)?;
        event.set(Field::DEVICE_INTEGRITY, sample.integrity)?;
        event.set(Field::DEVICE_ROOTED, sample.rooted)?;
        event.set(Field::AUTH_METHOD, sample.auth_method)?;
        event.set(Field::AUTH_RESULT, sample.auth_result)?;
        event.set(Field::AUTH_STRENGTH, sample.auth_strength)?;
        event.set(Field::ACCOUNT_CREATED_AT, sample.created_at)?;
        if let Some(result) = sample.cvv_result {
            event.set(Field::AUTH_CVV_RESULT, result)?;
        }
        if let Some(time) = sample.password_changed_at {
            event.set(Field::ACCOUNT_PASSWORD_CHANGED_AT, time)?;
        }
        if let Some(country) = sample.ship_to_country {
            event.set(Field::SHIP_TO_COUNTRY, country)?;
        }
        Ok(())
    }

    /// The account's identifier.
    pub fn account(&self, sample: &Sample) -> &str {
        &self.accounts[sample.account]
    }

    /// The device's identifier.
    pub fn device(&self, sample: &Sample) -> &str {
        &self.devices[sample.device]
    }

    /// The address.
    pub fn ip(&self, sample: &Sample) -> &str {
        &self.ips[sample.ip]
    }

    /// The card number.
    pub fn card(&self, sample: &Sample) -> &str {
        &self.cards[sample.card]
    }

    /// The merchant's identifier.
    pub fn merchant(&self, sample: &Sample) -> &str {
        &self.merchants[sample.merchant]
    }

    /// What the host puts on its lists: a few of the identifiers.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let lists = [
            (LISTS[0].0, &self.devices, 31),
            (LISTS[1].0, &self.cards, 29),
            (LISTS[2].0, &self.merchants, 11),
        ];
        lists.into_iter().flat_map(|(list, names, every)| {
            names.iter().skip(7).step_by(every).map(move |name| (list, name.as_str()))
        })
    }

    /// An engine with the workload's policy and lists that remembers nothing.
    ///
    /// # Errors
    /// None, unless the policy no longer compiles.
    pub fn engine(&self) -> Result<Engine> {
        self.engine_with(&document())
    }

    /// As [`engine`](Workload::engine), with another document.
    ///
    /// # Errors
    /// Those of the document.
    pub fn engine_with(&self, document: &str) -> Result<Engine> {
        self.filled_in(Engine::builder(Policy::from_toml(document)?, key()).build()?)
    }

    /// As [`engine`](Workload::engine), within so many bytes of memory.
    ///
    /// # Errors
    /// As [`engine`](Workload::engine), and too little memory.
    pub fn engine_within(&self, bytes: usize) -> Result<Engine> {
        self.filled_in(Engine::builder(Policy::from_toml(&document())?, key()).memory(bytes).build()?)
    }

    fn filled_in(&self, engine: Engine) -> Result<Engine> {
        let policy = engine.policy();
        let lists: Vec<String> = policy.lists().map(|(name, _)| name.to_owned()).collect();
        for (list, member) in self.members() {
            if lists.iter().any(|known| known == list) {
                engine.list_add(list, member, ListEntry::new())?;
            }
        }
        Ok(engine)
    }

    /// Records two periods, after which every history has [`HISTORY`] events; the number of the next event.
    ///
    /// # Errors
    /// None, unless the engine refuses an event.
    pub fn warm_up(&self, engine: &Engine) -> Result<u64> {
        let mut event = engine.event();
        let next = 2 * self.period();
        for number in 0..next {
            self.fill(&self.sample(number), &mut event)?;
            engine.record(&event)?;
        }
        Ok(next)
    }

    /// Says what is wrong when a history is not [`HISTORY`] events long on average.
    ///
    /// # Errors
    /// The table, and what it holds.
    pub fn check_histories(&self, engine: &Engine) -> std::result::Result<(), String> {
        for table in engine.statistics() {
            if table.entities != self.sets || table.events != self.sets * HISTORY {
                let (expected, found) = (self.sets * HISTORY, table.events);
                return Err(format!(
                    "{}: {found} events of {} entities, expected {expected} of {}",
                    table.name, table.entities, self.sets
                ));
            }
        }
        Ok(())
    }
}

/// SplitMix64: the benches need the same numbers everywhere, not good ones.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }

    fn below(&mut self, limit: i64) -> i64 {
        (self.next() % limit as u64) as i64
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn pick(&mut self, all: &[&'static str]) -> &'static str {
        all[(self.next() % all.len() as u64) as usize]
    }

    /// The numbers up to `count`; so many percent of them change places.
    fn permutation(&mut self, count: usize, percent: u64) -> Vec<usize> {
        let mut all: Vec<usize> = (0..count).collect();
        let moved: Vec<usize> = (0..count).filter(|_| self.chance(percent)).collect();
        for last in (1..moved.len()).rev() {
            all.swap(moved[last], moved[(self.next() % (last as u64 + 1)) as usize]);
        }
        all
    }
}

fn scatter(number: u64) -> u64 {
    let mut word = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// Sixteen digits with a valid check digit, which is all that makes them a card number.
fn card_number(number: u64) -> String {
    let body = format!("400000{:09}", number % 1_000_000_000);
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match place % 2 {
                0 => digit * 2 / 10 + digit * 2 % 10,
                _ => digit,
            }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}
