//! Guardians in a file of their own, beside any source: for districts whose API shares no contacts.
//!
//! A row is one guardian of one student. Rows of the same name are one person if they have the email, a number or the student
//! in common, or the same `guardian_id`; without one, the account that the person has is found again by student and name.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::RosterSource;
use super::known::{KnownFamily, kinship};
use super::oneroster_csv::{EncodingSetting, lone};
use crate::contact::PersonName;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roles;
use crate::roster::{Defect, IdList, Mode, Record, RoleList, Schools};

/// The columns, each with other names that are understood.
const COLUMNS: [(&str, &[&str]); 9] = [
    ("student_id", &["studentId", "student id", "studentSourcedId", "student"]),
    ("given_name", &["givenName", "given name", "first_name", "first name"]),
    ("family_name", &["familyName", "family name", "last_name", "last name"]),
    ("email", &["e-mail", "email address"]),
    ("mobile", &["sms", "cell", "mobile phone", "cell phone"]),
    ("home_phone", &["homePhone", "home phone", "phone"]),
    ("relationship", &["relation"]),
    ("language", &["home language"]),
    ("guardian_id", &["guardianId", "guardian id", "guardianSourcedId"]),
];

/// One person of the file.
#[derive(Debug, Default)]
struct Guardian {
    line: u64,
    /// Given in the file.
    id: Option<String>,
    name: PersonName,
    given_name: Option<String>,
    family_name: Option<String>,
    email: Option<String>,
    mobile: Option<String>,
    home_phone: Option<String>,
    relationship: Option<String>,
    language: Option<String>,
    /// As the file names them.
    students: Vec<String>,
}

/// A source with the guardians of a file after its own users.
pub struct WithGuardians {
    inner: Box<dyn RosterSource>,
    file: String,
    guardians: Vec<Guardian>,
    /// Lines that name nobody who could be found.
    broken: Vec<u64>,
    known: KnownFamily,
    findings: Findings,
}

impl WithGuardians {
    /// Reads the file whole. `known` are the guardians of the store.
    ///
    /// # Errors
    /// `InputUnusable` if the file is missing, is no usable CSV file or names nobody, so that nobody is archived for it;
    /// `SourceUnavailable` if it changes while it is read.
    pub fn open(
        inner: Box<dyn RosterSource>,
        path: &Path,
        encoding: EncodingSetting,
        known: KnownFamily,
    ) -> Result<Self> {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut findings = inner.findings().clone();
        let mut rows: Vec<Guardian> = Vec::new();
        let mut broken = Vec::new();
        let mut of_rows = Findings::default();
        lone::read(path, encoding, COLUMNS, &mut findings, &mut |row| {
            match guardian(&row) {
                Ok(guardian) => rows.push(guardian),
                Err((code, what)) => {
                    of_rows.error(code, &file, Some(row.line), None, || what.to_owned());
                    broken.push(row.line);
                }
            }
            Ok(())
        })?;
        findings.merge(&of_rows);
        if rows.is_empty() {
            return Err(Failure::new(Kind::InputUnusable, format!("{file} names no guardian"))
                .at(path.display())
                .cure("check that it was delivered completely; to do without it, remove [guardians]"));
        }
        let guardians = unite(rows, &file, &mut findings);
        Ok(Self { inner, file, guardians, broken, known, findings })
    }
}

/// A row as a guardian of one student, or why it cannot be one.
fn guardian(row: &lone::LoneRow<'_, 9>) -> Result<Guardian, (&'static str, &'static str)> {
    if let Some(code) = row.defect {
        return Err((code, "where the cells of this row end is a guess, so it is not used"));
    }
    let own = |at: usize| row.cells[at].map(|cell| cell.replace(['\t', '\n', '\r'], " "));
    let filled = |at: usize| own(at).filter(|cell| !cell.is_empty());
    let student = filled(0).ok_or(("rejected-no-student", "the row names no student, so it is not used"))?;
    let (given_name, family_name) = (own(1), own(2));
    let part = |name: &Option<String>| name.clone().unwrap_or_default();
    let name = PersonName::new(&part(&given_name), &part(&family_name));
    if name.is_empty() {
        return Err(("rejected-no-name", "the row has no name, so it is not used"));
    }
    Ok(Guardian {
        line: row.line,
        id: filled(8),
        name,
        given_name,
        family_name,
        email: own(3),
        mobile: own(4),
        home_phone: own(5),
        relationship: filled(6),
        language: filled(7),
        students: vec![student],
    })
}

