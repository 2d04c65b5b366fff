//! A record as its cells are meant.

use std::borrow::Cow;

use super::code_page::with_lost_letters;
use super::marks::{may_be_marked, names_without_marks, without_formula, without_mark};
use super::tally::{Oddity, Tally};
use super::words::{NameWord, WordCounts, may_be_word, name_word, null_word};
use crate::contact::{decode_html, has_lost_letter, is_damaged, visible, visible_name};
use crate::roster::{Defect, IdList, Record, RoleList};

/// What a source calls its columns.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub id: &'static str,
    pub identifier: &'static str,
    pub given: &'static str,
    pub family: &'static str,
    pub email: &'static str,
    pub sms: &'static str,
    pub phone: &'static str,
    pub language: &'static str,
    pub role: &'static str,
    pub orgs: &'static str,
    pub agents: &'static str,
    pub username: &'static str,
    pub user_ids: &'static str,
    pub earlier_id: &'static str,
}

/// OneRoster's names.
pub const ONEROSTER: Names = Names {
    id: "sourcedId",
    identifier: "identifier",
    given: "givenName",
    family: "familyName",
    email: "email",
    sms: "sms",
    phone: "phone",
    language: "language",
    role: "role",
    orgs: "orgSourcedIds",
    agents: "agentSourcedIds",
    username: "username",
    user_ids: "userIds",
    earlier_id: "earlier_id",
};

/// Clever's names.
pub const CLEVER: Names = Names {
    id: "id",
    identifier: "sis_id",
    given: "name.first",
    family: "name.last",
    email: "email",
    sms: "phone",
    phone: "phone",
    language: "language",
    role: "roles",
    orgs: "schools",
    agents: "student_relationships",
    username: "district_username",
    user_ids: "state_id",
    earlier_id: "legacy_id",
};

/// How often the words are in the columns of names that may be names themselves.
enum Counts<'c> {
    /// Found out by a second reading, if it is ever asked.
    Later(Box<dyn Fn() -> WordCounts + Send + Sync + 'c>),
    Known(WordCounts),
    /// Counted on the way; what counts as a name is decided when all records are there.
    Gathered(WordCounts),
}

/// A guardians file's names.
pub const GUARDIANS: Names = Names {
    id: "guardian_id",
    identifier: "guardian_id",
    given: "given_name",
    family: "family_name",
    email: "email",
    sms: "mobile",
    phone: "home_phone",
    language: "language",
    role: "relationship",
    orgs: "student_id",
    agents: "student_id",
    username: "guardian_id",
    user_ids: "guardian_id",
    earlier_id: "guardian_id",
};

/// The platform export's names.
pub const PLATFORM: Names = Names {
    id: "sourced_id",
    identifier: "sourced_id",
    given: "given_name",
    family: "family_name",
    email: "email",
    sms: "phone",
    phone: "home_phone",
    language: "language",
    role: "state",
    orgs: "sourced_id",
    agents: "sourced_id",
    username: "sourced_id",
    user_ids: "sourced_id",
    earlier_id: "sourced_id",
};

/// No cell of one person is longer, in bytes, but a list of ids or roles.
const LONGEST_CELL: usize = 8 << 10;

/// No list of one person's schools, links or roles is longer, in bytes: there is room for a district
/// leader's role in each of two thousand schools.
const LONGEST_LIST: usize = 256 << 10;

/// Reads the records of one file or collection.
pub struct RecordReader<'c> {
    names: Names,
    /// Cells can have letters of another code page.
    foreign: bool,
    counts: Counts<'c>,
    pub tally: Tally,
}

/// What a cell is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Name,
    Email,
    Number,
    Other,
}

impl<'c> RecordReader<'c> {
    /// Of a file that can be read again: `count` does so if some name may be a word for "no value".
    /// With `foreign` its cells can have letters of another code page.
    pub fn of_file(names: Names, foreign: bool, count: impl Fn() -> WordCounts + Send + Sync + 'c) -> Self {
        Self { names, foreign, counts: Counts::Later(Box::new(count)), tally: Tally::default() }
    }

    /// Of records that are gathered before they are used: names are to be settled then.
    pub fn gathering(names: Names) -> Self {
        let counts = Counts::Gathered(WordCounts::default());
        Self { names, foreign: false, counts, tally: Tally::default() }
    }

