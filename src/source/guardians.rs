//! Guardians in a file of their own, beside any source: for districts whose API shares no contacts.
//!
//! A row is one guardian of one student; `unite` says which rows are one person. Without a
//! `guardian_id` the account that the person has is found again by student and name. A row that
//! cannot be used archives no account: every account that it could be about counts as present.

mod links;
mod rows;
mod students;
mod unite;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use self::links::FileLinks;
use self::rows::{Broken, COLUMNS, GUARDIAN_ID, Guardian, LANGUAGE, LinkClass, mark};
use self::students::Students;
use self::unite::unite;
use super::known_guardians::{Claim, KnownGuardians, kinship};
use super::oneroster_csv::lone::{self, FileOpening, LoneRow};
use super::{About, AfterRead, ContactOptions, ContactsSeen, Explained, RosterSource, UnusedColumn, hashed};
use crate::contact::PersonName;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::{FileSeen, file as kind};
use crate::rights::Class;
use crate::rights::rules::Seen;
use crate::roles;
use crate::roster::{Defect, IdList, Mode, Record, RoleList};
use crate::value::{self, RecordReader};

pub use rows::Reader;

/// How the ids begin that guardians without an id in the file are given.
const OWN: &str = "guardian-";

/// Whether an id is one that was made here.
pub fn is_own_id(sourced_id: &str) -> bool {
    let number = sourced_id.strip_prefix(OWN);
    number.is_some_and(|number| number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A source with the guardians of a file after its own users.
pub struct WithGuardians {
    inner: Box<dyn RosterSource>,
    file: String,
    guardians: Vec<Guardian>,
    broken: Vec<Broken>,
    known: KnownGuardians,
    reader: Reader,
    about: About,
    /// What the next run is to know of the file.
    seen: FileSeen,
    contacts: Arc<ContactOptions>,
    /// What was seen of columns that say whom a school may contact.
    rules_seen: Option<Seen>,
    unused: Vec<UnusedColumn>,
}

impl WithGuardians {
    /// Reads the file whole. `language` is the name of its column of languages, where that has one of
    /// its own; `known` are the guardians of the store.
    ///
    /// # Errors
    /// `InputUnusable` if the file is missing, is no usable CSV file or names no guardian, so that
    /// no account is archived for it; `SourceUnavailable` if it changes while it is read.
    pub fn open(
        inner: Box<dyn RosterSource>,
        path: &Path,
        opening: FileOpening<'_>,
        language: Option<&str>,
        known: KnownGuardians,
        reader: Reader,
        contacts: &Arc<ContactOptions>,
    ) -> Result<Self> {
        let file = crate::owner::name_of(path);
        let mut about = inner.about().clone();
        let findings = &mut about.findings;
        let mut rows: Vec<Guardian> = Vec::new();
        let mut broken: Vec<Broken> = Vec::new();
        let mut meaning = RecordReader::gathering(value::GUARDIANS);
        let mut columns: [(&str, &[&str]); 9] = COLUMNS;
        if let Some(name) = language {
            columns[LANGUAGE] = (name.trim(), &[]);
        }
        let mut links = FileLinks::new(contacts);
        let links_of = std::cell::RefCell::new(&mut links);
        let ask = &mut |header: &[String], located: &[Option<usize>; 9]| {
            links_of.borrow_mut().locate(header, located)
        };
        let seen = lone::read(path, opening, columns, ask, findings, &mut |row| {
            let row = whole_id(row, &known);
            match Guardian::read(&row, &reader, &mut meaning) {
                Ok(mut guardian) => {
                    guardian.set_class(links_of.borrow_mut().class(&row.own));
                    rows.push(guardian);
                }
                Err(row) => broken.push(row),
            }
            Ok(())
        })?;
        let (rules_seen, unused) = links.seen(&file);
        if let Some(name) = language.filter(|name| !seen.columns.contains_key(name.trim())) {
            findings.warn("missing-header", At::file(&file).line(1).column(name), || {
                "the column that is configured for the language is not there".to_owned()
            });
        }
        let (words, oddities) = meaning.finish();
        oddities.tell(&file, findings);
        rows.iter_mut().for_each(|row| row.settle_name(&words));
        if rows.is_empty() {
            return Err(Failure::new(Kind::InputUnusable, format!("{file} names no guardian"))
                .at(path.display())
                .cure("check that it was delivered completely; to do without it, remove [guardians]"));
        }
        let guardians = unite(rows, &file, &mut broken, findings);
        for row in &broken {
            findings.error(row.code, At::file(&file).line(row.line), || row.what.to_owned());
        }
        about.has_unclear_rows |= !broken.is_empty();
        let contacts = Arc::clone(contacts);
        Ok(Self { inner, file, guardians, broken, known, reader, about, seen, contacts, rules_seen, unused })
    }
}

/// A row whose `guardian_id` may have been cut, and is that of an account with the same name: then
/// it is whole.
fn whole_id<'a>(mut row: LoneRow<'a, 9>, known: &KnownGuardians) -> LoneRow<'a, 9> {
    if let Some((GUARDIAN_ID, id)) = row.cut
        && let Some([_, given, family]) = known.said(id)
    {
        let [_, own_given, own_family, ..] = row.cells.map(Option::unwrap_or_default);
        if PersonName::new(own_given, own_family).same(&PersonName::new(given, family)) {
            row.cells[GUARDIAN_ID] = Some(id);
            row.cut = None;
        }
    }
    row
}

