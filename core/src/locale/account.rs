//! Bank accounts: the notations of all banks and of Japan Post Bank, for one account one form.

use super::text::{fold, is_long_vowel, kanji_digit, starts_with};
use crate::error::{Error, ErrorKind, Result};
use crate::wiped::Wiped;

/// Japan Post Bank's number among banks.
const POST: &str = "9900";
/// Digits of an account's number between banks.
const NUMBER: usize = 7;

/// The kind of an account, by its code between banks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// 普通, 1.
    Ordinary = 1,
    /// 当座, 2.
    Current = 2,
    /// 貯蓄, 4.
    Savings = 4,
    /// その他, 9.
    Other = 9,
}

impl AccountKind {
    fn of_code(code: &str) -> Option<AccountKind> {
        Some(match code {
            "1" => AccountKind::Ordinary,
            "2" => AccountKind::Current,
            "4" => AccountKind::Savings,
            "9" => AccountKind::Other,
            _ => return None,
        })
    }
}

/// Words that stand around the digits of an account.
const WORDS: [(&str, Word); 31] = [
    ("ゆうちょ銀行", Word::Post),
    ("ユウチョ銀行", Word::Post),
    ("郵便貯金", Word::Post),
    ("ゆうちょ", Word::Post),
    ("ユウチョ", Word::Post),
    ("普通預金", Word::Kind(AccountKind::Ordinary)),
    ("普通", Word::Kind(AccountKind::Ordinary)),
    ("総合", Word::Kind(AccountKind::Ordinary)),
    ("普", Word::Kind(AccountKind::Ordinary)),
    ("当座預金", Word::Kind(AccountKind::Current)),
    ("当座", Word::Kind(AccountKind::Current)),
    ("当", Word::Kind(AccountKind::Current)),
    ("貯蓄預金", Word::Kind(AccountKind::Savings)),
    ("貯蓄", Word::Kind(AccountKind::Savings)),
    ("金融機関コード", Word::Label),
    ("金融機関", Word::Label),
    ("銀行コード", Word::Label),
    ("銀行", Word::Label),
    ("支店コード", Word::Label),
    ("支店番号", Word::Label),
    ("支店", Word::Label),
    ("店番号", Word::Label),
    ("店番", Word::Label),
    ("店", Word::Label),
    ("口座番号", Word::Label),
    ("口座", Word::Label),
    ("通帳", Word::Label),
    ("記号", Word::Label),
    ("番号", Word::Label),
    ("NO", Word::Label),
    ("の", Word::Label),
];

#[derive(Clone, Copy, PartialEq)]
enum Word {
    Post,
    Kind(AccountKind),
    Label,
}

/// A bank account in Japan.
///
/// ```
/// use sekisho::locale::BankAccount;
///
/// // The symbol and number of Japan Post Bank, and what other banks call the same account.
/// let account = BankAccount::parse("記号14030 番号12345671")?;
/// assert_eq!(account.canonical(), "9900-408-1-1234567");
/// assert_eq!(account, BankAccount::parse("ゆうちょ銀行 四〇八店 普通 1234567")?);
/// assert!(BankAccount::parse("10000-80000001").is_err(), "the check digit is wrong");
/// # Ok::<(), sekisho::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BankAccount {
    /// Bank, branch, kind, number.
    canonical: Wiped,
    kind: AccountKind,
}

impl BankAccount {
    /// Reads an account: bank, branch, kind and number with anything between them or nothing, or Japan Post Bank's
    /// symbol and number, with or without the group that counts reissues. An account without a kind is an ordinary one.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] when it is none, or its check digit is wrong.
    pub fn parse(text: &str) -> Result<BankAccount> {
        let Written { groups, kind, post } = Written::read(text).ok_or_else(refused)?;
        let groups: Vec<&str> = groups.iter().map(|group| group.as_str()).collect();
        let code = |code: &str| AccountKind::of_code(code).ok_or_else(refused);
        match *groups.as_slice() {
            [symbol, number] if symbol.len() == 5 => BankAccount::post(symbol, number),
            [symbol, again, number] if symbol.len() == 5 && again.len() == 1 => {
                BankAccount::post(symbol, number)
            }
            [whole] if whole.len() == 13 => {
                let (symbol, number) = whole.split_at(5);
                BankAccount::post(symbol, number)
            }
            [bank, branch, number] if bank.len() == 4 => BankAccount::of(bank, branch, kind, number),
            [bank, branch, given, number] if bank.len() == 4 => {
                BankAccount::of(bank, branch, Some(code(given)?), number)
            }
            [branch, number] if post && branch.len() == 3 => BankAccount::of(POST, branch, kind, number),
            [whole] if whole.len() == 14 || whole.len() == 15 => {
                let (bank, rest) = whole.split_at(4);
                let (branch, rest) = rest.split_at(3);
                let (given, number) = rest.split_at(rest.len() - NUMBER);
                let kind = if given.is_empty() { kind } else { Some(code(given)?) };
                BankAccount::of(bank, branch, kind, number)
            }
            _ => Err(refused()),
        }
    }

