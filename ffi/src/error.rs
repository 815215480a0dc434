//! The error object of the calls that load, compile and administer.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho::Fault;

use crate::raw::{Failure, answer, bare, free, lend, not_found, required};
use crate::status::sekisho_status;

/// Why a call failed, in words; for a policy, every fault with its place.
///
/// Made by the calls that take a `sekisho_error **`, owned by the caller, freed with sekisho_error_free. It
/// never changes: any number of threads may read it.
#[derive(Debug)]
pub struct sekisho_error {
    pub(crate) failure: Failure,
    text: String,
    rendered: Vec<String>,
}

impl sekisho_error {
    pub(crate) fn new(failure: Failure) -> sekisho_error {
        let (text, rendered) = match &failure {
            Failure::Core(error) => {
                (error.to_string(), error.faults().iter().map(Fault::to_string).collect())
            }
            Failure::Border(_, message) => (message.to_string(), Vec::new()),
        };
        sekisho_error { failure, text, rendered }
    }

    fn faults(&self) -> &[Fault] {
        match &self.failure {
            Failure::Core(error) => error.faults(),
            Failure::Border(..) => &[],
        }
    }

    fn fault(&self, index: usize) -> Result<&Fault, Failure> {
        self.faults().get(index).ok_or_else(|| not_found("fault", index))
    }
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_free(error: Option<Box<sekisho_error>>) {
    free(error);
}

/// The status that came with the error; SEKISHO_STATUS_NULL_HANDLE for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_status(error: Option<&sekisho_error>) -> sekisho_status {
    answer(sekisho_status::NullHandle, || Some(error?.failure.status()))
}

/// The message: one line, without a policy's faults. The text lives as long as the error.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_message(
    error: Option<&sekisho_error>,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(required(error, "error")?.failure.message(), text, length))
}

/// Everything, as a person wants to read it: the message, then each fault with its line of the document and a
/// caret below it. The text lives as long as the error.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_text(
    error: Option<&sekisho_error>,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(&required(error, "error")?.text, text, length))
}

/// How many faults the policy has, in the order of the document; 0 for other errors and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_fault_count(error: Option<&sekisho_error>) -> usize {
    answer(0, || Some(error?.faults().len()))
}

/// What is wrong and what to do, in one line. The text lives as long as the error.
/// SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_fault_message(
    error: Option<&sekisho_error>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(required(error, "error")?.fault(index)?.message(), text, length))
}

/// The file that the fault is in, by the name that was given to the parser. The text lives as long as the
/// error. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_fault_file(
    error: Option<&sekisho_error>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(required(error, "error")?.fault(index)?.file(), text, length))
}

/// The place of a fault: its line, and its column in characters, both counted from 1.
/// SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_fault_position(
    error: Option<&sekisho_error>,
    index: usize,
    line: Option<&mut MaybeUninit<usize>>,
    column: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let fault = required(error, "error")?.fault(index)?;
        let (line, column) = (required(line, "line")?, required(column, "column")?);
        line.write(fault.line());
        column.write(fault.column());
        Ok(())
    })
}

/// One fault as a person wants to read it: file, place and message, the line of the document, and a caret.
/// The text lives as long as the error. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_error_fault_text(
    error: Option<&sekisho_error>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let rendered =
            required(error, "error")?.rendered.get(index).ok_or_else(|| not_found("fault", index))?;
        lend(rendered, text, length)
    })
}
