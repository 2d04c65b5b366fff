//! A row of users.csv as a [`Record`]: what its cells say, and what is odd about it.
//!
//! Works on one block at a time and knows nothing of the ones before it, but for counts that the
//! end of the file is judged by. Nothing is allocated for an ordinary row: cells are borrowed from
//! the block, and what has to be rewritten goes to buffers that are used again.

use std::ops::ControlFlow;

use memchr::memchr2;

use super::blocks::{Block, Row};
use super::cells::Cells;
use super::roles::{Met, RoleIndex};
use super::scan::Shape;
use super::table::{NO_FINAL_LINE_BREAK, Table, Tally};
use super::users::{Columns, PREFERRED_NAMES};
use crate::findings::{At, Findings};
use crate::plural::counted;
use crate::roles::{RoleNames, canonical, is_known};
use crate::roster::{Defect, IdList, Record, RoleList, Schools};
use crate::source::contact_rules::{ContactOptions, ContactTrial, ContactsSeen, UnusedValues, is_adult};
use crate::source::org_check::OrgCheck;
use crate::value::{self, RecordReader, WordCounts, boolean};

/// Turns rows into records; keeps the buffers that are used again for every row.
pub(super) struct RowReader<'s> {
    table: &'s Table,
    columns: &'s Columns,
    roles: Option<&'s RoleIndex>,
    orgs: OrgCheck<'s>,
    /// Which rows of roles.csv are of a user that was met.
    met: Met,
    cells: Cells,
    role_list: String,
    short_rows: u64,
    /// The last row of the file is short and has no line break after it.
    cut_off: Option<u64>,
    /// The line of a last row whose sourcedId may be cut.
    pub(super) cut_id: Option<u64>,
    /// What is counted for the next run.
    pub(super) tally: Tally,
    /// The columns whose cells are read.
    used: Vec<usize>,
    /// How many rows had a part of a preferred name that was used.
    pub(super) preferred: u64,
    /// What the cells mean.
    meaning: RecordReader<'s>,
    /// Tries the rules of `[contacts]`, where there are some and they use columns of this file.
    adults: Option<ContactTrial<'s>>,
    /// Where the values of columns that are in no rule are counted.
    unused: Option<(&'s RoleNames, UnusedValues)>,
}

impl<'s> RowReader<'s> {
    pub(super) fn new(
        table: &'s Table,
        columns: &'s Columns,
        roles: Option<&'s RoleIndex>,
        schools: Option<&'s Schools>,
        count_words: impl Fn() -> WordCounts + Send + Sync + 's,
    ) -> Self {
        Self {
            table,
            columns,
            roles,
            orgs: OrgCheck::new(schools),
            met: roles.map(RoleIndex::none_met).unwrap_or_default(),
            cells: Cells::default(),
            role_list: String::new(),
            short_rows: 0,
            cut_off: None,
            cut_id: None,
            tally: Tally::of(columns.places.iter().flatten().copied()),
            used: columns.used().collect(),
            preferred: 0,
            meaning: RecordReader::of_file(value::ONEROSTER, table.foreign, count_words),
            adults: None,
            unused: None,
        }
    }

    pub(super) fn try_contacts(&mut self, options: &'s ContactOptions) {
        self.adults = ContactTrial::of_file(options, &self.columns.contacts);
        let counts = options.counts_unused && !self.columns.contacts.unused.is_empty();
        self.unused = counts.then(|| (&options.role_names, UnusedValues::default()));
    }

    /// What was seen of columns that say whom a school may contact. Once, when all is read.
    pub(super) fn contacts_seen(&mut self) -> ContactsSeen {
        let mut seen = self.adults.take().map(ContactTrial::seen).unwrap_or_default();
        let cells = &self.table.header.cells;
        let names = self.columns.contacts.unused.iter().map(|at| cells[*at].as_str());
        let values = self.unused.take().map(|(_, values)| values).unwrap_or_default();
        seen.unused = values.columns(self.file(), names);
        seen
    }

    /// The line on which the file seems to have been cut off: its only short row, and the very end
    /// of it.
    ///
    /// An exporter that leaves out trailing cells does so all over the file, a broken transfer just
    /// once.
    pub(super) fn cut_off(&self) -> Option<u64> {
        self.cut_off.filter(|_| self.short_rows == 1)
    }

    /// How many users of roles.csv were not met.
    pub(super) fn unlisted_users(&self) -> u64 {
        match (self.roles, self.columns.role) {
            (Some(index), None) => index.not_met(&self.met),
            _ => 0,
        }
    }

