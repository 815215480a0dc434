//! Redis on loopback: what counts events of entities where no library does.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server of its own, stopped when this is dropped.
#[derive(Debug)]
pub struct Redis {
    server: Child,
    connection: TcpStream,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl Redis {
    /// Starts `redis-server`, which has to be installed, without persistence.
    ///
    /// # Errors
    /// A server that does not start or answer.
    pub fn start() -> Result<Redis, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server does not start: {error}"))?;
        for _ in 0..100 {
            if let Ok(connection) = TcpStream::connect(("127.0.0.1", port)) {
                connection.set_nodelay(true)?;
                return Ok(Redis { server, connection, request: Vec::new(), reply: vec![0; 1 << 16] });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("redis-server does not answer".into())
    }

    /// Counts the events of each key in each of its windows (milliseconds before `time`), and records this one: all
    /// in one round trip. Returns the sum of all counts.
    ///
    /// # Errors
    /// A connection that breaks, or a reply that is no number.
    pub fn count_and_record(
        &mut self,
        time: u64,
        id: &str,
        keys: &[(String, Vec<u64>)],
        longest: u64,
    ) -> Result<u64, Box<dyn Error>> {
        self.request.clear();
        let mut replies = 0;
        for (key, windows) in keys {
            for window in windows {
                command(&mut self.request, &["ZCOUNT", key, &format!("({}", time - window), "+inf"]);
            }
            command(&mut self.request, &["ZADD", key, &time.to_string(), id]);
            command(&mut self.request, &["ZREMRANGEBYSCORE", key, "-inf", &(time - longest).to_string()]);
            replies += windows.len() + 2;
        }
        self.connection.write_all(&self.request)?;
        let mut length = 0;
        // Every reply is a number on a line of its own.
        while self.reply[..length].iter().filter(|byte| **byte == b'\n').count() < replies {
            let read = self.connection.read(&mut self.reply[length..])?;
            if read == 0 {
                return Err("redis-server hung up".into());
            }
            length += read;
        }
        let mut sum = 0;
        for line in std::str::from_utf8(&self.reply[..length])?.lines() {
            let number = line.strip_prefix(':').ok_or_else(|| format!("redis-server says {line}"))?;
            sum += number.parse::<u64>()?;
        }
        Ok(sum)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It keeps nothing.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn command(request: &mut Vec<u8>, words: &[&str]) {
    request.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}
