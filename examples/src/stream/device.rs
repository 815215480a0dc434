//! Phones and tablets, and how they age.

use super::calendar::day_of;
use super::dice::Dice;
use super::event::Text;
use super::numbers;

/// A phone, tablet or browser.
#[derive(Clone)]
pub(super) struct Device {
    pub(super) id: Text,
    pub(super) platform: &'static str,
    pub(super) model: &'static str,
    pub(super) rooted: bool,
    pub(super) emulator: bool,
    /// How many days its owner puts off an update.
    lag: i64,
}

const IPHONES: [&str; 5] = ["iPhone14,5", "iPhone15,2", "iPhone16,1", "iPhone17,3", "iPhone12,8"];
const ANDROIDS: [&str; 6] = ["Pixel 8a", "Pixel 9", "SH-M26", "SO-53D", "SM-S921Q", "moto g64"];

impl Device {
    /// An ordinary phone.
    pub(super) fn phone(dice: &mut Dice) -> Self {
        let (platform, model) = if dice.chance(0.55) {
            ("ios", dice.choose(&IPHONES))
        } else {
            ("android", dice.choose(&ANDROIDS))
        };
        Self {
            id: numbers::device(dice),
            platform,
            model,
            rooted: dice.chance(0.008),
            emulator: false,
            lag: dice.lognormal(4.0, 1.0) as i64,
        }
    }

    /// A tablet at a store counter or in a living room.
    pub(super) fn tablet(dice: &mut Dice) -> Self {
        Self {
            id: numbers::device(dice),
            platform: "ios",
            model: "iPad13,18",
            rooted: false,
            emulator: false,
            lag: dice.between(0, 20),
        }
    }

    /// What an attacker works with: mostly a phone like any other.
    pub(super) fn burner(dice: &mut Dice) -> Self {
        let phone = Self::phone(dice);
        let emulator = phone.platform == "android" && dice.chance(0.3);
        Self { rooted: emulator || phone.rooted, emulator, ..phone }
    }

    pub(super) fn app_version(&self, time: i64) -> &'static str {
        match day_of(time) - self.lag {
            ..0 => "5.11.2",
            0..14 => "5.12.0",
            14..35 => "5.13.0",
            35..49 => "5.13.1",
            _ => "5.14.0",
        }
    }

    pub(super) fn os_version(&self, time: i64) -> &'static str {
        match (self.platform, day_of(time) - 2 * self.lag) {
            ("ios", ..0) => "26.5",
            ("ios", 0..30) => "26.6",
            ("ios", _) => "27.0",
            (_, ..20) => "16",
            _ => "17",
        }
    }
}
