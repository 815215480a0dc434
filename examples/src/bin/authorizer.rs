//! Decides on events, a line each, and answers when the decision is safe on the disk; goes on where it was after it
//! was killed.
//!
//! ```text
//! authorizer POLICY.toml KEY DIRECTORY < events
//! ```

use std::io::{BufRead, Write};
use std::path::Path;

use sekisho::Policy;
use sekisho_examples::authorizer::{Authorizer, Failure, fill, read_key};

/// Decisions between two snapshots; a host that decides more often takes them by the clock.
const SNAPSHOT_EVERY: u64 = 50;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [policy, key, directory] = arguments.as_slice() else {
        return Err("usage: authorizer POLICY.toml KEY DIRECTORY < events".into());
    };
    let policy = Policy::builder().document(std::fs::read_to_string(policy)?).file(policy).build()?;
    read_key(Path::new(key))?;
    let read = || read_key(Path::new(key)).unwrap_or_else(|error| panic!("{key}: {error}"));
    let mut authorizer = Authorizer::open(Path::new(directory), &policy, read, SNAPSHOT_EVERY)?;
    let mut event = authorizer.engine().event();
    let (mut out, mut line) = (std::io::stdout().lock(), String::new());
    let mut lines = std::io::stdin().lock();
    while lines.read_line(&mut line)? > 0 {
        fill(&mut event, &line)?;
        let decision = authorizer.decide(&event)?;
        writeln!(out, "{} {}", decision.action(), decision.score())?;
        out.flush()?;
        line.clear();
    }
    Ok(())
}
