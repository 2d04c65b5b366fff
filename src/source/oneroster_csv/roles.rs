//! The roles of OneRoster 1.2's roles.csv, held compactly so that users can be read one by one
//! beside them.
//!
//! roles.csv is in no particular order and as long as users.csv, so it is held whole: 24 bytes for
//! each row, the words and org ids in it once. A user is known by a 64-bit hash of its id alone:
//! among ten million ids the chance that any two share a hash is about one in 400,000, and what
//! would follow is a user with one role too many.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::dates::{self, Day};
use super::header::Wanted;
use super::package::ExportFile;
use super::table::{FileOpening, Table, TableRow};
use crate::contact::visible;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::FileSeen;
use crate::roles;
use crate::roster::Schools;
use crate::source::hashed;
use crate::source::org_check::OrgCheck;
use crate::value;

/// One role of one user.
#[derive(Debug, Clone, Copy)]
struct Entry {
    user: u64,
    /// Position among the words; the highest bit is set unless the role is primary, so that those
    /// sort first, and the next if a delta takes the role away.
    role: u32,
    /// Position among the words, or `NO_ORG`.
    org: u32,
    begin: Day,
    end: Day,
}

const _: () = assert!(size_of::<Entry>() == 24);

const NOT_PRIMARY: u32 = 1 << 31;
const GONE: u32 = 1 << 30;
const NO_ORG: u32 = u32::MAX;
/// A role without its name, as long as it is not known whether the user has another one.
const NAMELESS: u32 = NOT_PRIMARY | (GONE - 1);

/// Users with more rows than that are left out; those with half as many more surely are. It is more
/// than a district has schools.
const MOST_ROLES: usize = 10_000;

/// All roles, by user.
#[derive(Debug, Default)]
pub(super) struct RoleIndex {
    /// Sorted by user.
    entries: Vec<Entry>,
    /// Where the entries begin whose hash begins with the same `prefix` bits; one more for the end.
    /// A plain binary search would miss the processor's cache twenty times for every user.
    starts: Vec<u32>,
    prefix: u32,
    words: Vec<Box<str>>,
    /// Users with a row that cannot be read.
    broken: HashSet<u64>,
    /// Some row does not say, or not for certain, whose role it is.
    pub(super) has_unclear_rows: bool,
    /// There is a column for where a role is held.
    has_orgs: bool,
}

fn is_guardian(role: &str) -> bool {
    roles::is_guardian(&roles::canonical(role))
}

/// Which rows were asked for: a bit for each.
#[derive(Debug, Default)]
pub(super) struct Met(Vec<u64>);

const COLUMNS: [Wanted<'static>; 8] = [
    Wanted::new("userSourcedId").misspelt(&["userSourceId", "userSourcedIds", "userSourceIds"]),
    Wanted::new("role"),
    Wanted::new("roleType").formerly(&["isPrimary"]),
    Wanted::new("orgSourcedId").misspelt(&["orgSourceId", "orgSourcedIds", "orgSourceIds"]),
    Wanted::new("beginDate").formerly(&["roleStartDate"]).misspelt(&["startDate"]),
    Wanted::new("endDate").formerly(&["roleEndDate"]),
    Wanted::new("status"),
    Wanted::new("sourcedId").misspelt(&["sourceId"]),
];

/// Positions in [`COLUMNS`].
const USER: usize = 0;
const ROLE: usize = 1;
const PRIMARY: usize = 2;
const ORG: usize = 3;
const BEGIN: usize = 4;
const END: usize = 5;
const STATUS: usize = 6;

impl RoleIndex {
    /// Reads roles.csv. Org ids that `schools`, if there are any, does not know are kept and told
    /// of. Of a `delta`, roles that are taken away are kept as such.
    pub(super) fn read(
        file: ExportFile<'_>,
        opening: FileOpening<'_>,
        schools: Option<&Schools>,
        delta: bool,
        findings: &mut Findings,
    ) -> Result<(Self, FileSeen)> {
        let table = Table::open(file, opening, &COLUMNS, findings)?;
        let columns = table.header.locate(&COLUMNS, findings)?;
        let [user, role, _, org, ..] = columns;
        for (column, found) in [("userSourcedId", user), ("role", role)] {
            if found.is_none() {
                return Err(table.header.missing(column));
            }
        }
        if org.is_none() {
            let message = "there is no such column, so schools stay as the store has them";
            table.header.warn(findings, "missing-header", Some("orgSourcedId"), message);
        }
        warn_of_variants(&table, &columns, findings);
        let mut builder = Builder {
            file: file.name(),
            columns,
            schools,
            orgs: OrgCheck::new(schools),
            delta,
            index: Self::default(),
            places: HashMap::new(),
            cells: value::Tally::default(),
        };
        let tally = table.rows(file, &columns, findings, &mut |row, findings| builder.add(&row, findings))?;
        builder.cells.tell(file.name(), findings);
        let mut index = builder.index;
        index.has_orgs = org.is_some();
        if index.arrange() {
            findings.error("too-many-roles", At::file(file.name()).column("userSourcedId"), || {
                format!("a user with more than {MOST_ROLES} rows, which are no person's roles, so the user is rejected")
            });
        }
        Ok((index, table.seen(&COLUMNS, &columns, &tally)))
    }

