//! Desktops and telephones as a bank in Japan may see them: few models of telephones, many machines under desks,
//! updates by the calendar, and what their owners change.

use std::fmt;

use sekisho::{Event, Field, Result};

/// What a device shows.
pub(crate) type Print = Vec<(Field, Shown)>;

/// A value that a device shows.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Text(String),
    Integer(i64),
    Number(f64),
}

/// Numbers that are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        (self.unit() * most as f64) as usize
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of many, the first ones more often: about as 1 / (n + 1).
    fn favourite(&mut self, most: usize) -> u64 {
        ((most as f64 + 1.0).powf(self.unit()) - 1.0) as u64
    }

    /// Whether something happens within some days that happens once in so many.
    fn happens(&mut self, days: i64, once_in: f64) -> bool {
        self.chance(1.0 - (-days as f64 / once_in).exp())
    }
}

fn scatter(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(7, |word, part| scatter(word ^ scatter(*part)))
}

/// A digest without digits: a long row of them may look like a card number.
fn letters(word: u64) -> String {
    (0..16).map(|nibble| char::from(b'a' + (word >> (4 * nibble) & 15) as u8)).collect()
}

/// How a device is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Desktop,
    DesktopWithKey,
    Phone,
    PhoneWithKey,
}

impl Class {
    pub(crate) const ALL: [Class; 4] =
        [Class::Desktop, Class::DesktopWithKey, Class::Phone, Class::PhoneWithKey];
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Desktop => "desktops without a key",
            Class::DesktopWithKey => "desktops with a key in their storage",
            Class::Phone => "telephones' browsers without a key",
            Class::PhoneWithKey => "telephones with an app and its key",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Windows,
    Mac,
    Ios,
    Android,
}

/// The families of browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Browser {
    Chrome,
    Edge,
    Firefox,
    Safari,
}

/// A device, and its owner as far as it shows.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    system: System,
    browser: Browser,
    /// The model of a telephone; the graphics of a desktop.
    model: u64,
    /// Days until an update is installed; some never do.
    lag: i64,
    screen: u64,
    zoom: u64,
    processors: u64,
    memory: u64,
    /// The graphics driver and its settings.
    driver: u64,
    /// What was installed beside the system's fonts.
    fonts: u64,
    zone: u64,
    language: u64,
    /// Something between the device and the host speaks TLS in its stead.
    middle: u64,
    app: bool,
    key: Option<u64>,
}

impl Machine {
    pub(crate) fn new(random: &mut Random) -> Machine {
        if random.chance(0.55) { Machine::phone(random) } else { Machine::desktop(random) }
    }

    fn desktop(random: &mut Random) -> Machine {
        let system = if random.chance(0.78) { System::Windows } else { System::Mac };
        let browser = match (system, random.unit()) {
            (System::Mac, part) if part < 0.5 => Browser::Safari,
            (_, part) if part < 0.7 => Browser::Chrome,
            (System::Windows, part) if part < 0.93 => Browser::Edge,
            _ => Browser::Firefox,
        };
        let model = random.favourite(if system == System::Mac { 12 } else { 250 });
        Machine {
            system,
            browser,
            model,
            lag: lag(random),
            screen: random.favourite(25),
            zoom: if random.chance(0.75) { 0 } else { random.favourite(6) },
            processors: random.favourite(10),
            memory: random.favourite(4),
            driver: random.favourite(60),
            fonts: if random.chance(0.35) { 0 } else { 1 + random.favourite(5_000) },
            zone: elsewhere(random, 0.95),
            language: elsewhere(random, 0.93),
            middle: if random.chance(0.03) { 1 + random.favourite(30) } else { 0 },
            app: false,
            key: random.chance(0.7).then(|| random.next()),
        }
    }

    fn phone(random: &mut Random) -> Machine {
        let system = if random.chance(0.6) { System::Ios } else { System::Android };
        let browser = if system == System::Ios { Browser::Safari } else { Browser::Chrome };
        let app = random.chance(0.6);
        Machine {
            system,
            browser,
            model: random.favourite(if system == System::Ios { 22 } else { 150 }),
            lag: lag(random),
            screen: 0,
            zoom: 0,
            processors: 0,
            memory: 0,
            driver: 0,
            fonts: 0,
            zone: elsewhere(random, 0.95),
            language: elsewhere(random, 0.95),
            middle: if random.chance(0.01) { 1 + random.favourite(30) } else { 0 },
            app,
            key: app.then(|| random.next()),
        }
    }

