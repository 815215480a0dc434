//! The C programs of `examples/c`: compiled as strict C99, run under valgrind where it is installed, and
//! compared with what they are known to print.
//!
//! `SEKISHO_REWRITE=1 cargo test -p sekisho-ffi --test programs` writes what `score` and `stream` print anew.
//! The traces of the scenarios are those of the Rust runner, and are only compared.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

const STRICT: [&str; 6] = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];

fn room(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn compiler(variable: &str, name: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()))
}

/// Where cargo has put the libraries that it built for this test.
fn libraries() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let directory = test.parent().expect("it lies in a directory").to_owned();
    assert!(
        directory.join("libsekisho_ffi.a").exists(),
        "there is no libsekisho_ffi.a in {}; cargo builds it with this test",
        directory.display()
    );
    directory
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn compile(name: &str, sources: &[&str], link: &[&OsStr]) -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut cc = compiler("CC", "cc");
    cc.args(STRICT).arg("-I").arg(room("include"));
    cc.args(sources.iter().map(|source| room("../examples/c").join(source)));
    run(cc.args(link).args(["-lpthread", "-ldl", "-lm", "-o"]).arg(&program));
    program
}

fn compiled(name: &str, sources: &[&str]) -> PathBuf {
    compile(name, sources, &[libraries().join("libsekisho_ffi.a").as_os_str()])
}

static HAS_VALGRIND: LazyLock<bool> = LazyLock::new(|| {
    let found =
        Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("NOTICE: valgrind is not installed; the C programs run without it");
    }
    found
});

/// A program that is watched for memory errors and leaks.
fn watched(program: &Path) -> Command {
    if *HAS_VALGRIND {
        let mut valgrind = Command::new("valgrind");
        let checks = [
            "--error-exitcode=9",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=definite",
            "--quiet",
        ];
        valgrind.args(checks).arg(program);
        valgrind
    } else {
        Command::new(program)
    }
}

/// What a program prints, without a memory error or leak.
fn printed(program: &Path, arguments: &[&Path]) -> String {
    let mut command = watched(program);
    // From the root of the repository, as in the programs' own examples.
    command.current_dir(room("..")).args(arguments);
    let text = String::from_utf8(run(&mut command).stdout).expect("it prints text");
    assert!(!text.is_empty(), "{command:?} printed nothing");
    text
}

fn compare(golden: &Path, found: &str) {
    let expected = fs::read_to_string(golden).unwrap_or_default();
    let parting = expected.lines().zip(found.lines()).position(|(old, new)| old != new);
    let line = parting.unwrap_or_else(|| expected.lines().count().min(found.lines().count()));
    assert!(
        expected == found,
        "{} differs from line {} on: expected {:?}, found {:?}",
        golden.display(),
        line + 1,
        expected.lines().nth(line).unwrap_or_default(),
        found.lines().nth(line).unwrap_or_default()
    );
}

fn compare_or_rewrite(name: &str, found: &str) {
    let golden = room("../examples/c/golden").join(name);
    if std::env::var_os("SEKISHO_REWRITE").is_some() {
        fs::write(&golden, found).expect("it can be written");
    }
    compare(&golden, found);
}

#[test]
fn the_quick_start_prints_what_it_prints_in_every_language() {
    let found = printed(&compiled("quickstart", &["quickstart.c"]), &[]);
    compare(&room("../examples/quickstart.txt"), &found);
}

#[test]
fn the_shared_library_does_the_same() {
    let directory = libraries();
    let mut search = OsStr::new("-L").to_owned();
    search.push(&directory);
    let mut path = OsStr::new("-Wl,-rpath,").to_owned();
    path.push(&directory);
    let program =
        compile("quickstart-shared", &["quickstart.c"], &[&search, OsStr::new("-lsekisho_ffi"), &path]);
    compare(&room("../examples/quickstart.txt"), &printed(&program, &[]));
}

#[test]
fn a_stream_is_scored() {
    let program = compiled("stream", &["stream.c", "lines.c"]);
    compare_or_rewrite("stream.txt", &printed(&program, &[]));
}

#[test]
fn tenants_and_a_challenger_are_heard() {
    compare_or_rewrite("tenants.txt", &printed(&compiled("tenants", &["tenants.c"]), &[]));
}

#[test]
fn scenarios_leave_the_golden_traces() {
    let program = compiled("scenarios", &["scenarios.c", "lines.c"]);
    let mut count = 0;
    for entry in fs::read_dir(room("../examples/scenarios")).expect("the scenarios are here") {
        let path = entry.expect("it can be read").path();
        if path.extension() == Some(OsStr::new("txt")) {
            let golden = room("../examples/scenarios/golden").join(path.file_name().expect("it has a name"));
            compare(&golden, &printed(&program, &[&path]));
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} scenarios were found");
}

#[test]
fn faults_of_a_policy_are_printed_with_their_place() {
    let policy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faulty.toml");
    let text = fs::read_to_string(room("../examples/policies/logins.toml")).expect("the policy is here");
    fs::write(&policy, text.replace("\"distinct\"", "\"distinkt\"")).expect("it can be written");
    let program =
        compile("quickstart-faulty", &["quickstart.c"], &[libraries().join("libsekisho_ffi.a").as_os_str()]);
    let output = Command::new(program).arg(&policy).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("faulty.toml:17:13: ") && told.contains("^^^"), "{told}");
}

