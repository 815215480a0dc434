//! Policies: compiled once, shared by any number of engines and threads.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho::{FeatureInfo, FeatureType, FieldKind, Policy, RuleInfo};

use crate::error::sekisho_error;
use crate::raw::{self, Failure, answer, bare, free, lend, not_found, reported, required};
use crate::status::{sekisho_feature_type, sekisho_field_kind, sekisho_status};

/// A compiled policy.
///
/// Owned by the caller, freed with sekisho_policy_free; engines and events that were made from it keep what
/// they need, so it may go first. It never changes: any number of threads may use it.
#[derive(Debug)]
pub struct sekisho_policy {
    pub(crate) policy: Policy,
}

fn feature(policy: Option<&sekisho_policy>, index: usize) -> Result<FeatureInfo<'_>, Failure> {
    required(policy, "policy")?.policy.features().nth(index).ok_or_else(|| not_found("feature", index))
}

fn rule(policy: Option<&sekisho_policy>, index: usize) -> Result<RuleInfo<'_>, Failure> {
    required(policy, "policy")?.policy.rules().nth(index).ok_or_else(|| not_found("rule", index))
}

/// Compiles a policy.
///
/// `text` is the document, TOML or JSON: JSON when it starts with a brace. `file` is its name for messages
/// and may be NULL; nothing is read from it. The policy is written to `policy` and belongs to the caller.
///
/// When the document has faults the status is SEKISHO_STATUS_POLICY, and the error names every one of them
/// with its place. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_policy_parse(
    text: *const c_char,
    length: usize,
    file: *const c_char,
    file_length: usize,
    policy: Option<&mut MaybeUninit<Box<sekisho_policy>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let place = required(policy, "policy")?;
        // SAFETY: the caller states that both pairs name readable bytes.
        let (text, file) =
            unsafe { (raw::text(text, length, "text")?, raw::text(file, file_length, "file")?) };
        let mut builder = Policy::builder().document(text);
        if !file.is_empty() {
            builder = builder.file(file);
        }
        place.write(Box::new(sekisho_policy { policy: builder.build()? }));
        Ok(())
    })
}

/// Frees a policy. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_free(policy: Option<Box<sekisho_policy>>) {
    free(policy);
}

/// The policy's name. The text lives as long as the policy.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_name(
    policy: Option<&sekisho_policy>,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(required(policy, "policy")?.policy.name(), text, length))
}

/// The policy's version, as its author wrote it. The text lives as long as the policy.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_version(
    policy: Option<&sekisho_policy>,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(required(policy, "policy")?.policy.version(), text, length))
}

/// SHA-256 over what the document says, in hexadecimal: the same for TOML and JSON, blank lines and comments.
/// The text lives as long as the policy.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_fingerprint(
    policy: Option<&sekisho_policy>,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(required(policy, "policy")?.policy.fingerprint(), text, length))
}

/// The ISO 4217 code of the currency that amounts count in. The text lives as long as the policy.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_currency(
    policy: Option<&sekisho_policy>,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(required(policy, "policy")?.policy.currency(), text, length))
}

/// The number of an event field by its name, such as "device.model" or an attribute that the policy declares.
///
/// Built-in fields have the numbers of sekisho_field for ever. Those of declared fields begin at 1000 and
/// hold for this policy. SEKISHO_STATUS_UNKNOWN_NAME for any other name, with the nearest known name in the
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_policy_field(
    policy: Option<&sekisho_policy>,
    name: *const c_char,
    length: usize,
    field: Option<&mut MaybeUninit<u16>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (policy, place) = (required(policy, "policy")?, required(field, "field")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let name = unsafe { raw::text(name, length, "name")? };
        place.write(policy.policy.schema().field(name)?.number());
        Ok(())
    })
}

/// What kind of value a field takes: a number of sekisho_field_kind. SEKISHO_STATUS_UNKNOWN_NAME when no
/// field has the number.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_field_kind(
    policy: Option<&sekisho_policy>,
    field: u16,
    kind: Option<&mut MaybeUninit<sekisho_field_kind>>,
) -> sekisho_status {
    bare(|| {
        let schema = required(policy, "policy")?.policy.schema();
        let place = required(kind, "kind")?;
        let field = schema.field_of_number(field)?;
        let spec = schema.fields().iter().find(|spec| spec.field() == field);
        place.write(match spec.map(|spec| spec.kind()) {
            Some(FieldKind::Identifier) => sekisho_field_kind::Identifier,
            Some(FieldKind::Entity) => sekisho_field_kind::Entity,
            Some(FieldKind::Text) => sekisho_field_kind::Text,
            Some(FieldKind::Integer) => sekisho_field_kind::Integer,
            Some(FieldKind::Number) => sekisho_field_kind::Number,
            Some(FieldKind::Boolean) => sekisho_field_kind::Boolean,
            Some(FieldKind::Time) => sekisho_field_kind::Time,
            _ => {
                return Err(Failure::new(
                    sekisho_status::Other,
                    "the field is of a kind unknown to this header",
                ));
            }
        });
        Ok(())
    })
}

/// How many features the policy has; 0 for NULL. Features are numbered from 0 in the order of the document.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_feature_count(policy: Option<&sekisho_policy>) -> usize {
    answer(0, || Some(policy?.policy.features().len()))
}

/// The index of a feature by its name; it holds for this policy. SEKISHO_STATUS_UNKNOWN_NAME for other names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_policy_feature(
    policy: Option<&sekisho_policy>,
    name: *const c_char,
    length: usize,
    index: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (policy, place) = (required(policy, "policy")?, required(index, "index")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let name = unsafe { raw::text(name, length, "name")? };
        let found = policy.policy.features().position(|feature| feature.name() == name).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            Failure::new(sekisho_status::UnknownName, format!("`{shown}`: the policy has no such feature"))
        })?;
        place.write(found);
        Ok(())
    })
}

/// The name of a feature. The text lives as long as the policy. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_feature_name(
    policy: Option<&sekisho_policy>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(feature(policy, index)?.name(), text, length))
}

/// What a feature computes, in one line: `distinct of account by ip over 10m where ...`. The text lives as
/// long as the policy. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_feature_definition(
    policy: Option<&sekisho_policy>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(feature(policy, index)?.definition(), text, length))
}

/// The type of a feature's values. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_feature_type(
    policy: Option<&sekisho_policy>,
    index: usize,
    feature_type: Option<&mut MaybeUninit<sekisho_feature_type>>,
) -> sekisho_status {
    bare(|| {
        let feature = feature(policy, index)?;
        required(feature_type, "feature_type")?.write(match feature.value_type() {
            FeatureType::Boolean => sekisho_feature_type::Boolean,
            FeatureType::Integer => sekisho_feature_type::Integer,
            FeatureType::Number => sekisho_feature_type::Number,
            FeatureType::Duration => sekisho_feature_type::Duration,
            FeatureType::Time => sekisho_feature_type::Time,
            FeatureType::Text => sekisho_feature_type::Text,
            _ => {
                return Err(Failure::new(
                    sekisho_status::Other,
                    "the feature is of a type unknown to this header",
                ));
            }
        });
        Ok(())
    })
}

/// How many rules the policy has; 0 for NULL. Rules are numbered from 0 in the order of the document.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_rule_count(policy: Option<&sekisho_policy>) -> usize {
    answer(0, || Some(policy?.policy.rules().len()))
}

/// The id of a rule. The text lives as long as the policy. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_policy_rule_id(
    policy: Option<&sekisho_policy>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(rule(policy, index)?.id(), text, length))
}
