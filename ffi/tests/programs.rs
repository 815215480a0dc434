//! The C programs of `examples/c`: compiled as strict C99, run under valgrind where it is installed, and
//! compared with what they are known to print.
//!
//! `SEKISHO_REWRITE=1 cargo test -p sekisho-ffi --test programs` writes what `score` and `stream` print anew.
//! The traces of the scenarios are those of the Rust runner, and are only compared.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

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

/// What a program prints, without a memory error or leak.
fn printed(program: &Path, arguments: &[&Path]) -> String {
    let mut command = if *HAS_VALGRIND {
        let mut valgrind = Command::new("valgrind");
        let checks =
            ["--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite", "--quiet"];
        valgrind.args(checks).arg(program);
        valgrind
    } else {
        Command::new(program)
    };
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
