//! The values of a detailed decision's features.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho::{FeatureValue, Value};

use crate::decision::{made, sekisho_decision};
use crate::raw::{self, Failure, answer, bare, lend, not_found, required};
use crate::status::{sekisho_presence, sekisho_status};

fn feature(decision: Option<&sekisho_decision>, index: usize) -> Result<FeatureValue<'_>, Failure> {
    made(decision)?.features().nth(index).ok_or_else(|| not_found("feature", index))
}

/// A value of the wanted type; absent values have no type.
fn typed<T>(feature: &FeatureValue<'_>, wanted: impl FnOnce(&Value) -> Option<T>) -> Result<T, Failure> {
    match feature.value() {
        Value::Missing => Err(Failure::new(sekisho_status::Missing, "the feature has no value")),
        value => wanted(value)
            .ok_or_else(|| Failure::new(sekisho_status::WrongType, "the feature is of another type")),
    }
}

/// The name of a feature by its index in the policy that decided. The text lives until the decision is filled again or
/// freed. SEKISHO_STATUS_NOT_FOUND when the decision keeps no features, or none at this index.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_feature_name(
    decision: Option<&sekisho_decision>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(feature(decision, index)?.name(), text, length))
}

/// How much of a feature's value is there, by the feature's index in the policy that decided.
/// SEKISHO_PRESENCE_NONE when the decision keeps no features, or none at this index.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_feature_presence(
    decision: Option<&sekisho_decision>,
    index: usize,
) -> sekisho_presence {
    answer(sekisho_presence::None, || {
        let feature = feature(decision, index).ok()?;
        Some(match feature.value() {
            Value::Missing => sekisho_presence::Missing,
            _ if feature.is_approximate() => sekisho_presence::Approximate,
            _ => sekisho_presence::Exact,
        })
    })
}

/// The 64 bits of a feature of any type: a double's own, an integer's two's complement, 0 or 1, a hash of
/// text.
///
/// Two values of one feature are the same when their bits are. SEKISHO_STATUS_MISSING when there is none,
/// SEKISHO_STATUS_NOT_FOUND when the decision keeps no features, or none at this index.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_feature_bits(
    decision: Option<&sekisho_decision>,
    index: usize,
    bits: Option<&mut MaybeUninit<u64>>,
) -> sekisho_status {
    bare(|| {
        let place = required(bits, "bits")?;
        match made(decision)?.feature_bits(index) {
            Some(bits) => place.write(bits),
            None => {
                // Missing, unless there is no such feature.
                feature(decision, index)?;
                return Err(Failure::new(sekisho_status::Missing, "the feature has no value"));
            }
        };
        Ok(())
    })
}

/// The value of an integer feature, of a duration or time in milliseconds, or of a boolean as 0 or 1.
///
/// SEKISHO_STATUS_MISSING when there is none, SEKISHO_STATUS_WRONG_TYPE for numbers and text,
/// SEKISHO_STATUS_NOT_FOUND when the decision keeps no features, or none at this index.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_feature_integer(
    decision: Option<&sekisho_decision>,
    index: usize,
    value: Option<&mut MaybeUninit<i64>>,
) -> sekisho_status {
    bare(|| {
        let place = required(value, "value")?;
        place.write(typed(&feature(decision, index)?, |value| match value {
            Value::Integer(number) | Value::Duration(number) | Value::Time(number) => Some(*number),
            Value::Boolean(flag) => Some((*flag).into()),
            _ => None,
        })?);
        Ok(())
    })
}

/// The value of a number feature.
///
/// SEKISHO_STATUS_MISSING when there is none, SEKISHO_STATUS_WRONG_TYPE for other types,
/// SEKISHO_STATUS_NOT_FOUND when the decision keeps no features, or none at this index.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_feature_number(
    decision: Option<&sekisho_decision>,
    index: usize,
    value: Option<&mut MaybeUninit<f64>>,
) -> sekisho_status {
    bare(|| {
        let place = required(value, "value")?;
        place.write(typed(&feature(decision, index)?, |value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        })?);
        Ok(())
    })
}

/// The value of a text feature: the text itself up to seven bytes, else `#` and a hash.
///
/// Buffer and length as in sekisho_decision_explain; 32 bytes are enough. SEKISHO_STATUS_MISSING when there
/// is none, SEKISHO_STATUS_WRONG_TYPE for other types, SEKISHO_STATUS_NOT_FOUND when the decision keeps no
/// features, or none at this index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_decision_feature_text(
    decision: Option<&sekisho_decision>,
    index: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let text = typed(&feature(decision, index)?, |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })?;
        // SAFETY: the caller states that the buffer is writable; nothing else knows the text.
        unsafe { raw::fill(&text, buffer, capacity, length) }
    })
}