    /// From here on cells can have letters of another code page.
    pub fn set_foreign(&mut self, foreign: bool) {
        self.foreign = foreign;
    }

    /// Hands over the record as its cells are meant. `plain` says that it has neither letters
    /// beyond ASCII nor `&` nor `?`.
    #[inline]
    pub fn read<R>(&mut self, record: &Record<'_>, plain: bool, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
        if let Counts::Gathered(counts) = &mut self.counts {
            counts.add(record.given_name, record.family_name);
        }
        let ordinary = plain || (!self.foreign && has_letters_in_names_alone(record));
        if ordinary && !is_odd(record) { use_it(record) } else { self.read_odd(record, use_it) }
    }

    /// Whether a record means what it says, letter by letter.
    #[inline]
    pub fn is_ordinary(record: &Record<'_>, plain: bool) -> bool {
        plain && !is_odd(record)
    }

    /// As [`Self::read`], of a record that nothing is known of.
    pub fn read_any<R>(&mut self, record: &Record<'_>, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
        let all = texts(record).into_iter().flatten().all(is_plain);
        self.read(record, all, use_it)
    }

    fn read_odd<R>(&mut self, record: &Record<'_>, use_it: impl FnOnce(&Record<'_>) -> R) -> R {
        let (names, line) = (self.names, record.line);
        let marked = |text: Option<&str>| text.is_some_and(|text| text.starts_with('\'') && text.len() > 1);
        let row_is_marked = [record.email, record.sms, record.phone].into_iter().any(marked);
        let ([given, family], taken_off) =
            names_without_marks(record.given_name, record.family_name, row_is_marked);
        if taken_off {
            let changed =
                [(given, record.given_name, names.given), (family, record.family_name, names.family)];
            for (_, _, column) in changed.into_iter().filter(|(bare, text, _)| bare != text) {
                self.tally.add(column, Oddity::Mark, line);
            }
        }
        let mut cell = |text, column, kind| self.cell(text, column, kind, line);
        let sourced_id = cell(Some(record.sourced_id), names.id, Kind::Id).unwrap_or_default();
        let identifier = cell(record.identifier, names.identifier, Kind::Id);
        let given = cell(given, names.given, Kind::Name);
        let family = cell(family, names.family, Kind::Name);
        let email = cell(record.email, names.email, Kind::Email);
        let sms = cell(record.sms, names.sms, Kind::Number);
        let phone = cell(record.phone, names.phone, Kind::Number);
        let language = cell(record.language, names.language, Kind::Other);
        let username = cell(record.username, names.username, Kind::Id);
        let user_ids = cell(record.user_ids, names.user_ids, Kind::Id);
        let earlier_id = cell(record.earlier_id, names.earlier_id, Kind::Id);
        // Of a list of roles only what cannot be seen: its words were read one by one.
        let mut defect = record.defect;
        let roles = match record.roles.0.contains(['\t', '\n']) {
            true if record.roles.0.len() > LONGEST_LIST => {
                self.tally.add(names.role, Oddity::TooLong, line);
                // Without roles a person would seem to have lost a school.
                defect = defect.or(Some(Defect::Roles));
                Cow::Borrowed("")
            }
            true => visible(record.roles.0),
            false => cell(Some(record.roles.0), names.role, Kind::Other).unwrap_or_default(),
        };
        let orgs = record.orgs.and_then(|orgs| self.list(orgs, names.orgs, line));
        let agents = record.agents.and_then(|agents| self.list(agents, names.agents, line));
        let (given, family) = self.name(given, family, line);
        use_it(&Record {
            sourced_id: &sourced_id,
            identifier: identifier.as_deref(),
            given_name: given.as_deref(),
            family_name: family.as_deref(),
            email: email.as_deref(),
            sms: sms.as_deref(),
            phone: phone.as_deref(),
            language: language.as_deref(),
            roles: RoleList(&roles),
            orgs: orgs.as_deref().map(IdList),
            agents: agents.as_deref().map(IdList),
            username: username.as_deref(),
            user_ids: user_ids.as_deref(),
            earlier_id: earlier_id.as_deref(),
            defect,
            ..*record
        })
    }

    /// What a cell says; none if it is a word for "no value".
    fn cell<'r>(
        &mut self,
        text: Option<&'r str>,
        column: &'static str,
        kind: Kind,
        line: Option<u64>,
    ) -> Option<Cow<'r, str>> {
        let text = text?;
        if text.is_empty() {
            return Some(Cow::Borrowed(text));
        }
        if text.len() > LONGEST_CELL {
            self.tally.add(column, Oddity::TooLong, line);
            return None;
        }
        self.read_cell(text, column, kind, line)
    }

    fn read_cell<'r>(
        &mut self,
        text: &'r str,
        column: &'static str,
        kind: Kind,
        line: Option<u64>,
    ) -> Option<Cow<'r, str>> {
        let (bare, marked) = match kind {
            Kind::Name | Kind::Other => without_formula(text).map_or((text, false), |bare| (bare, true)),
            Kind::Id | Kind::Email | Kind::Number => without_mark(text),
        };
        if marked {
            self.tally.add(column, Oddity::Mark, line);
        }
        let mut read = Cow::Borrowed(bare);
        if self.foreign && matches!(kind, Kind::Name | Kind::Email) {
            rewrite(&mut read, with_lost_letters);
        }
        if kind != Kind::Id && read.contains('&') && rewrite(&mut read, decode_html) {
            self.tally.add(column, Oddity::Html, line);
        }
        let see = if kind == Kind::Name { visible_name } else { visible };
        if !read.is_ascii() && rewrite(&mut read, see) {
            self.tally.add(column, Oddity::Invisible, line);
        }
        if kind == Kind::Name {
            if has_lost_letter(&read) {
                self.tally.add(column, Oddity::LostLetter, line);
            }
        } else if let Some(word) = null_word(&read) {
            self.tally.word(column, word, line);
            return None;
        }
        if matches!(kind, Kind::Name | Kind::Email) && is_damaged(&read) {
            self.tally.add(column, Oddity::Damaged, line);
        }
        Some(read)
    }

    /// What a list of ids says; none if there is nothing in it but words for "no value".
    fn list<'r>(
        &mut self,
        list: IdList<'r>,
        column: &'static str,
        line: Option<u64>,
    ) -> Option<Cow<'r, str>> {
        if list.0.len() > LONGEST_LIST {
            self.tally.add(column, Oddity::TooLong, line);
            return None;
        }
        let plain = |id: &str| id.is_ascii() && !may_be_word(id) && !may_be_marked(id);
        if list.0.is_ascii() && !may_be_marked(list.0) && list.iter().all(plain) {
            return Some(Cow::Borrowed(list.0));
        }
        let whole = match self.read_cell(list.0, column, Kind::Id, line)? {
            whole if whole.split(',').all(|id| plain(id.trim())) => return Some(whole),
            whole => whole,
        };
        let mut words = 0;
        let read: Vec<Cow<'_, str>> = IdList(&whole)
            .iter()
            .filter_map(|id| {
                let read = self.cell(Some(id), column, Kind::Id, line);
                words += u64::from(read.is_none());
                read
            })
            .collect();
        let kept: Vec<&str> = read.iter().map(AsRef::as_ref).filter(|id| !id.is_empty()).collect();
        (!kept.is_empty() || words == 0).then(|| Cow::Owned(kept.join(",")))
    }

    /// The parts of a name without those that are words for "no value".
    fn name<'r>(
        &mut self,
        given: Option<Cow<'r, str>>,
        family: Option<Cow<'r, str>>,
        line: Option<u64>,
    ) -> (Option<Cow<'r, str>>, Option<Cow<'r, str>>) {
        let words = [&given, &family].map(|part| part.as_deref().and_then(name_word));
        if words == [None, None] {
            return (given, family);
        }
        let mut parts = [given, family];
        let blank = parts.each_ref().map(|part| part.as_deref().is_none_or(|text| text.trim().is_empty()));
        for (part, column) in [self.names.given, self.names.family].into_iter().enumerate() {
            let other = 1 - part;
            let is_none = match words[part] {
                None => continue,
                Some(NameWord::Sure(_)) => true,
                Some(NameWord::Open(word)) => {
                    blank[other] || words[other].is_some() || self.fills(part, word)
                }
            };
            if let Some(word) = words[part].filter(|_| is_none) {
                self.tally.word(column, word.word(), line);
                parts[part] = None;
            }
        }
        let [given, family] = parts;
        (given, family)
    }

    /// Whether a word fills so much of a column that it is no name.
    fn fills(&mut self, part: usize, word: &str) -> bool {
        if let Counts::Later(count) = &self.counts {
            self.counts = Counts::Known(count());
        }
        match &self.counts {
            Counts::Known(counts) => counts.fills(part, word),
            Counts::Later(_) | Counts::Gathered(_) => false,
        }
    }

    /// What was counted of gathered records, and what was odd about them.
    pub fn finish(self) -> (WordCounts, Tally) {
        let Self { names, counts, mut tally, .. } = self;
        let counts = match counts {
            Counts::Known(counts) | Counts::Gathered(counts) => counts,
            Counts::Later(_) => WordCounts::default(),
        };
        for (part, column) in [names.given, names.family].into_iter().enumerate() {
            for (word, cells) in counts.filling(part) {
                tally.set_word(column, word, cells);
            }
        }
        (counts, tally)
    }
}

