//! The SIS's own ids, which ought to be one person's, and records of one person in several roles:
//! only looked at by `check`, since a nightly run has nothing to do for it.

use std::collections::HashMap;
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_64;

use super::{About, AfterRead, RosterSource, hashed};
use crate::contact::{PersonName, email_key};
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
        let mut twice = Findings::listing(findings.lists_all());
        let mut several = SeveralRecords::default();
        let after = self.inner.read(findings, &mut |record| {
            several.look(record, self.file, &mut twice);
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

/// Looks for records of one person in roles of several kinds: the same name, and the same email,
/// user name or identifier.
#[derive(Default)]
struct SeveralRecords {
    /// By hashes of the name with another value: the kinds of people that have both, and where the
    /// first of each kind stood.
    seen: HashMap<u64, [Option<Option<u64>>; 3]>,
}

impl SeveralRecords {
    fn look(&mut self, record: &Record<'_>, file: &str, findings: &mut Findings) {
        let kinds = roles::kinds(record.roles.iter().map(|held| held.role));
        let part = Option::unwrap_or_default;
        let name = PersonName::new(part(record.given_name), part(record.family_name));
        if kinds == 0 || name.is_empty() || record.deleted {
            return;
        }
        let name = xxh3_64(name.key().as_bytes());
        let identifier = record.identifier.map(str::trim).filter(|identifier| !identifier.is_empty());
        let normal = |cell: Option<&str>| {
            let normal = email_key(cell?);
            (!normal.is_empty()).then(|| xxh3_64(normal.as_bytes()))
        };
        let values = [
            ("email", normal(record.email)),
            ("username", normal(record.username)),
            ("identifier", identifier.map(|identifier| xxh3_64(identifier.as_bytes()))),
        ];
        let mut told = false;
        for (column, value) in values.into_iter().filter_map(|(column, value)| Some((column, value?))) {
            let seen =
                self.seen.entry(xxh3_64(format!("{column} {name:x} {value:x}").as_bytes())).or_default();
            let is_own = |kind: usize| kinds & (1 << kind) != 0;
            let other = (0..3).filter(|kind| !is_own(*kind)).find_map(|kind| seen[kind]);
            if let Some(line) = other.filter(|_| !told) {
                told = true;
                findings.warn("same-person", At::file(file).line(record.line).column(column), || {
                    let place = line.map_or_else(String::new, |line| format!(" in line {line}"));
                    let what = if column == "username" { "user name" } else { column };
                    format!(
                        "a user of another kind{place} has the same name and {what}: probably one person with two records \
                         (sourcedId `{}`)",
                        record.sourced_id
                    )
                });
            }
            for kind in (0..3).filter(|kind| is_own(*kind)) {
                seen[kind].get_or_insert(record.line);
            }
        }
    }
}
