//! Names of people and companies: a key to compare them by, and what the comparison can say.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::text::{fold_most, is_dash, is_kana, is_kanji, is_long_vowel};
use crate::wiped::{Characters, Wiped};

/// What two names say of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameMatch {
    /// They are one name, spelt alike or cut off where transfers cut it off.
    Match,
    /// They are different names.
    Mismatch,
    /// One is empty, or they are in scripts that do not follow from each other, such as kanji and kana.
    NotComparable,
}

impl NameMatch {
    /// In lower case: `match`, `mismatch` or `not_comparable`.
    pub fn name(self) -> &'static str {
        match self {
            NameMatch::Match => "match",
            NameMatch::Mismatch => "mismatch",
            NameMatch::NotComparable => "not_comparable",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Kanji,
    Kana,
    Latin,
}

/// Bytes of a name in a transfer between banks: one for each kana, each voicing mark and each space.
const TRANSFERRED: usize = 30;
/// Characters of a key that a cut one has at least: two spaces do not count.
const SURE: usize = TRANSFERRED - 2;

/// Characters that are read; no name has as many.
const LONGEST: usize = 200;

/// Kinds of corporations: words with large kana, and abbreviations that stand in brackets; the last one is the banks'.
///
/// Source: the abbreviations of the banks' data communication system (Zengin).
const CORPORATIONS: [(&[&str], &[&str]); 22] = [
    (&["株式会社", "カブシキガイシヤ", "カブシキカイシヤ"], &["株", "カ"]),
    (&["有限会社", "ユウゲンガイシヤ"], &["有", "ユ"]),
    (&["合名会社", "ゴウメイガイシヤ"], &["名", "メ"]),
    (&["合資会社", "ゴウシガイシヤ"], &["資", "シ"]),
    (&["合同会社", "ゴウドウガイシヤ"], &["同", "ド"]),
    (&["医療法人社団", "医療法人財団", "社会医療法人", "医療法人", "イリヨウホウジン"], &["医", "イ"]),
    (&["一般財団法人", "公益財団法人", "財団法人", "ザイダンホウジン"], &["財", "ザイ"]),
    (&["一般社団法人", "公益社団法人", "社団法人", "シヤダンホウジン"], &["社", "シヤ"]),
    (&["社会福祉法人", "シヤカイフクシホウジン"], &["福", "フク"]),
    (&["宗教法人", "シユウキヨウホウジン"], &["宗", "シユウ"]),
    (&["学校法人", "ガツコウホウジン"], &["学", "ガク"]),
    (&["相互会社", "ソウゴガイシヤ"], &["相", "ソ"]),
    (&["特定非営利活動法人", "トクテイヒエイリカツドウホウジン", "NPO法人"], &["特非", "トクヒ"]),
    (&["地方独立行政法人"], &["チドク"]),
    (&["独立行政法人"], &["ドク"]),
    (&["国立大学法人", "公立大学法人"], &["ダイ"]),
    (&["弁護士法人"], &["ベン"]),
    (&["行政書士法人"], &["ギヨ"]),
    (&["司法書士法人"], &["シホウ"]),
    (&["税理士法人"], &["ゼイ"]),
    (&["農事組合法人"], &["ノウ"]),
    (&["社会保険労務士法人"], &["ロウム"]),
];

type Texts = &'static [&'static str];
/// By the character with which they start, each with what banks call its kind.
type Starts = Vec<(char, &'static str, &'static str)>;

static WORDS: LazyLock<Starts> = LazyLock::new(|| starts(|(words, _)| words));
static ABBREVIATIONS: LazyLock<Starts> = LazyLock::new(|| starts(|(_, abbreviations)| abbreviations));

fn starts(texts: fn((Texts, Texts)) -> Texts) -> Starts {
    let mut starts = Vec::new();
    for kind in CORPORATIONS {
        let banks = kind.1.last().copied().unwrap_or_default();
        starts.extend(texts(kind).iter().filter_map(|text| Some((text.chars().next()?, *text, banks))));
    }
    // Those that start alike stay in their order.
    starts.sort_by_key(|(first, ..)| *first);
    starts
}

/// Those that may stand at the start of the characters: for most characters of a name none.
fn starting<'s>(starts: &'s Starts, chars: &[char]) -> &'s [(char, &'static str, &'static str)] {
    let Some(first) = chars.first().map(|c| large(katakana(*c))) else { return &[] };
    let from = starts.partition_point(|(start, ..)| *start < first);
    let length = starts.get(from..).unwrap_or_default().partition_point(|(start, ..)| *start == first);
    starts.get(from..from + length).unwrap_or_default()
}

