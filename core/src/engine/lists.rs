//! What a host does to lists.

use std::borrow::Borrow;
use std::sync::Arc;

use super::Engine;
use super::bundle;
use super::journal::ListChange;
use super::member::Member;
use super::ruling::{Present, Ruling};
use crate::error::{Error, ErrorKind, Result};
use crate::event::time::{LATEST, amiss};
use crate::event::token::{HashKey, KeyMark, Tokenizer};
use crate::event::{Field, FieldSpec, canonical};
use crate::locale::{Address, Kind, Name};
use crate::policy::{ListKind, ListPlan, parse_network};
use crate::state::{
    LONGEST_REASON, List, ListEntry, ListVersion, Prepared, domain_with_size, size_of_beginning,
};
use crate::sync::locked;
use crate::wiped::Wiped;

/// Members of a list that are gathered aside, hashed under the engine's key, while it goes on scoring.
///
/// ```
/// # let policy = sekisho::Policy::from_toml(r#"
/// #     [policy]
/// #     name = "example"
/// #     version = "1"
/// #     currency = "JPY"
/// #     [[list]]
/// #     name = "fraud_devices"
/// #     of = "device"
/// #     [decision]
/// #     bands = [{ from = 0, action = "allow" }]
/// # "#)?;
/// use sekisho::{Engine, HashKey, ListEntry};
///
/// let engine = Engine::new(policy, HashKey::new(1, *b"32 secret bytes of the host ...."));
/// let entry = ListEntry::new().severity(80).reason("mule").source("police");
/// let mut members = engine.list_prepare("fraud_devices")?;
/// for n in 0..1_000 {
///     members.add(&format!("d-{n}"), &entry)?;
/// }
/// engine.list_swap(members, "2026-11-22")?;
/// assert_eq!(engine.list_len("fraud_devices")?, 1_000);
/// assert_eq!(&*engine.list_version("fraud_devices")?.name, "2026-11-22");
/// # Ok::<(), sekisho::Error>(())
/// ```
#[derive(Debug)]
pub struct PreparedList {
    list: String,
    hashes: Hashes,
    prepared: Prepared,
    /// What the tokens were made with.
    key: KeyMark,
    era: u8,
    /// Histories may ask by the tokens of the previous key.
    asked_later: bool,
}

/// How members become what a list holds.
#[derive(Debug)]
enum Hashes {
    Tokens(Box<Hashing>),
    Networks,
}

/// How identifiers, or parts of them, become tokens.
#[derive(Debug)]
struct Hashing {
    list: String,
    kind: ListKind,
    spec: FieldSpec,
    /// The form in which identifiers are hashed, where they have one.
    form: Option<Kind>,
    present: Tokenizer,
    previous: Option<Tokenizer>,
}

impl Hashing {
    /// `None` for a list of networks.
    fn new(ruling: &Ruling, plan: &ListPlan) -> Result<Option<Hashing>> {
        let mut specs = ruling.policy.0.schema.fields().iter();
        let spec = specs.find(|spec| spec.entity() == Some(&plan.entity));
        let Some(spec) = spec.filter(|_| plan.kind != ListKind::Cidr) else { return Ok(None) };
        let hashed = plan.hashed().unwrap_or_else(|| plan.entity.clone());
        let previous = ruling.keys.previous.as_ref().filter(|_| plan.key.is_none());
        Ok(Some(Hashing {
            list: plan.name.clone(),
            kind: plan.kind,
            spec: spec.clone(),
            form: ruling.policy.0.plan.form(&plan.entity),
            present: Tokenizer::new(ruling.keys.of_list(plan)?, &hashed),
            previous: previous.map(|key| Tokenizer::new(key, &hashed)),
        }))
    }

