//! Policies with a locale: identifiers are hashed in their one form.

use sekisho::{Decision, DecisionRecord, Engine, ErrorKind, Event, HashKey, Policy, Value};

const FEATURES: &str = r#"
    [[list]]
    name = "mules"
    of = "bank_account"

    [[list]]
    name = "drops"
    of = "address"

    [[feature]]
    name = "wallets"
    aggregate = "distinct"
    of = "account"
    by = ["bank_account"]
    include_current = true

    [[feature]]
    name = "names"
    aggregate = "distinct"
    of = "holder_name"
    by = ["account"]
    include_current = true

    [[feature]]
    name = "parcels"
    aggregate = "count"
    by = ["shipping_address"]
    include_current = true

    [[feature]]
    name = "by_phone"
    aggregate = "count"
    by = ["phone"]
    include_current = true

    [[feature]]
    name = "by_email"
    aggregate = "count"
    by = ["email"]
    include_current = true

    [decision]
    bands = [{ from = 0, action = "allow" }]
"#;

const SPELLINGS: &str = r#"
    [[feature]]
    name = "holder_match"
    expression = "same_name(holder_name, account.holder_name)"

    [[feature]]
    name = "odd_accounts"
    aggregate = "count"
    by = ["account"]
    where = "!well_formed(bank_account)"
    include_current = true

    [[rule]]
    id = "mule"
    when = 'in_list("mules", bank_account)'
    points = 100

    [[rule]]
    id = "drop"
    when = 'in_list("drops", shipping_address)'
    points = 200

    [[rule]]
    id = "odd_account"
    when = '!well_formed(bank_account)'
    points = 10

    [[rule]]
    id = "other_holder"
    when = 'has(holder_match) && !holder_match'
    points = 20

    [[rule]]
    id = "unknown_holder"
    when = 'has(holder_name) && !has(holder_match)'
    points = 1

    [[rule]]
    id = "sent_elsewhere"
    when = 'address_level(billing_address, shipping_address) < 4'
    points = 40
"#;

fn policy(locale: &str, more: &str) -> sekisho::Result<Policy> {
    Policy::from_toml(&format!(
        "[policy]\nname = \"doors\"\nversion = \"1\"\ncurrency = \"JPY\"\n{locale}\n{more}\n{FEATURES}"
    ))
}

fn engine(locale: &str, more: &str) -> Engine {
    Engine::new(policy(locale, more).expect("a policy"), HashKey::new(1, [7; 32]))
}

fn event(id: usize, fields: &[(&str, &str)]) -> Event {
    let event = Event::of("account_link", 1_793_581_200_000 + id as i64 * 1_000).expect("a type");
    let mut event = event.with("id", id as i64).expect("an id");
    for (name, value) in fields {
        event = event.with(name, *value).expect("a value");
    }
    event
}

fn assess(engine: &Engine, id: usize, fields: &[(&str, &str)]) -> Decision {
    let mut decision = Decision::detailed();
    engine.assess_into(&event(id, fields), &mut decision).expect("an assessment");
    decision
}

fn value(decision: &Decision, name: &str) -> Value {
    decision.features().find(|feature| feature.name() == name).expect("a feature").value().clone()
}

fn count(decision: &Decision, name: &str) -> Option<i64> {
    match value(decision, name) {
        Value::Integer(number) => Some(number),
        _ => None,
    }
}

/// What a feature counts of the spellings of one identifier, each by another account.
fn counted(engine: &Engine, feature: &str, field: &str, spellings: &[&str]) -> Option<i64> {
    let mut last = None;
    for (id, spelling) in spellings.iter().enumerate() {
        let account = if feature == "names" { "a-0".to_owned() } else { format!("a-{id}") };
        last = count(&assess(engine, id, &[("account", &account), (field, spelling)]), feature);
    }
    last
}

const ACCOUNTS: [&str; 3] =
    ["14030-12345671", "9900-408-1234567", "ゆうちょ銀行　四〇八店　普通　１２３４５６７"];
