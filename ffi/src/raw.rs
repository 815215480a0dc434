//! The border: panics become statuses here, pointers with a length become slices, and text is handed out.
//!
//! Handles need nothing of this: they cross as nullable references.

use std::borrow::Cow;
use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sekisho::{Decision, Error};

use crate::decision::sekisho_decision;
use crate::error::sekisho_error;
use crate::event::sekisho_event;
use crate::status::sekisho_status;

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The core refused.
    Core(Error),
    /// The border refused.
    Border(sekisho_status, Cow<'static, str>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Core(error)
    }
}

impl Failure {
    pub(crate) fn new(status: sekisho_status, message: impl Into<Cow<'static, str>>) -> Failure {
        Failure::Border(status, message.into())
    }

    pub(crate) fn status(&self) -> sekisho_status {
        match self {
            Failure::Core(error) => error.kind().into(),
            Failure::Border(status, _) => *status,
        }
    }

    pub(crate) fn message(&self) -> &str {
        match self {
            Failure::Core(error) => error.message(),
            Failure::Border(_, message) => message,
        }
    }
}

/// Runs the work of an entry point; a panic becomes a failure.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // What a panic leaves behind is either valid Rust data or was never handed out.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        // Dropping what was thrown could panic again.
        std::mem::forget(payload);
        Err(Failure::new(sekisho_status::Panic, "a fault of the library itself was caught; please report it"))
    })
}

/// Runs an entry point that reports nothing but its status.
pub(crate) fn bare(work: impl FnOnce() -> Result<(), Failure>) -> sekisho_status {
    match caught(work) {
        Ok(()) => sekisho_status::Ok,
        Err(failure) => failure.status(),
    }
}

/// Runs an entry point that answers with a value; `fallback` when there is none.
pub(crate) fn answer<T>(fallback: T, work: impl FnOnce() -> Option<T>) -> T {
    caught(|| Ok(work())).ok().flatten().unwrap_or(fallback)
}

/// Runs an entry point that reports through an error object, if the caller wants one.
pub(crate) fn reported(
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
    work: impl FnOnce() -> Result<(), Failure>,
) -> sekisho_status {
    let Err(failure) = caught(work) else { return sekisho_status::Ok };
    let status = failure.status();
    // A caller who asks for the length first would have to free an error for that.
    if let Some(error) = error.filter(|_| status != sekisho_status::BufferTooSmall) {
        let _ = caught(|| {
            error.write(Box::new(sekisho_error::new(failure)));
            Ok(())
        });
    }
    status
}

/// Runs an entry point that leaves its failure in the event.
pub(crate) fn on_event(
    event: Option<&mut sekisho_event>,
    work: impl FnOnce(&mut sekisho_event) -> Result<(), Failure>,
) -> sekisho_status {
    let Some(event) = event else { return sekisho_status::NullHandle };
    match caught(|| work(event)) {
        Ok(()) => {
            event.failure = None;
            sekisho_status::Ok
        }
        Err(failure) => {
            let status = failure.status();
            event.failure = Some(failure);
            status
        }
    }
}

/// Frees a handle; nothing for NULL.
pub(crate) fn free<T>(handle: Option<Box<T>>) {
    let _ = caught(|| {
        drop(handle);
        Ok(())
    });
}

/// A handle or place that has to be there.
pub(crate) fn required<T>(pointer: Option<T>, name: &str) -> Result<T, Failure> {
    pointer.ok_or_else(|| null(name))
}

fn null(name: &str) -> Failure {
    Failure::new(sekisho_status::NullHandle, format!("`{name}`: found NULL"))
}

/// A handle that is changed with what another one holds, and that other; `None` for the other when both are one.
///
/// # Safety
/// Unless NULL, both are valid handles that nobody else uses while `'a` lasts.
pub(crate) unsafe fn both<'a, T>(
    (one, name): (*mut T, &str),
    (other, name_of_other): (*mut T, &str),
) -> Result<(&'a mut T, Option<&'a mut T>), Failure> {
    let is_one = one == other;
    // SAFETY: as the caller states; what is one is borrowed once.
    let (one, other) = unsafe { (one.as_mut(), if is_one { None } else { Some(other.as_mut()) }) };
    let one = required(one, name)?;
    Ok((one, other.map(|other| required(other, name_of_other)).transpose()?))
}