    fn member(&self, member: &str) -> Result<Member> {
        let tokens = |bytes: &[u8]| {
            (self.present.token(bytes), self.previous.as_ref().map(|tokenizer| tokenizer.token(bytes)))
        };
        let refused = |what: &str| Error::of_field(ErrorKind::OutOfRange, &self.list, what.to_owned());
        // What is too long or empty for an event is on no list either.
        let text = || canonical(&self.spec, member).map(|_| member);
        let ((token, previous), size) = match self.kind {
            ListKind::Exact | ListKind::Cidr => {
                let (token, previous) = canonical(&self.spec, member)?.with_bytes(self.form, tokens);
                return Ok(Member::Token(token, previous));
            }
            ListKind::Prefix => {
                // More of a card's number must not be hashed by a quick hash.
                let is_card = self.spec.field() == Field::CARD;
                if is_card && (member.len() > 8 || member.bytes().any(|byte| !byte.is_ascii_digit())) {
                    return Err(refused("found no beginning of a card's number, expected at most 8 digits"));
                }
                // The one form of a number has no hyphens or spaces that a beginning could agree with.
                let digits = member.strip_prefix('+').unwrap_or(member);
                if self.form == Some(Kind::Phone) && digits.bytes().any(|byte| !byte.is_ascii_digit()) {
                    return Err(refused(
                        "found no beginning of a phone number, expected digits such as 050, or + and digits",
                    ));
                }
                let what = "found a beginning of no or more than 64 bytes, expected 1 to 64";
                // The one form of a number of Japan begins with the country, as nobody writes it.
                let beginning = match (self.form, member.strip_prefix('0')) {
                    (Some(Kind::Phone), Some(rest)) => Wiped::of(format_args!("+81{rest}")),
                    _ => member.into(),
                };
                let bytes = beginning.as_bytes();
                (tokens(bytes), size_of_beginning(bytes).ok_or_else(|| refused(what))?)
            }
            ListKind::Address => {
                let address = Address::parse(text()?);
                let what = "found an address without a city or without numbers, expected at least both";
                let member = Member::of_address(&address, &self.present, self.previous.as_ref());
                return member.ok_or_else(|| refused(what));
            }
            ListKind::Name => {
                let what = "found a name without a letter";
                let name = Name::parse(text()?).ok_or_else(|| refused(what))?;
                return Ok(Member::of_name(&name, &self.present, self.previous.as_ref()));
            }
            ListKind::Domain => {
                let what =
                    "found text that is no domain, expected one such as example.co.jp, without @, / and :";
                let (domain, size) = domain_with_size(member).ok_or_else(|| refused(what))?;
                (tokens(&domain), size)
            }
        };
        Ok(Member::Part(token, previous, size))
    }
}

impl PreparedList {
    /// The name of the list.
    pub fn list(&self) -> &str {
        &self.list
    }

    /// How many members were added, those among them that were added twice.
    pub fn len(&self) -> usize {
        self.prepared.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an identifier or, for a cidr list, a network or address. Of several that are the same the last counts.
    ///
    /// # Errors
    /// As [`Engine::list_add`].
    pub fn add(&mut self, member: &str, entry: &ListEntry) -> Result<()> {
        check_entry(&self.list, entry)?;
        let added = match &self.hashes {
            Hashes::Networks => self.prepared.add_network(network(&self.list, member)?, entry),
            Hashes::Tokens(hashes) => {
                let (token, previous, size) = match hashes.member(member)? {
                    Member::Part(token, _, size) => (token, None, size),
                    Member::Token(token, previous) => (token, previous.filter(|_| self.asked_later), 0),
                    Member::Home(home, _) => {
                        let added = self.prepared.add_home(home, entry, self.era);
                        return added.ok_or_else(|| too_many_classes(&self.list));
                    }
                    Member::Network(_) => return Ok(()),
                };
                let superseded =
                    previous.map_or(Some(()), |previous| self.prepared.supersede(previous, entry));
                superseded.and_then(|()| self.prepared.add(token, size, entry, self.era))
            }
        };
        added.ok_or_else(|| too_many_classes(&self.list))
    }

    /// Takes in what somebody else gathered for the same list. Of a member that both have, the more severe entry stays,
    /// of two that are as severe the one that lasts longer; so the order of merging does not matter.
    ///
    /// # Errors
    /// [`ErrorKind::Key`] when the other was gathered for another list or hashed with another key,
    /// [`ErrorKind::OutOfRange`] for more than 65,536 different severities, reasons and sources.
    pub fn merge(&mut self, other: impl Borrow<PreparedList>) -> Result<()> {
        let other = other.borrow();
        let refused = |what| Err(Error::of_field(ErrorKind::Key, &self.list, what));
        if other.list != self.list || other.key.id != self.key.id {
            return refused(format!(
                "found members for \"{}\" hashed with key {}, expected some for \"{}\" hashed with key {}",
                other.list, other.key.id, self.list, self.key.id
            ));
        }
        if other.key != self.key {
            return refused(other_secret(self.key.id));
        }
        self.prepared.merge(&other.prepared).ok_or_else(|| too_many_classes(&self.list))
    }

    /// Adds many.
    ///
    /// # Errors
    /// As [`add`](PreparedList::add); those before the one that is refused are added.
    pub fn extend<M: AsRef<str>, E: Borrow<ListEntry>>(
        &mut self,
        members: impl IntoIterator<Item = (M, E)>,
    ) -> Result<()> {
        members.into_iter().try_for_each(|(member, entry)| self.add(member.as_ref(), entry.borrow()))
    }
}

/// A list and the key that hashes it.
fn plan_of<'a>(ruling: &'a Ruling, list: &str) -> Result<(&'a ListPlan, &'a HashKey)> {
    let number = ruling.list_number(list)?;
    let Some(plan) = ruling.policy.0.lists.get(number) else {
        return Err(unknown(list));
    };
    Ok((plan, ruling.keys.of_list(plan)?))
}