    fn of(bank: &str, branch: &str, kind: Option<AccountKind>, number: &str) -> Result<BankAccount> {
        if branch.len() != 3 || number.is_empty() || number.len() > NUMBER {
            return Err(refused());
        }
        // A branch of Japan Post Bank is the start of a symbol, and says the kind.
        let kind = match (bank, branch.as_bytes().last()) {
            (POST, Some(b'8')) => AccountKind::Ordinary,
            (POST, Some(b'9')) => AccountKind::Current,
            (POST, _) => return Err(refused()),
            _ => kind.unwrap_or(AccountKind::Ordinary),
        };
        let canonical = Wiped::of(format_args!("{bank}-{branch}-{}-{number:0>NUMBER$}", kind as u8));
        Ok(BankAccount { canonical, kind })
    }

    /// Of Japan Post Bank's symbol and number.
    fn post(symbol: &str, number: &str) -> Result<BankAccount> {
        let digits = symbol.as_bytes();
        let (first, last) = (digits.first(), digits.last());
        let current = first == Some(&b'0');
        let shortened = if current { Some(number) } else { number.strip_suffix('1') };
        let most = if current { 6 } else { NUMBER };
        let (Some(b'0' | b'1'), Some(b'0'), Some(number_there)) = (first, last, shortened) else {
            return Err(refused());
        };
        if number_there.is_empty() || number_there.len() > most {
            return Err(refused());
        }
        if check_digit(symbol, number) != digits.get(3).map(|digit| u32::from(digit - b'0')) {
            return Err(Error::new(
                ErrorKind::OutOfRange,
                "found a symbol and number whose check digit is wrong; one of their digits is mistyped",
            ));
        }
        let branch = symbol.get(1..3).unwrap_or_default();
        let branch = Wiped::of(format_args!("{branch}{}", if current { 9 } else { 8 }));
        BankAccount::of(POST, &branch, None, number_there)
    }

    /// The account as bank, branch, kind and number, with hyphens: `9900-408-1-1234567`.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The four digits of the bank.
    pub fn bank(&self) -> &str {
        self.part(0)
    }

    /// The three digits of the branch.
    pub fn branch(&self) -> &str {
        self.part(1)
    }

    /// The kind of account.
    pub fn kind(&self) -> AccountKind {
        self.kind
    }

    /// The seven digits of the account.
    pub fn number(&self) -> &str {
        self.part(3)
    }

    fn part(&self, part: usize) -> &str {
        self.canonical.split('-').nth(part).unwrap_or_default()
    }
}

fn refused() -> Error {
    Error::new(
        ErrorKind::OutOfRange,
        "found no bank account, expected bank-branch-number such as 0001-001-1234567, or a symbol and number such as \
         14030-12345671",
    )
}

/// The fourth digit that a symbol of five digits has for a number: the digits of both, weighted 1, 3, 2 and so on with
/// the fourth as 0, summed up modulo 10; a doubled digit of 10 and more counts 9 less.
fn check_digit(symbol: &str, number: &str) -> Option<u32> {
    let number = Wiped::of(format_args!("{number:0>8}"));
    let digits = symbol.bytes().chain(number.bytes()).enumerate();
    let weighted = digits.map(|(place, digit)| {
        let digit = if place == 3 { 0 } else { u32::from(digit.wrapping_sub(b'0')) };
        match place % 3 {
            0 => digit,
            1 => 3 * digit,
            _ if digit >= 5 => 2 * digit - 9,
            _ => 2 * digit,
        }
    });
    (number.len() == 8).then(|| weighted.sum::<u32>() % 10)
}

/// What is written: groups of digits, and what the words between them say.
struct Written {
    groups: Vec<Wiped>,
    kind: Option<AccountKind>,
    post: bool,
}

impl Written {
    fn read(text: &str) -> Option<Written> {
        let folded = fold(text);
        let mut written = Written { groups: Vec::new(), kind: None, post: false };
        let mut rest: &[char] = &folded;
        while let Some(c) = rest.first() {
            let taken = if c.is_ascii_digit() || kanji_digit(*c).is_some() {
                let digits = digits(rest);
                let length = digits.len();
                // No account has so many.
                if length > 15 || written.groups.len() == 4 {
                    return None;
                }
                written.groups.push(digits);
                length
            } else if matches!(c, ' ' | '-' | '/' | '.' | ',' | ':' | '・' | '(' | ')' | '_' | '、' | '|')
                || is_long_vowel(*c)
            {
                1
            } else {
                let (text, word) = WORDS.iter().find(|(text, _)| starts_with(rest, text))?;
                match word {
                    Word::Post => written.post = true,
                    Word::Kind(kind) => written.kind = Some(*kind),
                    Word::Label => {}
                }
                text.chars().count()
            };
            rest = rest.get(taken.max(1)..)?;
        }
        Some(written)
    }
}

/// The digits at the start, kanji by their place as in the names of branches (四〇八).
fn digits(chars: &[char]) -> Wiped {
    let digits = chars.iter().map_while(|c| c.to_digit(10).or_else(|| kanji_digit(*c)));
    digits.filter_map(|digit| char::from_digit(digit, 10)).take(16).collect()
}
