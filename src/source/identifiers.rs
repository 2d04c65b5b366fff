//! The SIS's own ids, which ought to be one person's: only looked at by `check`, since a nightly
//! run has nothing to do for it.

use std::collections::HashMap;
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_64;

use super::{About, AfterRead, RosterSource, hashed};
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::roles;
use crate::roster::Record;

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

/// Students and staff are numbered separately. Identifiers of guardians are not compared.
fn book(record: &Record<'_>) -> Option<&'static str> {
    let held: Vec<_> = record.roles.iter().map(|held| roles::canonical(held.role)).collect();
    if held.iter().any(|role| role == "student") {
        return Some("student");
    }
    (!held.is_empty() && !held.iter().any(|role| roles::is_guardian(role))).then_some("staff")
}

impl RosterSource for Identifiers {
    fn about(&self) -> &About {
        self.inner.about()
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<AfterRead> {
        // By a hash of the identifier: a hash of whose it is, and where that stood.
        let mut first: HashMap<u64, (u64, Option<u64>)> = HashMap::new();
        let mut twice = Findings::default();
        let after = self.inner.read(findings, &mut |record| {
            let identifier = record.identifier.filter(|identifier| !identifier.is_empty() && !record.deleted);
            if let Some((identifier, book)) = identifier.zip(book(record)) {
                let key = xxh3_64(format!("{book}\n{identifier}").as_bytes());
                let owner = hashed(record.sourced_id);
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
        Ok(after)
    }
}