fn unknown(list: &str) -> Error {
    Error::of_field(ErrorKind::UnknownName, list, "the policy names no such list")
}

fn check_key(plan: &ListPlan, key: &HashKey, hashed_with: KeyMark) -> Result<()> {
    if key.mark() == hashed_with {
        return Ok(());
    }
    let what = if key.id() == hashed_with.id {
        other_secret(key.id())
    } else {
        format!(
            "the members were hashed with key {}, which key {} has replaced; gather them anew",
            hashed_with.id,
            key.id()
        )
    };
    Err(Error::of_field(ErrorKind::Key, &plan.name, what))
}

fn other_secret(id: u32) -> String {
    format!(
        "the members were hashed with another secret than that of key {id}, under the same number; gather them anew"
    )
}

fn check_entry(list: &str, entry: &ListEntry) -> Result<()> {
    if entry.severity > 100 {
        let what = format!("found a severity of {}, expected 0 to 100", entry.severity);
        return Err(Error::of_field(ErrorKind::OutOfRange, list, what));
    }
    if let Some(what) = entry.expires.filter(|time| *time <= LATEST).and_then(amiss) {
        return Err(Error::of_field(ErrorKind::Time, list, format!("expires: {what}")));
    }
    for (name, text) in [("reason", &entry.reason), ("source", &entry.source)] {
        if text.len() > LONGEST_REASON {
            let what =
                format!("found a {name} of {} bytes, at most {LONGEST_REASON} are allowed", text.len());
            return Err(Error::of_field(ErrorKind::TooLong, list, what));
        }
    }
    Ok(())
}

fn too_many_classes(list: &str) -> Error {
    let what = "a list has at most 65,536 different severities, reasons and sources; load it anew with fewer";
    Error::of_field(ErrorKind::OutOfRange, list, what)
}

fn network(list: &str, member: &str) -> Result<ipnet::IpNet> {
    parse_network(member).ok_or_else(|| {
        let what = "found text that is no network, expected one such as 203.0.113.0/24";
        Error::of_field(ErrorKind::OutOfRange, list, what)
    })
}

impl Engine {
    /// Puts an identifier (or, on a cidr list, a network or address) on a list, or changes its entry.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a list that the policy does not name, [`ErrorKind::OutOfRange`] for a severity
    /// above 100 and for more than 65,536 different severities, reasons and sources, [`ErrorKind::TooLong`] for a
    /// reason or a source of more than 1,024 bytes, [`ErrorKind::Time`] for an expiry before 1990, and errors
    /// of the identifier.
    pub fn list_add(&self, list: &str, member: &str, entry: ListEntry) -> Result<()> {
        self.change_list(list, member, Some(&entry)).map(|_| ())
    }

    /// Takes an identifier or network off a list. False when it was not on it.
    ///
    /// # Errors
    /// As [`list_add`](Engine::list_add).
    pub fn list_remove(&self, list: &str, member: &str) -> Result<bool> {
        self.change_list(list, member, None)
    }

    /// How many members a list has, expired ones among them.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a list that the policy does not name.
    pub fn list_len(&self, list: &str) -> Result<usize> {
        self.read_list(list).map(|list| list.len())
    }

    /// Bytes of memory that a list takes, apart from the budget of histories.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a list that the policy does not name.
    pub fn list_bytes(&self, list: &str) -> Result<usize> {
        self.read_list(list).map(|list| list.bytes())
    }