/// A number that looks random.
fn scatter(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// The line of an event.
fn login(n: u64) -> String {
    let random = scatter(n);
    let (time, outcome) =
        (1_767_225_600_000 + n * 20_000, if random.is_multiple_of(3) { "failed" } else { "succeeded" });
    let (account, ip, device) = (random % 40, random / 64 % 9, random / 1024 % 25);
    format!(
        "id=e-{n} type=login time={time} account=a-{account} ip=203.0.113.{ip} device=d-{device} outcome={outcome}\n"
    )
}

/// An authorizer at work in a directory of the given room.
fn authorize(mut command: Command, room_of_test: &Path, state: &str) -> Child {
    command.arg(room("../examples/policies/logins.toml"));
    command.args([room_of_test.join("key"), room_of_test.join(state)]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What an authorizer answers to events until it is killed, or else until there are no more.
fn answers(
    mut child: Child,
    events: impl Iterator<Item = u64> + Send,
    life: Option<Duration>,
) -> Vec<String> {
    let (mut to, from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Until nobody reads any more.
            let _ = events.map(login).try_for_each(|line| to.write_all(line.as_bytes()));
        });
        let answers = scope.spawn(move || BufReader::new(from).lines().map_while(Result::ok).collect());
        if let Some(life) = life {
            std::thread::sleep(life);
            child.kill().expect("SIGKILL is sent");
        }
        let status = child.wait().expect("it ends");
        assert_eq!(status.success(), life.is_none(), "{status}");
        answers.join().expect("it reads")
    })
}

/// An empty directory with a key.
fn room_of_test(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("it can be made");
    fs::write(directory.join("key"), "32 secret bytes of the host ....").expect("it can be written");
    directory
}

#[test]
fn an_authorizer_that_is_killed_loses_nothing_that_it_acknowledged() {
    const KILLS: u64 = 20;
    const KNOWN: u64 = 2_000;
    let program = compiled("authorizer-killed", &["authorizer.c", "lines.c"]);
    let directory = room_of_test("authorizer-killed.files");
    let start = |state| authorize(Command::new(&program), &directory, state);

    let (mut acknowledged, mut lives) = (0, 0);
    for kill in 0..KILLS {
        let life = Duration::from_millis(15 + scatter(kill) % 60);
        let count = answers(start("killed"), acknowledged.., Some(life)).len() as u64;
        acknowledged += count;
        lives += u64::from(count > 0);
    }
    assert!(lives > KILLS / 2, "most lives were long enough to decide something: {lives}");

    // What was acknowledged is known, and perhaps the next, which was decided and not told. Ids of older events are
    // known only as long as some entity keeps them exactly; that they count is seen below.
    let first = acknowledged.saturating_sub(KNOWN);
    let end = acknowledged + 201;
    let killed = answers(start("killed"), first..end, None);
    let known = killed.iter().take_while(|answer| answer.ends_with("(seen before)")).count() as u64;
    let lost = acknowledged.saturating_sub(first + known);
    assert!(lost == 0 && first + known <= acknowledged + 1, "{acknowledged} acknowledged, {lost} lost");
    // And what follows is decided as by one that was never killed.
    let whole = answers(start("whole"), 0..end, None);
    let last = |answers: &[String]| answers.iter().rev().take(200).cloned().collect::<Vec<_>>();
    assert_eq!(whole.len() as u64, end);
    assert_eq!(last(&killed), last(&whole));
    fs::remove_dir_all(directory).expect("it can be removed");
}

#[test]
fn an_authorizer_makes_no_memory_errors() {
    let program = compiled("authorizer", &["authorizer.c", "lines.c"]);
    let directory = room_of_test("authorizer.files");
    let run = |events| answers(authorize(watched(&program), &directory, "state"), events, None);
    let first = run(0..120);
    assert!(first.iter().all(|answer| !answer.ends_with("(seen before)")), "{first:?}");
    // Restored from a snapshot and the journal behind it, the last frame of which was not written to its end.
    let journal = fs::read_dir(directory.join("state")).expect("it is there");
    let mut journals: Vec<PathBuf> = journal.map(|entry| entry.expect("it can be read").path()).collect();
    journals.retain(|path| path.extension().is_some());
    assert_eq!(journals.len(), 1, "{journals:?}");
    let mut torn = fs::OpenOptions::new().append(true).open(&journals[0]).expect("it can be written");
    torn.write_all(&[200, 0, 0, 0, 1, 2, 3]).expect("it can be written");
    let second = run(0..130);
    assert!(second.iter().take(120).all(|answer| answer.ends_with("(seen before)")), "{second:?}");
    assert!(second.iter().skip(120).all(|answer| !answer.ends_with("(seen before)")), "{second:?}");
    fs::remove_dir_all(directory).expect("it can be removed");
}

#[test]
fn the_header_is_strict_in_every_standard() {
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("include.c");
    fs::write(&source, "#include <sekisho.h>\nint nothing;\n").expect("it can be written");
    for standard in ["c99", "c11", "c17"] {
        let mut cc = compiler("CC", "cc");
        cc.args(STRICT).args(["-fsyntax-only", &format!("-std={standard}"), "-I"]).arg(room("include"));
        run(cc.arg(&source));
    }
    let mut cxx = compiler("CXX", "c++");
    if cxx.arg("--version").output().is_err() {
        eprintln!("NOTICE: there is no C++ compiler; the header was not tried in C++");
        return;
    }
    for standard in ["c++11", "c++17"] {
        let mut cxx = compiler("CXX", "c++");
        let flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-x", "c++"];
        cxx.args(flags).args([&format!("-std={standard}"), "-I"]).arg(room("include"));
        run(cxx.arg(&source));
    }
}
