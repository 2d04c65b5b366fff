//! A row of the guardians file: one guardian of one student.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_64;

use crate::contact::{Email, PersonName, PhoneReader, email_key};
use crate::rights::Class;
use crate::roster::{IdList, Record, Relations, RoleList};
use crate::source::hashed;
use crate::source::oneroster_csv::lone;
use crate::value::{self, RecordReader, WordCounts};

/// The columns, each with other names that are understood.
pub(super) const COLUMNS: [(&str, &[&str]); 9] = [
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

pub(super) const STUDENT: usize = 0;
pub(super) const LANGUAGE: usize = 7;
pub(super) const RELATIONSHIP: usize = 6;
pub(super) const GUARDIAN_ID: usize = 8;

/// Relationships that are not the beginning of another one.
const RELATIONS: [&str; 8] =
    ["guardian", "mother", "father", "grandmother", "grandfather", "uncle", "sister", "brother"];

/// The class of a link, why it has it, if that is asked for, and the file's word for the
/// relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkClass {
    pub(super) class: Class,
    pub(super) why: Option<String>,
    pub(super) relationship: Option<String>,
}

impl Default for LinkClass {
    fn default() -> Self {
        Self { class: Class::Contact, why: None, relationship: None }
    }
}

impl LinkClass {
    /// The class of a link that two rows name. Of two words for the relationship the first by bytes
    /// stands, whatever the order of the rows.
    pub(super) fn with(self, other: Self) -> Self {
        let words = [&self.relationship, &other.relationship].into_iter().flatten();
        let relationship = words.min().cloned();
        let link = if self.class.with(other.class) == self.class { self } else { other };
        Self { relationship, ..link }
    }
}

#[derive(Clone, Default)]
pub(super) struct Guardian {
    pub(super) line: u64,
    pub(super) id: Option<String>,
    /// The id of the file, where people of several names have it, so that it identifies none of
    /// them.
    pub(super) shared_id: Option<String>,
    pub(super) name: PersonName,
    pub(super) given_name: Option<String>,
    pub(super) family_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) mobile: Option<String>,
    pub(super) home_phone: Option<String>,
    pub(super) relationship: Option<String>,
    pub(super) language: Option<String>,
    /// As the file names them, each with the class of the link.
    pub(super) students: Vec<(String, LinkClass)>,
    /// The valid values of email, mobile and home phone in all rows, as they are there.
    pub(super) values: [Vec<(u64, String)>; 3],
    /// All valid emails, and all valid numbers, of all rows.
    pub(super) emails: Vec<u64>,
    pub(super) numbers: Vec<u64>,
}

#[derive(Debug)]
pub(super) struct Broken {
    pub(super) line: u64,
    /// The student whose guardian the row seems to name.
    pub(super) student: Option<String>,
    /// What is in the column of the guardian's own id.
    pub(super) id: Option<String>,
    /// A hash of the name, where the row names no student.
    pub(super) name: Option<NonZeroU64>,
    /// What there is of the student's id, where the file may have been cut in it.
    pub(super) student_begins: Option<String>,
    pub(super) code: &'static str,
    pub(super) what: &'static str,
}

fn in_one_line(row: &lone::LoneRow<'_, 9>, column: usize) -> Option<String> {
    row.cells[column].map(|cell| cell.replace(['\t', '\n', '\r'], " "))
}

/// A cell read as an id, if it says anything.
fn id_of(row: &lone::LoneRow<'_, 9>, column: usize) -> Option<String> {
    let cell = in_one_line(row, column)?;
    Some(value::id(&cell).into_owned()).filter(|id| !id.is_empty())
}

