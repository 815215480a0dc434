//! Members of lists: how identifiers stand on them, and how they come and go.

use crate::event::token::{Token, Tokenizer};
use crate::locale::{Address, Name};
use crate::state::{Home, List, ListEntry, Reader, Writer};

/// Who is on a list.
#[derive(Clone, Copy)]
pub(super) enum Member {
    /// Under the present key and, while it is replaced, under the previous one.
    Token(Token, Option<Token>),
    /// A part of an identifier: the same, and its size as a bit; or a name, and its script as one.
    Part(Token, Option<Token>, u64),
    /// A postal address under the two keys.
    Home(Home, Option<Home>),
    Network(ipnet::IpNet),
}

impl Member {
    /// `None` for an address that a list cannot hold: without a city or without numbers there are too many.
    pub(super) fn of_address(
        address: &Address,
        present: &Tokenizer,
        previous: Option<&Tokenizer>,
    ) -> Option<Member> {
        let home = |tokenizer| Home::of(address, tokenizer).filter(|_| !address.house().is_empty());
        Some(Member::Home(home(present)?, previous.and_then(home)))
    }

    pub(super) fn of_name(name: &Name, present: &Tokenizer, previous: Option<&Tokenizer>) -> Member {
        let listed = name.listed();
        let token = |tokenizer: &Tokenizer| tokenizer.token(listed.as_bytes());
        Member::Part(token(present), previous.map(token), name.script_bit())
    }

    pub(super) fn write(self, to: &mut Writer<'_>) {
        match self {
            Member::Token(token, previous) => {
                to.byte(0);
                to.token(token);
                to.optional(&[previous], Writer::token);
            }
            Member::Network(network) => {
                to.byte(1);
                to.text(&network.to_string());
            }
            Member::Part(token, previous, size) => {
                to.byte(2);
                to.token(token);
                to.optional(&[previous], Writer::token);
                to.word(size);
            }
            Member::Home(home, previous) => {
                to.byte(3);
                home.write(to);
                to.optional(&[previous], |to, home: Home| home.write(to));
            }
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Member> {
        Some(match from.byte()? {
            0 => Member::Token(from.token()?, other_token(from)?),
            1 => Member::Network(from.text()?.parse().ok()?),
            2 => Member::Part(from.token()?, other_token(from)?, from.word()?),
            3 => Member::Home(Home::read(from)?, from.one(Home::read)?),
            _ => return None,
        })
    }

    /// Changes a list, with tokens of the key of `era`; `None` takes the member off. False when it was not on it then, or
    /// cannot be.
    pub(super) fn change(self, list: &mut List, entry: Option<&ListEntry>, era: u8) -> bool {
        list.changed();
        match (self, entry) {
            (Member::Token(token, previous), Some(entry)) => {
                list.add(token, 0, entry, era);
                previous.iter().for_each(|previous| list.supersede(*previous, entry, era));
                true
            }
            (Member::Part(token, previous, size), Some(entry)) => {
                list.add(token, size, entry, era);
                previous.iter().for_each(|previous| _ = list.remove(*previous));
                true
            }
            (Member::Token(token, previous) | Member::Part(token, previous, _), None) => {
                previous.is_some_and(|previous| list.remove(previous)) | list.remove(token)
            }
            (Member::Home(home, previous), Some(entry)) => {
                list.add_home(home, entry, era);
                previous.iter().for_each(|previous| _ = list.remove_home(*previous));
                true
            }
            (Member::Home(home, previous), None) => {
                previous.is_some_and(|previous| list.remove_home(previous)) | list.remove_home(home)
            }
            (Member::Network(network), Some(entry)) => {
                list.add_network(network, entry);
                true
            }
            (Member::Network(network), None) => list.remove_network(network),
        }
    }

    /// Brings a member that a list knows under the previous key under the present one, of `era`; false when it does not.
    pub(super) fn rekey(self, list: &mut List, era: u8) -> bool {
        match self {
            Member::Token(token, Some(before)) | Member::Part(token, Some(before), _) => {
                list.rename(before, token, era)
            }
            Member::Home(home, Some(before)) => list.rename_home(before, home, era),
            _ => false,
        }
    }
}

/// A token under the previous key, where there was one.
pub(super) fn other_token(from: &mut Reader<'_>) -> Option<Option<Token>> {
    from.one(Reader::token)
}