impl RosterSource for WithGuardians {
    fn about(&self) -> &About {
        &self.about
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<AfterRead> {
        let mut met = Met::new(self);
        let mut broken_off = false;
        let mut after = self.inner.read(findings, &mut |record| {
            met.meet(record);
            let flow = each(record);
            broken_off |= flow.is_break();
            flow
        })?;
        after.files.insert(kind::GUARDIANS.to_owned(), self.seen.clone());
        let rules = self.rules_seen.clone();
        after.contacts.add(ContactsSeen { rules, unused: self.unused.clone(), explained: Vec::new() });
        if broken_off {
            return Ok(after);
        }
        let mut named = met.named(findings);
        for named in &mut named {
            if named.guardian.is_open() {
                named.guardian.to_mut().settle(self.last_values(&named.id));
            }
        }
        let present = met.present(&named);
        let given =
            named.iter().map(|named| named.id.as_str()).chain(present.iter().map(|present| present.id));
        after.guardians_beside = Some(given.map(hashed).collect());
        let has_classes = self.contacts.rules.is_some();
        for Named { guardian, id, students } in &named {
            let orgs = (!self.known.has_orgs(id)).then_some(IdList(""));
            if self.contacts.watched.as_deref() == Some(id) {
                after.contacts.explained.extend(students.iter().filter_map(|(student, link)| {
                    let student = (*student).to_owned();
                    Some(Explained { student, class: Some(link.class), why: link.why.clone()? })
                }));
            }
            if guardian.with_record(id, Some(students), orgs, has_classes, each).is_break() {
                return Ok(after);
            }
        }
        for Present { line, id, guardian } in present {
            let flow = match guardian {
                Some(guardian) if guardian.is_open() => {
                    let mut guardian = guardian.clone();
                    guardian.settle(self.last_values(id));
                    guardian.with_record(id, None, None, false, each)
                }
                Some(guardian) => guardian.with_record(id, None, None, false, each),
                None => each(&self.unchanged(line, id)),
            };
            if flow.is_break() {
                return Ok(after);
            }
        }
        for row in &self.broken {
            let record = Record { line: Some(row.line), defect: Some(Defect::Quoting), ..Record::default() };
            if each(&record).is_break() {
                return Ok(after);
            }
        }
        Ok(after)
    }
}

impl WithGuardians {
    /// Email, mobile and home phone that the SIS had before, as the store knows them.
    fn last_values(&self, id: &str) -> [Option<u64>; 3] {
        let Some([email, sms, phone]) = self.known.sis(id) else { return [None; 3] };
        [self.reader.email(email), self.reader.number(sms), self.reader.number(phone)]
    }