const NAMES: [&str; 3] = ["ヤマダ タロウ", "ﾔﾏﾀﾞ ﾀﾛｳ", "やまだ　たろう"];
const ADDRESSES: [&str; 5] = [
    "東京都千代田区霞が関三丁目2番1号 山田ビルディング405号室",
    "〒100-0013　東京都千代田区霞ヶ関３－２－１－４０５",
    "千代田区霞ケ関3丁目2-1 山田ビル405",
    "東京千代田区霞ガ関三の二の一 山田ﾋﾞﾙ #405",
    "日本、〒100-0013 東京都 千代田区 霞が関 3ー2ー1 山田ビル 四〇五号",
];
const PHONES: [&str; 3] = ["090-1234-5678", "+81 90 1234 5678", "０９０（１２３４）５６７８"];
const EMAILS: [&str; 3] = ["Taro@gmail.com", "t.a.r.o+shop@googlemail.com", "ｔａｒｏ＠gmail.com"];

#[test]
fn spellings_are_one_entity_with_a_locale_only() {
    let cases: [(&str, &str, &[&str], i64, i64); 5] = [
        ("wallets", "bank_account", &ACCOUNTS, 3, 1),
        ("names", "holder_name", &NAMES, 1, 3),
        ("parcels", "shipping_address", &ADDRESSES, 5, 1),
        ("by_phone", "phone", &PHONES, 3, 1),
        ("by_email", "email", &EMAILS, 3, 1),
    ];
    for (feature, field, spellings, together, apart) in cases {
        assert_eq!(
            counted(&engine("locale = \"ja\"", ""), feature, field, spellings),
            Some(together),
            "{field}"
        );
        assert_eq!(counted(&engine("", ""), feature, field, spellings), Some(apart), "{field}");
    }
}

#[test]
fn what_has_no_form_is_hashed_as_it_is_written() {
    let engine = engine("locale = \"ja\"", SPELLINGS);
    let odd = "10000-80000001";
    let first = assess(&engine, 1, &[("account", "a-1"), ("bank_account", odd)]);
    let again = assess(&engine, 2, &[("account", "a-2"), ("bank_account", odd)]);
    let other = assess(&engine, 3, &[("account", "a-2"), ("bank_account", "10000 80000001")]);
    assert_eq!([count(&first, "wallets"), count(&again, "wallets")], [Some(1), Some(2)]);
    assert_eq!(count(&other, "wallets"), Some(1), "a spelling that cannot be read is another account");
    assert_eq!(first.score(), 10);
    assert_eq!([count(&first, "odd_accounts"), count(&other, "odd_accounts")], [Some(1), Some(2)]);
    let fine = assess(&engine, 4, &[("account", "a-2"), ("bank_account", ACCOUNTS[0])]);
    assert_eq!((fine.score(), count(&fine, "odd_accounts")), (0, Some(2)));
}

#[test]
fn lists_and_forgetting_know_every_spelling() {
    let engine = engine("locale = \"ja\"", SPELLINGS);
    let fields =
        |account, address| [("account", "a-1"), ("bank_account", account), ("shipping_address", address)];
    engine.list_add("mules", ACCOUNTS[0], sekisho::ListEntry::default()).expect("a list");
    engine.list_add("drops", ADDRESSES[0], sekisho::ListEntry::default()).expect("a list");
    let decision = assess(&engine, 1, &fields(ACCOUNTS[1], ADDRESSES[3]));
    assert_eq!((decision.score(), count(&decision, "parcels")), (300, Some(1)));
    assert!(engine.list_remove("mules", ACCOUNTS[2]).expect("a list"));
    assert!(engine.forget("address", ADDRESSES[4]).expect("an address"));
    let decision = assess(&engine, 2, &fields(ACCOUNTS[1], ADDRESSES[1]));
    assert_eq!(
        (decision.score(), count(&decision, "parcels")),
        (0, Some(1)),
        "the parcel before was forgotten"
    );
}

#[test]
fn forgetting_reaches_what_was_known_before_the_locale() {
    let engine = engine("", "");
    assess(&engine, 1, &[("account", "a-1"), ("phone", PHONES[0])]);
    engine.swap(policy("locale = \"ja\"", "").expect("a policy")).expect("a swap");
    let later = assess(&engine, 2, &[("account", "a-1"), ("phone", PHONES[0])]);
    assert_eq!(
        count(&later, "by_phone"),
        Some(1),
        "a number that is written otherwise than hashed starts anew"
    );
    assert!(engine.forget("phone", PHONES[0]).expect("a phone"));
    engine.swap(policy("", "").expect("a policy")).expect("a swap");
    let last = assess(&engine, 3, &[("account", "a-1"), ("phone", PHONES[0])]);
    assert_eq!(count(&last, "by_phone"), Some(1), "both forms were forgotten");
}