/// A name, ready to be compared.
///
/// ```
/// use sekisho::locale::{Name, NameMatch, match_names};
///
/// assert_eq!(match_names("ジンジ ショウゴ", "ｼﾞﾝｼﾞｼﾖｳｺﾞ"), NameMatch::Match);
/// assert_eq!(match_names("株式会社髙島商店", "㈱高島商店"), NameMatch::Match);
/// assert_eq!(match_names("山田太郎", "ヤマダタロウ"), NameMatch::NotComparable);
/// assert_eq!(Name::parse("㈲やまだ").map(|name| name.key()), Some("ユ)ヤマダ".to_owned()));
/// ```
#[derive(Clone)]
pub struct Name {
    /// With marks of voicing as characters of their own.
    units: Wiped,
    /// Latin words of a person in the order of the alphabet: a card has the given name first, a bank the other.
    words: Wiped,
    script: Script,
    /// Bytes in a transfer.
    length: usize,
}

impl Name {
    /// Reads a name; `None` when no letter is in it. Of longer text the first 200 characters are read.
    pub fn parse(text: &str) -> Option<Name> {
        let folded = fold_most(text, LONGEST + 1);
        let name = Name::read(folded.get(..LONGEST).unwrap_or(&folded))?;
        if folded.len() <= LONGEST && name.units.chars().count() <= LONGEST {
            return Some(name);
        }
        // What was cut off, or is longer as banks write it, is read as it stands then, so that it is its own form.
        let form = if name.script == Script::Latin { name.words } else { name.composed() };
        Name::read(&fold_most(&form, LONGEST))
    }

    fn read(folded: &[char]) -> Option<Name> {
        let folded = without_title(folded);
        let (body, form) = corporation(folded);
        let script = if body.iter().any(|c| is_kanji(*c)) {
            Script::Kanji
        } else if body.iter().any(|c| is_kana(*c) && *c != 'ー') {
            Script::Kana
        } else if body.iter().any(|c| c.is_alphanumeric()) {
            Script::Latin
        } else {
            return None;
        };
        let (units, spaces) = units(&body, script);
        // Marks alone are no name.
        if !units.chars().any(counts) {
            return None;
        }
        let mut name = Wiped::with_capacity(units.len() + 8);
        let designate = |name: &mut Wiped, open: &str, kind: &str, close: &str| {
            name.push_str(open);
            name.extend(kind.nfd());
            name.push_str(close);
        };
        if let Some((kind, Place::Before)) = form {
            designate(&mut name, "", kind, ")");
        }
        for c in units.chars() {
            match (c, form) {
                (' ', _) => {}
                (WITHIN, Some((kind, _))) => designate(&mut name, "(", kind, ")"),
                (c, _) => name.push(c),
            }
        }
        if let Some((kind, Place::After)) = form {
            designate(&mut name, "(", kind, "");
        }
        let length = name.chars().count() + spaces;
        let mut words = Wiped::default();
        if script == Script::Latin && form.is_none() {
            let mut sorted: Vec<&str> = units.split(' ').collect();
            sorted.sort_unstable();
            for (at, word) in sorted.into_iter().enumerate() {
                words.push_str(if at == 0 { "" } else { " " });
                words.push_str(word);
            }
        } else if script == Script::Latin {
            words = name.clone();
        }
        Some(Name { units: name, words, script, length })
    }

    /// What names that match have in common: large kana, one mark for long vowels and hyphens, usual kanji, no spaces,
    /// corporations abbreviated as between banks.
    pub fn key(&self) -> String {
        self.composed().into_string()
    }

    fn composed(&self) -> Wiped {
        self.units.nfc().collect()
    }

    /// The key as far as a transfer brings it for sure, with the words of a Latin name in the order of the alphabet:
    /// what histories and lists know the name by.
    pub(super) fn canonical(&self) -> Wiped {
        match self.script {
            Script::Kanji => self.composed(),
            Script::Kana => {
                let sure: Wiped = self.units.chars().take(SURE).nfc().collect();
                // What is left of a longer name may be read otherwise: its kind of company may now stand at the end.
                let is_cut = self.units.chars().nth(SURE).is_some();
                let again = if is_cut { Name::parse(&sure) } else { None };
                again.map_or(sure, |name| name.canonical())
            }
            Script::Latin => self.words.clone(),
        }
    }

    /// What lists know the name by: its form, and of a long name in Latin letters as much as a transfer brings for
    /// sure, too.
    pub(crate) fn listed(&self) -> Wiped {
        match self.script {
            Script::Latin if self.units.len() >= SURE => self.units.chars().take(SURE).collect(),
            _ => self.canonical(),
        }
    }

    /// A bit for the script: names in two of them cannot be compared.
    pub(crate) fn script_bit(&self) -> u64 {
        1 << self.script as u64
    }