    /// Hands over the records of a block.
    pub(super) fn read(
        &mut self,
        block: &Block,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let plain = is_plain(&block.text);
        for (at, row) in block.rows.iter().enumerate() {
            self.cut_off = None;
            self.cells.split(&block.text, row, self.table.dialect.delimiter);
            if let Shape::Malformed(_) = row.shape {
                self.malformed(&block.text, row, findings, each)?;
                continue;
            }
            if row.shape != Shape::Plain {
                self.mend(&block.text, row, findings);
            }
            let mut last = None;
            if block.open_ended && at + 1 == block.rows.len() {
                let (may_be_cut, hash) = self.table.may_be_cut(&block.text, row);
                self.tally.last_row = hash;
                last = Some(if may_be_cut { self.cells.len().saturating_sub(1) } else { usize::MAX });
            }
            let plain = plain || is_plain(&block.text[row.start as usize..row.end as usize]);
            self.row(&block.text, row.line, plain, last, findings, each)?;
        }
        ControlFlow::Continue(())
    }

    fn mend(&mut self, text: &str, row: &Row, findings: &mut Findings) {
        if let Some(column) = self.cells.mend(text, row, self.used.iter().copied()) {
            let column = self.table.header.cells.get(column).map(String::as_str);
            findings.warn("line-break-in-cell", At::file(self.file()).line(row.line).column(column), || {
                "a line break inside a cell was read as a space".to_owned()
            });
        }
    }

    fn malformed(
        &mut self,
        text: &str,
        row: &Row,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        findings.error("rejected-quoting", At::file(self.file()).line(row.line), || {
            let column = self.table.header.cells.get(self.cells.len()).map_or("the last", String::as_str);
            format!("quotes inside the cell of column {column} are not doubled, so where it ends is a guess")
        });
        self.cells.mend(text, row, std::iter::once(self.columns.sourced_id));
        let sourced_id = self.cells.get(text, self.columns.sourced_id).unwrap_or_default();
        Self::reject(self.roles, &mut self.met, row.line, sourced_id, Defect::Quoting, each)
    }

    /// Hands over a row of which only the user is known.
    fn reject(
        roles: Option<&RoleIndex>,
        met: &mut Met,
        line: u64,
        sourced_id: &str,
        defect: Defect,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let sourced_id = value::id(sourced_id);
        if let Some(index) = roles {
            index.meet(&sourced_id, met);
        }
        let defect = Some(defect);
        each(&Record { line: Some(line), sourced_id: &sourced_id, defect, ..Record::default() })
    }

    /// Tells what was odd about the cells of the whole file.
    pub(super) fn tell(&self, findings: &mut Findings) {
        self.meaning.tally.tell(self.file(), findings);
    }