#[test]
fn a_holder_matches_or_not_or_cannot_be_compared() {
    let engine = engine("locale = \"ja\"", SPELLINGS);
    let own = "ヤマダ タロウ";
    for (id, (name, expected, score)) in [
        ("ﾔﾏﾀﾞﾀﾛｳ", Value::Boolean(true), 0),
        ("ヤマダ ハナコ", Value::Boolean(false), 20),
        ("山田太郎", Value::Missing, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = [("account", "a-1"), ("holder_name", name), ("account.holder_name", own)];
        let decision = assess(&engine, id, &fields);
        assert_eq!(value(&decision, "holder_match"), expected, "{name}");
        assert_eq!(decision.score(), score, "{name}");
    }
}

#[test]
fn addresses_agree_down_to_a_level() {
    let engine = engine("locale = \"ja\"", SPELLINGS);
    for (id, (shipping, score)) in
        [(ADDRESSES[2], 0), ("東京都千代田区霞が関3-2-1 406", 0), ("東京都千代田区霞が関3-2-2", 40)]
            .into_iter()
            .enumerate()
    {
        let fields = [("account", "a-1"), ("billing_address", ADDRESSES[0]), ("shipping_address", shipping)];
        assert_eq!(assess(&engine, id, &fields).score(), score, "{shipping}");
    }
}

#[test]
fn records_decide_again_without_the_spellings() {
    let policy = policy("locale = \"ja\"", SPELLINGS).expect("a policy");
    let engine = Engine::new(policy.clone(), HashKey::new(1, [7; 32]));
    let fields = [
        ("account", "a-1"),
        ("bank_account", "10000-80000001"),
        ("holder_name", "ヤマダ ハナコ"),
        ("account.holder_name", "ヤマダ タロウ"),
        ("billing_address", ADDRESSES[0]),
        ("shipping_address", "大阪府大阪市北区梅田1-1-1"),
    ];
    let decision = assess(&engine, 1, &fields);
    assert_eq!(decision.score(), 70);
    let json = decision.record(&event(1, &fields)).expect("a record").to_json();
    assert!(!json.contains("ヤマダ") && !json.contains("80000001") && !json.contains("霞"), "{json}");
    let again = DecisionRecord::from_json(&json).expect("a record").replay(&policy).expect("a decision");
    assert_eq!((again.score(), again.action()), (decision.score(), decision.action()));
    let ids = |decision: &Decision| decision.hits().map(|hit| hit.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&decision));
    let explained = decision.explain(&event(1, &fields)).to_string();
    assert!(explained.contains("!false") && explained.contains("0 < 4"), "{explained}");
}

#[test]
fn faults_say_what_is_wrong() {
    let refused = |locale: &str, when: &str| {
        let rule = format!("[[rule]]\nid = \"r\"\nwhen = '{when}'\npoints = 1\n");
        let error = policy(locale, &rule).expect_err("a fault");
        error.faults().first().map(|fault| fault.message().to_owned()).unwrap_or_default()
    };
    let ja = "locale = \"ja\"";
    assert!(refused("locale = \"en\"", "true").contains("ja"), "{}", refused("locale = \"en\"", "true"));
    assert!(refused("", "well_formed(phone)").contains("locale = \"ja\""));
    assert!(refused(ja, "well_formed(account)").contains("have a form"));
    assert!(refused(ja, "well_formed(channel)").contains("no identifier"));
    assert!(refused(ja, "well_formed(phone, email)").contains("one identifier"));
    assert!(
        refused(ja, "same_name(holder_name, phone)").contains("`phone` is no identifier of kind holder_name")
    );
    assert!(refused(ja, "same_name(holder_name)").contains("two identifiers"));
    assert!(refused(ja, "address_level(email, phone) > 1").contains("of kind address"));
    assert!(refused(ja, "wellformed(phone)").contains("did you mean well_formed()?"));

    let engine = engine("", "");
    let error = engine.challenge_with(policy(ja, "").expect("a policy")).expect_err("another locale");
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert_ne!(
        policy(ja, "").expect("a policy").fingerprint(),
        policy("", "").expect("a policy").fingerprint()
    );
}
