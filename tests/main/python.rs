//! Servers in Python by other authors: what rostersync sends is judged by independent code.
//!
//! `.ci/run` installs what they need. Elsewhere a test that needs a package which is not there is
//! left out, and says so.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::machine::left_out;

/// A server; it ends with the test.
pub(crate) struct Python {
    child: Child,
    /// What it said when it was ready.
    pub(crate) ready: String,
}

impl Python {
    /// Starts a script that says one line when it is ready and ends with its standard input. None,
    /// said aloud, where
    /// `package` is not installed.
    pub(crate) fn serve(package: &str, script: &str, arguments: &[&str]) -> Option<Self> {
        let there = Command::new("python3").args(["-c", &format!("import {package}")]).output();
        if !there.is_ok_and(|output| output.status.success()) {
            return left_out(package, "python3 with this package is not on this machine");
        }
        let mut child = Command::new("python3")
            .args(["-c", script])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let ready = ready.trim_end().to_owned();
        assert!(!ready.is_empty(), "the server ended before it was ready");
        Some(Self { child, ready })
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
