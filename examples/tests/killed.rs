//! The authorizer is killed a hundred times, at random moments, and loses nothing that it acknowledged.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sekisho::{Decision, Engine, Event, HashKey, Policy};
use sekisho_examples::authorizer::{Authorizer, fill};

const KILLS: usize = 100;
/// So many events back, every id is known.
const KNOWN: u64 = 2_000;
const SECRET: &[u8; 32] = b"32 secret bytes of the host ....";
const START: u64 = 1_767_225_600_000;

fn scatter(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

fn line(n: u64) -> String {
    let random = scatter(n);
    let outcome = if random.is_multiple_of(3) { "failed" } else { "succeeded" };
    format!(
        "id=e-{n} type=login time={} account=a-{} ip=203.0.113.{} device=d-{} outcome={outcome}",
        START + n * 200,
        random % 4_000,
        random / 64 % 9,
        random / 1024 % 25,
    )
}

/// Feeds events from `next` on until the process is killed; says how many were acknowledged.
fn run(policy: &Path, directory: &Path, next: u64, life: Duration) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_authorizer"))
        .args([policy, &directory.join("key"), &directory.join("state")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the authorizer starts");
    let (mut to, from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let feeder = std::thread::spawn(move || {
        // Until nobody reads any more.
        (next..).find(|n| to.write_all((line(*n) + "\n").as_bytes()).is_err());
    });
    let counter = std::thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).count());
    std::thread::sleep(life);
    child.kill().expect("SIGKILL is sent");
    let status = child.wait().expect("it ends");
    assert!(!status.success(), "it was killed, it did not end by itself");
    feeder.join().expect("feeds");
    counter.join().expect("counts") as u64
}

#[test]
fn nothing_that_was_acknowledged_is_lost() {
    let directory: PathBuf = std::env::temp_dir().join(format!("sekisho-killed-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("key"), SECRET).expect("a key");
    let policy_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/logins.toml");
    let policy =
        Policy::from_toml(&std::fs::read_to_string(&policy_file).expect("a policy")).expect("it compiles");

    let (mut acknowledged, mut lives) = (0, 0);
    for kill in 0..KILLS as u64 {
        let life = Duration::from_millis(15 + scatter(kill) % 60);
        let count = run(&policy_file, &directory, acknowledged, life);
        acknowledged += count;
        lives += usize::from(count > 0);
    }
    assert!(lives > KILLS / 2, "most lives were long enough to decide something: {lives}");

    // What is on the disk, against an engine that was never killed.
    let key = || HashKey::new(1, *SECRET);
    let restored = Authorizer::open(&directory.join("state"), &policy, key, u64::MAX).expect("it opens");
    let whole = Engine::new(policy, key());
    let (mut event, mut ours, mut theirs) = (whole.event(), Decision::detailed(), Decision::detailed());
    let mut is_there = |n: u64, event: &mut Event| {
        fill(event, &line(n)).expect("a good line");
        restored.engine().score_into(event, &mut ours).expect("it is scored");
        ours.is_repeated()
    };
    // One more may have been decided and not told.
    let fed = acknowledged + u64::from(is_there(acknowledged, &mut event));
    for n in 0..fed {
        // Ids of older events are known only as long as some entity keeps them exactly.
        assert!(n + KNOWN < acknowledged || is_there(n, &mut event), "{n} of {acknowledged} is lost");
        fill(&mut event, &line(n)).expect("a good line");
        whole.assess_into(&event, &mut theirs).expect("it is assessed");
    }
    for n in 0..200 {
        fill(&mut event, &line(acknowledged + 2 + n)).expect("a good line");
        whole.score_into(&event, &mut theirs).expect("it is scored");
        restored.engine().score_into(&event, &mut ours).expect("it is scored");
        assert_eq!(ours.score(), theirs.score());
        let places = whole.policy().features().count();
        for place in 0..places {
            assert_eq!(ours.feature_bits(place), theirs.feature_bits(place), "event {n}, feature {place}");
        }
    }
    println!("{acknowledged} decisions acknowledged in {KILLS} lives");
    std::fs::remove_dir_all(&directory).expect("the directory goes");
}