/// Makes one person of the rows that are about one.
fn unite(rows: Vec<Guardian>, file: &str, findings: &mut Findings) -> Vec<Guardian> {
    // Of each row the first one that it belongs to; followed to its end it is the person.
    let mut first: Vec<usize> = (0..rows.len()).collect();
    let mut seen: HashMap<u64, usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        for mark in marks(row) {
            let other = *seen.entry(mark).or_insert(at);
            let (a, b) = (root(&first, at), root(&first, other));
            let (early, late) = (a.min(b), a.max(b));
            first[late] = early;
        }
    }
    let roots: Vec<usize> = (0..rows.len()).map(|at| root(&first, at)).collect();
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut guardians: Vec<Guardian> = Vec::new();
    for (row, root) in rows.into_iter().zip(roots) {
        match place.get(&root) {
            None => {
                place.insert(root, guardians.len());
                guardians.push(row);
            }
            Some(&at) => join(&mut guardians[at], row, file, findings),
        }
    }
    guardians
}

fn root(first: &[usize], mut at: usize) -> usize {
    while first[at] != at {
        at = first[at];
    }
    at
}

/// What two rows of one person have in common, as hashes.
fn marks(row: &Guardian) -> Vec<u64> {
    let mark = |kind: &str, value: &str| xxh3_64(format!("{kind}\n{value}").as_bytes());
    if let Some(id) = &row.id {
        return vec![mark("id", id)];
    }
    let name = row.name.to_string().to_lowercase();
    let digits = |number: &str| number.chars().filter(char::is_ascii_digit).collect::<String>();
    let with = |kind: &str, value: Option<String>| {
        value.filter(|value| !value.is_empty()).map(|value| mark(kind, &format!("{name}\n{value}")))
    };
    let students = row.students.iter().map(|student| mark("student", &format!("{name}\n{student}")));
    with("email", row.email.as_ref().map(|email| email.to_lowercase()))
        .into_iter()
        .chain(with("number", row.mobile.as_deref().map(digits)))
        .chain(with("number", row.home_phone.as_deref().map(digits)))
        .chain(students)
        .collect()
}

/// Adds another row of the same person: the first value of each field stands.
fn join(guardian: &mut Guardian, row: Guardian, file: &str, findings: &mut Findings) {
    let mut differs = Vec::new();
    let mut take = |column: &'static str, own: &mut Option<String>, other: Option<String>| match (&own, other)
    {
        (None, other) => *own = other,
        (Some(value), Some(other)) if value.is_empty() => *own = Some(other),
        (Some(value), Some(other)) if !other.is_empty() && !value.eq_ignore_ascii_case(&other) => {
            differs.push(column)
        }
        (Some(_), _) => {}
    };
    take("email", &mut guardian.email, row.email);
    take("mobile", &mut guardian.mobile, row.mobile);
    take("home_phone", &mut guardian.home_phone, row.home_phone);
    for column in differs {
        findings.warn("guardian-rows-differ", file, Some(row.line), Some(column), || {
            format!("another value than in line {}, which stands, for the same guardian", guardian.line)
        });
    }
    guardian.relationship = guardian.relationship.take().or(row.relationship);
    guardian.language = guardian.language.take().or(row.language);
    for student in row.students {
        if !guardian.students.contains(&student) {
            guardian.students.push(student);
        }
    }
}

impl Guardian {
    /// OneRoster's role for what the file calls the relationship.
    fn role(&self) -> &'static str {
        let word = self.relationship.as_deref().unwrap_or_default().to_lowercase();
        match word.trim() {
            "parent" | "mother" | "father" | "mom" | "dad" | "stepmother" | "stepfather" | "stepparent" => {
                "parent"
            }
            "grandparent" | "grandmother" | "grandfather" | "aunt" | "uncle" | "aunt/uncle" | "sibling"
            | "sister" | "brother" | "cousin" | "relative" => "relative",
            _ => "guardian",
        }
    }

    /// Its record, under an id and with students that are known by now.
    fn with_record(
        &self,
        id: &str,
        students: &[&str],
        use_it: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let language = self.language.as_deref().map(str::to_lowercase);
        use_it(&Record {
            line: Some(self.line),
            sourced_id: id,
            given_name: self.given_name.as_deref(),
            family_name: self.family_name.as_deref(),
            email: self.email.as_deref(),
            sms: self.mobile.as_deref(),
            phone: self.home_phone.as_deref(),
            language: language.as_deref().filter(|word| word.len() == 2),
            roles: RoleList(self.role()),
            agents: Some(IdList(&students.join(","))),
            ..Record::default()
        })
    }
}

/// The students whom the file names, by what it calls them: their sourcedIds, once they were met in the roster.
struct Students<'a> {
    met: HashMap<&'a str, Met>,
}

#[derive(Default)]
struct Met {
    /// It is a sourcedId itself.
    is_id: bool,
    /// The sourcedId of whoever has it as identifier; none if several have.
    by_identifier: Option<Option<String>>,
}