    /// A record that changes nothing: the file says nothing of this account tonight.
    fn unchanged<'a>(&'a self, line: u64, id: &'a str) -> Record<'a> {
        let [roles, given, family] = self.known.said(id).unwrap_or_default();
        let name = |part: &'a str| Some(part).filter(|part| !part.is_empty());
        Record {
            line: Some(line),
            sourced_id: id,
            given_name: name(given),
            family_name: name(family),
            roles: RoleList(roles),
            ..Record::default()
        }
    }
}

/// A guardian of the file, with the id and the students that are known by now.
struct Named<'a> {
    guardian: Cow<'a, Guardian>,
    id: String,
    students: Vec<(&'a str, LinkClass)>,
}

/// An account that counts as present although it is not certain what its row says, or which row
/// that is.
struct Present<'a> {
    line: u64,
    id: &'a str,
    /// The guardian, where only the student is not certain.
    guardian: Option<&'a Guardian>,
}

/// The users of the roster that concern the file.
struct Met<'a> {
    own: &'a WithGuardians,
    students: Students<'a>,
    /// Ids that the file or the store has, and whether a guardian has them in the roster.
    ids: HashMap<u64, bool>,
    /// Guardians of the roster: by student and name, and by name and detail.
    kinships: HashSet<u64>,
    marks: HashSet<u64>,
    names: HashSet<u64>,
    /// Students of accounts of the store, and those of them that are in the roster.
    known_students: HashSet<u64>,
    students_here: HashSet<u64>,
    own_ids: HashSet<&'a str>,
}

impl<'a> Met<'a> {
    fn new(own: &'a WithGuardians) -> Self {
        Self {
            own,
            students: Students::new(&own.guardians, &own.broken),
            ids: HashMap::new(),
            kinships: HashSet::new(),
            marks: HashSet::new(),
            known_students: own.known.students(),
            students_here: HashSet::new(),
            names: own.guardians.iter().map(|guardian| hashed(&guardian.name.key())).collect(),
            own_ids: own.guardians.iter().filter_map(|guardian| guardian.id.as_deref()).collect(),
        }
    }

    fn meet(&mut self, record: &Record<'_>) {
        self.students.meet(record);
        let key = hashed(record.sourced_id);
        if !record.deleted && self.known_students.contains(&key) {
            self.students_here.insert(key);
        }
        let is_guardian = record.roles.iter().any(|held| roles::is_guardian(&roles::canonical(held.role)));
        if self.own_ids.contains(record.sourced_id) || self.own.known.has(record.sourced_id) {
            *self.ids.entry(hashed(record.sourced_id)).or_default() |= is_guardian;
        }
        if !is_guardian || record.deleted {
            return;
        }
        let part = Option::unwrap_or_default;
        let name = PersonName::new(part(record.given_name), part(record.family_name));
        let key = name.key();
        if !self.names.contains(&hashed(&key)) || name.is_empty() {
            return;
        }
        let students = record.agents.unwrap_or_default();
        self.kinships.extend(students.iter().map(|student| kinship(student, &name)));
        let reader = &self.own.reader;
        let numbers = [record.sms, record.phone].into_iter().flatten().filter_map(|text| reader.number(text));
        let email = record.email.and_then(|text| reader.email(text));
        self.marks.extend(email.into_iter().chain(numbers).map(|detail| mark(&key, detail)));
    }

    fn is_here(&self, id: &str) -> bool {
        self.ids.contains_key(&hashed(id))
    }

