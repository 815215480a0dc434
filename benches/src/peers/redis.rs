//! The features by Redis on loopback, which keeps events of entities where no library does.
//!
//! Each entity has a sorted set of its events for each condition, scored by time, and one for each field whose
//! different values are counted, scored by when a value was last seen. An event reads and writes all of them in one
//! pipelined round trip.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A feature as a policy has it.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "named as the keys of a policy")]
pub struct RedisLine {
    pub by: &'static str,
    pub aggregate: &'static str,
    pub of: &'static str,
    /// Milliseconds.
    pub over: u64,
    pub condition: &'static str,
}

/// One event.
pub trait RedisEvent {
    /// What names it.
    fn id(&self) -> &str;
    /// Milliseconds; none may be earlier than the one before.
    fn time(&self) -> u64;
    /// What is summed.
    fn amount(&self) -> i64;
    /// An entity or another field.
    fn value(&self, field: &str) -> Option<&str>;
    /// Whether a condition of a feature holds.
    fn holds(&self, condition: &str) -> bool;
}

/// A sorted set that every entity of a kind has.
#[derive(Debug)]
struct Set {
    by: &'static str,
    /// Without the entity's identifier.
    key: String,
    content: Content,
    /// The longest window of its features; what is older is dropped.
    retention: u64,
    /// The longest window whose events come as they are, for what only the client can compute.
    range: Option<u64>,
    features: Vec<Feature>,
}