impl<'a> Students<'a> {
    fn new(guardians: &'a [Guardian]) -> Self {
        let names = guardians.iter().flat_map(|guardian| &guardian.students);
        Self { met: names.map(|name| (name.as_str(), Met::default())).collect() }
    }

    fn meet(&mut self, record: &Record<'_>) {
        if record.deleted || record.sourced_id.is_empty() {
            return;
        }
        if let Some(met) = self.met.get_mut(record.sourced_id) {
            met.is_id = true;
        }
        let is_student = || record.roles.iter().any(|held| roles::canonical(held.role) == "student");
        if let Some(met) =
            record.identifier.and_then(|identifier| self.met.get_mut(identifier)).filter(|_| is_student())
        {
            met.by_identifier = Some(match met.by_identifier.take() {
                None => Some(record.sourced_id.to_owned()),
                Some(other) => other.filter(|other| other == record.sourced_id),
            });
        }
    }

    fn id(&self, name: &'a str) -> Option<&str> {
        let met = self.met.get(name)?;
        if met.is_id { Some(name) } else { met.by_identifier.as_ref()?.as_deref() }
    }
}

impl RosterSource for WithGuardians {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn mode(&self) -> Mode {
        self.inner.mode()
    }

    fn schools(&self) -> &Schools {
        self.inner.schools()
    }

    fn findings(&self) -> &Findings {
        &self.findings
    }

    fn names_nobody_somewhere(&self) -> bool {
        !self.broken.is_empty() || self.inner.names_nobody_somewhere()
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut students = Students::new(&self.guardians);
        let mut guardians: HashSet<u64> = HashSet::new();
        let mut broken_off = false;
        self.inner.read(findings, &mut |record| {
            students.meet(record);
            if record.roles.iter().any(|held| roles::is_guardian(&roles::canonical(held.role))) {
                guardians.insert(xxh3_64(record.sourced_id.as_bytes()));
            }
            let flow = each(record);
            broken_off |= flow.is_break();
            flow
        })?;
        if broken_off {
            return Ok(());
        }
        for (guardian, id, theirs) in self.named(&students, &guardians, findings) {
            if guardian.with_record(&id, &theirs, each).is_break() {
                return Ok(());
            }
        }
        for line in &self.broken {
            let record = Record { line: Some(*line), defect: Some(Defect::Quoting), ..Record::default() };
            if each(&record).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl WithGuardians {
    /// The guardians of students who are in the roster, with the ids of both.
    fn named<'s>(
        &'s self,
        students: &'s Students<'_>,
        in_roster: &HashSet<u64>,
        findings: &mut Findings,
    ) -> Vec<(&'s Guardian, Cow<'s, str>, Vec<&'s str>)> {
        let mut found: Vec<(&Guardian, Vec<u64>, Vec<&str>)> = Vec::new();
        for guardian in &self.guardians {
            let theirs: Vec<&str> = guardian.students.iter().filter_map(|name| students.id(name)).collect();
            let missing = guardian.students.len() - theirs.len();
            // Changes alone do not mention every student; who is not whole is left as known.
            let skip = theirs.is_empty() || missing > 0 && self.mode() != Mode::Bulk;
            if missing > 0 && self.mode() == Mode::Bulk {
                findings.warn("guardian-without-student", &self.file, Some(guardian.line), Some("student_id"), || {
                    "a student whom the roster does not have, neither as sourcedId nor as identifier, or has twice".to_owned()
                });
            }
            if !skip {
                let kinships = theirs.iter().map(|student| kinship(student, &guardian.name)).collect();
                found.push((guardian, kinships, theirs));
            }
        }
        let recognised = |kinships: &[u64]| {
            self.known.find(kinships).filter(|id| !in_roster.contains(&xxh3_64(id.as_bytes())))
        };
        let mut claims: HashMap<&str, u32> = HashMap::new();
        for (_, kinships, _) in found.iter().filter(|(guardian, ..)| guardian.id.is_none()) {
            if let Some(id) = recognised(kinships) {
                *claims.entry(id).or_default() += 1;
            }
        }
        let id = |guardian: &'s Guardian, kinships: &[u64]| -> Cow<'s, str> {
            if let Some(id) = &guardian.id {
                return Cow::Borrowed(id);
            }
            match recognised(kinships).filter(|id| claims.get(id) == Some(&1)) {
                Some(id) => Cow::Owned(id.to_owned()),
                // The same on every machine, as long as nobody with an account is recognised.
                None => Cow::Owned(format!(
                    "guardian-{:016x}",
                    kinships.iter().min().copied().unwrap_or_default()
                )),
            }
        };
        found
            .into_iter()
            .map(|(guardian, kinships, theirs)| (guardian, id(guardian, &kinships), theirs))
            .collect()
    }
}
