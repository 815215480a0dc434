//! Identifiers from ranges that belong to nobody: test cards, documentation networks.

use super::dice::Dice;
use super::event::Text;

const SURNAMES: [&str; 24] = [
    "サトウ",
    "スズキ",
    "タカハシ",
    "タナカ",
    "イトウ",
    "ワタナベ",
    "ヤマモト",
    "ナカムラ",
    "コバヤシ",
    "カトウ",
    "ヨシダ",
    "ヤマダ",
    "ササキ",
    "ヤマグチ",
    "マツモト",
    "イノウエ",
    "キムラ",
    "ハヤシ",
    "シミズ",
    "ヤマザキ",
    "モリ",
    "アベ",
    "イケダ",
    "ハシモト",
];

const GIVEN_NAMES: [&str; 20] = [
    "ハルト",
    "ユウト",
    "ソウタ",
    "ケンジ",
    "タロウ",
    "ダイスケ",
    "ヒロシ",
    "マコト",
    "カズヤ",
    "ショウ",
    "ハナコ",
    "ヨウコ",
    "ユイ",
    "サクラ",
    "アオイ",
    "メグミ",
    "ナオミ",
    "ケイコ",
    "ミサキ",
    "アヤカ",
];

const TOWNS: [&str; 12] = [
    "東京都千代田区丸の内",
    "東京都世田谷区三軒茶屋",
    "神奈川県横浜市西区みなとみらい",
    "埼玉県さいたま市大宮区桜木町",
    "千葉県船橋市本町",
    "愛知県名古屋市中区栄",
    "大阪府大阪市北区梅田",
    "京都府京都市中京区烏丸通",
    "兵庫県神戸市中央区三宮町",
    "福岡県福岡市博多区博多駅前",
    "北海道札幌市中央区大通西",
    "宮城県仙台市青葉区一番町",
];

/// The account with the given number.
pub(super) fn account(number: usize) -> Text {
    format!("a-{number:06}").into()
}

/// A fresh device identifier.
pub(super) fn device(dice: &mut Dice) -> Text {
    format!("d-{:012x}", dice.bits() >> 16).into()
}

/// A fresh session identifier.
pub(super) fn session(dice: &mut Dice) -> Text {
    format!("s-{:012x}", dice.bits() >> 16).into()
}

/// A bank account: bank, branch and number.
pub(super) fn bank_account(dice: &mut Dice) -> Text {
    let bank = dice.choose(&["9900", "9900", "9900", "0001", "0005", "0009", "0036"]);
    // Branches of the first bank end in 8; the others count freely.
    let branch = if bank == "9900" { dice.between(1, 98) * 10 + 8 } else { dice.between(1, 899) };
    format!("{bank}-{branch:03}-{:07}", dice.between(1, 9_999_999)).into()
}

/// A card number of a test range, with its Luhn digit.
pub(super) fn card(dice: &mut Dice) -> Text {
    let prefix = dice.choose(&["3569", "3569", "411111"]);
    let mut number = String::with_capacity(16);
    number.push_str(prefix);
    while number.len() < 15 {
        number.push(char::from(b'0' + dice.below(10) as u8));
    }
    let digit = (10 - luhn_sum(&number, true) % 10) % 10;
    number.push(char::from(b'0' + digit as u8));
    number.into()
}

/// The Luhn sum; with `pending`, of a number whose last digit is still to come.
pub(super) fn luhn_sum(number: &str, pending: bool) -> u32 {
    number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.saturating_sub(b'0'));
            match (place % 2 == 1) != pending {
                true if digit > 4 => digit * 2 - 9,
                true => digit * 2,
                false => digit,
            }
        })
        .sum()
}

/// An account holder's name in kana.
pub(super) fn holder(dice: &mut Dice) -> Text {
    let surname = dice.choose(&SURNAMES);
    let given = dice.choose(&GIVEN_NAMES);
    format!("{surname} {given}").into()
}

/// A postal address.
pub(super) fn address(dice: &mut Dice) -> Text {
    let town = dice.choose(&TOWNS);
    let (chome, ban, go) = (dice.between(1, 5), dice.between(1, 30), dice.between(1, 20));
    format!("{town}{chome}-{ban}-{go}").into()
}

/// An e-mail address under a reserved domain.
pub(super) fn email(dice: &mut Dice) -> Text {
    let domain = dice.choose(&["example.jp", "example.com", "mail.example", "example.ne.jp"]);
    format!("u{:010x}@{domain}", dice.bits() >> 24).into()
}

/// A mobile telephone number.
pub(super) fn phone(dice: &mut Dice) -> Text {
    let prefix = dice.choose(&["070", "080", "090"]);
    format!("{prefix}-0{:03}-{:04}", dice.between(0, 999), dice.between(0, 9_999)).into()
}
