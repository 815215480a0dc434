//! Checks a policy file and prints what it holds, or every fault with its place.
//!
//! ```text
//! cargo run -p sekisho-examples --bin check -- examples/policies/wallet.toml
//! ```

use std::process::ExitCode;

use sekisho::Policy;

fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("usage: check POLICY.toml");
        return ExitCode::from(2);
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{file}: {error}");
            return ExitCode::from(2);
        }
    };
    match Policy::builder().document(text).file(&file).build() {
        Ok(policy) => {
            println!("{} {} ({})", policy.name(), policy.version(), policy.fingerprint());
            for feature in policy.features() {
                println!("  {:32} {}", feature.name(), feature.definition());
            }
            for rule in policy.rules() {
                let mode = if rule.is_live() { "" } else { " (shadow)" };
                println!("  {:32} {} when {}{mode}", rule.id(), rule.reason(), rule.condition().trim());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