    pub(crate) fn is_handheld(&self) -> bool {
        matches!(self.system, System::Ios | System::Android)
    }

    pub(crate) fn class(&self) -> Class {
        match (self.is_handheld(), self.key.is_some()) {
            (false, false) => Class::Desktop,
            (false, true) => Class::DesktopWithKey,
            (true, false) => Class::Phone,
            (true, true) => Class::PhoneWithKey,
        }
    }

    /// In how many days its owner comes back: mostly soon, three weeks in the mean.
    pub(crate) fn returns_after(&self, random: &mut Random) -> i64 {
        (-21.0 * (1.0 - random.unit()).ln()) as i64
    }

    /// The same machine some days later: what its owner did to it meanwhile.
    pub(crate) fn later(&self, days: i64, random: &mut Random) -> Machine {
        let mut later = self.clone();
        if !self.is_handheld() {
            // A new monitor, or the laptop that is docked and undocked.
            if random.happens(days, 900.0) || random.chance(0.05) {
                later.screen = random.favourite(25);
            }
            if random.chance(0.05) {
                later.zoom = random.favourite(6);
            }
            if random.happens(days, 400.0) {
                later.fonts = 1 + random.favourite(5_000);
            }
            if random.happens(days, 300.0) {
                later.driver = random.favourite(60);
            }
            // Browsers' storage is cleared; apps keep theirs.
            if random.happens(days, 250.0) {
                later.key = self.key.map(|_| random.next());
            }
        } else if random.happens(days, 2_500.0) {
            later.key = self.key.map(|_| random.next());
        }
        // A journey; a new language, network or virus scanner.
        if random.chance(0.02) {
            later.zone = random.favourite(30);
        }
        if random.happens(days, 3_000.0) {
            later.language = random.favourite(20);
        }
        if random.happens(days, 1_500.0) {
            later.middle = random.favourite(30);
        }
        later
    }

    /// Another one of the same model, or of the same parts and kinds of software.
    pub(crate) fn twin(&self, random: &mut Random) -> Machine {
        let other = loop {
            let other = Machine::new(random);
            if other.class() == self.class() {
                break other;
            }
        };
        Machine {
            system: self.system,
            browser: self.browser,
            model: self.model,
            screen: self.screen,
            processors: self.processors,
            memory: self.memory,
            ..other
        }
    }

