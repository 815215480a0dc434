//! Plays sixty days of a wallet, with attacks hidden in them, to the library, and reports what it caught.
//!
//! ```text
//! cargo run --release -p sekisho-examples --bin wallet
//! cargo run --release -p sekisho-examples --bin wallet -- --seed 1 --users 500 --csv wallet.csv
//! ```
//!
//! `--layers` asks what would be lost if a layer of the defence failed, and the next one with it.

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use sekisho::Policy;
use sekisho_examples::report::{Host, in_shadow, thousands, write_csv};
use sekisho_examples::stream::{self, Stream};

const USAGE: &str = "usage: wallet [--users N] [--days N] [--seed N] [--policy FILE] [--layers] [--csv FILE]";
const POLICY: &str = include_str!("../../policies/wallet.toml");

struct Options {
    users: usize,
    days: u32,
    seed: u64,
    policy: Option<PathBuf>,
    layers: bool,
    csv: Option<PathBuf>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
        let mut options = Options {
            users: stream::USERS,
            days: stream::DAYS,
            seed: 2020,
            policy: None,
            layers: false,
            csv: None,
        };
        while let Some(name) = arguments.next() {
            if name == "--layers" {
                options.layers = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} wants a value\n{USAGE}"))?;
            match name.as_str() {
                "--users" => options.users = value.parse()?,
                "--days" => options.days = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                "--policy" => options.policy = Some(value.into()),
                "--csv" => options.csv = Some(value.into()),
                _ => return Err(format!("there is no option {name}\n{USAGE}").into()),
            }
        }
        Ok(options)
    }
}

/// What could fail, from the front door inwards: a name, and the rules that make the layer.
const LAYERS: [(&str, &[&str]); 6] = [
    ("second factor on new devices", &["new-device-weak-login"]),
    ("lists and labels", &["listed-device", "labelled-device"]),
    (
        "watch on password lists",
        &["stuffing-ip", "stuffing-device", "stuffing-subnet", "stuffing-site", "stuffing-asn"],
    ),
    (
        "checks on linking",
        &[
            "holder-mismatch",
            "link-after-mismatch",
            "link-failed-before",
            "link-failed-often",
            "bank-account-tried",
            "several-names",
            "link-shared-device",
        ],
    ),
    ("checks on new contacts", &["contact-change", "contact-change-fresh-device", "contact-change-weak"]),
    ("any look at devices", &["fresh-device", "out-fresh-device"]),
];

/// Plays the stream again and again, each time with one more layer in shadow.
fn print_layers(stream: &Stream, name: &str, text: &str) -> Result<(), Box<dyn Error>> {
    println!("If layers failed{:>41}{:>10}{:>13}{:>14}", "cases", "no loss", "yen lost", "challenged");
    let mut off: Vec<&str> = Vec::new();
    for (layer, rules) in [("nothing fails", &[][..])].into_iter().chain(LAYERS) {
        off.extend(rules);
        let text = in_shadow(text, &off).ok_or("the policy lacks a rule of this layer")?;
        let policy = Policy::builder().document(text).file(name).build()?;
        let report = Host::new(stream, policy)?.play()?;
        let unharmed = report.cases.values().filter(|case| case.lost == 0).count();
        let layer = if rules.is_empty() { layer.to_owned() } else { format!("and without: {layer}") };
        println!(
            "  {layer:<46}{:>9}{unharmed:>10}{:>13}{:>12.3} %",
            report.cases.len(),
            thousands(report.lost()),
            100.0 * report.false_challenges()
        );
    }
    Ok(())
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (name, text) = match &options.policy {
        Some(path) => (path.display().to_string(), fs::read_to_string(path)?),
        None => ("wallet.toml".to_owned(), POLICY.to_owned()),
    };
    let policy = Policy::builder().document(text.as_str()).file(name.as_str()).build()?;

    let stream = stream::wallet(options.seed, options.users, options.days);
    println!(
        "A wallet with {} members for {} days, seed {}: {} events\n",
        thousands(i64::try_from(options.users)?),
        options.days,
        options.seed,
        thousands(i64::try_from(stream.events.len())?)
    );
    if options.layers {
        return print_layers(&stream, &name, &text);
    }
    let report = Host::new(&stream, policy)?.play()?;
    print!("{report}");

    if let Some(path) = &options.csv {
        let mut out = BufWriter::new(fs::File::create(path)?);
        write_csv(&mut out, &stream, &report)?;
        out.flush()?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
