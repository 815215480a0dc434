//! Many engines in one process: each tenant has a policy, a key and memory of its own, all within one budget.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Weak};

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::engine::{Engine, EngineBuilder, TableStatistics};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Mutex, locked};

/// Bytes that a tenant's name may have.
const LONGEST_NAME: usize = 256;

/// Engines by name, one for each tenant, within one budget of memory.
///
/// A tenant is an [`Engine`] of its own: its policy, its key, its tables, lists and challenger, its snapshots and
/// its journal. Nothing is shared but the budget, so that the same identifier in two tenants is two strangers, and a
/// flood in one evicts nobody in another. Give each a key of its own: then their tokens have nothing in common, and
/// no snapshot or journal of one can be opened as another's.
///
/// Each engine stays within the bytes that its builder was given ([`EngineBuilder::memory`], or those of its tables
/// if they are more), and all of these together within the registry's. [`get`](Tenants::get) never waits, whoever is
/// added or removed meanwhile.
///
/// ```
/// # let text = r#"
/// #     [policy]
/// #     name = "example"
/// #     version = "1"
/// #     currency = "JPY"
/// #     [[feature]]
/// #     name = "logins"
/// #     aggregate = "count"
/// #     by = ["account"]
/// #     over = "1h"
/// #     [[rule]]
/// #     id = "again"
/// #     when = 'logins >= 1'
/// #     points = 100
/// #     [decision]
/// #     bands = [{ from = 0, action = "allow" }]
/// # "#;
/// # let (policy_of_acme, policy_of_zenith) =
/// #     (sekisho::Policy::from_toml(text)?, sekisho::Policy::from_toml(text)?);
/// use sekisho::{Engine, Event, HashKey, Tenants};
///
/// let tenants = Tenants::new(4 << 30);
/// let acme = HashKey::new(1, *b"32 secret bytes that acme has ..");
/// tenants.add("acme", Engine::builder(policy_of_acme, acme).memory(1 << 30))?;
/// let zenith = HashKey::new(1, *b"32 others, known to zenith alone");
/// tenants.add("zenith", Engine::builder(policy_of_zenith, zenith).memory(3 << 30))?;
/// assert_eq!(tenants.names(), ["acme", "zenith"]);
/// assert_eq!(tenants.memory_left(), 0);
///
/// let login = Event::of("login", 1_767_225_600_000)?.with("account", "a-1")?;
/// let engine = tenants.get("acme").expect("it was added");
/// engine.assess(&login)?;
/// assert_eq!(engine.score(&login)?.score(), 100);
/// let elsewhere = tenants.get("zenith").expect("it was added");
/// assert_eq!(elsewhere.score(&login)?.score(), 0, "zenith has never seen this account");
///
/// drop((tenants.remove("acme"), engine));
/// assert_eq!(tenants.memory_left(), 1 << 30);
/// # Ok::<(), sekisho::Error>(())
/// ```
pub struct Tenants {
    memory: usize,
    /// In the order of names. Whoever changes it holds the book.
    all: ArcSwap<Vec<Arc<Tenant>>>,
    book: Mutex<Book>,
}

struct Tenant {
    name: String,
    memory: usize,
    /// Taken out when the tenant goes, so that readers of an earlier list do not keep the engine.
    engine: ArcSwapOption<Engine>,
}

/// What is set aside of the memory.
#[derive(Default)]
struct Book {
    /// By name, for engines that are still being restored too.
    shares: BTreeMap<String, usize>,
    /// Of tenants that were removed, as long as somebody holds the engine.
    leaving: Vec<(usize, Weak<Engine>)>,
}

/// How much a tenant remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantStatistics {
    /// The tenant's name.
    pub name: String,
    /// Bytes of memory that the tenant may use.
    pub memory: usize,
    /// Bytes of memory in use, of all its tables.
    pub bytes: usize,
    /// What each of its tables remembers, in the order of its policy.
    pub tables: Vec<TableStatistics>,
}

impl Tenants {
    /// A registry without tenants, for engines that together may fill so many bytes.
    pub fn new(memory: usize) -> Tenants {
        Tenants { memory, all: ArcSwap::default(), book: Mutex::default() }
    }

    /// Starts an engine as its builder says, under a name. Without [`EngineBuilder::memory`] it has a gibibyte.
    ///
    /// # Errors
    /// [`ErrorKind::Taken`] when a tenant has this name, [`ErrorKind::OutOfRange`] when fewer bytes are left than it
    /// may fill, [`ErrorKind::Empty`] or [`ErrorKind::TooLong`] for a name of no or more than 256 bytes, and errors
    /// of [`EngineBuilder::build`].
    pub fn add(&self, name: &str, builder: EngineBuilder) -> Result<Arc<Engine>> {
        self.install(name, builder, EngineBuilder::build)
    }

    /// Starts an engine that remembers what a snapshot holds, under a name. The name and the memory are set aside
    /// while it is read, and nobody sees the tenant before it is whole. What came behind the snapshot is
    /// [recovered](Engine::recover) with the engine's own journal.
    ///
    /// # Errors
    /// As [`add`](Tenants::add) and [`EngineBuilder::restore`]; another tenant's snapshot is
    /// [`ErrorKind::Damaged`], since it was sealed with another key.
    pub fn restore(&self, name: &str, builder: EngineBuilder, from: impl Read) -> Result<Arc<Engine>> {
        self.install(name, builder, |builder| builder.restore(from))
    }

