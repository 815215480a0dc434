//! An authorizer that loses nothing that it acknowledged: an engine whose journal and snapshots are files.
//!
//! ```text
//! DIRECTORY/snapshot          what the engine remembered when it was written
//! DIRECTORY/journal.00000042  what changed since, from frame 42 on
//! ```
//!
//! A decision is given out when its frame is on the disk. A new snapshot is written under another name, brought to
//! the disk, and renamed; then journals that end before it are removed. Whatever the moment at which the process is
//! killed, the files are a snapshot and all frames behind it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sekisho::{Decision, Engine, Event, HashKey, Policy};

/// Anything that goes wrong.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An engine and its files.
#[derive(Debug)]
pub struct Authorizer {
    directory: PathBuf,
    engine: Engine,
    /// Frames that are not on the disk yet.
    frames: Arc<Mutex<Vec<u8>>>,
    journal: File,
    decision: Decision,
    /// Decisions since the last snapshot.
    decided: u64,
    snapshot_every: u64,
}

impl Authorizer {
    /// Opens the files of a directory, or begins with none.
    ///
    /// # Errors
    /// Files that cannot be read or written, and what the engine says of their content.
    pub fn open(
        directory: &Path,
        policy: &Policy,
        key: impl Fn() -> HashKey,
        snapshot_every: u64,
    ) -> Result<Authorizer, Failure> {
        fs::create_dir_all(directory)?;
        let frames = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&frames);
        let builder = Engine::builder(policy.clone(), key()).journal(move |frame| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(frame);
        });
        let engine = match File::open(directory.join("snapshot")) {
            Ok(file) => builder.restore(io::BufReader::new(file))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => builder.build()?,
            Err(error) => return Err(error.into()),
        };
        let mut next_frame = 1;
        for (first, path) in journals(directory)? {
            let file = OpenOptions::new().read(true).write(true).open(&path)?;
            let recovered = engine.recover(io::BufReader::new(&file))?;
            if recovered.torn > 0 {
                // Nobody was told of it.
                file.set_len(recovered.bytes)?;
                file.sync_all()?;
            }
            if let Some(policy) = recovered.policy {
                return Err(format!(
                    "{} goes on under {policy}: recover it under that policy",
                    path.display()
                )
                .into());
            }
            next_frame = next_frame.max(first + recovered.frames);
        }
        let journal = create_journal(directory, next_frame)?;
        let decision = Decision::new();
        let directory = directory.to_owned();
        Ok(Authorizer { directory, engine, frames, journal, decision, decided: 0, snapshot_every })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Decides; when this comes back, the event is safe.
    ///
    /// # Errors
    /// An event that is refused, and files that cannot be written: then the event counts as not acknowledged.
    pub fn decide(&mut self, event: &Event) -> Result<&Decision, Failure> {
        self.engine.assess_into(event, &mut self.decision)?;
        self.flush()?;
        self.decided += 1;
        if self.decided >= self.snapshot_every {
            self.decided = 0;
            self.snapshot()?;
        }
        Ok(&self.decision)
    }

    /// Brings all frames to the disk. A host of many threads does this once for all that wait.
    fn flush(&mut self) -> io::Result<()> {
        let frames = std::mem::take(&mut *self.frames.lock().unwrap_or_else(PoisonError::into_inner));
        if frames.is_empty() {
            return Ok(());
        }
        self.journal.write_all(&frames)?;
        self.journal.sync_data()
    }

    fn snapshot(&mut self) -> Result<(), Failure> {
        let (new, name) = (self.directory.join("snapshot.new"), self.directory.join("snapshot"));
        let mut file = io::BufWriter::with_capacity(1 << 20, File::create(&new)?);
        let report = self.engine.snapshot(|bytes| file.write_all(bytes))?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        // From here on frames go to a journal of their own; those before are contained.
        self.journal = create_journal(&self.directory, report.next_frame)?;
        fs::rename(new, name)?;
        sync_directory(&self.directory)?;
        for (first, path) in journals(&self.directory)? {
            if first < report.next_frame {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn create_journal(directory: &Path, first: u64) -> io::Result<File> {
    let path = directory.join(format!("journal.{first:08}"));
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    sync_directory(directory)?;
    Ok(file)
}

/// The journals of a directory with their first frames, in order.
fn journals(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(first) = name.strip_prefix("journal.").and_then(|number| number.parse().ok()) {
            journals.push((first, path));
        }
    }
    journals.sort();
    Ok(journals)
}

/// A new name is safe when its directory is.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Fills an event from a line such as `id=e-1 type=login time=1767225600000 account=a-1`.
///
/// # Errors
/// A part without `=`, an unknown field, a value that the field refuses.
pub fn fill(event: &mut Event, line: &str) -> Result<(), Failure> {
    event.clear();
    for part in line.split_whitespace() {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` has no `=`"))?;
        let field = event.schema().field(name)?;
        event.set_parsed(field, value)?;
    }
    Ok(())
}

/// Reads the key from a file of 32 bytes.
///
/// # Errors
/// A file that cannot be read or has another length.
pub fn read_key(file: &Path) -> Result<HashKey, Failure> {
    let mut secret = Vec::new();
    File::open(file)?.read_to_end(&mut secret)?;
    Ok(HashKey::from_bytes(1, &secret)?)
}
