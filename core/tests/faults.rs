//! What the author of a faulty policy reads: every fault of the files in `faults/`, as they are printed.

#![allow(clippy::disallowed_methods, reason = "tests read files and the environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::fs;
use std::path::Path;

use sekisho::{ErrorKind, Policy};

/// `SEKISHO_REWRITE=1` writes the expected texts anew; read the difference before committing it.
#[test]
fn faults_read_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut seen = 0;
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "toml" || e == "json")) {
        seen += 1;
        let text = fs::read_to_string(file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let error = Policy::builder().document(text.clone()).file(name).build().expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Policy);
        for fault in error.faults() {
            let lines: Vec<&str> = text.lines().collect();
            assert!((1..=lines.len()).contains(&fault.line()), "{fault}");
            assert!(!fault.message().contains('\n'), "{fault}");
            let first = fault.message().trim_start_matches(['`', '[']).chars().next().unwrap();
            assert!(!first.is_uppercase(), "lower case: {fault}");
        }
        let expected_file = folder.join(format!("{name}.expected"));
        if std::env::var_os("SEKISHO_REWRITE").is_some() {
            fs::write(&expected_file, format!("{error}\n")).unwrap();
        }
        let expected = fs::read_to_string(&expected_file).unwrap_or_default();
        assert!(expected == format!("{error}\n"), "{name} now reads\n{error}");
    }
    assert!(seen >= 5);
}