    /// What a list was called when it was last loaded as a whole, and how often it changed.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a list that the policy does not name.
    pub fn list_version(&self, list: &str) -> Result<ListVersion> {
        self.read_list(list).map(|list| list.version())
    }

    fn read_list(&self, list: &str) -> Result<Arc<List>> {
        let present = self.present.load();
        let number = present.ruling.list_number(list)?;
        present.lists.get(number).map(Arc::clone).ok_or_else(|| unknown(list))
    }

    /// Begins to gather members for a list, for [`list_load`](Engine::list_load) and
    /// [`list_swap`](Engine::list_swap). Ten million take some 250 MB until then.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a list that the policy does not name.
    pub fn list_prepare(&self, list: &str) -> Result<PreparedList> {
        let ruling = self.ruling();
        let (plan, key) = plan_of(&ruling, list)?;
        let hashing = Hashing::new(&ruling, plan)?;
        Ok(PreparedList {
            list: list.to_owned(),
            hashes: hashing.map_or(Hashes::Networks, |hashing| Hashes::Tokens(Box::new(hashing))),
            prepared: Prepared::default(),
            key: key.mark(),
            era: plan.era(ruling.keys.era),
            asked_later: plan.asked_later,
        })
    }

    /// Whether gathered members could be loaded as things are.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a list that the policy in force does not name, [`ErrorKind::Key`] when the members
    /// were hashed with another key.
    pub fn list_accepts(&self, members: &PreparedList) -> Result<()> {
        let ruling = self.ruling();
        let (plan, key) = plan_of(&ruling, &members.list)?;
        check_key(plan, key, members.key)
    }

    /// What was gathered as bytes that others who have the list's key can [open](Engine::list_open): for a list with a
    /// `key` of its own, the institutions that share it. No identifier can be read from them, only hashes of 60 bits,
    /// reasons, sources and expiries; whoever has the key can try whether a certain identifier is among them.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] for a cidr list, whose networks could be read, and as
    /// [`list_load`](Engine::list_load).
    pub fn list_seal(&self, members: &PreparedList) -> Result<Vec<u8>> {
        let ruling = self.ruling();
        let (plan, key) = plan_of(&ruling, &members.list)?;
        check_key(plan, key, members.key)?;
        bundle::seal(plan, key, &members.prepared, members.era)
    }

    /// Opens what was sealed for a list, to load it, or to [merge](PreparedList::merge) what several members share.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] for bytes that are no bundle, are cut off or changed, were sealed with another key or for
    /// another kind of list, and [`ErrorKind::UnknownName`] for a list that the policy does not name.
    pub fn list_open(&self, list: &str, bytes: &[u8]) -> Result<PreparedList> {
        let mut members = self.list_prepare(list)?;
        let ruling = self.ruling();
        let (plan, key) = plan_of(&ruling, list)?;
        check_key(plan, key, members.key)?;
        members.prepared = bundle::open(plan, key, bytes, members.era)?;
        Ok(members)
    }

    /// Adds many members, some ten thousand at a time; says how many the list has more than before. Addresses and
    /// networks are added all at once.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] when another policy has come into force that does not name the list,
    /// [`ErrorKind::Key`] when they were hashed with another key, the key was replaced since, or the policy or the key
    /// while they were loaded: then a part of them may be on the list; [`ErrorKind::OutOfRange`] for
    /// more than 65,536 different severities, reasons and sources.
    pub fn list_load(&self, members: PreparedList) -> Result<usize> {
        let PreparedList { list, prepared, key, .. } = members;
        let _loads = locked(&self.loads);
        // Of more at a time, the chance would be higher that somebody else changes the list meanwhile.
        let batches = prepared.batches().into_iter();
        batches.map(|batch| self.load(&list, key, batch, None)).sum()
    }

    /// Puts other members in the place of all that a list has, at once: whoever scores meanwhile sees the ones or the
    /// others, and waits for nothing. `name` is what the host calls them. Says how many the list has now.
    ///
    /// # Errors
    /// As [`list_load`](Engine::list_load).
    pub fn list_swap(&self, members: PreparedList, name: &str) -> Result<usize> {
        let PreparedList { list, prepared, key, .. } = members;
        let _loads = locked(&self.loads);
        self.load(&list, key, prepared, Some(name))
    }

