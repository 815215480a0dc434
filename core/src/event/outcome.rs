//! What is learnt about an event after it was scored.

use super::field::{LABELS, OUTCOMES};

/// How an event ended, once the host knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Not known yet.
    Pending = 1,
    /// Authorized.
    Approved = 2,
    /// Refused.
    Declined = 3,
    /// The attempt went through.
    Succeeded = 4,
    /// The attempt did not.
    Failed = 5,
    /// Stronger authentication was asked for.
    Challenged = 6,
    /// The customer gave up.
    Abandoned = 7,
    /// Undone later.
    Reversed = 8,
}

impl Outcome {
    /// The name, as events and policies write it.
    pub fn as_str(self) -> &'static str {
        OUTCOMES.get(self as usize - 1).map_or("", |name| name)
    }

    /// The outcome of a name.
    pub fn named(name: &str) -> Option<Outcome> {
        use Outcome::{Abandoned, Approved, Challenged, Declined, Failed, Pending, Reversed, Succeeded};
        [Pending, Approved, Declined, Succeeded, Failed, Challenged, Abandoned, Reversed]
            .into_iter()
            .find(|outcome| outcome.as_str() == name)
    }
}

/// What was learnt about an event later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Label {
    /// It was fraud.
    Fraud = 1,
    /// It was the customer.
    Genuine = 2,
}

impl Label {
    /// The name, as events and policies write it.
    pub fn as_str(self) -> &'static str {
        LABELS.get(self as usize - 1).map_or("", |name| name)
    }

    /// The label of a name.
    pub fn named(name: &str) -> Option<Label> {
        [Label::Fraud, Label::Genuine].into_iter().find(|label| label.as_str() == name)
    }
}