    /// Returns whether some user has too many roles.
    fn arrange(&mut self) -> bool {
        // Stable, so that roles that are equally primary stay in the order of the file.
        self.entries.sort_by_key(|entry| (entry.user, entry.role & NOT_PRIMARY));
        let has_crowds = self.drop_crowds();
        self.name_the_nameless();
        self.entries.shrink_to_fit();
        // About eight entries for each start.
        self.prefix = (self.entries.len() / 8).max(2).ilog2();
        let mut at = 0;
        self.starts = (0..=1_u64 << self.prefix)
            .map(|prefix| {
                while self.entries.get(at).is_some_and(|entry| entry.user >> (64 - self.prefix) < prefix) {
                    at += 1;
                }
                at as u32
            })
            .collect();
        has_crowds
    }

    /// Leaves the roles out of users that have too many, and notes that those users cannot be used.
    /// Returns whether there are some.
    fn drop_crowds(&mut self) -> bool {
        let step = MOST_ROLES / 2;
        let every = self.entries.iter().step_by(step);
        let crowds: HashSet<u64> = every
            .clone()
            .zip(every.skip(2))
            .filter_map(|(a, b)| (a.user == b.user).then_some(a.user))
            .collect();
        if crowds.is_empty() {
            return false;
        }
        self.entries.retain(|entry| !crowds.contains(&entry.user));
        self.broken.extend(crowds);
        true
    }

    /// A role without its name is taken for another one that its user has: where it is held may
    /// protect the user. Users that have no other role cannot be used.
    fn name_the_nameless(&mut self) {
        if !self.entries.iter().any(|entry| entry.role == NAMELESS) {
            return;
        }
        for own in self.entries.chunk_by_mut(|a, b| a.user == b.user) {
            let usable = own.iter().find(|entry| entry.role != NAMELESS && entry.role & GONE == 0);
            match usable.map(|entry| entry.role | NOT_PRIMARY) {
                Some(role) => {
                    own.iter_mut().filter(|entry| entry.role == NAMELESS).for_each(|entry| entry.role = role);
                }
                None => {
                    let nameless = own.iter().find(|entry| entry.role == NAMELESS);
                    self.broken.extend(nameless.map(|entry| entry.user));
                }
            }
        }
        self.entries.retain(|entry| entry.role != NAMELESS);
    }

    /// The roles of a user, primary first, and where they are.
    fn of(&self, user: &str) -> impl Iterator<Item = (usize, &Entry)> {
        let hash = hashed(user);
        let prefix = (hash >> (64 - self.prefix)) as usize;
        let range = match self.starts.get(prefix..prefix + 2) {
            Some(&[from, to]) => from as usize..to as usize,
            _ => 0..0,
        };
        range.clone().zip(&self.entries[range]).filter(move |(_, entry)| entry.user == hash)
    }

    /// No row was asked for yet.
    pub(super) fn none_met(&self) -> Met {
        Met(vec![0; self.entries.len().div_ceil(64)])
    }

    /// A user is there, whatever the roles are.
    pub(super) fn meet(&self, user: &str, met: &mut Met) {
        for (at, _) in self.of(user) {
            met.0[at / 64] |= 1 << (at % 64);
        }
    }

