//! What the host gives to write to and to read from.

use std::ffi::{c_int, c_void};
use std::io::{Error, Read, Result};

/// Takes bytes, all of them, and returns 0; anything else says that it failed, and it is not called again.
///
/// `context` is what was given beside the function; `bytes` may be read until it returns. It returns in the
/// ordinary way: no longjmp, no exception out of it.
pub type sekisho_write =
    Option<unsafe extern "C" fn(context: *mut c_void, bytes: *const u8, length: usize) -> c_int>;

/// Puts at most `length` bytes at `bytes` and returns how many; 0 when there are no more, a negative number
/// when it failed.
///
/// `context` is what was given beside the function. It returns in the ordinary way: no longjmp, no exception
/// out of it.
pub type sekisho_read =
    Option<unsafe extern "C" fn(context: *mut c_void, bytes: *mut u8, length: usize) -> isize>;

/// Takes a frame of the journal.
///
/// `context` is what was given beside the function; `frame` may be read until it returns. It is called on the
/// thread of the call that causes the frame, one frame at a time and in order, while the entities are held: it
/// appends to a buffer and comes back, calls nothing of the engine, and returns in the ordinary way: no
/// longjmp, no exception out of it.
pub type sekisho_journal =
    Option<unsafe extern "C" fn(context: *mut c_void, frame: *const u8, length: usize)>;

/// Where the host takes bytes.
pub(crate) struct Sink {
    pub(crate) write: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> c_int,
    pub(crate) context: *mut c_void,
}

impl Sink {
    /// Fails with the number that the host returned.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), String> {
        // SAFETY: the caller states that the function takes this context and readable bytes.
        match unsafe { (self.write)(self.context, bytes.as_ptr(), bytes.len()) } {
            0 => Ok(()),
            failed => Err(format!("`write` returned {failed}")),
        }
    }
}

/// Bytes that are asked of the host at once.
pub(crate) const PIECE: usize = 1 << 16;

/// Where the host keeps bytes.
pub(crate) struct Source {
    pub(crate) read: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> isize,
    pub(crate) context: *mut c_void,
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        // SAFETY: the caller states that the function takes this context and writable bytes.
        let count = unsafe { (self.read)(self.context, to.as_mut_ptr(), to.len()) };
        match usize::try_from(count) {
            Ok(count) if count <= to.len() => Ok(count),
            Ok(count) => {
                Err(Error::other(format!("`read` was asked for {} bytes and gave {count}", to.len())))
            }
            Err(_) => Err(Error::other(format!("`read` returned {count}"))),
        }
    }
}

/// Where the host takes frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journal {
    pub(crate) take: unsafe extern "C" fn(*mut c_void, *const u8, usize),
    pub(crate) context: *mut c_void,
}

// SAFETY: the caller states that the function may be called with this context on the thread of any call.
unsafe impl Send for Journal {}
// SAFETY: as above; calls come one at a time.
unsafe impl Sync for Journal {}

impl Journal {
    pub(crate) fn write(&self, frame: &[u8]) {
        // SAFETY: the caller states that the function takes this context and readable bytes.
        unsafe { (self.take)(self.context, frame.as_ptr(), frame.len()) };
    }
}