/// Rewrites a text; whether that has changed it.
fn rewrite(text: &mut Cow<'_, str>, write: impl for<'t> Fn(&'t str) -> Cow<'t, str>) -> bool {
    let written = match write(text) {
        Cow::Borrowed(same) if same.len() == text.len() => return false,
        other => other.into_owned(),
    };
    *text = Cow::Owned(written);
    true
}

/// Whether a record has no letters beyond ASCII but in names, where each stands by itself and is
/// one of the usual European ones: most rows that are not plain. Text that was damaged on the way
/// has at least two such characters side by side.
fn has_letters_in_names_alone(record: &Record<'_>) -> bool {
    let [id, identifier, given, family, others @ ..] = texts(record);
    [given, family].into_iter().flatten().all(has_single_letters)
        && [id, identifier].into_iter().chain(others).flatten().all(is_plain)
}

/// Whether a text has neither letters beyond ASCII nor `&` nor `?`.
#[inline]
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & (byte.is_ascii() & (byte != b'&') & (byte != b'?')))
}

/// Whether all that is beyond ASCII are letters from U+00C0 to U+017F, no two of them side by side,
/// and there is neither `&` nor `?`.
fn has_single_letters(name: &str) -> bool {
    let mut bytes = name.bytes();
    let mut after_letter = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'&' | b'?' => return false,
            0..=0x7F => after_letter = false,
            // The first of the two bytes of such a letter.
            0xC3..=0xC5 if !after_letter => {
                let _ = bytes.next();
                after_letter = true;
            }
            _ => return false,
        }
    }
    true
}