    /// A row that is well formed. `last` is the column that the file may have been cut in, of the
    /// last row of a file without a line break at its end.
    fn row(
        &mut self,
        text: &str,
        line: u64,
        plain: bool,
        last: Option<usize>,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let columns = self.columns;
        let cut = last.unwrap_or(usize::MAX);
        if self.is_blank(text) {
            findings.warn("blank-row", At::file(self.file()).line(line), || "blank row, skipped".to_owned());
            return ControlFlow::Continue(());
        }
        self.tally.add(text, &self.cells);
        let is_shifted = self.is_shifted(text, line, last, findings);
        let sourced_id = self.cells.get(text, columns.sourced_id).unwrap_or_default();
        if is_shifted {
            return Self::reject(self.roles, &mut self.met, line, sourced_id, Defect::Shifted, each);
        }
        let (cells, file) = (&self.cells, self.table.header.file.as_str());
        // What the file may have been cut in is not provided.
        let get = |column: Option<usize>| {
            column.filter(|column| *column != cut).and_then(|column| cells.get(text, column))
        };
        let some = |column: Option<usize>| get(column).filter(|cell| !cell.is_empty());
        // A word of a fixed vocabulary is whole: none is the beginning of another one.
        let word = |column: Option<usize>, is_known: &dyn Fn(&str) -> bool| match column {
            Some(column) if column == cut => cells.get(text, column).filter(|word| is_known(word)),
            _ => get(column),
        };
        let status = word(columns.status, &|word| Status::of(word).is_some());
        let enabled = word(columns.enabled, &|word| boolean(word).is_some());
        let (deleted, enabled) = presence(status, enabled, At::file(file).line(line), findings);
        let role = word(columns.role, &|role| is_known(&canonical(role)));
        let mut names = [columns.given_name, columns.family_name].map(|column| get(Some(column)));
        if let Some(preferred) = columns.preferred {
            let used;
            (names, used) = preferred_names(names, preferred.map(get), line, &mut self.meaning.tally);
            self.preferred += u64::from(used);
        }
        let (adults, unused) = (&mut self.adults, &mut self.unused);
        let (orgs_check, met, role_list) = (&mut self.orgs, &mut self.met, &mut self.role_list);
        let written = Record {
            line: Some(line),
            sourced_id,
            identifier: get(columns.identifier),
            deleted,
            enabled,
            given_name: names[0],
            family_name: names[1],
            email: get(columns.email),
            sms: get(columns.sms),
            phone: get(columns.phone),
            language: get(columns.language),
            roles: RoleList(role.unwrap_or_default()),
            orgs: get(columns.orgs).map(IdList),
            agents: get(columns.agents).map(IdList),
            username: some(columns.username),
            user_ids: some(columns.user_ids),
            earlier_id: get(columns.earlier_id),
            ..Record::default()
        };
        self.meaning.read(&written, plain, |record| {
            let at = At::file(file).line(line).column("orgSourcedIds");
            let warn = |code, message: &str| findings.warn(code, at, || message.to_owned());
            orgs_check.look(record.orgs.unwrap_or_default().0, warn);
            let record = with_roles(record, self.roles, met, role_list);
            if let Some((_, values)) = unused.as_mut().filter(|unused| is_adult(record.roles, unused.0)) {
                let columns = columns.contacts.unused.iter().enumerate();
                columns.for_each(|(at, column)| values.count(at, get(Some(*column)).unwrap_or_default()));
            }
            match adults {
                Some(adults) => adults.of_person(&record, |at| get(columns.contacts.places[at]), each),
                None => each(&record),
            }
        })
    }

    #[inline]
    fn is_blank(&self, text: &str) -> bool {
        let id = self.cells.get(text, self.columns.sourced_id);
        id.is_none_or(str::is_empty) && self.cells.blank_from(text, 0)
    }

    /// Tells of a row that is shifted; true if it is one. Of another row that the file may have been
    /// cut in.
    #[inline]
    fn is_shifted(&mut self, text: &str, line: u64, last: Option<usize>, findings: &mut Findings) -> bool {
        let odd = self.cells.len() != self.table.dialect.width;
        if odd && self.ragged(text, line, last.is_some(), findings) || self.is_misplaced(text, line, findings)
        {
            return true;
        }
        if let Some(cut) = last.filter(|cut| self.used.contains(cut)) {
            let column = self.table.header.cells.get(cut).map(String::as_str);
            findings.warn("no-final-line-break", At::file(self.file()).line(line).column(column), || {
                NO_FINAL_LINE_BREAK.to_owned()
            });
            self.cut_id = (cut == self.columns.sourced_id).then_some(line);
        }
        false
    }

    /// Tells of a row that is wider or narrower than the header; true if it cannot be used.
    fn ragged(&mut self, text: &str, line: u64, last: bool, findings: &mut Findings) -> bool {
        let (found, width) = (self.cells.len(), self.table.dialect.width);
        let counts = || {
            let cells = counted(found as u64, "cell", "cells");
            format!("{cells} under {}", counted(width as u64, "header", "headers"))
        };
        if found < width {
            self.short_rows += 1;
            self.cut_off = last.then_some(line);
        } else if self.table.is_wider(text, &self.cells) || self.email_is_one_further(text) {
            findings.error("rejected-shifted-row", At::file(self.file()).line(line), || {
                format!("{}: a comma inside a cell without quotes shifted the row", counts())
            });
            return true;
        }
        findings.warn("ragged-row", At::file(self.file()).line(line), counts);
        false
    }

    /// Tells of a row with a value that belongs to the column beside it.
    fn is_misplaced(&self, text: &str, line: u64, findings: &mut Findings) -> bool {
        let is_org = |value: &str| self.orgs.has(value);
        let Some(column) = self.table.judge.misplaced(text, &self.cells, &is_org) else { return false };
        let column = self.table.header.cells.get(column).map(String::as_str);
        findings.error("rejected-shifted-row", At::file(self.file()).line(line).column(column), || {
            "the value does not fit this column, but the one beside it: the row is shifted".to_owned()
        });
        true
    }