    /// What it shows on a day.
    pub(crate) fn print(&self, day: i64) -> Print {
        let mut print = Vec::with_capacity(24);
        let (system, browser, model) = (self.system as u64, self.browser as u64, self.model);
        // Whoever never updates has had the machine for a year.
        let day = if self.lag == i64::MAX { -200 } else { day - self.lag };
        let weeks = (day + 4_000) / 7;
        let release = 100 + weeks / 4;
        let (system_release, system_update) = match self.system {
            System::Windows => (10, 22_000 + 600 * (weeks / 52)),
            System::Mac | System::Ios => (15 + weeks / 52, weeks % 52 / 7),
            System::Android => (12 + weeks / 52, 0),
        };
        let of_system = self.browser == Browser::Safari;
        let browser_version = match of_system {
            true => format!("{system_release}.{system_update}"),
            false => format!("{release}.0.{}.{}", 40 * release, 20 + weeks % 4),
        };
        let major = if of_system { 100 * system_release + system_update } else { release } as u64;
        let era = major / if of_system { 200 } else { 6 };
        let handheld = self.is_handheld();
        let of_model = |many: u64| (mix(&[system, model]) % many) as i64;
        let digest = |parts: &[u64]| Shown::Text(letters(mix(parts)));
        let mut set = |field, shown| print.push((field, shown));

        set(Field::DEVICE_PLATFORM, Shown::Text(self.system.name().to_owned()));
        set(Field::DEVICE_OS_VERSION, Shown::Text(format!("{system_release}.{system_update}")));
        set(Field::DEVICE_LANGUAGE, Shown::Text(format!("language {}", self.language)));
        set(Field::DEVICE_TIME_ZONE, Shown::Text(format!("zone {}", self.zone)));
        if let Some(key) = self.key {
            set(Field::DEVICE, Shown::Text(letters(key)));
        }
        if self.app {
            set(Field::DEVICE_APP_VERSION, Shown::Text(format!("7.{}.0", weeks / 3)));
            set(Field::DEVICE_MODEL, Shown::Text(format!("model {system} {model}")));
            set(Field::DEVICE_SCREEN_WIDTH, Shown::Integer(1_000 + of_model(12)));
            set(Field::DEVICE_SCREEN_HEIGHT, Shown::Integer(2_000 + of_model(30)));
            set(Field::TLS_FINGERPRINT, digest(&[system, weeks as u64 / 20, self.middle]));
            return print;
        }
        let agent = [system, browser, major, if self.system == System::Ios { major } else { 0 }];
        set(Field::BROWSER_USER_AGENT, digest(&agent));
        set(Field::BROWSER_NAME, Shown::Text(format!("{:?}", self.browser)));
        set(Field::BROWSER_VERSION, Shown::Text(browser_version));
        set(Field::BROWSER_PLATFORM, Shown::Text(self.system.name().to_owned()));
        let (drawn, driven) = match handheld {
            true => (model, model),
            false => (mix(&[model, self.driver]), mix(&[model, self.driver / 4])),
        };
        set(Field::BROWSER_CANVAS, digest(&[system, system_release as u64, browser, era, drawn]));
        set(Field::BROWSER_WEBGL, digest(&[system, browser, driven]));
        set(Field::BROWSER_GPU, digest(&[system, if handheld { model / 3 } else { model }]));
        let screen = if handheld { of_model(30) } else { self.screen as i64 };
        set(Field::BROWSER_SCREEN_WIDTH, Shown::Integer(1_000 + screen / 2));
        set(Field::BROWSER_SCREEN_HEIGHT, Shown::Integer(1_000 + screen));
        let zoom = if handheld { of_model(3) } else { 10 * self.zoom as i64 + screen % 2 };
        set(Field::BROWSER_PIXEL_RATIO, Shown::Number(1.0 + zoom as f64 / 8.0));
        set(Field::BROWSER_COLOR_DEPTH, Shown::Integer(if self.system == System::Mac { 30 } else { 24 }));
        set(Field::BROWSER_TIME_ZONE, Shown::Text(format!("zone {}", self.zone)));
        set(Field::BROWSER_TIME_ZONE_OFFSET_MINUTES, Shown::Integer(30 * self.zone as i64 - 540));
        set(Field::BROWSER_LANGUAGE, Shown::Text(format!("language {}", self.language)));
        set(Field::BROWSER_FONTS, digest(&[system, system_release as u64, self.fonts]));
        let processors = if handheld { of_model(4) } else { self.processors as i64 };
        set(Field::BROWSER_HARDWARE_CONCURRENCY, Shown::Integer(1 + processors));
        if self.browser != Browser::Safari && self.browser != Browser::Firefox {
            let memory = if handheld { of_model(4) } else { self.memory as i64 };
            set(Field::BROWSER_DEVICE_MEMORY, Shown::Number(1.0 + memory as f64));
        }
        set(Field::BROWSER_TOUCH_POINTS, Shown::Integer(if handheld { 5 } else { 0 }));
        set(Field::TLS_FINGERPRINT, digest(&[system, browser, era, self.middle]));
        print
    }
}

impl System {
    fn name(self) -> &'static str {
        match self {
            System::Windows => "Windows",
            System::Mac => "macOS",
            System::Ios => "iOS",
            System::Android => "Android",
        }
    }
}

/// Days until updates are installed.
fn lag(random: &mut Random) -> i64 {
    match random.unit() {
        part if part < 0.7 => random.below(7) as i64,
        part if part < 0.93 => random.below(60) as i64,
        _ => i64::MAX,
    }
}

fn elsewhere(random: &mut Random, here: f64) -> u64 {
    if random.chance(here) { 0 } else { random.favourite(30) }
}

/// What somebody shows who copies a device as it was seen: all but its key, and its network code where an own one is
/// given.
pub(crate) fn copied(print: &Print, own: Option<&Print>) -> Print {
    let own_tls = own.into_iter().flatten().filter(|(field, _)| *field == Field::TLS_FINGERPRINT);
    let left = |field: Field| field != Field::DEVICE && (own.is_none() || field != Field::TLS_FINGERPRINT);
    print.iter().filter(|(field, _)| left(*field)).chain(own_tls).cloned().collect()
}

/// Puts a print into an event.
pub(crate) fn show(print: &Print, event: &mut Event) -> Result<()> {
    for (field, shown) in print {
        match shown {
            Shown::Text(text) => event.set(*field, text)?,
            Shown::Integer(number) => event.set(*field, *number)?,
            Shown::Number(number) => event.set(*field, *number)?,
        }
    }
    Ok(())
}