    /// The guardians of students that are in the roster, with the ids of both.
    fn named(&self, findings: &mut Findings) -> Vec<Named<'_>> {
        let is_bulk = self.own.about.mode == Mode::Bulk;
        let mut found: Vec<(&Guardian, Vec<(&str, LinkClass)>)> = Vec::new();
        for guardian in &self.own.guardians {
            let mut theirs: Vec<(&str, LinkClass)> = Vec::new();
            let (mut missing, mut odd) = (0, false);
            for (name, class) in &guardian.students {
                let ids = self.students.ids(name);
                missing += usize::from(ids.is_empty());
                odd |= ids.len() > 1;
                for id in ids {
                    match theirs.iter_mut().find(|(own, _)| *own == id) {
                        Some((_, own)) => *own = std::mem::take(own).with(class.clone()),
                        None => theirs.push((id, class.clone())),
                    }
                }
            }
            let mut warn = |code, column, message: &str| {
                findings.warn(code, At::file(&self.own.file).line(guardian.line).column(column), || {
                    message.to_owned()
                });
            };
            if odd {
                warn("odd-list", "student_id", "a list in place of one student; read as all of them");
            }
            if missing > 0 && is_bulk {
                warn(
                    "guardian-without-student",
                    "student_id",
                    "a student that the roster does not have, neither as sourcedId nor as identifier, or has twice",
                );
            }
            // A delta does not mention every student. A guardian whose students are not all there
            // stays as the store has it.
            if theirs.is_empty() || missing > 0 && !is_bulk {
                continue;
            }
            let twice = twice(&theirs);
            match guardian.id.as_ref().and_then(|id| self.ids.get(&hashed(id))) {
                Some(false) => {
                    warn(
                        "guardian-id-taken",
                        "guardian_id",
                        "another person has this sourcedId, so this guardian is left out",
                    );
                }
                Some(true) => warn(twice.0, "guardian_id", twice.1),
                None if self.is_shared(guardian, &theirs) => warn(twice.0, "student_id", twice.1),
                None => found.push((guardian, theirs)),
            }
        }
        let ids = self.ids_of(&found);
        let whole = found.into_iter().zip(ids);
        whole
            .map(|((guardian, students), id)| Named { guardian: Cow::Borrowed(guardian), id, students })
            .collect()
    }

    /// Whether the roster has this guardian itself.
    fn is_shared(&self, guardian: &Guardian, students: &[(&str, LinkClass)]) -> bool {
        let name = guardian.name.key();
        let details = guardian.emails.iter().chain(&guardian.numbers);
        !guardian.name.is_empty()
            && (students.iter().any(|(student, _)| self.kinships.contains(&kinship(student, &guardian.name)))
                || details.into_iter().any(|detail| self.marks.contains(&mark(&name, *detail))))
    }

    /// The ids under which guardians have accounts or get them.
    fn ids_of(&self, found: &[(&Guardian, Vec<(&str, LinkClass)>)]) -> Vec<String> {
        let known = &self.own.known;
        // An id of the file that has an account is that account's.
        let certain = |guardian: &Guardian| guardian.id.as_ref().is_some_and(|id| known.has(id));
        let open: Vec<usize> = (0..found.len()).filter(|at| !certain(found[*at].0)).collect();
        let claims: Vec<Claim> =
            open.iter().map(|at| claim(found[*at].0, found[*at].1.iter().map(|(id, _)| *id))).collect();
        let own: HashSet<&str> = found.iter().filter_map(|(guardian, _)| guardian.id.as_deref()).collect();
        let recognised = known.recognise(&claims, &|id| self.is_here(id) || own.contains(id));
        let mut ids: Vec<Option<String>> = found.iter().map(|(guardian, _)| guardian.id.clone()).collect();
        for (at, id) in open.iter().zip(recognised) {
            if let Some(id) = id {
                ids[*at] = Some(id.to_owned());
            }
        }
        let base = |at: usize| {
            let (guardian, students) = &found[at];
            students.iter().map(|(student, _)| kinship(student, &guardian.name)).min().unwrap_or_default()
        };
        let written = |number: u64| format!("{OWN}{number:016x}");
        let mut used: HashMap<String, u32> = HashMap::new();
        for id in ids.iter().flatten().cloned() {
            *used.entry(id).or_default() += 1;
        }
        for at in (0..found.len()).filter(|at| ids[*at].is_none()) {
            *used.entry(written(base(at))).or_default() += 1;
        }
        for at in 0..found.len() {
            // The same on every machine. Two of one name with one student are told apart by what
            // they do not share.
            let own = || match used.get(&written(base(at))) {
                Some(1) | None => written(base(at)),
                Some(_) => {
                    let guardian = found[at].0;
                    let details = guardian.emails.iter().chain(&guardian.numbers).min().copied();
                    written(xxh3_64(format!("{:x}\n{:x}", base(at), details.unwrap_or_default()).as_bytes()))
                }
            };
            ids[at].get_or_insert_with(own);
        }
        ids.into_iter().flatten().collect()
    }

    /// Accounts that count as present although no row of theirs can be used.
    fn present(&self, named: &[Named<'_>]) -> Vec<Present<'a>> {
        let known = &self.own.known;
        if self.own.about.mode != Mode::Bulk {
            return Vec::new();
        }
        let mut seen: HashSet<String> = named.iter().map(|named| named.id.clone()).collect();
        let mut present = Vec::new();
        let mut nameless: Vec<(u64, u64)> = Vec::new();
        let mut keep = |line, id: &'a str, guardian| {
            if known.said(id).is_some() && !self.is_here(id) && seen.insert(id.to_owned()) {
                present.push(Present { line, id, guardian });
            }
        };
        for guardian in &self.own.guardians {
            let could_be = |name: &'a String| self.students.could_be(name);
            // If the name fits no student, the student has left, and so has the guardian.
            let names = || guardian.students.iter().map(|(name, _)| name);
            if names().any(|name| could_be(name).len() == 1) {
                continue;
            }
            let all: Vec<&str> = names().flat_map(could_be).collect();
            let id = guardian.id.as_deref().filter(|id| !all.is_empty() && known.has(id));
            let claims = [claim(guardian, all.into_iter())];
            match id.or_else(|| known.recognise(&claims, &|id| self.is_here(id))[0]) {
                Some(id) => keep(guardian.line, id, Some(guardian)),
                None if !guardian.name.is_empty() => {
                    nameless.push((guardian.line, hashed(&guardian.name.key())));
                }
                None => {}
            }
        }
        // The account with an id that several people have now is one of them; it is not certain
        // which.
        for guardian in &self.own.guardians {
            if let Some(id) = guardian.shared_id.as_deref().filter(|id| known.has(id)) {
                keep(guardian.line, id, None);
            }
        }
        for row in &self.own.broken {
            // An account that the row names is there, whatever else the row says.
            if let Some(id) = row.id.as_deref().filter(|id| known.has(id)) {
                keep(row.line, id, None);
            }
            let begun = row.student_begins.iter().flat_map(|begin| self.students.that_begin(begin));
            if row.student.is_none() && row.student_begins.is_none() {
                nameless.extend(row.name.map(|name| (row.line, name.get())));
            }
            for student in row.student.iter().flat_map(|name| self.students.could_be(name)).chain(begun) {
                known.of_student(student).for_each(|id| keep(row.line, id, None));
            }
        }
        // A row that names no student that is known says nothing of the accounts of that name whose
        // students are still there.
        if !nameless.is_empty() {
            let by_name = known.by_name_with(&self.students_here);
            for (line, name) in nameless {
                for id in by_name.get(&name).into_iter().flatten() {
                    keep(line, id, None);
                }
            }
        }
        present
    }
}

const TWICE: &str =
    "the roster has this guardian itself, and its details are kept; those of the file are left out";

const TWICE_RESTRICTED: &str = "a rule of [contacts] restricts this guardian, but the roster has the guardian itself, \
     and the rule has no effect on the roster's record: use `rostersync users suppress`, or a rule on a column of the roster";

/// What is said of a guardian that the roster has itself. It must not seem that a restriction of the
/// file holds.
fn twice(links: &[(&str, LinkClass)]) -> (&'static str, &'static str) {
    match links.iter().all(|(_, link)| link.class == Class::Contact) {
        true => ("guardian-twice", TWICE),
        false => ("guardian-twice-restricted", TWICE_RESTRICTED),
    }
}

fn claim<'a>(guardian: &Guardian, students: impl Iterator<Item = &'a str>) -> Claim {
    let [emails, mobiles, homes] = guardian
        .values
        .each_ref()
        .map(|values| values.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>());
    Claim::new(None, None, &guardian.name, students, &emails, &[mobiles, homes].concat())
}