impl Guardian {
    pub(super) fn read(
        row: &lone::LoneRow<'_, 9>,
        reader: &Reader,
        meaning: &mut RecordReader<'_>,
    ) -> Result<Self, Broken> {
        let broken = |code, what| {
            let cut_in_student = row.cut.filter(|(column, _)| *column == STUDENT);
            Broken {
                line: row.line,
                student: id_of(row, STUDENT),
                id: id_of(row, GUARDIAN_ID).filter(|id| !value::is_no_id(id)),
                name: None,
                student_begins: cut_in_student.map(|(_, begin)| begin.to_owned()),
                code,
                what,
            }
        };
        // Other values that may be cut are not provided. Without these it is not known whose row it
        // is.
        let is_relation = |word: &str| RELATIONS.contains(&word.to_lowercase().as_str());
        if row.cut.is_some_and(|(column, text)| {
            matches!(column, STUDENT | GUARDIAN_ID) || column == RELATIONSHIP && !is_relation(text)
        }) {
            return Err(broken(
                "rejected-cut-row",
                "the file may have been cut in this row, so it is not used",
            ));
        }
        if let Some(code) = row.defect {
            return Err(broken(code, "where the cells of this row end is a guess, so it is not used"));
        }
        let mut guardian = Self::meant(row, meaning);
        let Some(student) = id_of(row, STUDENT) else {
            let broken = broken("rejected-no-student", "the row names no student, so it is not used");
            let name = Some(&guardian.name).filter(|name| !name.is_empty());
            return Err(Broken {
                name: name.and_then(|name| NonZeroU64::new(hashed(&name.key()))),
                ..broken
            });
        };
        // The person whom an id names is known all the same: an account keeps the name that it has.
        if guardian.name.is_empty() && guardian.id.is_none() {
            return Err(broken("rejected-no-name", "the row has no name, so it is not used"));
        }
        let texts = [&guardian.email, &guardian.mobile, &guardian.home_phone].map(Option::as_deref);
        let [email, mobile, home_phone] = texts;
        let number = |text: Option<&str>| reader.number(text?);
        let keys = [email.and_then(|text| reader.email(text)), number(mobile), number(home_phone)];
        let value = |at: usize| keys[at].zip(texts[at].map(str::to_owned)).into_iter().collect::<Vec<_>>();
        guardian.values = [value(0), value(1), value(2)];
        guardian.emails = keys[..1].iter().flatten().copied().collect();
        guardian.numbers = keys[1..].iter().flatten().copied().collect();
        let relationship = guardian.relationship.clone();
        guardian.students = vec![(student, LinkClass { relationship, ..LinkClass::default() })];
        Ok(guardian)
    }

    /// The values of a row as they are meant. Its students, and the forms in which values are
    /// compared, are still missing.
    fn meant(row: &lone::LoneRow<'_, 9>, meaning: &mut RecordReader<'_>) -> Self {
        let cells: [Option<String>; 9] = std::array::from_fn(|at| in_one_line(row, at));
        let [_, given_name, family_name, email, sms, phone, _, language, id] =
            cells.each_ref().map(Option::as_deref);
        let written = Record {
            line: Some(row.line),
            sourced_id: id.unwrap_or_default(),
            given_name,
            family_name,
            email,
            sms,
            phone,
            language,
            ..Record::default()
        };
        meaning.set_foreign(row.foreign);
        let mut guardian = meaning.read_any(&written, |meant| {
            let text = |cell: Option<&str>| cell.map(str::to_owned);
            Self {
                line: row.line,
                id: Some(meant.sourced_id.to_owned()),
                given_name: text(meant.given_name),
                family_name: text(meant.family_name),
                email: text(meant.email),
                mobile: text(meant.sms),
                home_phone: text(meant.phone),
                language: text(meant.language.filter(|language| !language.is_empty())),
                ..Self::default()
            }
        });
        if guardian.id.as_ref().is_some_and(|id| !id.is_empty() && value::is_no_id(id)) {
            meaning.tally.word(value::GUARDIANS.id, "0", Some(row.line));
        }
        guardian.id = guardian.id.filter(|id| !value::is_no_id(id));
        let cut_word = row.cut.filter(|(column, _)| *column == RELATIONSHIP).map(|(_, word)| word.to_owned());
        guardian.relationship = id_of(row, RELATIONSHIP).or(cut_word);
        let part = |name: &Option<String>| name.clone().unwrap_or_default();
        guardian.name = PersonName::new(&part(&guardian.given_name), &part(&guardian.family_name));
        guardian
    }

    /// Leaves a part of the name out that is a word for "no value" in so many rows that it is no
    /// name.
    pub(super) fn settle_name(&mut self, words: &WordCounts) {
        let [given, family] = words.settle(self.given_name.as_deref(), self.family_name.as_deref());
        if (given, family) != (self.given_name.as_deref(), self.family_name.as_deref()) {
            let [given, family] = [given, family].map(|part| part.map(str::to_owned));
            self.name =
                PersonName::new(given.as_deref().unwrap_or_default(), family.as_deref().unwrap_or_default());
            (self.given_name, self.family_name) = (given, family);
        }
    }

