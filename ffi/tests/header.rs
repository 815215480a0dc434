//! The committed header is the one that the sources make, and agrees with the core.
//!
//! `SEKISHO_REWRITE=1 cargo test -p sekisho-ffi --test header` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use sekisho::{Action, FIELDS};

fn room(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn generated() -> String {
    let config = cbindgen::Config::from_file(room("cbindgen.toml")).expect("the configuration reads");
    // In the order in which a program meets them.
    let sources = [
        "status",
        "field",
        "error",
        "policy",
        "event",
        "decision",
        "value",
        "limit",
        "host",
        "options",
        "engine",
        "lists",
        "challenger",
        "durable",
        "statistics",
        "tenants",
        "locale",
    ];
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in sources {
        builder = builder.with_src(room("src").join(source).with_extension("rs"));
    }
    let mut header = Vec::new();
    builder.generate().expect("the sources parse").write(&mut header);
    String::from_utf8(header).expect("a header is text")
}

#[test]
fn the_header_is_up_to_date() {
    let path = room("include/sekisho.h");
    let header = generated();
    if std::env::var_os("SEKISHO_REWRITE").is_some() {
        fs::write(&path, &header).expect("it can be written");
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let parting = committed.lines().zip(header.lines()).position(|(old, new)| old != new);
    let line = parting.unwrap_or_else(|| committed.lines().count().min(header.lines().count())) + 1;
    assert!(
        committed == header,
        "sekisho.h differs from line {line} on; run SEKISHO_REWRITE=1 cargo test -p sekisho-ffi --test header"
    );
}

/// A source that nobody names would be missing from the header in silence.
#[test]
fn every_function_is_in_the_header() {
    let header = fs::read_to_string(room("include/sekisho.h")).expect("the header is here");
    let mut functions = 0;
    for entry in fs::read_dir(room("src")).expect("the sources are here") {
        let source = fs::read_to_string(entry.expect("it can be read").path()).expect("it is text");
        for (_, rest) in source.match_indices("extern \"C\" fn sekisho_").map(|(at, _)| source.split_at(at)) {
            let name =
                rest.trim_start_matches("extern \"C\" fn ").split(['(', '<']).next().unwrap_or_default();
            assert!(header.contains(&format!("{name}(")), "{name}");
            functions += 1;
        }
    }
    assert!(functions > 100, "{functions}");
}

/// The constants of the header that begin with a prefix, without it, and their numbers.
fn constants(prefix: &str) -> Vec<(String, i64)> {
    let header = generated();
    let lines = header.lines().filter_map(|line| line.trim().strip_prefix(prefix)?.split_once(" = "));
    lines
        .map(|(name, number)| {
            (name.to_owned(), number.trim_end_matches(',').parse().expect("it is a number"))
        })
        .collect()
}

#[test]
fn fields_are_those_of_the_core() {
    let core: Vec<(String, i64)> = FIELDS
        .iter()
        .map(|spec| (spec.name().replace('.', "_").to_uppercase(), spec.field().number().into()))
        .collect();
    let mut header = constants("SEKISHO_FIELD_");
    header.retain(|(name, _)| !name.starts_with("KIND_"));
    assert_eq!(header, core);
}

/// The variants of one of the core's enumerations, with their numbers.
fn variants(file: &str, name: &str) -> Vec<(String, i64)> {
    let source = fs::read_to_string(room("../core/src").join(file)).expect("the core is here");
    let body = source.split_once(&format!("pub enum {name} {{")).expect("it has the enumeration").1;
    let body = body.split_once("\n}").expect("it ends").0;
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    lines
        .filter_map(|line| line.trim_end_matches(',').split_once(" = "))
        .map(|(name, number)| {
            let mut shout = String::new();
            for letter in name.chars() {
                if letter.is_uppercase() && !shout.is_empty() {
                    shout.push('_');
                }
                shout.push(letter.to_ascii_uppercase());
            }
            (shout, number.parse().expect("it is a number"))
        })
        .collect()
}

#[test]
fn enumerations_are_those_of_the_core() {
    let border = ["OK", "OTHER", "NULL_HANDLE", "PANIC", "BUFFER_TOO_SMALL", "NOT_FOUND"];
    for (file, name, prefix, own) in [
        ("error.rs", "ErrorKind", "SEKISHO_STATUS_", &border[..]),
        ("policy/action.rs", "Action", "SEKISHO_ACTION_", &["NONE"][..]),
        ("event/outcome.rs", "Outcome", "SEKISHO_OUTCOME_", &[][..]),
        ("event/outcome.rs", "Label", "SEKISHO_LABEL_", &[][..]),
        ("event/field.rs", "FieldKind", "SEKISHO_FIELD_KIND_", &[][..]),
        ("policy/mod.rs", "FeatureType", "SEKISHO_FEATURE_TYPE_", &[][..]),
    ] {
        let mut header = constants(prefix);
        header.retain(|(name, _)| !own.contains(&name.as_str()));
        let core = variants(file, name);
        assert!(core.len() > 1, "{name} was not found");
        assert_eq!(header, core, "{name}");
    }
}

#[test]
fn names_are_those_of_the_header() {
    // SAFETY: the names are static C strings.
    let text = |name| unsafe { std::ffi::CStr::from_ptr(name) }.to_str().expect("it is text").to_owned();
    for (name, number) in constants("SEKISHO_STATUS_") {
        let number = i32::try_from(number).expect("it is small");
        assert_eq!(text(sekisho_ffi::sekisho_status_name(number)), name.to_lowercase());
    }
    for action in Action::ALL {
        assert_eq!(text(sekisho_ffi::sekisho_action_name(action as i32)), action.as_str());
    }
    assert_eq!(text(sekisho_ffi::sekisho_status_name(-7)), "unknown");
    assert_eq!(text(sekisho_ffi::sekisho_action_name(-1)), "none");
    assert_eq!(text(sekisho_ffi::sekisho_version()), env!("CARGO_PKG_VERSION"));
}
