//! What Python gives to write to and to read from: paths, files, bytes, callables.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::MutexExt;
use pyo3::types::PyBytes;

use crate::convert::type_name;
use crate::error::{Failure, Result};

/// Bytes that are exchanged with a file at once.
const PIECE: usize = 1 << 20;

/// A binary file of Python's. Its exceptions travel inside of [`io::Error`].
struct PythonFile(Py<PyAny>);

impl Write for PythonFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Python::attach(|py| write_some(self.0.bind(py), bytes)).map_err(io::Error::from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for PythonFile {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        Python::attach(|py| {
            let found = self.0.bind(py).call_method1("read", (to.len(),))?;
            let bytes = found.extract::<PyBackedBytes>().map_err(|_| {
                let what = format!("read() gave a value of type {}, expected bytes", type_name(&found));
                PyTypeError::new_err(what)
            })?;
            let Some(to) = to.get_mut(..bytes.len()) else {
                return Err(PyOSError::new_err("read() gave more bytes than it was asked for"));
            };
            to.copy_from_slice(&bytes);
            Ok(bytes.len())
        })
        .map_err(io::Error::from)
    }
}

/// Writes to a file of Python's. How many bytes it took; those that do not say so take all.
fn write_some(file: &Bound<'_, PyAny>, bytes: &[u8]) -> PyResult<usize> {
    let taken = file.call_method1("write", (PyBytes::new(file.py(), bytes),))?;
    if taken.is_none() {
        return Ok(bytes.len());
    }
    match taken.extract::<usize>()? {
        taken if taken > 0 && taken <= bytes.len() => Ok(taken),
        taken => Err(PyOSError::new_err(format!("write() took {taken} of {} bytes", bytes.len()))),
    }
}

/// Bytes after which somebody may want to stop: at most a fraction of a second's work.
const LOOKED_EVERY: usize = 4 << 20;

/// Keeps the error that the core only hears of, and looks at signals now and then, as work on gigabytes takes minutes.
pub(crate) struct Told<T> {
    inner: T,
    failed: Option<io::Error>,
    /// Bytes since signals were looked at.
    passed: usize,
}

impl<T> Told<T> {
    fn new(inner: T) -> Told<T> {
        Told { inner, failed: None, passed: 0 }
    }

    fn passes(&mut self, result: io::Result<usize>) -> io::Result<usize> {
        let result = result.and_then(|bytes| {
            self.passed += bytes;
            if self.passed >= LOOKED_EVERY {
                self.passed = 0;
                Python::attach(|py| py.check_signals())?;
            }
            Ok(bytes)
        });
        self.tell(result)
    }

    fn tell<V>(&mut self, result: io::Result<V>) -> io::Result<V> {
        result.map_err(|error| match error.kind() {
            // The core asks again.
            io::ErrorKind::Interrupted => error,
            kind => {
                self.failed = Some(error);
                kind.into()
            }
        })
    }

    /// What the core answered, or the error that it only heard of.
    pub(crate) fn or_failed<V>(self, answer: sekisho::Result<V>) -> Result<V> {
        match self.failed {
            Some(error) => Err(PyErr::from(error).into()),
            None => Ok(answer?),
        }
    }
}

impl<T: Read> Read for Told<T> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(to);
        self.passes(result)
    }
}

impl<T: Write> Write for Told<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.passes(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.tell(result)
    }
}

/// Where bytes come from: a path, a binary file, or the bytes themselves.
pub(crate) fn source(from: &Bound<'_, PyAny>) -> Result<Told<Box<dyn Read + Send>>> {
    if let Ok(bytes) = from.extract::<PyBackedBytes>() {
        return Ok(Told::new(Box::new(Cursor::new(bytes))));
    }
    let source: Box<dyn Read + Send> = if from.hasattr("read")? {
        Box::new(BufReader::with_capacity(PIECE, PythonFile(from.clone().unbind())))
    } else {
        let path = path(from)?;
        let file = from.py().detach(|| File::open(&path)).map_err(|error| of_path(error, &path))?;
        Box::new(BufReader::with_capacity(PIECE, file))
    };
    Ok(Told::new(source))
}

fn path(given: &Bound<'_, PyAny>) -> Result<PathBuf> {
    given.extract().map_err(|_| {
        let what = format!("found a value of type {}, expected a path or a binary file", type_name(given));
        PyTypeError::new_err(what).into()
    })
}

/// The exception with the name of the file, as Python's own functions raise it.
fn of_path(error: io::Error, path: &Path) -> PyErr {
    match error.raw_os_error().filter(|_| cfg!(unix)) {
        Some(number) => Python::attach(|py| {
            let told = py.import("os").and_then(|os| os.call_method1("strerror", (number,)));
            told.map_or_else(
                |failed| failed,
                |told| PyOSError::new_err((number, told.unbind(), path.as_os_str().to_owned())),
            )
        }),
        None => error.into(),
    }
}

/// Where a snapshot goes to.
pub(crate) enum Target {
    /// Has the snapshot when it is whole and on the disk.
    Path(PathBuf),
    File(Py<PyAny>),
}

