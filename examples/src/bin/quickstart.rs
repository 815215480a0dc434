//! The quick start: five failed logins from one address.
//!
//! ```text
//! cargo run -p sekisho-examples --bin quickstart -- examples/policies/logins.toml
//! ```

use std::error::Error;
use std::fs;

use sekisho::{Decision, Engine, HashKey, Policy};

/// Comes from the host's key store, and stays the same as long as history is kept.
const KEY: &[u8] = b"32 secret bytes of the host ....";
const START: i64 = 1_793_581_200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "examples/policies/logins.toml".to_owned());

    let policy = Policy::builder().document(fs::read_to_string(&path)?).file(path).build()?;
    let engine = Engine::new(policy, HashKey::from_bytes(1, KEY)?);
    let mut decision = Decision::new();
    for n in 1..=5 {
        let event = engine.event().with("type", "login")?.with("time", START + 1_000 * n)?;
        let event = event.with("account", &format!("a-{n}"))?.with("ip", "203.0.113.7")?;
        engine.assess_into(&event.with("outcome", "failed")?, &mut decision)?;
        println!("{} {}", decision.action(), decision.score());
    }
    for reason in decision.reasons() {
        println!("{:+} {}", reason.points(), reason.code());
    }
    Ok(())
}
