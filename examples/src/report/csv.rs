//! The stream with its truth and the verdicts as a table, for notebooks.

use std::collections::BTreeSet;
use std::io::{Result, Write};

use super::Report;
use crate::stream::{Stream, Truth, Value};

/// Writes one row for each event: its fields, `flow`, `case` and `step` of an attack, then `score`, `action` and
/// `reasons`. Events that no longer happened have no score.
///
/// # Errors
/// Those of the writer.
pub fn write_csv(out: &mut impl Write, stream: &Stream, report: &Report) -> Result<()> {
    let mut columns: Vec<&str> = Vec::new();
    let mut known = BTreeSet::new();
    for (name, _) in stream.events.iter().flat_map(|event| &event.fields) {
        if known.insert(*name) {
            columns.push(name);
        }
    }
    writeln!(out, "{},flow,case,step,score,action,reasons", columns.join(","))?;
    for (event, verdict) in stream.events.iter().zip(&report.verdicts) {
        for column in &columns {
            match event.get(column) {
                Some(Value::Text(text)) => write_text(out, text)?,
                Some(Value::Integer(number)) => write!(out, "{number}")?,
                Some(Value::Number(number)) => write!(out, "{number}")?,
                Some(Value::Boolean(flag)) => write!(out, "{flag}")?,
                None => {}
            }
            write!(out, ",")?;
        }
        match event.truth {
            Truth::Genuine => write!(out, ",,,")?,
            Truth::Attack { flow, case, step } => write!(out, "{flow:?},{case},{step},")?,
        }
        match verdict {
            Some(verdict) => {
                let codes: Vec<&str> = verdict
                    .reasons
                    .iter()
                    .filter_map(|code| report.codes.get(usize::from(*code)).map(String::as_str))
                    .collect();
                writeln!(out, "{},{},{}", verdict.score, verdict.action, codes.join(";"))?;
            }
            None => writeln!(out, ",,")?,
        }
    }
    Ok(())
}

fn write_text(out: &mut impl Write, text: &str) -> Result<()> {
    if text.contains([',', '"', '\n']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        write!(out, "{text}")
    }
}