    /// How many users have a row that was not asked for.
    pub(super) fn not_met(&self, met: &Met) -> u64 {
        let mut users = 0;
        let mut last = None;
        for (at, entry) in self.entries.iter().enumerate() {
            if met.0[at / 64] & (1 << (at % 64)) == 0 && last != Some(entry.user) {
                users += 1;
                last = Some(entry.user);
            }
        }
        users
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The users in it, for a delta: whether all of them are among those seen.
    pub(super) fn are_all_in(&self, seen: &HashSet<u64>) -> bool {
        self.entries.iter().all(|entry| seen.contains(&entry.user))
    }

    /// Whether a row of the user cannot be read.
    pub(super) fn is_broken(&self, user: &str) -> bool {
        !self.broken.is_empty() && self.broken.contains(&hashed(user))
    }

    /// Writes the roles of a user as a [`crate::roster::RoleList`].
    ///
    /// Returns whether some role is held nowhere, and all those are a guardian's, whose schools are
    /// the children's: then a blank cell says what it seems to say.
    pub(super) fn write_roles(&self, user: &str, met: &mut Met, list: &mut String) -> bool {
        let (mut nowhere, mut guardians) = (false, true);
        for (at, entry) in self.of(user) {
            met.0[at / 64] |= 1 << (at % 64);
            if entry.org == NO_ORG {
                nowhere = true;
                guardians &= is_guardian(self.word(entry.role & !(NOT_PRIMARY | GONE)));
            }
            if !list.is_empty() {
                list.push('\n');
            }
            list.push_str(self.word(entry.role & !(NOT_PRIMARY | GONE)));
            let org = if entry.org == NO_ORG { "" } else { self.word(entry.org) };
            let dated = entry.begin != Day::NONE || entry.end != Day::NONE;
            if !org.is_empty() || dated {
                list.push('\t');
                list.push_str(org);
            }
            if dated {
                list.push('\t');
                entry.begin.write_to(list);
            }
            if entry.end != Day::NONE {
                list.push('\t');
                entry.end.write_to(list);
            }
            if entry.role & GONE != 0 {
                let parts = usize::from(!org.is_empty() || dated)
                    + usize::from(dated)
                    + usize::from(entry.end != Day::NONE);
                list.extend(std::iter::repeat_n('\t', 4 - parts));
                list.push('-');
            }
        }
        nowhere && guardians && self.has_orgs
    }

    fn word(&self, at: u32) -> &str {
        self.words.get(at as usize).map_or("", |word| word)
    }
}

/// Columns that Microsoft School Data Sync writes where the standard has others.
fn warn_of_variants(table: &Table, columns: &[Option<usize>; 8], findings: &mut Findings) {
    let header = &table.header;
    let mut variants: Vec<&str> = [2, 4, 5]
        .into_iter()
        .filter_map(|column| {
            let name = header.cells[columns[column]?].as_str();
            COLUMNS[column].formerly.iter().any(|other| other.eq_ignore_ascii_case(name)).then_some(name)
        })
        .collect();
    if columns[7].is_none() {
        variants.push("no sourcedId");
    }
    if !variants.is_empty() {
        let message = format!("not quite OneRoster 1.2, but understood: {}", variants.join(", "));
        header.warn(findings, "roles-variant", None, message);
    }
}

/// What it takes to build the index; given up when it is built.
struct Builder<'b> {
    file: &'b str,
    columns: [Option<usize>; 8],
    schools: Option<&'b Schools>,
    orgs: OrgCheck<'b>,
    delta: bool,
    index: RoleIndex,
    places: HashMap<Box<str>, u32>,
    /// What is odd about the cells.
    cells: value::Tally,
}

