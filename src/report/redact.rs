//! A report without personal data, for a support ticket: every value of a person or a school becomes a pseudonym.
//!
//! Equal values have the same pseudonym within one report, whichever column or note they are in, and equal means equal in
//! normal form. What is no value stays: states, actions, codes, days, known roles, the words of the notes. Text of a form
//! that is not known could be anything, so nothing of it is shown.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::columns::Column;
use super::reader::Cells;
use super::sentences::{SEPARATOR, Sentence, Value, sentences};
use crate::contact::{Field, email_key, phone_key};

/// What a pseudonym stands for; those of one kind are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    User,
    Identifier,
    School,
    Role,
    /// A given or a family name, so that one that is in the wrong column is seen.
    Name,
    WholeName,
    Address,
    Domain,
    Number,
    Text,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Identifier => "identifier",
            Self::School => "school",
            Self::Role => "role",
            Self::Name => "name",
            Self::WholeName => "fullname",
            Self::Address => "address",
            Self::Domain => "domain",
            Self::Number => "number",
            Self::Text => "text",
        }
    }
}

/// A row with pseudonyms, in the order of [`Column::ALL`].
pub(super) type Masked = [String; Column::ALL.len()];

/// Gives the values of one report their pseudonyms, in the order in which they come.
#[derive(Debug)]
pub(super) struct Redactor<'a> {
    /// The roles that are no secret.
    roles: &'a [&'a str],
    numbers: HashMap<(Kind, u64), u32>,
    counts: HashMap<Kind, u32>,
}

