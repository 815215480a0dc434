//! Addresses in many spellings: how many are found to be one, and how many of those found are.

use sekisho::locale::{Kind, Level, Rest, canonical, match_addresses};

/// A generator of its own, so that the corpus is the same everywhere (Steele et al., SplitMix).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub(super) fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.roll(items.len())]
    }

    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

/// Prefecture, county, city.
const CITIES: [(&str, &str, &str); 30] = [
    ("東京都", "", "新宿区"),
    ("東京都", "", "港区"),
    ("東京都", "", "千代田区"),
    ("東京都", "", "町田市"),
    ("東京都", "", "東村山市"),
    ("東京都", "西多摩郡", "瑞穂町"),
    ("神奈川県", "", "横浜市中区"),
    ("神奈川県", "", "鎌倉市"),
    ("神奈川県", "足柄下郡", "箱根町"),
    ("千葉県", "", "市川市"),
    ("千葉県", "", "千葉市美浜区"),
    ("千葉県", "", "鎌ケ谷市"),
    ("埼玉県", "", "さいたま市大宮区"),
    ("茨城県", "", "かすみがうら市"),
    ("北海道", "", "札幌市中央区"),
    ("北海道", "余市郡", "余市町"),
    ("宮城県", "", "仙台市青葉区"),
    ("山形県", "北村山郡", "大石田町"),
    ("福島県", "", "郡山市"),
    ("新潟県", "", "十日町市"),
    ("長野県", "", "大町市"),
    ("愛知県", "", "名古屋市中村区"),
    ("三重県", "", "四日市市"),
    ("京都府", "", "京都市中京区"),
    ("大阪府", "", "大阪市中央区"),
    ("奈良県", "高市郡", "明日香村"),
    ("広島県", "", "廿日市市"),
    ("福岡県", "", "北九州市小倉北区"),
    ("熊本県", "", "熊本市中央区"),
    ("沖縄県", "中頭郡", "北中城村"),
];

/// Towns with sections, and towns whose lots are counted through.
const WITH_SECTIONS: [&str; 20] = [
    "西新宿",
    "六本木",
    "麻布十番",
    "八丁堀",
    "三軒茶屋",
    "霞ケ関",
    "千駄ケ谷",
    "七里ケ浜東",
    "光ケ丘",
    "丸の内",
    "北三条西",
    "南二十二条西",
    "四谷",
    "五反田",
    "本町",
    "中央",
    "大手町",
    "日本橋",
    "高浜",
    "一ツ橋",
];
const WITHOUT_SECTIONS: [&str; 20] = [
    "二番町",
    "三番町",
    "上本能寺前町",
    "宮町",
    "諏訪町",
    "箱根ケ崎",
    "岡",
    "阿古",
    "松原",
    "沢渡",
    "渡辺通",
    "高沢",
    "浜田",
    "桜丘",
    "広沢町",
    "関ケ原",
    "竜ケ崎町",
    "四条町",
    "八幡",
    "梅ケ枝町",
];
const BUILDINGS: [&str; 20] = [
    "サンハイツ",
    "グランドメゾン",
    "山田ビル",
    "第2山田ビル",
    "新宿タワー",
    "コーポ青木",
    "ヴィラ三田",
    "メゾン・ド・丘",
    "パークマンション",
    "レジデンス本町",
    "桜荘",
    "青葉アパート",
    "シティハウス",
    "ライオンズマンション",
    "ひまわりハイツ",
    "三井ビル",
    "クレール六番館前",
    "メゾンヴェール",
    "ハイム田中",
    "ロイヤルコーポ",
];

#[derive(Clone, PartialEq)]
struct Place {
    city: (&'static str, &'static str, &'static str),
    town: &'static str,
    /// Three numbers with a section, two without.
    numbers: Vec<usize>,
    building: Option<&'static str>,
    wing: Option<char>,
    /// A number of three digits, or a floor.
    room: Option<usize>,
}

fn place(dice: &mut Dice) -> Place {
    let sections = dice.percent(60);
    let numbers = match sections {
        true => vec![1 + dice.roll(9), 1 + dice.roll(40), 1 + dice.roll(30)],
        false if dice.percent(30) => vec![1 + dice.roll(3_000)],
        false => vec![1 + dice.roll(3_000), 1 + dice.roll(40)],
    };
    let building = dice.percent(70).then(|| dice.of(&BUILDINGS));
    let room = building.and_then(|_| dice.percent(80).then(|| (1 + dice.roll(12)) * 100 + 1 + dice.roll(20)));
    Place {
        city: dice.of(&CITIES),
        town: if sections { dice.of(&WITH_SECTIONS) } else { dice.of(&WITHOUT_SECTIONS) },
        numbers,
        building,
        wing: room.and_then(|_| dice.percent(20).then(|| dice.of(&['A', 'B', 'C']))),
        room,
    }
}

/// Somewhere else, but close by.
fn neighbour(dice: &mut Dice, place: &Place) -> Place {
    let mut other = place.clone();
    while other == *place {
        match dice.roll(5) {
            0 if place.room.is_some() => other.room = place.room.map(|room| room + 1),
            1 if place.building.is_some() => other.building = Some(dice.of(&BUILDINGS)),
            2 => *other.numbers.last_mut().expect("a number") += 1,
            3 if place.numbers.len() == 3 => other.town = dice.of(&WITH_SECTIONS),
            3 => other.town = dice.of(&WITHOUT_SECTIONS),
            4 => other.city = dice.of(&CITIES),
            _ => {}
        }
    }
    other
}

fn kanji(number: usize) -> String {
    let mut written = String::new();
    for (unit, name) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = number / unit % 10;
        if digit > 1 || digit == 1 && unit == 1 {
            written.push_str(["", "一", "二", "三", "四", "五", "六", "七", "八", "九"][digit]);
        }
        written.push_str(if digit > 0 { name } else { "" });
    }
    written
}