    /// Whether a row that is too wide by blank cells alone was shifted all the same: the last
    /// columns are often blank, so the cell that fell off the end says little, but an address
    /// beside the email column says it all.
    fn email_is_one_further(&self, text: &str) -> bool {
        let has_address = |at| self.cells.get(text, at).is_some_and(|cell| cell.contains('@'));
        self.columns.email.is_some_and(|email| !has_address(email) && has_address(email + 1))
    }

    fn file(&self) -> &'s str {
        &self.table.header.file
    }
}

/// Whether there are neither letters beyond ASCII nor HTML escapes nor question marks.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && memchr2(b'&', b'?', text.as_bytes()).is_none()
}

/// The name with the preferred parts that are names, and whether there is one.
fn preferred_names<'a>(
    mut names: [Option<&'a str>; 2],
    cells: [Option<&'a str>; 2],
    line: u64,
    tally: &mut value::Tally,
) -> ([Option<&'a str>; 2], bool) {
    let mut used = false;
    for ((name, cell), column) in names.iter_mut().zip(cells).zip(PREFERRED_NAMES) {
        if let Some(part) = value::preferred_part(cell, |word| tally.word(column, word, Some(line))) {
            *name = Some(part);
            used = true;
        }
    }
    (names, used)
}

/// Whether the user is gone, and whether access is enabled, by the cells `status` and `enabledUser`.
fn presence(
    status: Option<&str>,
    enabled: Option<&str>,
    at: At<'_>,
    findings: &mut Findings,
) -> (bool, Option<bool>) {
    let enabled = enabled.and_then(|cell| enabled_of(cell, at, findings));
    match status_of(status.unwrap_or_default(), at, findings) {
        Status::Inactive => (false, Some(false)),
        status => (status == Status::ToBeDeleted, enabled),
    }
}

/// The record with the roles of roles.csv, where users.csv has none.
fn with_roles<'a>(
    record: &Record<'a>,
    index: Option<&RoleIndex>,
    met: &mut Met,
    list: &'a mut String,
) -> Record<'a> {
    let is_broken =
        record.roles.0.is_empty() && index.is_some_and(|index| index.is_broken(record.sourced_id));
    let (roles, nowhere) = roles(record.roles.0, record.sourced_id, index, met, list);
    let orgs = record.orgs.or_else(|| nowhere.then_some(IdList("")));
    let defect = if is_broken { Some(Defect::Roles) } else { record.defect };
    Record { roles: RoleList(roles), orgs, defect, ..*record }
}

/// The user's roles: those of users.csv, or else those of roles.csv, written to `list`; and whether
/// those say that the user is at no school.
fn roles<'a>(
    cell: &'a str,
    user: &str,
    index: Option<&RoleIndex>,
    met: &mut Met,
    list: &'a mut String,
) -> (&'a str, bool) {
    list.clear();
    match (cell, index) {
        ("", Some(index)) => {
            let nowhere = index.write_roles(user, met, list);
            (list, nowhere)
        }
        // A tab would end the role in a role list; line breaks are gone already.
        (role, _) if role.contains('\t') => {
            list.extend(role.chars().map(|character| if character == '\t' { ' ' } else { character }));
            (list, false)
        }
        (role, _) => (role, false),
    }
}

/// What a status says; nothing is active. `inactive` is a word of OneRoster 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Status {
    Active,
    Inactive,
    ToBeDeleted,
}

impl Status {
    pub(in crate::source) fn of(word: &str) -> Option<Self> {
        match word {
            "" | "active" => Some(Self::Active),
            _ if word.eq_ignore_ascii_case("active") => Some(Self::Active),
            _ if word.eq_ignore_ascii_case("tobedeleted") => Some(Self::ToBeDeleted),
            _ if word.eq_ignore_ascii_case("inactive") => Some(Self::Inactive),
            _ => None,
        }
    }
}

fn enabled_of(cell: &str, at: At<'_>, findings: &mut Findings) -> Option<bool> {
    let enabled = boolean(cell).or_else(|| boolean(&value::id(cell)));
    if enabled.is_none() && !value::id(cell).is_empty() {
        let message = || "neither true nor false, so taken as not provided".to_owned();
        findings.warn("unreadable-boolean", at.column("enabledUser"), message);
    }
    enabled
}

fn status_of(cell: &str, at: At<'_>, findings: &mut Findings) -> Status {
    Status::of(cell).or_else(|| Status::of(&value::id(cell))).unwrap_or_else(|| {
        findings.warn("unknown-status", at.column("status"), || "taken for active".to_owned());
        Status::Active
    })
}
