//! What an event says about its device that cannot all be true.
//!
//! Only the few words that every user agent states are read: lists of all user agents age within weeks, and nothing
//! here needs more than the system, whether it is mobile, and the major version.

use crate::event::time::{Calendar, DAY};
use crate::event::{Event, Field};

/// Two statements of one event that contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inconsistency {
    /// The user agent and the client hints name different operating systems.
    UserAgentPlatform = 0,
    /// The user agent and `device.platform` do.
    UserAgentDevice = 1,
    /// The client hints and `device.platform` do.
    PlatformDevice = 2,
    /// The user agent is a mobile one and the client hints are not, or the other way round.
    MobileHint = 3,
    /// `device.type` is a desktop, and the user agent or the client hints are of a phone.
    MobileDesktop = 4,
    /// A phone that cannot be touched.
    Touch = 5,
    /// The browser's screen and the device's have other proportions.
    Screen = 6,
    /// The browser's time zone does not have the offset that the browser states.
    TimeZoneOffset = 7,
    /// The browser's and the device's time zones have different offsets.
    TimeZones = 8,
    /// A time zone that does not exist.
    UnknownTimeZone = 9,
    /// The browser and the device speak different languages.
    Languages = 10,
    /// The user agent is of another browser than `browser.name`.
    Browser = 11,
    /// The user agent is of another major version than `browser.version`.
    BrowserVersion = 12,
    /// The model is not made for that operating system.
    Model = 13,
    /// The graphics are not made for that operating system, or drawn by software on a phone.
    Graphics = 14,
    /// A number that no device has: a screen without width, no processor, no memory, no colours.
    Impossible = 15,
}

/// What is checked, what policies call it, and what explanations say of it.
pub(crate) const INCONSISTENCIES: [(Inconsistency, &str, &str); 16] = [
    (Inconsistency::UserAgentPlatform, "user_agent_platform", "user agent against client hints"),
    (Inconsistency::UserAgentDevice, "user_agent_device", "user agent against operating system"),
    (Inconsistency::PlatformDevice, "platform_device", "client hints against operating system"),
    (Inconsistency::MobileHint, "mobile_hint", "user agent against mobile hint"),
    (Inconsistency::MobileDesktop, "mobile_desktop", "desktop that is mobile"),
    (Inconsistency::Touch, "touch", "phone without touch"),
    (Inconsistency::Screen, "screen", "screen of the browser against that of the device"),
    (Inconsistency::TimeZoneOffset, "time_zone_offset", "time zone against offset"),
    (Inconsistency::TimeZones, "time_zones", "time zone of the browser against that of the device"),
    (Inconsistency::UnknownTimeZone, "unknown_time_zone", "unknown time zone"),
    (Inconsistency::Languages, "languages", "language of the browser against that of the device"),
    (Inconsistency::Browser, "browser", "user agent against browser"),
    (Inconsistency::BrowserVersion, "browser_version", "user agent against browser version"),
    (Inconsistency::Model, "model", "model against operating system"),
    (Inconsistency::Graphics, "graphics", "graphics against operating system"),
    (Inconsistency::Impossible, "impossible", "impossible number"),
];

/// A bit for each [`Inconsistency`] of the event; `None` when it says too little to contradict itself.
pub(crate) fn inconsistencies(event: &Event) -> Option<u32> {
    let claims = Claims::of(event);
    let mut compared = None;
    for (inconsistency, ..) in INCONSISTENCIES {
        if let Some(holds) = claims.contradict(event, inconsistency) {
            compared = Some(compared.unwrap_or(0) | u32::from(holds) << inconsistency as u32);
        }
    }
    compared
}

/// Names them.
pub(crate) fn say_inconsistencies(flags: u32) -> String {
    let named = INCONSISTENCIES.iter().filter(|(known, ..)| flags >> *known as u32 & 1 == 1);
    named.map(|(_, _, text)| *text).collect::<Vec<_>>().join(", ")
}

/// Whether the event says that it comes from a phone or tablet.
pub(crate) fn is_handheld(event: &Event) -> bool {
    let claims = Claims::of(event);
    let portable = |platform| matches!(platform, Some(Platform::Android | Platform::Ios));
    // A tablet of Apple's asks for pages as a Mac would. Macs have no touch screens.
    let tablet = claims.agent == Some(Platform::Mac)
        && event.integer(Field::BROWSER_TOUCH_POINTS).is_some_and(|points| points > 1);
    matches!(event.text(Field::DEVICE_TYPE), Some("mobile" | "tablet"))
        || event.boolean(Field::BROWSER_MOBILE) == Some(true)
        || [claims.agent, claims.hint, claims.device].into_iter().any(portable)
        || tablet
}