impl<'a> Redactor<'a> {
    pub(super) fn new(roles: &'a [&'a str]) -> Self {
        Self { roles, numbers: HashMap::new(), counts: HashMap::new() }
    }

    pub(super) fn row(&mut self, cells: &Cells<'_>) -> Masked {
        Column::ALL.map(|column| {
            let text = cells.text(column);
            match column {
                Column::Line | Column::FirstSeen => only(&text, |c| c.is_ascii_digit() || c == '-'),
                Column::State | Column::Action => only(&text, |c| c.is_ascii_lowercase() || c == '_'),
                Column::Codes => only(&text, |c| c.is_ascii_lowercase() || "- ".contains(c)),
                Column::SourcedId => self.user(&text),
                Column::Identifier => self.pseudonym(Kind::Identifier, &text),
                Column::Role => self.each(&text, "|", Self::role),
                Column::Schools => self.each(&text, "|", Self::school),
                Column::GivenName | Column::FamilyName | Column::SisGivenName | Column::SisFamilyName => {
                    self.pseudonym(Kind::Name, &text.to_lowercase())
                }
                Column::Email | Column::SisEmail => self.email(&text),
                Column::Phone | Column::HomePhone | Column::SisPhone | Column::SisHomePhone => {
                    self.number(&text)
                }
                Column::Notes => self.notes(&text, cells),
            }
        })
    }

    /// The sourcedId of a user.
    pub(super) fn user(&mut self, text: &str) -> String {
        self.pseudonym(Kind::User, text)
    }

    pub(super) fn school(&mut self, text: &str) -> String {
        self.pseudonym(Kind::School, text)
    }

    pub(super) fn role(&mut self, text: &str) -> String {
        match self.roles.contains(&text) {
            true => text.to_owned(),
            false => self.pseudonym(Kind::Role, text),
        }
    }

    /// What all notes of a group name.
    pub(super) fn cause(&mut self, code: &str, text: &str) -> String {
        match code {
            "school-paused" => self.school(text),
            code if code.starts_with("role-") => self.role(text),
            "held-by-limit" => self.limit(text),
            _ => self.answer(text),
        }
    }

    fn limit(&mut self, text: &str) -> String {
        self.kept_or_text(text, |c| c.is_ascii_lowercase() || c == '_')
    }

    /// A code such as `550 5.1.1`; a longer run of digits would be a number.
    fn answer(&mut self, text: &str) -> String {
        let short = text.split(' ').all(|word| word.len() <= 7);
        self.kept_or_text(text, |c| short && (c.is_ascii_digit() || ". ".contains(c)))
    }

    fn each(&mut self, text: &str, separator: &str, one: fn(&mut Self, &str) -> String) -> String {
        text.split(separator).map(|text| one(self, text)).collect::<Vec<_>>().join(separator)
    }

    fn email(&mut self, text: &str) -> String {
        let key = email_key(text);
        match key.rsplit_once('@') {
            Some((local, domain)) => {
                let local = self.pseudonym(Kind::Address, local);
                format!("{local}@{}.example", self.pseudonym(Kind::Domain, domain))
            }
            None => self.pseudonym(Kind::Address, &key),
        }
    }

    /// By the digits without the extension: the SIS may write the same number in another way, and with no country.
    fn number(&mut self, text: &str) -> String {
        let key = phone_key(text);
        let digits: String = key.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.strip_prefix('1').filter(|rest| rest.len() == 10).unwrap_or(&digits);
        self.pseudonym(Kind::Number, if digits.is_empty() { key } else { digits })
    }

    /// Given and family name of the row where these are they.
    fn whole_name(&mut self, text: &str, cells: &Cells<'_>) -> String {
        let names = [[Column::GivenName, Column::FamilyName], [Column::SisGivenName, Column::SisFamilyName]]
            .map(|names| names.map(|column| cells.text(column).to_lowercase()));
        let folded = text.to_lowercase();
        let is_it = |names: &&[String; 2]| names.join(" ").trim() == folded;
        match names.iter().find(is_it) {
            Some(names) => {
                names.each_ref().map(|name| self.pseudonym(Kind::Name, name)).join(" ").trim().to_owned()
            }
            None => self.pseudonym(Kind::WholeName, &folded),
        }
    }

    fn notes(&mut self, text: &str, cells: &Cells<'_>) -> String {
        sentences(text).iter().map(|one| self.sentence(one, cells)).collect::<Vec<_>>().join(SEPARATOR)
    }

    fn sentence(&mut self, sentence: &Sentence<'_>, cells: &Cells<'_>) -> String {
        let (before, value, after) = sentence.parts();
        let Some(form) = sentence.form else { return "(a note that cannot be masked)".to_owned() };
        let masked = match form.value {
            _ if value == "none" => value.to_owned(),
            Value::Nothing => String::new(),
            Value::Detail(field) => self.detail(value, Some(field), cells),
            Value::Users => self.users(value),
            Value::Likeness => self.likeness(value),
            Value::Role => self.role(value),
            Value::Pause => match value.rsplit_once(" is paused until ") {
                Some((school, day)) => {
                    let day = self.kept_or_text(day, |c| c.is_ascii_digit() || c == '-');
                    format!("{} is paused until {day}", self.school(school))
                }
                None => self.pseudonym(Kind::Text, value),
            },
            Value::Date => self.kept_or_text(value, |c| c.is_ascii_digit() || c == '-'),
            Value::Limit => self.limit(value),
            Value::Answer => self.answer(value),
            Value::Undone(field) => self.undone(value, field, cells),
            Value::UndoneLink => {
                let at =
                    [" taken back by", " not taken back by"].into_iter().find_map(|words| value.find(words));
                let (user, rest) = value.split_at(at.unwrap_or(value.len()));
                let (words, rest) =
                    rest.split_at(rest.find(" of run ").map_or(0, |at| at + " of run ".len()));
                format!("{}{words}{}", self.user(user), self.undone(rest, None, cells))
            }
        };
        format!("{before}{masked}{after}")
    }

    /// `42: changed since - kept rosa@mail.example`, `42 - was pending, the next run restores it`
    fn undone(&mut self, text: &str, field: Option<Field>, cells: &Cells<'_>) -> String {
        let middle = [" - was ", " - kept "].into_iter().filter_map(|words| Some((text.find(words)?, words)));
        let Some((at, words)) = middle.min() else { return self.pseudonym(Kind::Text, text) };
        let (why, value) = (&text[..at], &text[at + words.len()..]);
        let (run, reason) = why.split_at(why.find(':').unwrap_or(why.len()));
        let run = self.kept_or_text(run, |c| c.is_ascii_digit());
        let reason = only(reason, |c| c.is_ascii_alphabetic() || ": ;`".contains(c));
        let next =
            [", the next run ", ", it stays while "].into_iter().filter_map(|words| value.rfind(words));
        let (value, next) = value.split_at(next.max().unwrap_or(value.len()));
        let again = ", the next run changes it to ";
        let next = match next.strip_prefix(again).and_then(|next| next.strip_suffix(" again")) {
            Some(other) => format!("{again}{} again", self.detail(other, field, cells)),
            None => only(next, |c| c.is_ascii_alphabetic() || ", `[]_-".contains(c)),
        };
        format!("{run}{reason}{words}{}{next}", self.detail(value, field, cells))
    }

    /// A detail, or a state.
    fn detail(&mut self, value: &str, field: Option<Field>, cells: &Cells<'_>) -> String {
        match field {
            _ if value == "none" => value.to_owned(),
            Some(Field::Name) => self.whole_name(value, cells),
            Some(Field::Email) => self.email(value),
            Some(Field::Phone | Field::HomePhone) => self.number(value),
            None if STATES.contains(&value) => value.to_owned(),
            None => self.user(value),
        }
    }

    /// `gua-1, gua-2 and 4 more`
    fn users(&mut self, value: &str) -> String {
        let is_count = |more: &str| {
            let count = more.strip_suffix(" more");
            count.is_some_and(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let (ids, more) = match value.rsplit_once(" and ").filter(|(_, more)| is_count(more)) {
            Some((ids, more)) => (ids, format!(" and {more}")),
            None => (value, String::new()),
        };
        format!("{}{more}", self.each(ids, ", ", Self::user))
    }

    /// `1001 (same identifier) - not added`
    fn likeness(&mut self, value: &str) -> String {
        let ends = [" - not added", " - not archived", ""];
        let end = ends.into_iter().find(|end| value.ends_with(end)).unwrap_or_default();
        let value = &value[..value.len() - end.len()];
        match value.strip_suffix(')').and_then(|value| value.rsplit_once(" (")) {
            Some((user, why)) => {
                let known = ["same ", "earlier ", "sourcedId "].iter().any(|start| why.starts_with(start));
                let why = self.kept_or_text(why, |c| known && (c.is_ascii_alphabetic() || c == ' '));
                format!("{} ({why}){end}", self.user(user))
            }
            None => self.user(value),
        }
    }

    fn kept_or_text(&mut self, text: &str, is_plain: impl Fn(char) -> bool) -> String {
        match text.chars().all(is_plain) {
            true => text.to_owned(),
            false => self.pseudonym(Kind::Text, text),
        }
    }

    /// `name-3`; a blank stays blank.
    fn pseudonym(&mut self, kind: Kind, text: &str) -> String {
        let text = text.trim();
        if text.is_empty() {
            return String::new();
        }
        let (counts, numbers) = (&mut self.counts, &mut self.numbers);
        let number = *numbers.entry((kind, xxh3_64(text.as_bytes()))).or_insert_with(|| {
            let count = counts.entry(kind).or_default();
            *count += 1;
            *count
        });
        format!("{}-{number}", kind.word())
    }
}

/// What else than a sourcedId an undo gives back.
const STATES: [&str; 5] = ["pending", "active", "archived", "linked", "not linked"];

/// A cell of known words; anything else in it is not shown.
fn only(text: &str, is_plain: impl Fn(char) -> bool) -> String {
    if text.chars().all(is_plain) { text.to_owned() } else { "(masked)".to_owned() }
}