    /// Loads come one at a time, and no snapshot begins between the frames of one: the caller holds `loads`.
    fn load(&self, list: &str, key: KeyMark, prepared: Prepared, name: Option<&str>) -> Result<usize> {
        let ruling = self.ruling();
        let number = ruling.list_number(list)?;
        let Some(plan) = ruling.policy.0.lists.get(number) else { return Ok(0) };
        let other = || {
            let what = "another policy or key came into force meanwhile; gather the members anew";
            Error::of_field(ErrorKind::Key, list, what)
        };
        let mut target = self.list(&ruling, number).ok_or_else(other)?;
        check_key(plan, ruling.keys.of_list(plan)?, key)?;
        if name.is_none() && !target.has_classes_of(&prepared) {
            return Err(too_many_classes(list));
        }
        if !self.journal.list_gathered(&ruling, plan, &prepared) {
            return Err(other());
        }
        let load = match name {
            Some(name) => Load::Whole(target.build(prepared, name)),
            None => Load::More(prepared),
        };
        let apply = |list: &List| {
            let mut list = list.clone();
            let members = load.apply(&mut list);
            (list, members)
        };
        let mut turns = TURNS;
        loop {
            // All the work is done in a copy before anybody has to wait; if others change the list meanwhile, anew.
            let done = apply(&target);
            let changes = locked(&self.lists);
            let before = self.present.load_full();
            let present = before.lists.get(number).filter(|_| before.ruling.generation == ruling.generation);
            let present = present.ok_or_else(other)?;
            turns -= 1;
            let (loaded, members) = if Arc::ptr_eq(present, &target) {
                done
            } else if turns == 0 {
                apply(present)
            } else {
                target = Arc::clone(present);
                continue;
            };
            self.journal.list_loaded(&ruling, list, name);
            self.change_lists(&changes, |all| {
                if let Some(list) = all.get_mut(number) {
                    *list = Arc::new(loaded);
                }
            });
            // Others change lists while this waits; some of them hold what it waits for.
            drop(changes);
            outlive(before);
            return Ok(members);
        }
    }

    fn change_list(&self, list: &str, member: &str, entry: Option<&ListEntry>) -> Result<bool> {
        loop {
            let ruling = self.ruling();
            if let Some(known) = self.change_list_under(&ruling, list, member, entry)? {
                return Ok(known);
            }
        }
    }

    /// `None` when another policy or key has come into force.
    fn change_list_under(
        &self,
        ruling: &Ruling,
        list: &str,
        member: &str,
        entry: Option<&ListEntry>,
    ) -> Result<Option<bool>> {
        let number = ruling.list_number(list)?;
        entry.map_or(Ok(()), |entry| check_entry(list, entry))?;
        let policy = &*ruling.policy.0;
        let Some(plan) = policy.lists.get(number) else { return Ok(Some(false)) };
        let member = match Hashing::new(ruling, plan)? {
            Some(hashing) => hashing.member(member)?,
            None => Member::Network(network(list, member)?),
        };
        // Frames come in the order of the changes.
        let changes = locked(&self.lists);
        let Some(target) = self.list(ruling, number) else { return Ok(None) };
        if entry.is_some_and(|entry| !target.has_room_for(entry)) {
            return Err(too_many_classes(list));
        }
        self.journal.list_changed(ruling, &ListChange { list, member, entry, since: None });
        Ok(self.change_lists(&changes, |all| {
            let target = all.get_mut(number).map(Arc::make_mut);
            target.map(|target| member.change(target, entry, plan.era(ruling.keys.era)))
        }))
    }
}

/// Waits for those who still read what was in force: the last of them would have to take whole lists apart, and they
/// read for microseconds.
pub(super) fn outlive(before: Arc<Present>) {
    let mut patience = 1_000_000;
    while Arc::strong_count(&before) > 1 && patience > 0 {
        patience -= 1;
        std::hint::spin_loop();
    }
}

/// A load is done so often in copies of a list that others change meanwhile; the last time they wait for it.
const TURNS: usize = 3;

/// What is about to be loaded.
pub(super) enum Load {
    /// In the place of all members.
    Whole(List),
    /// Beside those that are there.
    More(Prepared),
}

impl Load {
    /// Says how many members there are now, or are more than before.
    pub(super) fn apply(&self, target: &mut List) -> usize {
        match self {
            Load::Whole(list) => {
                target.replace(list.clone(), target.version().number + 1);
                target.len()
            }
            Load::More(prepared) => {
                target.changed();
                target.take_in(prepared).unwrap_or(0)
            }
        }
    }
}