impl Builder<'_> {
    fn add(&mut self, row: &TableRow<'_>, findings: &mut Findings) -> Result<()> {
        let at = At::file(self.file).line(row.line());
        if let Some(code) = row.defect() {
            findings.error(code, at, || {
                "the role in this row cannot be read, so its user is rejected".to_owned()
            });
            // Where the row is broken is not known: the user may be another.
            self.index.has_unclear_rows = true;
            if let Some(user) = self.filled(row, USER) {
                self.index.broken.insert(hashed(&user));
            }
            return Ok(());
        }
        let status = self.meant(row, STATUS, row.as_it_stands(self.columns[STATUS])).unwrap_or_default();
        let is_gone = status.eq_ignore_ascii_case("tobedeleted");
        if is_gone && !self.delta {
            return Ok(());
        }
        if !(is_gone || status.is_empty() || status.eq_ignore_ascii_case("active")) {
            findings.warn("unknown-status", at.column("status"), || "taken for active".to_owned());
        }
        let [said_role, said_org] = self.said(row);
        // A row that ends before the org has said neither that there is one nor that there is none.
        let cut_off = self.columns[ORG].is_some() && said_org.is_none();
        let (user, role) = (self.filled(row, USER), self.meant(row, ROLE, said_role));
        let nameless = role.is_none() && said_role.is_some() && !cut_off && user.is_some();
        if nameless {
            findings.warn("incomplete-role", at.column("role"), || {
                "a role without its name; only its org is used, and only if the user has another role"
                    .to_owned()
            });
        } else if role.is_none() || user.is_none() || cut_off {
            findings.error("incomplete-role", at, || {
                "without a user, without a role or cut off, so its user, if there is one, is rejected"
                    .to_owned()
            });
            match user {
                Some(user) => {
                    self.index.broken.insert(hashed(&user));
                }
                None => self.index.has_unclear_rows = true,
            }
            return Ok(());
        }
        let Some(user) = user else { return Ok(()) };
        let org = self.meant(row, ORG, said_org);
        match &org {
            Some(org) => self.orgs.look(org, |code, message| {
                findings.warn(code, at.column("orgSourcedId"), || message.to_owned());
            }),
            None if self.columns[ORG].is_some() && !role.as_deref().is_some_and(is_guardian) => {
                findings.warn("blank-org", at.column("orgSourcedId"), || {
                    "the row does not say where the role is held; stored schools are kept".to_owned()
                });
            }
            None => {}
        }
        self.enter(row, &user, role.as_deref(), org.as_deref(), is_gone, findings)
    }

    /// Role and org of a row as they are. A value that the file may have been cut in counts where
    /// nothing longer could be meant.
    fn said<'a>(&self, row: &TableRow<'a>) -> [Option<&'a str>; 2] {
        let [_, role, _, org, ..] = self.columns;
        let whole_org = |org: &&str| {
            let longer = |other: &String| other.len() > org.len() && other.starts_with(*org);
            self.schools.is_some_and(|all| all.0.contains_key(*org) && !all.0.keys().any(longer))
        };
        let is_role = |role: &&str| roles::is_known(&roles::canonical(role));
        [
            row.get(role).or_else(|| row.as_it_stands(role).filter(is_role)),
            row.get(org).or_else(|| row.as_it_stands(org).filter(whole_org)),
        ]
    }

    /// Puts a row into the index that says whose role it is.
    fn enter(
        &mut self,
        row: &TableRow<'_>,
        user: &str,
        role: Option<&str>,
        org: Option<&str>,
        is_gone: bool,
        findings: &mut Findings,
    ) -> Result<()> {
        let primary = row.as_it_stands(self.columns[PRIMARY]);
        let is_primary = self.meant(row, PRIMARY, primary).is_some_and(|word| {
            ["primary", "true", "1", "yes"].iter().any(|yes| word.eq_ignore_ascii_case(yes))
        });
        let gone = if is_gone { GONE } else { 0 };
        let role = match role {
            Some(role) => self.intern(role)? | gone | if is_primary { 0 } else { NOT_PRIMARY },
            None => NAMELESS,
        };
        let org = org.map_or(Ok(NO_ORG), |org| self.intern(org))?;
        let (begin, end) = (self.filled(row, BEGIN), self.filled(row, END));
        let period = dates::period(begin.as_deref(), end.as_deref());
        for (name, odd) in [("beginDate", period.odd_begin), ("endDate", period.odd_end)] {
            if let Some(why) = odd {
                let at = At::file(self.file).line(row.line()).column(name);
                findings.warn("unreadable-date", at, || why.to_owned());
            }
        }
        let (begin, end) = (period.begin, period.end);
        self.index.entries.push(Entry { user: hashed(user), role, org, begin, end });
        Ok(())
    }

    /// The cell in one of the [`COLUMNS`] as it is meant, if it says anything.
    fn filled<'a>(&mut self, row: &TableRow<'a>, column: usize) -> Option<Cow<'a, str>> {
        self.meant(row, column, row.get(self.columns[column]))
    }

    /// What the text of a cell means, if it says anything.
    fn meant<'a>(
        &mut self,
        row: &TableRow<'_>,
        column: usize,
        written: Option<&'a str>,
    ) -> Option<Cow<'a, str>> {
        let written = written.filter(|cell| !cell.is_empty())?;
        let meant = value::id(written);
        if meant.is_empty() {
            let word = value::null_word(&visible(value::without_mark(written).0)).unwrap_or_default();
            self.cells.word(COLUMNS[column].name, word, Some(row.line()));
            return None;
        }
        Some(meant)
    }

    /// The place of a word among the words. Role lists are set apart by tabs and line breaks, so a
    /// word has none.
    fn intern(&mut self, word: &str) -> Result<u32> {
        if let Some(&at) = self.places.get(word) {
            return Ok(at);
        }
        // Fewer words than rows, and rows are counted in 32 bits as well.
        let at = u32::try_from(self.index.words.len())
            .ok()
            .filter(|at| at & (NOT_PRIMARY | GONE) == 0)
            .ok_or_else(|| {
                Failure::new(Kind::InputUnusable, "roles.csv has too many different roles and orgs")
            })?;
        self.index.words.push(word.replace(['\t', '\n', '\r'], " ").into());
        self.places.insert(word.into(), at);
        Ok(at)
    }
}