    /// The book is not held while the engine starts: the host is asked for bytes meanwhile.
    fn install(
        &self,
        name: &str,
        builder: EngineBuilder,
        start: impl FnOnce(EngineBuilder) -> Result<Engine>,
    ) -> Result<Arc<Engine>> {
        let place = self.reserve(name, builder.most_memory())?;
        let engine = Arc::new(start(builder)?);
        place.fill(&engine);
        Ok(engine)
    }

    fn reserve(&self, name: &str, memory: usize) -> Result<Place<'_>> {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Empty, "found an empty name, a tenant has one"));
        }
        if name.len() > LONGEST_NAME {
            let what =
                format!("found a tenant's name of {} bytes, it has at most {LONGEST_NAME}", name.len());
            return Err(Error::new(ErrorKind::TooLong, what));
        }
        let mut book = locked(&self.book);
        if book.shares.contains_key(name) {
            let what = "a tenant has this name already; remove it first, or take another name";
            return Err(Error::of_field(ErrorKind::Taken, name, what));
        }
        let leaving = book.leaving();
        let left = self.memory.saturating_sub(book.taken()).saturating_sub(leaving);
        if memory > left {
            let held = match leaving {
                0 => String::new(),
                bytes => format!(" ({bytes} more when the engines of removed tenants are let go of)"),
            };
            let what = format!(
                "the tenant may fill {memory} bytes of memory, {left} of {} are left{held}; give it less, or remove another",
                self.memory
            );
            return Err(Error::of_field(ErrorKind::OutOfRange, name, what));
        }
        book.shares.insert(name.to_owned(), memory);
        Ok(Place { tenants: self, name: name.to_owned(), memory, filled: false })
    }

    /// The engine of a tenant. It goes on working for whoever holds it, also when the tenant is removed.
    pub fn get(&self, name: &str) -> Option<Arc<Engine>> {
        let all = self.all.load();
        all.get(place_of(&all, name).ok()?)?.engine.load_full()
    }

    /// Takes a tenant out; its engine, if there was one of this name. Its bytes can be given to another once nobody
    /// holds the engine any more.
    pub fn remove(&self, name: &str) -> Option<Arc<Engine>> {
        let mut book = locked(&self.book);
        let mut all = self.all.load_full().to_vec();
        let tenant = all.remove(place_of(&all, name).ok()?);
        let engine = tenant.engine.swap(None);
        self.all.store(Arc::new(all));
        book.shares.remove(name);
        book.leaving.extend(engine.iter().map(|engine| (tenant.memory, Arc::downgrade(engine))));
        engine
    }

    /// The tenants and their engines, in the order of names, as of now.
    pub fn iter(&self) -> impl Iterator<Item = (String, Arc<Engine>)> + use<> {
        let all = self.all.load_full();
        (0..all.len()).filter_map(move |place| {
            let tenant = all.get(place)?;
            Some((tenant.name.clone(), tenant.engine.load_full()?))
        })
    }

    /// The names of the tenants, in their order.
    pub fn names(&self) -> Vec<String> {
        self.all.load().iter().map(|tenant| tenant.name.clone()).collect()
    }

    /// How many tenants there are.
    pub fn len(&self) -> usize {
        self.all.load().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that all tenants together may fill.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Bytes that a further tenant may fill: those that no tenant was given, and that no engine of a removed one
    /// may still fill.
    pub fn memory_left(&self) -> usize {
        let mut book = locked(&self.book);
        let leaving = book.leaving();
        self.memory.saturating_sub(book.taken()).saturating_sub(leaving)
    }

    /// What each tenant remembers, in the order of names.
    pub fn statistics(&self) -> Vec<TenantStatistics> {
        let all = self.all.load_full();
        let statistics = all.iter().filter_map(|tenant| {
            let tables = tenant.engine.load_full()?.statistics();
            let bytes = tables.iter().map(|table| table.bytes).sum();
            Some(TenantStatistics { name: tenant.name.clone(), memory: tenant.memory, bytes, tables })
        });
        statistics.collect()
    }
}

fn place_of(all: &[Arc<Tenant>], name: &str) -> Result<usize, usize> {
    all.binary_search_by(|tenant| tenant.name.as_str().cmp(name))
}

impl Book {
    /// Bytes of all tenants. What was set aside fits the memory, so it fits a number.
    fn taken(&self) -> usize {
        self.shares.values().sum()
    }

    /// Bytes of removed tenants whose engines somebody holds.
    fn leaving(&mut self) -> usize {
        self.leaving.retain(|(_, engine)| engine.strong_count() > 0);
        self.leaving.iter().map(|(memory, _)| memory).sum()
    }
}

/// A name and memory that were set aside; given back unless an engine takes them.
struct Place<'a> {
    tenants: &'a Tenants,
    name: String,
    memory: usize,
    filled: bool,
}

impl Place<'_> {
    fn fill(mut self, engine: &Arc<Engine>) {
        let _book = locked(&self.tenants.book);
        let mut all = self.tenants.all.load_full().to_vec();
        if let Err(place) = place_of(&all, &self.name) {
            let engine = ArcSwapOption::from(Some(Arc::clone(engine)));
            all.insert(place, Arc::new(Tenant { name: self.name.clone(), memory: self.memory, engine }));
        }
        self.tenants.all.store(Arc::new(all));
        self.filled = true;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.filled {
            locked(&self.tenants.book).shares.remove(&self.name);
        }
    }
}

/// Says who is there, not what is remembered.
impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, whole) = (self.memory_left(), self.memory);
        write!(f, "Tenants({:?}, {left} of {whole} bytes left)", self.names())
    }
}
