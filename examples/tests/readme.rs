//! The ten lines of the README are lines of programs that run, and they print the same in every language.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fenced blocks of a language, each without its common indentation.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    document.split(&opening).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

/// Whether the block's lines stand in the program one after the other, however far they are indented there.
fn stands_in(block: &str, program: &str) -> bool {
    let indents = program.lines().map(|line| line.len() - line.trim_start().len());
    let mut widths: Vec<usize> = indents.collect();
    widths.sort_unstable();
    widths.dedup();
    widths.into_iter().any(|width| {
        let indented: String = block
            .lines()
            .map(
                |line| {
                    if line.is_empty() { "\n".to_owned() } else { format!("{}{line}\n", " ".repeat(width)) }
                },
            )
            .collect();
        program.contains(&indented)
    })
}

#[test]
fn the_ten_lines_stand_in_programs() {
    let readme = read("README.md");
    for (language, program) in [
        ("rust,ignore", "examples/src/bin/quickstart.rs"),
        ("c", "examples/c/quickstart.c"),
        ("python", "examples/python/quickstart.py"),
        ("toml", "examples/policies/logins.toml"),
    ] {
        let blocks = blocks(&readme, language);
        assert_eq!(blocks.len(), 1, "{language}");
        let text = read(program);
        for part in blocks.iter().flat_map(|block| block.split("\n\n")) {
            assert!(stands_in(part.trim_end(), &text), "{program} lacks\n{part}");
        }
    }
    assert_eq!(blocks(&readme, "text"), [read("examples/quickstart.txt")]);
}

/// The C and Python programs are run by the tests of their packages, against the same file.
#[test]
fn the_rust_program_prints_what_the_readme_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), read("examples/quickstart.txt"));
}