/// The bytes of a pointer with a length. NULL is fine for no bytes.
///
/// # Safety
/// Unless NULL, `pointer` is valid for reads of `length` bytes that nobody writes while `'a` lasts.
pub(crate) unsafe fn bytes<'a>(pointer: *const u8, length: usize, name: &str) -> Result<&'a [u8], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Failure::new(
            sekisho_status::NullHandle,
            format!("`{name}`: found NULL with a length of {length}"),
        ));
    }
    if isize::try_from(length).is_err() {
        return Err(Failure::new(
            sekisho_status::TooLong,
            format!("`{name}`: found a length of {length}, more than memory can hold"),
        ));
    }
    // SAFETY: not NULL, and within the bounds of a slice; the rest is the caller's promise. Bytes need no
    // alignment.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// The text of a pointer with a length, checked to be UTF-8.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn text<'a>(pointer: *const c_char, length: usize, name: &str) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise is the same.
    let bytes = unsafe { bytes(pointer.cast(), length, name)? };
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Failure::new(sekisho_status::Utf8, format!("`{name}`: found bytes that are not UTF-8 at offset {at}"))
    })
}

/// Copies text into a caller's buffer and states its length, or states the length that the buffer must have.
///
/// # Safety
/// `buffer` is NULL or valid for writes of `capacity` bytes that overlap neither `text` nor `length`.
pub(crate) unsafe fn fill(
    text: &str,
    buffer: *mut c_char,
    capacity: usize,
    length: Option<&mut MaybeUninit<usize>>,
) -> Result<(), Failure> {
    let length = required(length, "length")?;
    length.write(text.len());
    if text.is_empty() {
        return Ok(());
    }
    if buffer.is_null() || capacity < text.len() {
        return Err(Failure::new(sekisho_status::BufferTooSmall, "the buffer is too small"));
    }
    // SAFETY: the buffer holds `capacity` bytes and the text fits; they do not overlap, by the caller's
    // promise.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), text.len()) };
    Ok(())
}

/// Lends text that lives as long as its handle.
pub(crate) fn lend(
    text: &str,
    pointer: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> Result<(), Failure> {
    let (pointer, length) = (required(pointer, "text")?, required(length, "length")?);
    // An empty text has an address too, so that it may be printed like any other.
    pointer.write(if text.is_empty() { c"".as_ptr() } else { text.as_ptr().cast() });
    length.write(text.len());
    Ok(())
}

/// Lends a decision that lies inside of another.
pub(crate) fn lend_decision(decision: &Decision) -> &sekisho_decision {
    // SAFETY: the handle has the layout of the decision, and what is lent can only be read.
    unsafe { &*(&raw const *decision).cast::<sekisho_decision>() }
}

/// The size that a caller gave a structure that later versions add to.
pub(crate) fn size_of_structure(size: usize, smallest: usize, name: &str) -> Result<usize, Failure> {
    if size < smallest {
        let what = format!("`{name}`: found a size of {size}, expected at least {smallest}");
        return Err(Failure::new(sekisho_status::OutOfRange, what));
    }
    Ok(size)
}

/// Nothing stands at this index.
pub(crate) fn not_found(what: &str, index: usize) -> Failure {
    Failure::new(sekisho_status::NotFound, format!("there is no {what} {index}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thrown() -> Result<(), Failure> {
        panic!("a panic of the test")
    }

    #[test]
    fn panics_stop_at_the_border() {
        assert_eq!(bare(thrown), sekisho_status::Panic);
        assert_eq!(answer(-1, || thrown().ok().map(|()| 1)), -1);

        let mut error = MaybeUninit::uninit();
        assert_eq!(reported(Some(&mut error), thrown), sekisho_status::Panic);
        // SAFETY: a failure writes the error.
        let error = unsafe { error.assume_init() };
        assert!(error.failure.message().contains("please report"));

        let mut event =
            sekisho_event { event: sekisho::Event::of("login", 0).expect("valid"), failure: None };
        assert_eq!(on_event(Some(&mut event), |_| thrown()), sekisho_status::Panic);
        assert!(event.failure.is_some_and(|failure| failure.message().contains("please report")));
        free(Some(Box::new(PanicsOnDrop)));
    }

    struct PanicsOnDrop;

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic!("a panic of the test");
        }
    }

    #[test]
    fn lengths_beyond_memory_are_refused() {
        let byte = 0u8;
        // SAFETY: the length is refused before anything is read.
        let found = unsafe { bytes(&raw const byte, usize::MAX, "field") };
        assert_eq!(found.err().map(|failure| failure.status()), Some(sekisho_status::TooLong));
    }
}
