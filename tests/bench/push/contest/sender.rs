//! A sender in a process of its own. It says `ready`, then answers each line
//! `<in flight> <milliseconds> <first device>` with what it sent in that time, as JSON.

use serde::Deserialize;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

pub(crate) struct Sender {
    pub(crate) name: &'static str,
    child: Child,
    tell: ChildStdin,
    said: BufReader<ChildStdout>,
}

/// What a sender says of its turn.
#[derive(Debug, Deserialize)]
pub(crate) struct Sent {
    pub(crate) accepted: u64,
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
}

impl Sender {
    pub(crate) fn start(name: &'static str, mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let mut sender = Self {
            name,
            tell: child.stdin.take().unwrap(),
            said: BufReader::new(child.stdout.take().unwrap()),
            child,
        };
        assert_eq!(sender.line(), "ready", "{name}");
        sender
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&mut self, in_flight: u64, millis: u64, first_device: u64) -> Sent {
        writeln!(self.tell, "{in_flight} {millis} {first_device}").unwrap();
        serde_json::from_str(&self.line()).unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