/// The texts of a record, the lists last.
#[inline]
fn texts<'a>(record: &Record<'a>) -> [Option<&'a str>; 14] {
    [
        Some(record.sourced_id),
        record.identifier,
        record.given_name,
        record.family_name,
        record.email,
        record.sms,
        record.phone,
        record.language,
        Some(record.roles.0),
        record.username,
        record.user_ids,
        record.earlier_id,
        record.orgs.map(|orgs| orgs.0),
        record.agents.map(|agents| agents.0),
    ]
}

/// Whether some cell is a word for "no value", may have a mark of a spreadsheet or is too long, and
/// whether a list begins with either.
#[inline]
fn is_odd(record: &Record<'_>) -> bool {
    let odd = |text: &str| null_word(text).is_some() || may_be_marked(text) || text.len() > LONGEST_CELL;
    let [cells @ .., orgs, agents] = texts(record);
    if [orgs, agents].into_iter().flatten().any(|list| list.len() > LONGEST_LIST) {
        return true;
    }
    let lists = [orgs, agents].map(|list| list.map(|list| &list[..list.find(',').unwrap_or(list.len())]));
    cells.into_iter().chain(lists).flatten().any(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_stand_by_themselves_are_ordinary() {
        for name in ["José", "Muñoz", "Zoë", "Ann", "", "Günther Öst"] {
            assert!(has_single_letters(name), "{name}");
        }
        for name in [
            "JosÃ©",
            "JosÃ\u{A9}",
            "Jos\u{FFFD}",
            "Fran?ois",
            "D&#39;Or",
            "Łódź",
            "Rosa\u{200B}",
            "ï¿½",
            "O’Brien",
            "\u{A0}Ann",
        ] {
            assert!(!has_single_letters(name), "{name}");
        }
    }
}