/// An operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Platform {
    Windows,
    Mac,
    Ios,
    Android,
    ChromeOs,
    Linux,
}

impl Platform {
    /// What a name begins with, for the names that browsers, hints and stores use.
    const NAMES: [(&'static str, Platform); 12] = [
        ("win", Platform::Windows),
        ("mac", Platform::Mac),
        ("os x", Platform::Mac),
        ("ios", Platform::Ios),
        ("iphone", Platform::Ios),
        ("ipad", Platform::Ios),
        ("ipod", Platform::Ios),
        ("android", Platform::Android),
        ("chrome os", Platform::ChromeOs),
        ("chromeos", Platform::ChromeOs),
        ("chromium os", Platform::ChromeOs),
        ("linux", Platform::Linux),
    ];

    /// The words of a user agent's first comment. Those that others pretend to be come last.
    const TOKENS: [(&'static str, Platform); 9] = [
        ("Windows", Platform::Windows),
        ("iPhone", Platform::Ios),
        ("iPad", Platform::Ios),
        ("iPod", Platform::Ios),
        ("Android", Platform::Android),
        ("CrOS", Platform::ChromeOs),
        ("Macintosh", Platform::Mac),
        ("Linux", Platform::Linux),
        ("X11", Platform::Linux),
    ];

    fn of_name(name: &str) -> Option<Platform> {
        let begins =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        // `navigator.platform` of a phone is that of its kernel: it may be either.
        if begins("linux arm") || begins("linux aarch") {
            return None;
        }
        Platform::NAMES.iter().find(|(prefix, _)| begins(prefix)).map(|(_, platform)| *platform)
    }

    /// What a user agent says: of two that are told apart by no word it is the more usual.
    fn of_user_agent(agent: &str) -> Option<Platform> {
        let comment = agent.split_once('(')?.1;
        let comment = comment.split_once(')').map_or(comment, |(comment, _)| comment);
        Platform::TOKENS.iter().find(|(token, _)| comment.contains(token)).map(|(_, platform)| *platform)
    }

    /// Whether what a browser shows may be on such a device. A phone's browser may ask for pages as one on a desktop
    /// would, and a tablet of Apple's always does; the reverse is a pretence.
    fn may_be(self, device: Platform) -> bool {
        self == device
            || matches!(
                (self, device),
                (Platform::Linux, Platform::Android | Platform::ChromeOs) | (Platform::Mac, Platform::Ios)
            )
    }
}

/// Whether a user agent says that it is mobile.
fn is_mobile(agent: &str) -> bool {
    agent.contains("Mobile")
}

/// Families of browsers: words of their names, and of their user agents before the version. Those that others
/// pretend to be come last.
const BROWSERS: [(&str, &[&str]); 6] = [
    ("edge", &["Edg/", "EdgA/", "EdgiOS/", "Edge/"]),
    ("opera", &["OPR/", "OPT/", "Opera/"]),
    ("samsung", &["SamsungBrowser/"]),
    ("firefox", &["Firefox/", "FxiOS/"]),
    ("chrom", &["Chrome/", "CriOS/", "Chromium/"]),
    ("safari", &["Version/"]),
];

/// What the event says of its systems.
struct Claims<'a> {
    user_agent: Option<&'a str>,
    agent: Option<Platform>,
    hint: Option<Platform>,
    device: Option<Platform>,
}

impl<'a> Claims<'a> {
    fn of(event: &'a Event) -> Claims<'a> {
        let user_agent = event.text(Field::BROWSER_USER_AGENT);
        let named = |field| event.text(field).and_then(Platform::of_name);
        Claims {
            user_agent,
            agent: user_agent.and_then(Platform::of_user_agent),
            hint: named(Field::BROWSER_PLATFORM),
            device: named(Field::DEVICE_PLATFORM),
        }
    }

    /// Whether the event contradicts itself so; `None` when it does not say both.
    fn contradict(&self, event: &Event, inconsistency: Inconsistency) -> Option<bool> {
        match inconsistency {
            Inconsistency::UserAgentPlatform => Some(!self.agent?.may_be(self.hint?)),
            Inconsistency::UserAgentDevice => Some(!self.agent?.may_be(self.device?)),
            Inconsistency::PlatformDevice => Some(!self.hint?.may_be(self.device?)),
            Inconsistency::MobileHint => {
                let agent = self.user_agent.filter(|agent| !agent.contains("iPad"))?;
                Some(event.boolean(Field::BROWSER_MOBILE)? != is_mobile(agent))
            }
            Inconsistency::MobileDesktop => {
                let phone = self.is_phone(event)?;
                Some(event.text(Field::DEVICE_TYPE)? == "desktop" && phone)
            }
            Inconsistency::Touch => {
                let points = event.integer(Field::BROWSER_TOUCH_POINTS)?;
                Some(self.is_phone(event)? && points == 0)
            }
            Inconsistency::Screen => other_proportions(event),
            Inconsistency::TimeZoneOffset => other_offset(event),
            Inconsistency::TimeZones => {
                let calendar = |field| Calendar::of_zone(event.text(field)?);
                let time = event.integer(Field::TIME)?;
                let browser = calendar(Field::BROWSER_TIME_ZONE)?.offset_minutes(time)?;
                Some(browser != calendar(Field::DEVICE_TIME_ZONE)?.offset_minutes(time)?)
            }
            Inconsistency::UnknownTimeZone => {
                let zones = [Field::BROWSER_TIME_ZONE, Field::DEVICE_TIME_ZONE];
                let known = zones.into_iter().filter_map(|field| event.text(field));
                known.map(|zone| Calendar::of_zone(zone).is_none()).reduce(|one, other| one || other)
            }
            Inconsistency::Languages => {
                let browser = language(event.text(Field::BROWSER_LANGUAGE)?)?;
                Some(!browser.eq_ignore_ascii_case(language(event.text(Field::DEVICE_LANGUAGE)?)?))
            }
            Inconsistency::Browser => {
                let (_, words) = family(event.text(Field::BROWSER_NAME)?)?;
                Some(version_after(self.user_agent?, words).is_none())
            }
            Inconsistency::BrowserVersion => {
                let (_, words) = family(event.text(Field::BROWSER_NAME)?)?;
                let stated = leading_number(event.text(Field::BROWSER_VERSION)?)?;
                Some(leading_number(version_after(self.user_agent?, words)?)? != stated)
            }
            Inconsistency::Model => {
                let model = event.text(Field::DEVICE_MODEL)?;
                let apples = ["iPhone", "iPad", "iPod"].iter().any(|name| model.starts_with(name));
                let on_apples = matches!(self.system()?, Platform::Ios | Platform::Mac);
                Some(apples && !on_apples)
            }
            Inconsistency::Graphics => self.other_graphics(event),
            Inconsistency::Impossible => impossible(event),
        }
    }

    /// The operating system, from who should know best.
    fn system(&self) -> Option<Platform> {
        self.device.or(self.hint).or(self.agent)
    }

    /// Whether the browser says that it is on a phone.
    fn is_phone(&self, event: &Event) -> Option<bool> {
        let agent = self
            .user_agent
            .map(|agent| matches!(self.agent, Some(Platform::Ios | Platform::Android)) && is_mobile(agent));
        match (event.boolean(Field::BROWSER_MOBILE), agent) {
            (None, None) => None,
            (hint, agent) => Some(hint == Some(true) || agent == Some(true)),
        }
    }

    fn other_graphics(&self, event: &Event) -> Option<bool> {
        let graphics = event.text(Field::BROWSER_GPU)?;
        let system = self.system()?;
        let names = |words: &[&str]| words.iter().any(|word| graphics.contains(word));
        let apples = matches!(system, Platform::Mac | Platform::Ios);
        let on_phone = self.is_phone(event) == Some(true);
        Some(
            names(&["Direct3D"]) && system != Platform::Windows
                || names(&["Apple", "Metal"]) && !apples
                || names(&["SwiftShader", "llvmpipe", "VMware", "VirtualBox"]) && on_phone,
        )
    }
}

/// The family of browsers that a name is of.
fn family(name: &str) -> Option<&'static (&'static str, &'static [&'static str])> {
    let is_in = |word: &str| {
        name.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    BROWSERS.iter().find(|(word, _)| is_in(word))
}

/// What follows the first of the words.
fn version_after<'a>(agent: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| agent.split_once(word)).map(|(_, version)| version)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// The language of a tag such as `ja-JP` or of a list of them.
fn language(tag: &str) -> Option<&str> {
    tag.split(['-', '_', ',', ';']).next().map(str::trim).filter(|language| !language.is_empty())
}

/// Whether the sides of the two screens are in other proportions, however they are turned and scaled. One sixteenth
/// is left to bars and rounding.
fn other_proportions(event: &Event) -> Option<bool> {
    let proportion = |width, height| {
        let (width, height) = (event.integer(width)?, event.integer(height)?);
        (width > 0 && height > 0).then(|| width.max(height) as f64 / width.min(height) as f64)
    };
    let browser = proportion(Field::BROWSER_SCREEN_WIDTH, Field::BROWSER_SCREEN_HEIGHT)?;
    let device = proportion(Field::DEVICE_SCREEN_WIDTH, Field::DEVICE_SCREEN_HEIGHT)?;
    Some((browser / device - 1.0).abs() > 1.0 / 16.0)
}

/// Whether the browser's time zone has another offset than the browser states. A page may have been open since
/// before the clocks were changed.
fn other_offset(event: &Event) -> Option<bool> {
    let zone = Calendar::of_zone(event.text(Field::BROWSER_TIME_ZONE)?)?;
    let stated = event.integer(Field::BROWSER_TIME_ZONE_OFFSET_MINUTES)?;
    let time = event.integer(Field::TIME)?;
    let now = zone.offset_minutes(time)?;
    Some(stated != -now && zone.offset_minutes(time - DAY).is_none_or(|earlier| stated != -earlier))
}

fn impossible(event: &Event) -> Option<bool> {
    let sizes = [
        Field::BROWSER_SCREEN_WIDTH,
        Field::BROWSER_SCREEN_HEIGHT,
        Field::DEVICE_SCREEN_WIDTH,
        Field::DEVICE_SCREEN_HEIGHT,
        Field::BROWSER_COLOR_DEPTH,
        Field::BROWSER_HARDWARE_CONCURRENCY,
    ];
    let whole = sizes.into_iter().filter_map(|field| event.integer(field).map(|size| size < 1));
    let parts = [Field::BROWSER_PIXEL_RATIO, Field::BROWSER_DEVICE_MEMORY];
    let others = parts.into_iter().filter_map(|field| event.number(field).map(|size| size <= 0.0));
    whole.chain(others).reduce(|one, other| one || other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-10-25T00:59:00Z: a minute before the clocks of Europe go back.
    const BEFORE_CHANGE: i64 = 1_792_889_940_000;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/141.0.0.0 Safari/537.36";
    const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0";
    const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                       Version/18.5 Safari/605.1.15";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                          Gecko) Version/18.5 Mobile/15E148 Safari/604.1";
    const ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                           Chrome/141.0.0.0 Mobile Safari/537.36";
    const TABLET: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/141.0.0.0 Safari/537.36";
    const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0";

    fn event(values: &[(&str, &str)]) -> Event {
        let mut event = Event::of("login", BEFORE_CHANGE).unwrap();
        for (name, value) in values {
            let field = event.schema().field(name).unwrap();
            event.set_parsed(field, value).unwrap();
        }
        event
    }

    /// Nothing of the kind, or exactly these.
    #[track_caller]
    fn check(values: &[(&str, &str)], expected: &[Inconsistency]) {
        let bits = expected.iter().fold(0, |bits, one| bits | 1 << *one as u32);
        assert_eq!(inconsistencies(&event(values)), Some(bits), "{values:?}");
    }

    #[test]
    fn the_list_is_in_order() {
        for (at, (inconsistency, ..)) in INCONSISTENCIES.iter().enumerate() {
            assert_eq!(*inconsistency as usize, at);
        }
    }

    #[test]
    fn systems() {
        use Inconsistency::*;
        let (agent, hint, device) = ("browser.user_agent", "browser.platform", "device.platform");
        check(&[(agent, CHROME), (hint, "Windows")], &[]);
        check(&[(agent, CHROME), (hint, "Win32"), (device, "windows")], &[]);
        check(&[(agent, CHROME), (hint, "Linux")], &[UserAgentPlatform]);
        check(
            &[(agent, CHROME), (hint, "macOS"), (device, "Android 14")],
            &[UserAgentPlatform, UserAgentDevice, PlatformDevice],
        );
        check(&[(agent, IPHONE), (hint, "iPhone"), (device, "iOS")], &[]);
        check(&[(agent, IPHONE), (hint, "MacIntel")], &[UserAgentPlatform]);
        check(&[(agent, ANDROID), (hint, "Android")], &[]);
        check(&[(agent, ANDROID), (hint, "Linux x86_64")], &[UserAgentPlatform]);
        // A page asked for as on a desktop, and tablets that always do.
        check(&[(agent, LINUX), (device, "Android")], &[]);
        check(&[(agent, MAC), (hint, "MacIntel"), (device, "iPadOS")], &[]);
        // The kernel of a phone, and a system that nobody knows, claim nothing.
        for unknown in ["Linux armv8l", "Linux aarch64", "Fuchsia", "Unknown", "\u{ff37}indows"] {
            assert_eq!(inconsistencies(&event(&[(agent, ANDROID), (hint, unknown)])), None, "{unknown}");
        }
        assert_eq!(inconsistencies(&event(&[(agent, "okhttp/4.12.0"), (hint, "Android")])), None);
        assert_eq!(inconsistencies(&event(&[])), None);
    }

    #[test]
    fn phones() {
        use Inconsistency::*;
        let (agent, mobile, kind, touch) =
            ("browser.user_agent", "browser.mobile", "device.type", "browser.touch_points");
        check(&[(agent, ANDROID), (mobile, "true"), (kind, "mobile"), (touch, "5")], &[]);
        check(&[(agent, TABLET), (mobile, "false"), (kind, "tablet"), (touch, "10")], &[]);
        check(&[(agent, CHROME), (mobile, "false"), (kind, "desktop"), (touch, "0")], &[]);
        // A desktop may have a touch screen.
        check(&[(agent, CHROME), (mobile, "false"), (kind, "desktop"), (touch, "10")], &[]);
        check(&[(agent, CHROME), (mobile, "true")], &[MobileHint]);
        check(&[(agent, ANDROID), (mobile, "false")], &[MobileHint]);
        check(&[(agent, IPHONE), (kind, "desktop")], &[MobileDesktop]);
        // Of one statement alone there is nothing to say.
        assert_eq!(inconsistencies(&event(&[(kind, "mobile")])), None);
        assert_eq!(inconsistencies(&event(&[(kind, "desktop")])), None);
        check(&[(mobile, "true"), (touch, "0")], &[Touch]);
        check(&[(agent, IPHONE), (touch, "0")], &[Touch]);
        check(&[(agent, TABLET), (touch, "0")], &[]);
        for handheld in [
            &[(agent, ANDROID)][..],
            &[(agent, TABLET)],
            &[(agent, IPHONE)],
            &[(mobile, "true")],
            &[(kind, "tablet")],
            &[("device.platform", "iOS")],
            &[(agent, MAC), (touch, "5")],
        ] {
            assert!(is_handheld(&event(handheld)), "{handheld:?}");
        }
        for other in
            [&[(agent, CHROME), (touch, "10")][..], &[(agent, MAC), (touch, "0")], &[(agent, LINUX)], &[]]
        {
            assert!(!is_handheld(&event(other)), "{other:?}");
        }
    }

    #[test]
    fn screens() {
        use Inconsistency::*;
        let screens = |browser: (&'static str, &'static str), device: (&'static str, &'static str)| {
            [
                ("browser.screen_width", browser.0),
                ("browser.screen_height", browser.1),
                ("device.screen_width", device.0),
                ("device.screen_height", device.1),
            ]
        };
        check(&screens(("393", "852"), ("1179", "2556")), &[]);
        // Turned.
        check(&screens(("852", "393"), ("1179", "2556")), &[]);
        check(&screens(("1920", "1080"), ("1179", "2556")), &[Screen]);
        // Either side of a sixteenth.
        check(&screens(("1700", "1600"), ("1600", "1600")), &[]);
        check(&screens(("1701", "1600"), ("1600", "1600")), &[Screen]);
        check(&screens(("0", "1080"), ("1920", "1080")), &[Impossible]);
        check(&screens(("-1920", "1080"), ("1920", "1080")), &[Impossible]);
        check(&[("browser.hardware_concurrency", "0")], &[Impossible]);
        check(&[("browser.device_memory", "0")], &[Impossible]);
        check(&[("browser.device_memory", "0.25"), ("browser.pixel_ratio", "0.5")], &[]);
    }

    #[test]
    fn time_zones() {
        use Inconsistency::*;
        let (zone, offset, device) =
            ("browser.time_zone", "browser.time_zone_offset_minutes", "device.time_zone");
        check(&[(zone, "Asia/Tokyo"), (offset, "-540")], &[]);
        check(&[(zone, "Asia/Tokyo"), (offset, "540")], &[TimeZoneOffset]);
        check(&[(zone, "Asia/Kolkata"), (offset, "-330"), (device, "Asia/Calcutta")], &[]);
        check(&[(zone, "Asia/Tokyo"), (device, "Asia/Seoul")], &[]);
        check(&[(zone, "Asia/Tokyo"), (device, "America/New_York")], &[TimeZones]);
        check(&[(zone, "Asia/Atlantis"), (offset, "-540"), (device, "Asia/Tokyo")], &[UnknownTimeZone]);
        // Summer time in Berlin is two hours before UTC until 01:00, and one from then on; a page is older than that.
        check(&[(zone, "Europe/Berlin"), (offset, "-120")], &[]);
        check(&[(zone, "Europe/Berlin"), (offset, "-60")], &[TimeZoneOffset]);
        let at = |time, stated: &str| {
            let mut event = event(&[(zone, "Europe/Berlin"), (offset, stated)]);
            event.set(Field::TIME, time).unwrap();
            inconsistencies(&event).unwrap()
        };
        let change = BEFORE_CHANGE + 60_000;
        assert_eq!((at(change, "-60"), at(change, "-120")), (0, 0));
        assert_eq!(at(change + DAY - 1, "-120"), 0);
        assert_eq!(at(change + DAY, "-120"), 1 << TimeZoneOffset as u32);
        // The ends of time.
        assert_eq!((at(0, "-60"), at(crate::event::time::LATEST, "-60")), (0, 0));
    }

    #[test]
    fn browsers() {
        use Inconsistency::*;
        let (agent, name, version) = ("browser.user_agent", "browser.name", "browser.version");
        check(&[(agent, CHROME), (name, "Google Chrome"), (version, "141.0.7390.55")], &[]);
        check(&[(agent, EDGE), (name, "Microsoft Edge"), (version, "141.0.3537.57")], &[]);
        check(&[(agent, MAC), (name, "Safari"), (version, "18.5")], &[]);
        check(&[(agent, CHROME), (name, "Firefox"), (version, "141.0")], &[Browser]);
        check(&[(agent, CHROME), (name, "Chrome"), (version, "142.0.1.1")], &[BrowserVersion]);
        check(&[(agent, CHROME), (name, "Chrome"), (version, "beta")], &[]);
        // One that is not told by its user agent claims nothing.
        assert_eq!(inconsistencies(&event(&[(agent, CHROME), (name, "Brave")])), None);
    }

    #[test]
    fn machines() {
        use Inconsistency::*;
        let (agent, model, graphics) = ("browser.user_agent", "device.model", "browser.gpu");
        let direct = "ANGLE (NVIDIA, NVIDIA GeForce RTX 3060 Direct3D11 vs_5_0 ps_5_0, D3D11)";
        check(&[(agent, CHROME), (graphics, direct)], &[]);
        check(&[(agent, MAC), (graphics, direct)], &[Graphics]);
        check(&[(agent, IPHONE), (graphics, "Apple GPU"), (model, "iPhone15,2")], &[]);
        check(&[(agent, ANDROID), (graphics, "Apple GPU"), (model, "iPhone15,2")], &[Model, Graphics]);
        check(&[(agent, ANDROID), (graphics, "Google SwiftShader")], &[Graphics]);
        check(&[(agent, LINUX), (graphics, "llvmpipe")], &[]);
        let (browser, device) = ("browser.language", "device.language");
        check(&[(browser, "ja-JP,ja;q=0.9"), (device, "JA")], &[]);
        check(&[(browser, "en-US"), (device, "ja")], &[Languages]);
    }

    #[test]
    fn long_and_strange_user_agents_are_harmless() {
        // The door takes 4,096 bytes; what reads them would bear more.
        let long = format!("Mozilla/5.0 ({}", "Lin(ux;".repeat(15_000));
        assert!(
            long.len() > 100_000 && Event::of("login", 0).unwrap().with("browser.user_agent", &long).is_err()
        );
        assert_eq!(Platform::of_user_agent(&long), None);
        assert_eq!(version_after(&"Edg".repeat(40_000), BROWSERS[0].1), None);
        for strange in
            ["(", ")(", "\u{0}(\u{0}", "(Windows", ")Windows(", "Edg/", "Version/99999999999999999999"]
        {
            let values = [
                ("browser.user_agent", strange),
                ("browser.platform", "Windows"),
                ("browser.name", "Edge"),
                ("browser.version", "1"),
            ];
            let _ = inconsistencies(&event(&values));
            let _ = is_handheld(&event(&values));
        }
    }
}