#[derive(Debug, PartialEq)]
enum Content {
    /// Events under a condition, with what is summed.
    Events { condition: &'static str },
    /// Values, with when they were last seen.
    Values { field: &'static str },
}

#[derive(Debug)]
struct Feature {
    /// Its place among all.
    place: usize,
    aggregate: &'static str,
    over: u64,
}

impl Set {
    /// Whether a feature is computed from the range, which is there anyway, and asks nothing of its own.
    fn is_in_range(&self, feature: &Feature) -> bool {
        self.range.is_some_and(|range| feature.over <= range)
    }

    /// The key of the event's entity, when it has one.
    fn key(&self, event: &impl RedisEvent) -> Option<String> {
        event.value(self.by).map(|entity| format!("{}{entity}", self.key))
    }
}

/// What one event took.
#[derive(Clone, Copy, Debug)]
pub struct RedisWork {
    /// From the first byte sent until all replies are there.
    pub round_trip: Duration,
    /// With writing the commands before it and computing the features after it.
    pub whole: Duration,
    /// Commands that it sent.
    pub commands: usize,
}

/// A server of its own, stopped when this is dropped.
#[derive(Debug)]
pub struct Redis {
    server: Child,
    connection: TcpStream,
    sets: Vec<Set>,
    request: Request,
    reply: Vec<u8>,
    /// Times and amounts of a range.
    events: Vec<(u64, i64)>,
}

impl Redis {
    /// Starts `redis-server`, which has to be installed, without persistence.
    ///
    /// # Errors
    /// A server that does not start or answer.
    pub fn start(lines: &[RedisLine]) -> Result<Redis, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server does not start: {error}"))?;
        for _ in 0..100 {
            if let Ok(connection) = TcpStream::connect(("127.0.0.1", port)) {
                connection.set_nodelay(true)?;
                let (request, reply, events) = (Request::default(), vec![0; 1 << 16], Vec::new());
                return Ok(Redis { server, connection, sets: sets(lines), request, reply, events });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = server.kill();
        let _ = server.wait();
        Err("redis-server does not answer".into())
    }

    /// Computes the features of an event in the order of the lines, `None` where there is nothing to compute from,
    /// and then records it: all in one round trip.
    ///
    /// # Errors
    /// A connection that breaks, or a reply that is not what was asked for.
    pub fn assess(
        &mut self,
        event: &impl RedisEvent,
        values: &mut [Option<f64>],
    ) -> Result<RedisWork, Box<dyn Error>> {
        let start = Instant::now();
        values.fill(None);
        self.request.clear();
        self.ask(event);
        self.write(event);
        let (end, round_trip) = self.exchange()?;
        let mut replies = Replies { bytes: &self.reply[..end] };
        for set in self.sets.iter().filter(|set| event.value(set.by).is_some()) {
            read(set, event.time(), &mut replies, &mut self.events, values)?;
        }
        // The others say how many members came and went.
        while !replies.bytes.is_empty() {
            replies.integer()?;
        }
        Ok(RedisWork { round_trip, whole: start.elapsed(), commands: self.request.commands })
    }

    /// Records an event.
    ///
    /// # Errors
    /// As [`assess`](Redis::assess).
    pub fn record(&mut self, event: &impl RedisEvent) -> Result<(), Box<dyn Error>> {
        self.request.clear();
        self.write(event);
        self.exchange()?;
        Ok(())
    }

    /// Bytes of memory that the server says it uses.
    ///
    /// # Errors
    /// As [`assess`](Redis::assess).
    pub fn memory(&mut self) -> Result<usize, Box<dyn Error>> {
        self.request.clear();
        self.request.command(&["INFO", "memory"]);
        let (end, _) = self.exchange()?;
        let text = std::str::from_utf8(&self.reply[..end])?;
        let line = text.lines().find_map(|line| line.strip_prefix("used_memory:")).ok_or("no used_memory")?;
        Ok(line.parse()?)
    }

    /// Puts what the features need into the request: before the event itself, which does not count.
    fn ask(&mut self, event: &impl RedisEvent) {
        let time = event.time();
        for set in &self.sets {
            let Some(key) = &set.key(event) else { continue };
            if let Some(range) = set.range {
                let from = format!("({}", time - range);
                self.request.command(&["ZRANGEBYSCORE", key, &from, "+inf", "WITHSCORES"]);
            }
            for feature in set.features.iter().filter(|feature| !set.is_in_range(feature)) {
                if feature.aggregate == "since" {
                    self.request.command(&["ZREVRANGE", key, "0", "0", "WITHSCORES"]);
                } else {
                    let from = format!("({}", time - feature.over);
                    self.request.command(&["ZCOUNT", key, &from, "+inf"]);
                }
            }
        }
    }

    /// Puts the event itself into the request.
    fn write(&mut self, event: &impl RedisEvent) {
        let time = event.time().to_string();
        let member = format!("{}:{}", event.id(), event.amount());
        for set in &self.sets {
            let Some(key) = &set.key(event) else { continue };
            let member = match set.content {
                Content::Events { condition } => {
                    (condition.is_empty() || event.holds(condition)).then_some(&*member)
                }
                Content::Values { field } => event.value(field),
            };
            let Some(member) = member else { continue };
            self.request.command(&["ZADD", key, &time, member]);
            let until = (event.time() - set.retention).to_string();
            self.request.command(&["ZREMRANGEBYSCORE", key, "-inf", &until]);
            self.request.command(&["PEXPIRE", key, &set.retention.to_string()]);
        }
    }

    /// Sends the request and waits for as many replies; where they end, and how long it took.
    fn exchange(&mut self) -> Result<(usize, Duration), Box<dyn Error>> {
        let start = Instant::now();
        self.connection.write_all(&self.request.bytes)?;
        let (mut filled, mut known) = (0, 0);
        for _ in 0..self.request.commands {
            let length = loop {
                if let Some(length) = length_of_reply(&self.reply[known..filled]) {
                    break length;
                }
                if filled == self.reply.len() {
                    self.reply.resize(filled * 2, 0);
                }
                let read = self.connection.read(&mut self.reply[filled..])?;
                if read == 0 {
                    return Err("redis-server hung up".into());
                }
                filled += read;
            };
            known += length;
        }
        Ok((known, start.elapsed()))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It keeps nothing.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The sets that features need.
fn sets(lines: &[RedisLine]) -> Vec<Set> {
    let mut sets: Vec<Set> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let RedisLine { by, aggregate, of, over, condition } = *line;
        let content = match aggregate {
            "distinct" => {
                assert!(condition.is_empty(), "a set of values for each condition is not written");
                Content::Values { field: of }
            }
            _ => Content::Events { condition },
        };
        let known = sets.iter().position(|set| set.by == by && set.content == content);
        let known = known.unwrap_or_else(|| {
            let key = format!("{by}:{}:", sets.iter().filter(|set| set.by == by).count());
            sets.push(Set { by, key, content, retention: 0, range: None, features: Vec::new() });
            sets.len() - 1
        });
        let set = &mut sets[known];
        set.retention = set.retention.max(over);
        if ["sum", "mean", "stddev", "min", "max"].contains(&aggregate) {
            set.range = set.range.max(Some(over));
        }
        set.features.push(Feature { place, aggregate, over });
    }
    sets
}

/// Computes the features of a set from what was answered.
fn read(
    set: &Set,
    time: u64,
    replies: &mut Replies<'_>,
    events: &mut Vec<(u64, i64)>,
    values: &mut [Option<f64>],
) -> Result<(), Box<dyn Error>> {
    events.clear();
    if set.range.is_some() {
        for _ in 0..replies.array()? / 2 {
            let (member, at) = (replies.text()?, replies.text()?);
            let (_, amount) = member.rsplit_once(':').ok_or("a member without an amount")?;
            events.push((at.parse()?, amount.parse()?));
        }
    }
    for feature in &set.features {
        let value = if set.is_in_range(feature) {
            let from = events.partition_point(|(at, _)| *at <= time - feature.over);
            computed(feature.aggregate, time, &events[from..])
        } else if feature.aggregate == "since" {
            let known = replies.array()? > 0;
            let last: Option<u64> =
                if known { Some((replies.text()?, replies.text()?).1.parse()?) } else { None };
            last.filter(|last| last + feature.over > time).map(|last| (time - last) as f64)
        } else {
            Some(replies.integer()? as f64)
        };
        values[feature.place] = value;
    }
    Ok(())
}

/// A feature's value over the events of its window.
fn computed(aggregate: &str, time: u64, events: &[(u64, i64)]) -> Option<f64> {
    let amounts = events.iter().map(|(_, amount)| *amount);
    let sum: i64 = amounts.clone().sum();
    let (count, mean) = (events.len() as f64, sum as f64 / events.len() as f64);
    match aggregate {
        "count" => Some(count),
        "sum" => Some(sum as f64),
        "mean" => (count > 0.0).then_some(mean),
        "stddev" => {
            let squares: f64 = amounts.map(|amount| (amount as f64 - mean).powi(2)).sum();
            (count > 1.0).then(|| (squares / (count - 1.0)).sqrt())
        }
        "min" => amounts.min().map(|amount| amount as f64),
        "max" => amounts.max().map(|amount| amount as f64),
        "since" => events.last().map(|(at, _)| (time - at) as f64),
        other => panic!("{other}: this is not written"),
    }
}

/// Commands that are sent together.
#[derive(Debug, Default)]
struct Request {
    bytes: Vec<u8>,
    commands: usize,
}

impl Request {
    fn clear(&mut self) {
        self.bytes.clear();
        self.commands = 0;
    }

    fn command(&mut self, words: &[&str]) {
        self.length('*', words.len());
        for word in words {
            self.length('$', word.len());
            self.bytes.extend_from_slice(word.as_bytes());
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.commands += 1;
    }

    fn length(&mut self, mark: char, length: usize) {
        // Formatting takes longer than all else here, and hardly a word is long.
        let digits = [length / 100, length / 10 % 10, length % 10].map(|digit| b'0' + digit as u8);
        assert!(length < 1_000, "a word of {length} bytes");
        let zeros = digits[..2].iter().take_while(|digit| **digit == b'0').count();
        self.bytes.push(mark as u8);
        self.bytes.extend_from_slice(&digits[zeros..]);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// Bytes of the first reply; `None` when not all of it is there.
fn length_of_reply(bytes: &[u8]) -> Option<usize> {
    let mut end = line_end(bytes)?;
    let number = || std::str::from_utf8(&bytes[1..end - 2]).ok()?.parse::<usize>().ok();
    match bytes[0] {
        // A value that is not there has a negative length.
        b'$' => end += number().map_or(0, |length| length + 2),
        b'*' => {
            for _ in 0..number().unwrap_or(0) {
                end += length_of_reply(&bytes[end..])?;
            }
        }
        _ => {}
    }
    (end <= bytes.len()).then_some(end)
}

/// Where the first line ends.
fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
}

/// Replies that are all there.
struct Replies<'r> {
    bytes: &'r [u8],
}

impl<'r> Replies<'r> {
    fn take(&mut self, length: usize) -> Result<&'r str, Box<dyn Error>> {
        let (text, rest) = self.bytes.split_at_checked(length).ok_or("too few replies")?;
        self.bytes = rest;
        Ok(std::str::from_utf8(text)?.trim_end_matches("\r\n"))
    }

    /// What a line says behind the mark of its kind.
    fn line(&mut self, mark: char) -> Result<&'r str, Box<dyn Error>> {
        let line = self.take(line_end(self.bytes).ok_or("too few replies")?)?;
        Ok(line.strip_prefix(mark).ok_or_else(|| format!("redis-server says {line}"))?)
    }

    fn integer(&mut self) -> Result<u64, Box<dyn Error>> {
        Ok(self.line(':')?.parse()?)
    }

    fn array(&mut self) -> Result<usize, Box<dyn Error>> {
        Ok(self.line('*')?.parse()?)
    }

    fn text(&mut self) -> Result<&'r str, Box<dyn Error>> {
        let length: usize = self.line('$')?.parse()?;
        self.take(length + 2)
    }
}