fn wide(text: &str) -> String {
    let wide = |c: char| match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).expect("a character"),
        c => c,
    };
    text.chars().map(wide).collect()
}

/// The town as somebody may write it.
fn town(dice: &mut Dice, town: &str) -> String {
    let mut spelt = String::new();
    for c in town.chars() {
        match c {
            'ケ' => spelt.push(dice.of(&['ケ', 'ヶ', 'が', 'ガ'])),
            'の' => spelt.push(dice.of(&['の', 'ノ'])),
            '沢' => spelt.push(dice.of(&['沢', '澤'])),
            '浜' => spelt.push(dice.of(&['浜', '濱', '濵'])),
            '高' => spelt.push(dice.of(&['高', '髙'])),
            '辺' => spelt.push(dice.of(&['辺', '邊', '邉'])),
            '桜' => spelt.push(dice.of(&['桜', '櫻'])),
            '広' => spelt.push(dice.of(&['広', '廣'])),
            '関' => spelt.push(dice.of(&['関', '關'])),
            '竜' => spelt.push(dice.of(&['竜', '龍'])),
            c => spelt.push(c),
        }
    }
    if dice.percent(30) {
        for (name, digits) in
            [("二十二条", "22条"), ("三条", "3条"), ("二番町", "2番町"), ("三番町", "3番町")]
        {
            spelt = spelt.replace(name, digits);
        }
    }
    spelt
}

/// The numbers, and whether their last one stands without its unit.
fn numbers(dice: &mut Dice, numbers: &[usize]) -> (String, bool) {
    let dash = dice.of(&["-", "－", "‐", "−", "ー", "―", "–", " - "]);
    let joined = |dash: &str| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(dash);
    let k = |at: usize| kanji(numbers[at]);
    let n = |at: usize| numbers[at];
    match (numbers.len(), dice.roll(7)) {
        (3, 1) => (format!("{}丁目{}番{}号", n(0), n(1), n(2)), false),
        (3, 2) => (format!("{}丁目{}{dash}{}", n(0), n(1), n(2)), true),
        (3, 3) => (format!("{}丁目{}番地{}", k(0), n(1), n(2)), true),
        (3, 4) => (format!("{}丁目{}番{}号", k(0), k(1), k(2)), false),
        (3, 5) => (format!("{}丁目{}番地の{}", n(0), n(1), n(2)), true),
        (3, 6) => (format!("{}の{}の{}", n(0), n(1), n(2)), true),
        (2, 1) => (format!("{}番地{}", n(0), n(1)), true),
        (2, 2) => (format!("{}番{}号", n(0), n(1)), false),
        (2, 3) => (format!("{}番地の{}", n(0), n(1)), true),
        (2, 4) => (format!("{}番地{}", k(0), k(1)), true),
        (1, 1 | 2) => (format!("{}番地", n(0)), false),
        (1, 3) => (format!("{}番地", k(0)), false),
        _ => (joined(dash), true),
    }
}

fn building(dice: &mut Dice, name: &str) -> String {
    match dice.roll(4) {
        0 if name.ends_with("ビル") => format!("{name}ディング"),
        1 if name.contains("ヴィ") => name.replace("ヴィ", "ビ"),
        1 if name.contains("ヴェ") => name.replace("ヴェ", "ベ"),
        2 if name.contains('・') => name.replace('・', ""),
        3 if name.contains("タワー") => name.replace("タワー", "ﾀﾜｰ"),
        3 if name.contains("ハイツ") => name.replace("ハイツ", "ﾊｲﾂ"),
        _ => name.to_owned(),
    }
}

fn room(dice: &mut Dice, wing: Option<char>, room: usize) -> String {
    let number = match dice.roll(6) {
        0 => format!("{room}号"),
        1 => format!("{room}号室"),
        2 if wing.is_none() => {
            let digits = room.to_string().replace('0', "〇");
            let kanji = ('1'..='9').zip("一二三四五六七八九".chars());
            kanji.fold(digits, |text, (digit, kanji)| text.replace(digit, &kanji.to_string())) + "号室"
        }
        3 if wing.is_none() => format!("#{room}"),
        4 if wing.is_none() => format!("No.{room}"),
        _ => room.to_string(),
    };
    match (wing, dice.roll(3)) {
        (None, _) => number,
        (Some(wing), 0) => format!("{wing}棟{number}"),
        (Some(wing), 1) => format!("{wing}-{number}"),
        (Some(wing), _) => format!("{wing}{number}"),
    }
}