    /// What the two names say of each other.
    pub fn compare(&self, other: &Name) -> NameMatch {
        if self.script != other.script {
            return NameMatch::NotComparable;
        }
        let equal = *self.units == *other.units
            || self.script == Script::Latin && *self.words == *other.words
            || self.is_cut_from(other)
            || other.is_cut_from(self);
        if equal { NameMatch::Match } else { NameMatch::Mismatch }
    }

    /// Whether a transfer could have made this of the other: as many bytes as fit, a space at the end lost, all of
    /// them the other's first.
    fn is_cut_from(&self, other: &Name) -> bool {
        let full = self.length == TRANSFERRED || self.length + 1 == TRANSFERRED;
        self.script != Script::Kanji && full && other.units.starts_with(self.units.as_str())
    }
}

/// What two names say of each other.
pub fn match_names(a: &str, b: &str) -> NameMatch {
    match (Name::parse(a), Name::parse(b)) {
        (Some(a), Some(b)) => a.compare(&b),
        _ => NameMatch::NotComparable,
    }
}

/// Stands for a corporation's kind in the middle of a name.
const WITHIN: char = '\u{1}';

/// Where a corporation's kind stands. Companies are told apart by it.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Before,
    Within,
    After,
}

/// The name without the title that letters put behind it.
fn without_title(folded: &[char]) -> &[char] {
    let Some(last) = folded.iter().rposition(|c| counts(*c)).filter(|last| folded.get(*last) == Some(&'様'))
    else {
        return folded;
    };
    let before = folded.get(..last).unwrap_or_default();
    let named = before.iter().rev().find(|c| counts(**c)).is_some_and(|c| *c != '様');
    if named { before } else { folded }
}