impl Target {
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> Result<Target> {
        if given.hasattr("write")? {
            return Ok(Target::File(given.clone().unbind()));
        }
        path(given).map(Target::Path)
    }

    /// Calls `write` with the place to write to.
    pub(crate) fn written<T>(self, write: impl FnOnce(&mut dyn Write) -> sekisho::Result<T>) -> Result<T> {
        match self {
            Target::File(file) => {
                let mut to = Told::new(BufWriter::with_capacity(PIECE, PythonFile(file)));
                let answer = write(&mut to);
                // What is still held would come behind the gap that a failure left.
                if answer.is_ok() && to.failed.is_none() {
                    let _ = to.flush();
                }
                let Told { inner, failed, .. } = to;
                drop(inner.into_parts());
                Told { failed, ..Told::new(()) }.or_failed(answer)
            }
            Target::Path(path) => renamed(&path, write).map_err(|failure| match failure {
                Unwritten::Here(error) => of_path(error, &path).into(),
                Unwritten::Core(failure) => failure,
            }),
        }
    }
}

enum Unwritten {
    Here(io::Error),
    Core(Failure),
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Unwritten {
        Unwritten::Here(error)
    }
}

/// Writes a file under a name that nobody else writes to, brings it to the disk, and gives it its own.
fn renamed<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> sekisho::Result<T>) -> Result<T, Unwritten> {
    let (new, file) = beside(path)?;
    let written = whole(file, path, write).and_then(|answer| {
        fs::rename(&new, path)?;
        Ok(answer)
    });
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    let answer = written?;
    if cfg!(unix) {
        // A new name is safe when its directory is.
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(answer)
}

/// Makes a file in the same directory, which only its owner can read.
fn beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = 0u64;
    loop {
        let mut new = path.as_os_str().to_owned();
        new.push(format!(".new{number}"));
        match options.open(&new) {
            // Another snapshot's, or what a process left behind that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            file => return Ok((new.into(), file?)),
        }
    }
}

/// Writes all of a file that is to take the place of another, with the permissions of that.
fn whole<T>(
    file: File,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> sekisho::Result<T>,
) -> Result<T, Unwritten> {
    let mut to = Told::new(file);
    let answer = write(&mut to);
    if let Some(error) = to.failed {
        return Err(error.into());
    }
    let answer = answer.map_err(|error| Unwritten::Core(error.into()))?;
    if let Ok(before) = fs::metadata(path) {
        to.inner.set_permissions(before.permissions())?;
    }
    to.inner.sync_all()?;
    Ok(answer)
}

/// Frames on their way to Python.
///
/// Frames come while the engine holds entities, where nobody may wait for the interpreter: they are kept, and handed
/// out once the call that caused them is through with the engine.
pub(crate) struct Journal {
    to: Py<PyAny>,
    /// Has a method `write`; else it is called.
    is_file: bool,
    frames: Arc<Mutex<VecDeque<Vec<u8>>>>,
    /// Whoever hands frames out.
    turn: Mutex<()>,
    on: Mutex<Option<ThreadId>>,
}

impl Journal {
    pub(crate) fn of(given: &Bound<'_, PyAny>) -> Result<Journal> {
        let is_file = given.hasattr("write")?;
        if !is_file && !given.is_callable() {
            let what =
                format!("found a value of type {}, expected a callable or a binary file", type_name(given));
            return Err(PyTypeError::new_err(what).into());
        }
        let (frames, turn, on) = (Arc::default(), Mutex::default(), Mutex::default());
        Ok(Journal { to: given.clone().unbind(), is_file, frames, turn, on })
    }

    /// Shows the collector of garbage what frames go to. Nothing is let go of for it: whatever else is in a ring of
    /// references that only they close, an instance or a closure, can be.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.to)
    }

    /// Where the engine puts frames.
    pub(crate) fn sink(&self) -> impl Fn(&[u8]) + Send + Sync + use<> {
        let frames = Arc::clone(&self.frames);
        move |frame| locked(&frames).push_back(frame.to_vec())
    }

    /// Hands all frames out, one by one and in order. One that raises is kept and handed out again next time.
    pub(crate) fn hand_out(&self, py: Python<'_>) -> Result<()> {
        let this = Some(std::thread::current().id());
        // Of what the callable itself causes, whoever called it takes care.
        if locked(&self.frames).is_empty() || *locked(&self.on) == this {
            return Ok(());
        }
        let _turn = self.turn.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        *locked(&self.on) = this;
        let done = self.hand_each(self.to.bind(py));
        *locked(&self.on) = None;
        done
    }

    fn hand_each(&self, to: &Bound<'_, PyAny>) -> Result<()> {
        loop {
            let Some(frame) = locked(&self.frames).front().cloned() else { return Ok(()) };
            let taken = if self.is_file {
                write_some(to, &frame)?
            } else {
                to.call1((PyBytes::new(to.py(), &frame),))?;
                frame.len()
            };
            let mut frames = locked(&self.frames);
            if taken == frame.len() {
                frames.pop_front();
            } else if let Some(frame) = frames.front_mut() {
                frame.drain(..taken);
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
