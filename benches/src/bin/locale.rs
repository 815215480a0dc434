//! What it costs to bring an identifier into its one form: nanoseconds for each kind, and what a policy's `locale` adds
//! to an event that carries all of them.

use std::hint::black_box;
use std::time::Instant;

use sekisho::locale::{Kind, canonical, match_addresses, match_names};
use sekisho::{Decision, Engine, Error, Event, HashKey, Policy};

const ROUNDS: usize = 2_000;
const TURNS: usize = 50;

const ACCOUNTS: [&str; 3] = ["14030-12345671", "0001-001-1234567", "ゆうちょ銀行 四〇八店 普通 1234567"];
const NAMES: [&str; 3] = ["ﾔﾏﾀﾞ ﾀﾛｳ", "山田　太郎", "株式会社髙島商店"];
const PHONES: [&str; 3] = ["090-1234-5678", "+81 90 1234 5678", "０３（１２３４）５６７８"];
const EMAILS: [&str; 3] = ["taro@example.jp", "Taro.Yamada+shop@gmail.com", "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ"];
const ADDRESSES: [&str; 3] = [
    "東京都新宿区西新宿2-8-1",
    "〒163-8001 東京都新宿区西新宿二丁目８番１号 サンハイツ４０５号室",
    "京都市中京区寺町通御池上る上本能寺前町488番地 山田ビルディング3F",
];

fn main() -> Result<(), Error> {
    println!("nanoseconds a call, medians of {TURNS} turns of {ROUNDS} rounds");
    for (kind, texts) in [
        (Kind::BankAccount, ACCOUNTS),
        (Kind::HolderName, NAMES),
        (Kind::Phone, PHONES),
        (Kind::Email, EMAILS),
        (Kind::Address, ADDRESSES),
    ] {
        for text in texts {
            let spent = median(|| {
                black_box(canonical(kind, black_box(text)));
            });
            println!("{:12} {spent:8.0}  {text}", format!("{kind:?}"));
        }
    }
    let names = median(|| {
        black_box(match_names(black_box(NAMES[0]), black_box("ヤマダタロウ")));
    });
    let addresses = median(|| {
        black_box(match_addresses(black_box(ADDRESSES[0]), black_box(ADDRESSES[1])));
    });
    println!("two names compared {names:.0}, two addresses {addresses:.0}");

    let event = Event::of("account_link", 1_780_000_000_000)?
        .with("account", "a-1")?
        .with("bank_account", ACCOUNTS[0])?
        .with("holder_name", NAMES[0])?
        .with("phone", PHONES[0])?
        .with("email", EMAILS[1])?
        .with("billing_address", ADDRESSES[1])?
        .with("shipping_address", ADDRESSES[1])?;
    for (what, locale) in [("without a locale", ""), ("with it", "locale = \"ja\"")] {
        let engine = engine(locale)?;
        let mut decision = Decision::new();
        engine.assess_into(&event, &mut decision)?;
        let spent = median(|| {
            let _ = black_box(engine.score_into(black_box(&event), &mut decision));
        });
        println!("an event with six such identifiers, {what}: {spent:.0}");
    }
    Ok(())
}

fn engine(locale: &str) -> Result<Engine, Error> {
    let mut text = format!("[policy]\nname = \"locale\"\nversion = \"1\"\ncurrency = \"JPY\"\n{locale}\n");
    for by in ["bank_account", "holder_name", "phone", "email", "billing_address", "shipping_address"] {
        text.push_str(&format!("[[feature]]\nname = \"by_{by}\"\naggregate = \"count\"\nby = [\"{by}\"]\n"));
    }
    text.push_str("[decision]\nbands = [{ from = 0, action = \"allow\" }]\n");
    Ok(Engine::new(Policy::from_toml(&text)?, HashKey::new(1, [7; 32])))
}

fn median(mut call: impl FnMut()) -> f64 {
    let mut turns: Vec<f64> = (0..TURNS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..ROUNDS {
                call();
            }
            start.elapsed().as_nanos() as f64 / ROUNDS as f64
        })
        .collect();
    turns.sort_by(f64::total_cmp);
    turns.get(turns.len() / 2).copied().unwrap_or(f64::NAN)
}
