//! The levels above the town: prefecture and city, found by their last characters.

use super::super::text::{is_kanji, is_kanji_numeral, prefix, starts_with};
use crate::wiped::{Characters, Wiped};

/// Source: the Local Autonomy Act; the order is that of JIS X 0401.
#[rustfmt::skip]
const PREFECTURES: [&str; 47] = [
    "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県", "栃木県",
    "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "富山県", "石川県", "福井県",
    "山梨県", "長野県", "岐阜県", "静岡県", "愛知県", "三重県", "滋賀県", "京都府", "大阪府",
    "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県", "岡山県", "広島県", "山口県", "徳島県",
    "香川県", "愛媛県", "高知県", "福岡県", "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県",
    "鹿児島県", "沖縄県",
];

/// Cities with wards of their own.
#[rustfmt::skip]
const WITH_WARDS: [&str; 20] = [
    "札幌市", "仙台市", "さいたま市", "千葉市", "横浜市", "川崎市", "相模原市", "新潟市", "静岡市",
    "浜松市", "名古屋市", "京都市", "大阪市", "堺市", "神戸市", "岡山市", "広島市", "北九州市",
    "福岡市", "熊本市",
];

/// Special wards of Tokyo, which are cities by themselves.
#[rustfmt::skip]
const WARDS: [&str; 23] = [
    "千代田区", "中央区", "港区", "新宿区", "文京区", "台東区", "墨田区", "江東区", "品川区",
    "目黒区", "大田区", "世田谷区", "渋谷区", "中野区", "杉並区", "豊島区", "北区", "荒川区",
    "板橋区", "練馬区", "足立区", "葛飾区", "江戸川区",
];

/// Municipalities in whose names the last character of another kind stands before the end.
#[rustfmt::skip]
const NESTED: [&str; 18] = [
    "大町市", "十日町市", "東村山市", "武蔵村山市", "羽村市", "大村市", "田村市", "四日市市",
    "廿日市市", "野野市市", "大和郡山市", "小郡市", "蒲郡市", "上郡町", "上市町", "下市町",
    "余市町", "玉村町",
];

/// Islands that stand before the municipality that has their name.
const ISLANDS: [(&str, &str); 2] = [("三宅島三宅村", "三宅村"), ("八丈島八丈町", "八丈町")];

/// The longest name of a municipality, its last character included.
const LONGEST: usize = 8;
/// Characters in which a municipality is looked for: a county, a city, a ward.
const AHEAD: usize = 16;

/// The prefecture at the start, and how many characters it takes.
pub(super) fn prefecture(rest: &[char]) -> Option<(&'static str, usize)> {
    if let Some(name) = PREFECTURES.iter().find(|name| starts_with(rest, name)) {
        return Some((name, name.chars().count()));
    }
    // Only the capital is called so without its last character.
    let short = starts_with(rest, "東京") && prefix(rest.get(2..)?, &WARDS).is_some();
    short.then_some(("東京都", 2))
}

/// The city, with its ward and without its county, and how many characters it takes; spaces do not count. Towns and
/// villages are not told from the towns of a city unless a county or a prefecture stands before.
pub(super) fn city(rest: &[char], in_prefecture: bool) -> Option<(Wiped, usize)> {
    let is_head = |(_, c): &(usize, &char)| !c.is_ascii_digit() && **c != '-';
    let head = rest.iter().enumerate().take_while(is_head).filter(|(_, c)| **c != ' ').take(AHEAD);
    let (places, head): (Vec<usize>, Characters) = head.map(|(place, c)| (place, *c)).unzip();
    let (start, end) = bounds(&head, in_prefecture)?;
    let name: Wiped = head.get(start..end)?.iter().copied().collect();
    let name = match ISLANDS.iter().find(|(long, _)| *long == &*name) {
        Some((_, short)) => (*short).into(),
        None => name,
    };
    Some((name, places.get(end - 1)? + 1))
}

/// Where the municipality's name lies.
fn bounds(head: &[char], in_prefecture: bool) -> Option<(usize, usize)> {
    if let Some(end) = prefix(head, &NESTED) {
        return Some((0, end));
    }
    if let Some(start) = behind_county(head) {
        let county = head.get(start..)?;
        let end = prefix(county, &NESTED).or_else(|| first(county, &['町', '村']))?;
        return Some((start, start + end));
    }
    if let Some(end) = prefix(head, &WARDS) {
        return Some((0, end));
    }
    let end = first(head, &['市', '区', '町', '村'])?;
    match head.get(end - 1)? {
        '市' => {
            let name: Wiped = head.get(..end)?.iter().copied().collect();
            let ward =
                WITH_WARDS.contains(&name.as_str()).then(|| first(head.get(end..)?, &['区'])).flatten();
            Some((0, end + ward.unwrap_or(0)))
        }
        '区' => Some((0, end)),
        _ => in_prefecture.then_some((0, end)),
    }
}

/// Where the name behind a county starts.
fn behind_county(head: &[char]) -> Option<usize> {
    let at = head.iter().take(5).skip(1).position(|c| *c == '郡')? + 1;
    let county = head.get(..at)?;
    let another = |c: &char| matches!(c, '市' | '区' | '町' | '県');
    let fine = !county.iter().any(another) || starts_with(head, "余市郡") || starts_with(head, "高市郡");
    fine.then_some(at + 1)
}

/// Behind the first of the characters, which no name starts with; one that stands twice ends the name the second time.
fn first(head: &[char], ends: &[char]) -> Option<usize> {
    let at = head.iter().take(LONGEST).skip(1).position(|c| ends.contains(c))? + 1;
    let twice = head.get(at + 1) == head.get(at) && ends.contains(head.get(at)?);
    Some(at + 1 + usize::from(twice))
}

/// Behind the last of the directions by which Kyoto finds a place from its streets, where a town follows.
pub(super) fn behind_streets(rest: &[char]) -> usize {
    #[rustfmt::skip]
    const TURNS: [&str; 18] = [
        "上がる", "下がる", "上ガル", "下ガル", "上る", "下る", "上ル", "下ル", "東入る", "西入る",
        "東入ル", "西入ル", "東へ入る", "西へ入る", "東入リ", "西入リ", "東入", "西入",
    ];
    /// Streets take no more than this.
    const STREETS: usize = 64;
    let turn = |at: usize| {
        let here = rest.get(at..).filter(|here| matches!(here, ['上' | '下' | '東' | '西', ..]))?;
        Some(at + prefix(here, &TURNS)?)
    };
    let behind = (0..rest.len().min(STREETS)).filter_map(turn).next_back();
    // Where nothing but numbers follows, the streets are all there is.
    let is_name =
        |c: &char| is_kanji(*c) && !is_kanji_numeral(*c) && !matches!(c, '丁' | '目' | '番' | '地' | '号');
    let named = |at: &usize| rest.get(*at..).is_some_and(|rest| rest.iter().any(is_name));
    behind.filter(named).unwrap_or(0)
}
