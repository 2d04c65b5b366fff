//! The SIS's own ids, which ought to be one person's: only looked at by `check`, since a nightly run has nothing to do for it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_64;

use super::RosterSource;
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::last_night::FileSeen;
use crate::roles;
use crate::roster::{Mode, Record, Schools};

/// A source whose records are looked through for identifiers that two of them have.
pub struct Identifiers {
    inner: Box<dyn RosterSource>,
    /// Where findings are.
    file: &'static str,
}

impl Identifiers {
    pub fn new(inner: Box<dyn RosterSource>, file: &'static str) -> Self {
        Self { inner, file }
    }
}

/// Numbers of students and of staff come from different books. Those of guardians are nobody's business here.
fn book(record: &Record<'_>) -> Option<&'static str> {
    let mut held = record.roles.iter().map(|held| roles::canonical(held.role)).peekable();
    held.peek()?;
    let held: Vec<_> = held.collect();
    if held.iter().any(|role| role == "student") {
        return Some("student");
    }
    (!held.iter().any(|role| roles::is_guardian(role))).then_some("staff")
}

impl RosterSource for Identifiers {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn mode(&self) -> Mode {
        self.inner.mode()
    }

    fn schools(&self) -> &Schools {
        self.inner.schools()
    }

    fn roles_of_nobody(&self) -> u64 {
        self.inner.roles_of_nobody()
    }

    fn users_name(&self) -> &'static str {
        self.inner.users_name()
    }

    fn findings(&self) -> &Findings {
        self.inner.findings()
    }

    fn names_nobody_somewhere(&self) -> bool {
        self.inner.names_nobody_somewhere()
    }

    fn shares_no_guardians(&self) -> bool {
        self.inner.shares_no_guardians()
    }

    fn guardians_beside(&self) -> Option<&HashSet<u64>> {
        self.inner.guardians_beside()
    }

    fn files_seen(&self) -> BTreeMap<String, FileSeen> {
        self.inner.files_seen()
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        // By a hash of the identifier: a hash of whose it is, and where that stood.
        let mut first: HashMap<u64, (u64, Option<u64>)> = HashMap::new();
        let mut twice = Findings::default();
        self.inner.read(findings, &mut |record| {
            let identifier = record.identifier.filter(|identifier| !identifier.is_empty() && !record.deleted);
            if let Some((identifier, book)) = identifier.zip(book(record)) {
                let key = xxh3_64(format!("{book}\n{identifier}").as_bytes());
                let owner = xxh3_64(record.sourced_id.as_bytes());
                let (other, at) = *first.entry(key).or_insert((owner, record.line));
                if other != owner {
                    twice.warn(
                        "identifier-twice",
                        At::file(self.file).line(record.line).column("identifier"),
                        || {
                            let place = at.map_or_else(String::new, |line| format!(" in line {line}"));
                            format!(
                                "the user{place} has the same, and may be the same person (sourcedId `{}`)",
                                record.sourced_id
                            )
                        },
                    );
                }
            }
            each(record)
        })?;
        findings.merge(&twice);
        Ok(())
    }
}