    /// OneRoster's role for what the file calls the relationship.
    pub(super) fn role(&self) -> &'static str {
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

    /// Whether which values stand is still to be settled.
    pub(super) fn is_open(&self) -> bool {
        let texts = [&self.email, &self.mobile, &self.home_phone];
        self.values.iter().zip(texts).any(|(values, text)| match values.as_slice() {
            [] => false,
            [(_, only)] => text.as_ref() != Some(only),
            _ => true,
        })
    }

    /// Of several values for one contact, the one that the SIS had already, as the store knows it;
    /// otherwise the first by bytes. Never the first by row: exports give rows in any order.
    pub(super) fn settle(&mut self, known: [Option<u64>; 3]) {
        let texts = [&mut self.email, &mut self.mobile, &mut self.home_phone];
        for ((values, known), text) in self.values.iter().zip(known).zip(texts) {
            let stands = values.iter().filter(|(key, _)| Some(*key) == known).min_by(|a, b| a.1.cmp(&b.1));
            if let Some((_, value)) = stands.or_else(|| values.iter().min_by(|a, b| a.1.cmp(&b.1))) {
                *text = Some(value.clone());
            }
        }
    }

    /// Gives the link of a row its class.
    pub(super) fn set_class(&mut self, class: LinkClass) {
        for (_, own) in &mut self.students {
            (own.class, own.why) = (class.class, class.why.clone());
        }
    }

    /// Its record, under an id and with students that are known by now. Without them they stay as
    /// they were. `orgs` is a blank list, or none where the store knows schools of the person's
    /// own, of which the file says nothing.
    pub(super) fn with_record(
        &self,
        id: &str,
        students: Option<&[(&str, LinkClass)]>,
        orgs: Option<IdList<'_>>,
        has_classes: bool,
        use_it: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let of = |class: Class| {
            let own = students?.iter().filter(|(_, own)| own.class == class).map(|(id, _)| *id);
            Some(own.collect::<Vec<_>>().join(","))
        };
        let [agents, emergency, barred] = Class::ALL.map(of);
        let words =
            |(id, link): &'_ (&'_ str, LinkClass)| Some(((*id).to_owned(), link.relationship.clone()?));
        let words: Option<Vec<(String, String)>> = students.map(|all| all.iter().filter_map(words).collect());
        let relations =
            words.map(|words| Relations::text(words.iter().map(|(id, word)| (id.as_str(), word.as_str()))));
        use_it(&Record {
            line: Some(self.line),
            sourced_id: id,
            given_name: self.given_name.as_deref(),
            family_name: self.family_name.as_deref(),
            email: self.email.as_deref(),
            sms: self.mobile.as_deref(),
            phone: self.home_phone.as_deref(),
            language: self.language.as_deref(),
            roles: RoleList(self.role()),
            orgs,
            agents: agents.as_deref().map(IdList),
            emergency: emergency.as_deref().filter(|_| has_classes).map(IdList),
            barred: barred.as_deref().filter(|_| has_classes).map(IdList),
            relations: relations.as_deref().map(Relations),
            ..Record::default()
        })
    }
}

/// Reads emails and numbers of one district. Only valid ones tell whether two values are one
/// person's, in the form in which they are compared everywhere.
pub struct Reader {
    pub phones: PhoneReader,
    /// Whether an email is a placeholder, which identifies no person.
    pub is_ignored: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

impl Reader {
    /// By what an email is known, if it is one.
    pub(super) fn email(&self, text: &str) -> Option<u64> {
        let email = Email::parse(text).filter(|_| !(self.is_ignored)(text.trim()))?;
        Some(detail("email", &email_key(email.as_str())))
    }

    /// By what a number is known, if it is one.
    pub(super) fn number(&self, text: &str) -> Option<u64> {
        Some(detail("number", self.phones.parse(text)?.e164()))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("phones", &self.phones).finish_non_exhaustive()
    }
}

fn detail(kind: &str, value: &str) -> u64 {
    xxh3_64(format!("{kind}\n{value}").as_bytes())
}

/// Something that two people of one name have in common only if they are one.
pub(super) fn mark(name: &str, detail: u64) -> u64 {
    xxh3_64(format!("{name}\n{detail:x}").as_bytes())
}
