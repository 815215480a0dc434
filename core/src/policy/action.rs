//! What a policy can ask for: actions and obligations.

use std::fmt;

/// What to do with the event, in rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Let it pass.
    #[default]
    Allow = 0,
    /// Ask for stronger authentication first.
    Challenge = 1,
    /// Hold it for a person.
    Review = 2,
    /// Refuse it.
    Deny = 3,
}

impl Action {
    /// Every action, in rising order.
    pub const ALL: [Action; 4] = [Action::Allow, Action::Challenge, Action::Review, Action::Deny];

    /// The name, as policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::Challenge => "challenge",
            Action::Review => "review",
            Action::Deny => "deny",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What has to be done beside the action: a set of notify, hold, lock and limit.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Obligations(pub(crate) u8);

impl Obligations {
    /// Tell the customer.
    pub const NOTIFY: Obligations = Obligations(1);
    /// Hold the money.
    pub const HOLD: Obligations = Obligations(2);
    /// Lock the account.
    pub const LOCK: Obligations = Obligations(4);
    /// Hold the customer to a limit: a lower one, or what remains of the one that was hit.
    pub const LIMIT: Obligations = Obligations(8);

    const ALL: [(Obligations, &'static str); 4] = [
        (Obligations::NOTIFY, "notify"),
        (Obligations::HOLD, "hold"),
        (Obligations::LOCK, "lock"),
        (Obligations::LIMIT, "limit"),
    ];

    /// Whether every obligation of `other` is in this set.
    pub fn contains(self, other: Obligations) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One bit for each: notify 1, hold 2, lock 4, limit 8.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// The names in the order notify, hold, lock, limit.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Obligations::ALL.into_iter().filter(move |(one, _)| self.contains(*one)).map(|(_, name)| name)
    }
}

impl std::ops::BitOr for Obligations {
    type Output = Obligations;

    fn bitor(self, other: Obligations) -> Obligations {
        Obligations(self.0 | other.0)
    }
}

impl FromIterator<Obligations> for Obligations {
    fn from_iter<I: IntoIterator<Item = Obligations>>(all: I) -> Obligations {
        all.into_iter().fold(Obligations::default(), |set, one| set | one)
    }
}

impl fmt::Debug for Obligations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
