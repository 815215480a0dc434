//! The features by SQLite, in memory.

use std::fmt::Write;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement, params};

use crate::policy::{FEATURES, FeatureLine, WINDOWS};
use crate::workload::{Sample, Workload};

const ENTITIES: [&str; 5] = ["account", "device", "ip", "card", "merchant"];
const COLUMNS: [&str; 10] = [
    "account",
    "device",
    "card",
    "merchant",
    "type",
    "outcome",
    "auth_result",
    "channel",
    "country",
    "amount",
];

/// One table, an index for each entity, and one prepared statement for each that computes all its windows.
#[derive(Debug)]
pub struct SqliteFeatures<'c> {
    /// Each with the places of its features.
    reads: Vec<(Statement<'c>, Vec<usize>)>,
    insert: Statement<'c>,
    prune: Statement<'c>,
}

/// An empty database in memory.
///
/// # Errors
/// Those of SQLite.
fn database() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    // Nothing is to survive, so nothing is journalled.
    connection.execute_batch(
        "PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA temp_store = MEMORY;
         CREATE TABLE event (
             number INTEGER PRIMARY KEY, time INTEGER NOT NULL,
             account TEXT NOT NULL, device TEXT NOT NULL, ip TEXT NOT NULL, card TEXT NOT NULL,
             merchant TEXT NOT NULL, type TEXT NOT NULL, outcome TEXT NOT NULL, auth_result TEXT NOT NULL,
             channel TEXT NOT NULL, country TEXT NOT NULL, amount INTEGER NOT NULL
         );",
    )?;
    for entity in ENTITIES {
        // The index holds all that its query reads, so that the rows themselves are left alone.
        let text = query(entity).0;
        let read = COLUMNS.iter().filter(|column| text.contains(**column) && **column != entity);
        let read: String = read.map(|column| format!(", {column}")).collect();
        connection.execute_batch(&format!("CREATE INDEX event_{entity} ON event ({entity}, time{read});"))?;
    }
    Ok(connection)
}

/// The condition under which an event counts for a feature.
fn filter(line: &FeatureLine) -> String {
    let (longest, window) = (WINDOWS[3].1, WINDOWS[line.window].1);
    let parts = [
        (window < longest).then(|| format!("time > ?2 - {window}")),
        line.condition.map(|condition| condition.sql.to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" FILTER (WHERE {})", parts.join(" AND ")) }
}

fn query(entity: &str) -> (String, Vec<usize>) {
    let (mut columns, mut places) = (String::new(), Vec::new());
    for (place, line) in FEATURES.iter().enumerate().filter(|(_, line)| line.by == entity) {
        let of = if line.of == "amount_minor" { "amount" } else { line.of };
        let filter = filter(line);
        if !columns.is_empty() {
            columns.push_str(", ");
        }
        places.push(place);
        let _ = match line.aggregate {
            "count" => write!(columns, "count(*){filter}"),
            "distinct" => write!(columns, "count(DISTINCT {of}){filter}"),
            // SQLite says null where nothing is summed.
            "sum" => write!(columns, "coalesce(sum({of}){filter}, 0)"),
            "mean" => write!(columns, "avg({of}){filter}"),
            "min" | "max" => write!(columns, "{}({of}){filter}", line.aggregate),
            "since" => write!(columns, "?2 - max(time){filter}"),
            // The sample variance; its root is drawn on the way out, the bundled library has none.
            "stddev" => write!(
                columns,
                "(sum({of} * {of}){filter} - 1.0 * sum({of}){filter} * sum({of}){filter} / count(*){filter}) \
                 / nullif(count(*){filter} - 1, 0)"
            ),
            other => panic!("{other}: SQL for this is not written"),
        };
    }
    let longest = WINDOWS[3].1;
    let text =
        format!("SELECT {columns} FROM event WHERE {entity} = ?1 AND time > ?2 - {longest} AND time <= ?2");
    (text, places)
}

impl<'c> SqliteFeatures<'c> {
    /// Makes a database for [`new`](SqliteFeatures::new).
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn database() -> rusqlite::Result<Connection> {
        database()
    }

    /// Prepares the statements.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn new(connection: &'c Connection) -> rusqlite::Result<SqliteFeatures<'c>> {
        let mut reads = Vec::new();
        for entity in ENTITIES {
            let (text, places) = query(entity);
            reads.push((connection.prepare(&text)?, places));
        }
        let insert = connection.prepare(
            "INSERT INTO event (time, account, device, ip, card, merchant, type, outcome, auth_result, channel, \
             country, amount) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        let prune =
            connection.prepare("DELETE FROM event WHERE number <= (SELECT max(number) FROM event) - ?1")?;
        Ok(SqliteFeatures { reads, insert, prune })
    }

    /// Computes all features of an event, in the order of [`FEATURES`]; `None` where there is nothing to
    /// compute from.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn read(
        &mut self,
        workload: &Workload,
        sample: &Sample,
        values: &mut [Option<f64>],
    ) -> rusqlite::Result<()> {
        let names = [
            workload.account(sample),
            workload.device(sample),
            workload.ip(sample),
            workload.card(sample),
            workload.merchant(sample),
        ];
        for ((statement, places), name) in self.reads.iter_mut().zip(names) {
            let mut rows = statement.query(params![name, sample.time])?;
            let Some(row) = rows.next()? else { continue };
            for (column, place) in places.iter().enumerate() {
                let value = match row.get_ref(column)? {
                    ValueRef::Integer(number) => Some(number as f64),
                    ValueRef::Real(number) => Some(number),
                    _ => None,
                };
                let root = FEATURES[*place].aggregate == "stddev";
                values[*place] = if root { value.map(|variance| variance.max(0.0).sqrt()) } else { value };
            }
        }
        Ok(())
    }

    /// Records an event.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn insert(&mut self, workload: &Workload, sample: &Sample) -> rusqlite::Result<()> {
        self.insert.execute(params![
            sample.time,
            workload.account(sample),
            workload.device(sample),
            workload.ip(sample),
            workload.card(sample),
            workload.merchant(sample),
            sample.event_type,
            sample.outcome,
            sample.auth_result,
            sample.channel,
            sample.country,
            sample.amount_minor,
        ])?;
        Ok(())
    }

    /// Drops all but the newest events.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn keep(&mut self, count: u64) -> rusqlite::Result<()> {
        self.prune.execute(params![count as i64])?;
        Ok(())
    }
}