/// One way of writing the address. Where the room says it all, the building's name may be left out.
fn spelling(dice: &mut Dice, place: &Place, always_name: bool) -> String {
    let (prefecture, county, city) = place.city;
    let mut text = String::new();
    // Without the county nor the prefecture, a village is as good as a town of some city.
    let village = !county.is_empty();
    let full = dice.percent(70);
    if full {
        text.push_str(prefecture);
    }
    if village && (!full || dice.percent(50)) {
        text.push_str(county);
    }
    let space = |dice: &mut Dice| dice.of(&["", "", "", " ", "　"]);
    text.push_str(space(dice));
    text.push_str(city);
    text.push_str(space(dice));
    if village && dice.percent(30) && place.numbers.len() < 3 {
        text.push_str("大字");
    }
    text.push_str(&town(dice, place.town));
    let (numbers, open) = numbers(dice, &place.numbers);
    text.push_str(&numbers);
    let omitted = place.room.is_some() && !always_name && dice.percent(30);
    if let Some(name) = place.building.filter(|_| !omitted) {
        text.push_str(dice.of(&[" ", "　", ""]));
        text.push_str(&building(dice, name));
        if place.room.is_some() {
            text.push_str(dice.of(&["", " ", "-"]));
        }
    } else if place.room.is_some() {
        text.push_str(if open { dice.of(&["-", " ", "－"]) } else { dice.of(&["", " ", "-"]) });
    }
    if let Some(number) = place.room {
        text.push_str(&room(dice, place.wing, number));
    }
    match dice.roll(3) {
        0 => wide(&text),
        _ => text,
    }
}

#[derive(Default)]
struct Tally {
    one: usize,
    found: usize,
    two: usize,
    wrong: usize,
}

impl Tally {
    fn count(&mut self, one: bool, found: bool) {
        *(if one { &mut self.one } else { &mut self.two }) += 1;
        *(if one { &mut self.found } else { &mut self.wrong }) += usize::from(found);
    }

    fn recall(&self) -> f64 {
        self.found as f64 / self.one as f64
    }

    fn precision(&self) -> f64 {
        self.found as f64 / (self.found + self.wrong) as f64
    }
}

#[test]
fn spellings_of_one_address_meet_and_neighbours_do_not() {
    let mut dice = Dice(20_261_122);
    let (mut compared, mut hashed) = (Tally::default(), Tally::default());
    let mut faults = Vec::new();
    for _ in 0..10_000 {
        let here = place(&mut dice);
        let one = dice.percent(50);
        let there = if one { here.clone() } else { neighbour(&mut dice, &here) };
        // Without a name nobody tells two buildings of one number apart.
        let names_differ = here.building != there.building;
        let (a, b) = (spelling(&mut dice, &here, names_differ), spelling(&mut dice, &there, names_differ));
        let answer = match_addresses(&a, &b);
        let found = answer.rest == Rest::Same && answer.level >= Some(Level::Number);
        compared.count(one, found);
        if found != one && faults.len() < 20 {
            faults.push(format!("{a} / {b}: {answer:?}, expected {}", if one { "one" } else { "two" }));
        }
        // What histories know an address by leaves the building out.
        if !names_differ {
            let found = canonical(Kind::Address, &a);
            hashed.count(one, found.is_some() && found == canonical(Kind::Address, &b));
        }
    }
    for (what, tally) in [("compared", &compared), ("hashed", &hashed)] {
        let (recall, precision) = (tally.recall(), tally.precision());
        println!("{what}: recall {recall:.4}, precision {precision:.4} of {} pairs", tally.one + tally.two);
        assert!(tally.one > 4_000 && tally.two > 3_000);
        assert!(recall >= 0.98 && precision >= 0.98, "{what}: {recall}, {precision}\n{}", faults.join("\n"));
    }
    println!("{}", faults.join("\n"));
}

#[test]
fn an_address_in_five_spellings_is_one_entity() {
    let spellings = [
        "東京都千代田区霞が関三丁目2番1号 山田ビルディング405号室",
        "〒100-0013　東京都千代田区霞ヶ関３－２－１－４０５",
        "千代田区霞ケ関3丁目2-1 山田ビル405",
        "東京千代田区霞ガ関三の二の一 山田ﾋﾞﾙ #405",
        "日本、〒100-0013 東京都 千代田区 霞が関 3ー2ー1 山田ビル 四〇五号",
    ];
    for a in spellings {
        for b in spellings {
            let found = match_addresses(a, b);
            assert_eq!((found.level, found.rest), (Some(Level::Room), Rest::Same), "{a} / {b}");
        }
        assert_eq!(canonical(Kind::Address, a).as_deref(), Some("千代田区|霞ケ関|3-2-1-405"), "{a}");
    }
}