/// The name without its corporation's kind, and the kind with its place. A name has one kind: the first found.
fn corporation(folded: &[char]) -> (Characters, Option<(&'static str, Place)>) {
    let first = folded.iter().position(|c| counts(*c)).unwrap_or(0);
    let last = folded.iter().rposition(|c| counts(*c)).unwrap_or(0);
    let found = (0..folded.len()).find_map(|at| {
        let (length, kind) = designation(folded.get(at..)?, at <= first, last + 1 - at.min(last))?;
        Some((at, at + length, kind))
    });
    let Some((start, end, kind)) = found else { return (folded.into(), None) };
    let place = match (start <= first, end > last) {
        (true, false) => Place::Before,
        (false, true) => Place::After,
        (false, false) => Place::Within,
        // Nothing but a kind is a name like any other.
        (true, true) => return (folded.into(), None),
    };
    let mut body = Characters::with_capacity(folded.len());
    body.extend_from_slice(folded.get(..start).unwrap_or_default());
    body.extend((place == Place::Within).then_some(WITHIN));
    body.extend_from_slice(folded.get(end..).unwrap_or_default());
    (body, Some((kind, place)))
}

/// Whether a character is more than a mark, as vowels of some scripts are, too. Kanji that are yet to be given a
/// meaning are more: a mark that repeats one becomes one.
fn counts(c: char) -> bool {
    (c.is_alphanumeric() || is_kanji(c)) && c != 'ー' && !is_combining_mark(c)
}

/// A corporation's kind at the start, and how many characters it takes: `株式会社`, `(株)`; `カ)` where the name
/// starts and `(カ` where it ends.
///
/// `length` is how many characters there are up to the last that counts.
fn designation(chars: &[char], first: bool, length: usize) -> Option<(usize, &'static str)> {
    let open = usize::from(chars.first() == Some(&'('));
    if open == 1 || first {
        let inner = chars.get(open..)?;
        for (_, abbreviation, banks) in starting(&ABBREVIATIONS, inner) {
            let Some(letters) = spelt(inner, abbreviation) else { continue };
            let closed = inner.get(letters) == Some(&')');
            if closed || open == 1 && open + letters == length {
                return Some((open + letters + usize::from(closed), banks));
            }
        }
    }
    starting(&WORDS, chars).iter().find_map(|(_, word, banks)| Some((spelt(chars, word)?, *banks)))
}

/// How many characters the word takes at the start, in kana of any kind and size.
fn spelt(chars: &[char], word: &str) -> Option<usize> {
    let mut found = chars.iter().enumerate().filter(|(at, c)| *at == 0 || !is_left_out(**c));
    let mut last = 0;
    for c in word.chars() {
        let (at, _) = found.next().filter(|(_, found)| large(katakana(**found)) == c)?;
        last = at;
    }
    Some(last + 1)
}

/// Spaces and punctuation that some write and others leave out.
fn is_left_out(c: char) -> bool {
    matches!(c, ' ' | '・' | '.' | ',' | '、' | '。' | '\'' | '’' | '‘' | '`' | '"' | '「' | '」' | '[' | ']')
        || is_combining_mark(c)
}

/// The characters that count, each voicing mark as one of its own, Latin words with a space between; and how many
/// single spaces stood between the others.
fn units(body: &[char], script: Script) -> (Wiped, usize) {
    let mut units = Wiped::with_capacity(3 * body.len());
    let (mut spaces, mut space) = (0, false);
    // What a mark of repetition repeats, and what a voicing mark voices.
    let mut last = None;
    for c in body.iter().copied().nfd() {
        let c = match large(katakana(c)) {
            ' ' => {
                space = !units.is_empty();
                continue;
            }
            '(' | ')' => continue,
            'ヽ' if last.is_some_and(is_kana) => last.unwrap_or('ヽ'),
            '々' if last.is_some_and(is_kanji) => last.unwrap_or('々'),
            c if script == Script::Latin && (is_dash(c) || is_long_vowel(c)) => {
                space = !units.is_empty();
                continue;
            }
            c if is_dash(c) || is_long_vowel(c) => '-',
            // A voicing mark belongs to the kana before it, even behind a space; elsewhere it means nothing.
            '\u{3099}' | '\u{309a}'
                if last.is_some_and(|last| takes(last, c)) && units.ends_with(last.unwrap_or(c)) =>
            {
                units.push(c);
                continue;
            }
            c if is_left_out(c) => continue,
            c => c.to_ascii_uppercase(),
        };
        if space {
            spaces += 1;
            space = false;
            if script == Script::Latin {
                units.push(' ');
            }
        }
        last = Some(c);
        units.push(c);
    }
    (units, if script == Script::Kanji { 0 } else { spaces })
}

/// Whether a kana takes the mark of voicing, or the one of half voicing.
fn takes(kana: char, mark: char) -> bool {
    match mark {
        '\u{309a}' => matches!(kana, 'ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ'),
        _ => matches!(kana, 'ウ' | 'カ'..='ト' | 'ハ'..='ホ'),
    }
}

/// Hiragana and its marks of repetition as katakana.
fn katakana(c: char) -> char {
    match c {
        '\u{3041}'..='\u{3096}' | 'ゝ' => char::from_u32(u32::from(c) + 0x60).unwrap_or(c),
        'ゞ' => 'ヾ',
        c => c,
    }
}

/// Small kana as large ones, and those that transfers do not have as those that take their place.
fn large(c: char) -> char {
    match c {
        'ァ' => 'ア',
        'ィ' | 'ヰ' => 'イ',
        'ゥ' => 'ウ',
        'ェ' | 'ヱ' => 'エ',
        'ォ' | 'ヲ' => 'オ',
        'ッ' => 'ツ',
        'ャ' => 'ヤ',
        'ュ' => 'ユ',
        'ョ' => 'ヨ',
        'ヮ' => 'ワ',
        'ヵ' => 'カ',
        'ヶ' => 'ケ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, trying one kind of company after the other.
    fn slowly(chars: &[char], first: bool, length: usize) -> Option<(usize, &'static str)> {
        let open = usize::from(chars.first() == Some(&'('));
        let inner = chars.get(open..)?;
        let starts = |chars: &[char], texts: Texts| texts.iter().find_map(|text| spelt(chars, text));
        for (_, abbreviations) in CORPORATIONS.iter().filter(|_| open == 1 || first) {
            let Some(letters) = starts(inner, abbreviations) else { continue };
            let closed = inner.get(letters) == Some(&')');
            if closed || open == 1 && open + letters == length {
                return Some((open + letters + usize::from(closed), abbreviations.last()?));
            }
        }
        CORPORATIONS.iter().find_map(|(words, banks)| Some((starts(chars, words)?, *banks.last()?)))
    }

    proptest! {
        #[test]
        fn a_kind_of_company_is_the_first_that_is_spelt(
            kind in 0..CORPORATIONS.len(),
            (which, head, tail) in (any::<proptest::sample::Index>(), "[(シカ株]{0,2}", "[)(ヤ・山]{0,3}"),
            (first, length) in (any::<bool>(), 0..8usize),
        ) {
            let (words, abbreviations) = CORPORATIONS.get(kind).copied().unwrap_or_default();
            let texts = [words, abbreviations].concat();
            let text = [head.as_str(), which.get::<&str>(&texts), tail.as_str()].concat();
            let text: Vec<char> = text.chars().collect();
            for at in 0..=text.len() {
                let chars = text.get(at..).unwrap_or_default();
                prop_assert_eq!(designation(chars, first, length), slowly(chars, first, length));
            }
        }
    }
}
