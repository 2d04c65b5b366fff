//! A roster as every source hands it over: one [`Record`] for each user, borrowed from whatever was
//! read.
//!
//! A record is raw: cells are trimmed and nothing more, because what counts as the same value is
//! the policy's business and because an unchanged record must cost next to nothing. All parts are
//! plain text so that a record can be fingerprinted, stored and compared without being understood.

pub mod ids;
pub mod kept;
mod near;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use near::near_school;

/// One user in the roster. `None` is "not provided" (no such column, JSON null, missing key), which
/// never changes anything; `Some("")` is a blank cell.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<'a> {
    /// Physical line where the record begins (the header is line 1), or its position in an API's
    /// answer from 1.
    pub line: Option<u64>,
    /// Opaque, case-sensitive; empty if the row has none.
    pub sourced_id: &'a str,
    #[serde(borrow)]
    pub identifier: Option<&'a str>,
    /// `status=tobedeleted`: gone from the roster, in a delta as in a bulk file.
    pub deleted: bool,
    /// `enabledUser`; also `Some(false)` for OneRoster 1.0's `status=inactive`. Access is limited;
    /// nothing else follows.
    pub enabled: Option<bool>,
    #[serde(borrow)]
    pub given_name: Option<&'a str>,
    #[serde(borrow)]
    pub family_name: Option<&'a str>,
    #[serde(borrow)]
    pub email: Option<&'a str>,
    #[serde(borrow)]
    pub sms: Option<&'a str>,
    #[serde(borrow)]
    pub phone: Option<&'a str>,
    /// The source says that the number in `phone` is no mobile: there is one number, and it is of
    /// another kind.
    pub not_mobile: bool,
    /// A two-letter language code if the source has one.
    #[serde(borrow)]
    pub language: Option<&'a str>,
    #[serde(borrow)]
    pub roles: RoleList<'a>,
    /// `orgSourcedIds` of OneRoster 1.0 and 1.1. In 1.2 the orgs are those of the roles.
    #[serde(borrow)]
    pub orgs: Option<IdList<'a>>,
    /// `agentSourcedIds`: a student's guardians, or a guardian's students. Of a guardian those
    /// alone that the rules of `[contacts]` allow to be contacted about.
    #[serde(borrow)]
    pub agents: Option<IdList<'a>>,
    /// Of a guardian: the students for whom the person is a contact for emergencies only, and those
    /// about whom the person may not be contacted. [`EVERY`] stands for all links that no list of
    /// the record names. None where the record says nothing of links.
    #[serde(borrow)]
    pub emergency: Option<IdList<'a>>,
    #[serde(borrow)]
    pub barred: Option<IdList<'a>>,
    /// What the source says an adult is to each student, whatever the class of the link.
    #[serde(borrow)]
    pub relations: Option<Relations<'a>>,
    /// What the person signs in with at school. Compared where a person may have another sourcedId.
    #[serde(borrow)]
    pub username: Option<&'a str>,
    /// Other systems' ids of the person, separated by commas, in the source's own form
    /// (`{LDAP:1234}`). Compared as the user name is.
    #[serde(borrow)]
    pub user_ids: Option<&'a str>,
    /// The sourcedId that the person had before, where the source says so; several are separated
    /// by commas.
    #[serde(borrow)]
    pub earlier_id: Option<&'a str>,
    /// Why the row cannot be used, where the source already knows. Then only `line` and, if it
    /// could be read, `sourced_id` mean anything.
    pub defect: Option<Defect>,
}

impl<'a> Record<'a> {
    /// The same in the form in which the roles and orgs are stored already, if those say the same:
    /// one record may be of OneRoster 1.1 and the other of 1.2.
    pub fn in_form_of(&self, roles: &'a str, orgs: &'a str) -> Self {
        let stored = Self { roles: RoleList(roles), orgs: Some(IdList(orgs)), ..Self::default() };
        let said = |record: &Self| {
            let record = Self { orgs: record.orgs.filter(|orgs| !orgs.0.is_empty()), ..*record };
            let plain = (record.roles.0, Cow::Borrowed(record.orgs.unwrap_or_default().0));
            record.as_in_v1p1().unwrap_or(plain)
        };
        match said(self) == said(&stored) {
            true => Self { roles: stored.roles, orgs: stored.orgs, ..*self },
            false => *self,
        }
    }

    /// Role and orgs as OneRoster 1.1 would say them, of a record of 1.2 that says no more: one role
    /// word, at each school without dates.
    fn as_in_v1p1(&self) -> Option<(&'a str, Cow<'a, str>)> {
        let held = |line: &'a str| line.split_once('\t').filter(|(_, org)| is_single_id(org));
        if self.orgs.is_some() {
            return None;
        }
        let mut lines = self.roles.0.split('\n');
        let (role, first) = held(lines.next()?)?;
        let mut orgs = Cow::Borrowed(first);
        for line in lines {
            let (_, org) = held(line).filter(|(own, _)| *own == role)?;
            orgs = Cow::Owned(format!("{orgs},{org}"));
        }
        Some((role, orgs))
    }

    /// Whether two records hold the same text, wherever they are.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        Self { line: other.line, ..*self } == *other
    }
}

/// Details stay out of logs.
impl std::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({})", self.sourced_id)
    }
}

/// What makes a row unusable in the eyes of the source that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Defect {
    /// More filled cells than there are headers: an unquoted comma shifted the row.
    Shifted,
    /// Quotes inside a quoted cell were not doubled, so where the cells end is a guess.
    Quoting,
    /// A row of roles.csv for this user cannot be read, and a role that is not known protects no
    /// person.
    Roles,
    /// The person was erased on request. Nothing is left of the record but its line.
    Erased,
}

/// Stands in a list of links for every link that no other list of the record names: those that only
/// the student's record has, and those of a person without any known child.
pub const EVERY: &str = "*";

/// What a person is to others: one line of text for each, a sourcedId and the source's word, set
/// apart by a tab. Links of which the source has no word are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Relations<'a>(pub &'a str);

impl<'a> Relations<'a> {
    /// The text of such a list, whatever the order. Of several words for one person the first
    /// counts.
    pub fn text<'t>(all: impl IntoIterator<Item = (&'t str, &'t str)>) -> String {
        let mut words: BTreeMap<&str, String> = BTreeMap::new();
        for (id, word) in all {
            let word = word.replace(['\t', '\n', '\r'], " ");
            if !word.trim().is_empty() {
                words.entry(id).or_insert_with(|| word.trim().to_owned());
            }
        }
        let lines: Vec<String> = words.iter().map(|(id, word)| format!("{id}\t{word}")).collect();
        lines.join("\n")
    }

    /// The word for one of them.
    pub fn of(self, sourced_id: &str) -> Option<&'a str> {
        self.0
            .split('\n')
            .filter_map(|line| line.split_once('\t'))
            .find(|(id, _)| *id == sourced_id)
            .map(|(_, word)| word)
    }
}

/// A comma-separated list of sourcedIds, as OneRoster CSV writes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdList<'a>(pub &'a str);

impl<'a> IdList<'a> {
    /// The ids, trimmed, blanks left out, in order (repetitions included).
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.split(',').map(str::trim).filter(|id| !id.is_empty())
    }

    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    pub fn has(self, id: &str) -> bool {
        self.iter().any(|own| own == id)
    }

    /// The ids that no other list has.
    pub fn without(self, others: &[IdList<'_>]) -> String {
        let mut all = String::new();
        for id in self.iter().filter(|id| !others.iter().any(|other| other.has(id))) {
            if !all.is_empty() {
                all.push(',');
            }
            all.push_str(id);
        }
        all
    }

    pub fn with(self, more: IdList<'_>) -> String {
        let mut all = self.0.to_owned();
        let own = distinct(self.iter()).len();
        for id in distinct(self.iter().chain(more.iter())).into_iter().skip(own) {
            if !all.is_empty() {
                all.push(',');
            }
            all.push_str(id);
        }
        all
    }
}

/// The items, each once, in the order in which they come first.
pub fn distinct<'a>(items: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    // A few are compared with each other; a cell may have a million.
    const FEW: usize = 24;
    let mut all: Vec<&str> = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for item in items {
        if all.len() == FEW && seen.is_empty() {
            seen.extend(&all);
        }
        let is_new = if all.len() < FEW { !all.contains(&item) } else { seen.insert(item) };
        if is_new {
            all.push(item);
        }
    }
    all
}

/// Whether a text is one id in an [`IdList`], and one part of a [`RoleList`].
fn is_single_id(text: &str) -> bool {
    !text.is_empty() && !text.contains([',', '\t']) && text.trim().len() == text.len()
}

/// A user's roles, primary first: one line of text for each, of up to four parts set apart by tabs:
/// role, org, begin date, end date (`YYYY-MM-DD`). OneRoster 1.1's single role is just `student`.
/// In a delta a fifth part, `-`, says that the role is held no longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoleList<'a>(pub &'a str);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Assignment<'a> {
    pub role: &'a str,
    /// The org where it is held; none in OneRoster 1.1, where the orgs stand beside the role.
    pub org: Option<&'a str>,
    /// First day, if the source says; ISO 8601, so that it compares as text.
    pub begin: Option<&'a str>,
    /// Last day, if the source says.
    pub end: Option<&'a str>,
}

/// The fifth part of a role that a delta takes away.
const GONE: &str = "-";

impl<'a> RoleList<'a> {
    pub fn iter(self) -> impl Iterator<Item = Assignment<'a>> {
        self.all().filter(|(_, gone)| !gone).map(|(assignment, _)| assignment)
    }

    /// Every role, and whether it is one that a delta takes away.
    fn all(self) -> impl Iterator<Item = (Assignment<'a>, bool)> {
        self.0.split('\n').filter(|line| !line.is_empty()).map(|line| {
            let mut parts = line.split('\t');
            let role = parts.next().unwrap_or_default();
            let mut rest = parts.map(|part| Some(part).filter(|part| !part.is_empty()));
            let mut next = || rest.next().flatten();
            (Assignment { role, org: next(), begin: next(), end: next() }, next() == Some(GONE))
        })
    }

    pub fn with(self, more: RoleList<'_>) -> String {
        let mut all = self.0.to_owned();
        let own: HashSet<Assignment<'_>> = self.iter().collect();
        more.iter().filter(|new| !own.contains(new)).for_each(|new| new.write_to(&mut all));
        all
    }

    /// The roles with an org each, as OneRoster 1.2 says them, where `delta` says them so and the
    /// store has those of 1.1, with the orgs beside them.
    pub fn at(self, orgs: IdList<'_>, delta: RoleList<'_>) -> Option<String> {
        let has_org = |list: RoleList<'_>| list.all().any(|(assignment, _)| assignment.org.is_some());
        if orgs.is_empty() || self.0.is_empty() || has_org(self) || !has_org(delta) {
            return None;
        }
        let mut list = String::new();
        for own in self.iter() {
            distinct(orgs.iter())
                .into_iter()
                .for_each(|org| Assignment { org: Some(org), ..own }.write_to(&mut list));
        }
        Some(list)
    }

    /// The roles after a delta that speaks of some of them: a role is known by what it is and
    /// where. A delta of OneRoster 1.1 has the one role of the user, and replaces it.
    pub fn after(self, delta: RoleList<'_>) -> String {
        let replaces = delta.all().any(|(assignment, gone)| assignment.org.is_none() && !gone);
        let mut list = String::new();
        let same = |a: &Assignment<'_>, b: &Assignment<'_>| (a.role, a.org) == (b.role, b.org);
        for own in self.iter().filter(|_| !replaces) {
            match delta.all().find(|(other, _)| same(&own, other)) {
                None => own.write_to(&mut list),
                Some((other, false)) => other.write_to(&mut list),
                Some((_, true)) => {}
            }
        }
        for new in delta.iter().filter(|new| replaces || !self.iter().any(|own| same(&own, new))) {
            new.write_to(&mut list);
        }
        list
    }
}

impl Assignment<'_> {
    /// Whether the role is held on `day` (`YYYY-MM-DD`). Both ends of the period count.
    pub fn holds_on(&self, day: &str) -> bool {
        self.begin.is_none_or(|begin| begin <= day) && self.end.is_none_or(|end| day <= end)
    }

    pub fn write_to(&self, list: &mut String) {
        if !list.is_empty() {
            list.push('\n');
        }
        let parts = [Some(self.role), self.org, self.begin, self.end];
        let used = parts.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        for (i, part) in parts[..used].iter().enumerate() {
            if i > 0 {
                list.push('\t');
            }
            list.push_str(part.unwrap_or_default());
        }
    }
}

/// The roles held on a day, in their own spelling, primary first, without repetition.
pub fn current_roles(roles: RoleList<'_>, today: &str) -> Vec<String> {
    let held = roles.iter().filter(|assignment| assignment.holds_on(today));
    let held: Vec<Cow<'_, str>> = held.map(|assignment| crate::roles::canonical(assignment.role)).collect();
    distinct(held.iter().map(AsRef::as_ref)).into_iter().map(str::to_owned).collect()
}

/// The orgs of the roles held on a day and, where the format has them, of the user. If all roles
/// have ended, those of all: between two school years a child has no role, and its guardian's
/// details must not change hands for that.
pub fn own_schools<'a>(record: &Record<'a>, today: &str) -> Vec<&'a str> {
    let none_held = !record.roles.iter().any(|assignment| assignment.holds_on(today));
    let held = record.roles.iter().filter(|assignment| none_held || assignment.holds_on(today));
    distinct(held.filter_map(|assignment| assignment.org).chain(record.orgs.unwrap_or_default().iter()))
}

/// Which name of a person is theirs, where the source has two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NameKind {
    #[default]
    Legal,
    /// The one that the person goes by, part by part, where it is not blank.
    Preferred,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The roster is the complete set: a person that is absent has left.
    Bulk,
    /// Only changes: absence means nothing, `tobedeleted` means gone.
    Delta,
    /// It is not known which: the roster is read, no account is archived (not even for
    /// `tobedeleted`), and a warning is given.
    Unknown,
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Delta => "delta",
            Self::Unknown => "unknown",
        }
    }
}

/// Names of the orgs, by sourcedId; and those of them that the source says are no schools. An org
/// without an entry is known by its id alone.
#[derive(Debug, Clone, Default)]
pub struct Schools(pub HashMap<String, String>, pub HashSet<String>);

/// OneRoster's types of orgs besides `school`. Any other word may be a vendor's word for a school,
/// and a school too many only protects.
const NO_SCHOOL: [&str; 5] = ["department", "district", "local", "state", "national"];

impl Schools {
    /// Whether an org of this type is no school.
    pub fn is_other(kind: &str) -> bool {
        NO_SCHOOL.iter().any(|other| other.eq_ignore_ascii_case(kind.trim()))
    }

    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }
}

/// A guardian's account as the store has it.
#[derive(Clone, Copy, Default)]
pub struct KnownGuardian<'a> {
    pub sourced_id: &'a str,
    pub archived: bool,
    /// Has joined.
    pub active: bool,
    /// The SIS's own id, where the roster gave one; otherwise empty.
    pub identifier: &'a str,
    /// As the roster last gave it.
    pub given_name: &'a str,
    pub family_name: &'a str,
    /// As the roster last gave them, and as the account has them.
    pub emails: [&'a str; 2],
    pub numbers: [&'a str; 4],
    pub roles: &'a str,
    pub orgs: &'a str,
    pub students: IdList<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_changes_the_roles_that_it_speaks_of() {
        let own = RoleList("teacher\ts1\naide\ts2\t2025-08-01");
        assert_eq!(own.after(RoleList("")), own.0);
        assert_eq!(own.after(RoleList("aide\ts2\t\t2026-06-30")), "teacher\ts1\naide\ts2\t\t2026-06-30");
        assert_eq!(own.after(RoleList("aide\ts2\t\t\t-\nproctor\ts3")), "teacher\ts1\nproctor\ts3");
        assert_eq!(RoleList("student").after(RoleList("aide")), "aide");
    }

    #[test]
    fn roles_of_1_1_are_known_by_their_orgs_to_a_delta_of_1_2() {
        let at = |own, orgs, delta| RoleList(own).at(IdList(orgs), RoleList(delta));
        assert_eq!(at("teacher", "s1, s2", "aide\ts3").as_deref(), Some("teacher\ts1\nteacher\ts2"));
        assert_eq!(at("teacher", "s1", "teacher\ts1\t\t\t-").as_deref(), Some("teacher\ts1"));
        for (own, orgs, delta) in
            [("teacher", "s1", "aide"), ("teacher", "", "aide\ts3"), ("teacher\ts1", "s2", "aide\ts3")]
        {
            assert_eq!(at(own, orgs, delta), None);
        }
    }

    #[test]
    fn lists_of_both() {
        assert_eq!(RoleList("teacher\ts1").with(RoleList("aide\ts2\nteacher\ts1")), "teacher\ts1\naide\ts2");
        assert_eq!(RoleList("").with(RoleList("aide")), "aide");
        assert_eq!(IdList("a, b").with(IdList("b,c")), "a, b,c");
        assert_eq!(IdList("").with(IdList("c")), "c");
        let many: Vec<String> = (0..100).map(|n| format!("s{}", n % 60)).collect();
        let distinct = distinct(many.iter().map(String::as_str));
        assert_eq!(distinct, many[..60].iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn roles_are_held_on_both_ends_of_their_period() {
        let list = RoleList("aide\ts1\t2026-01-10\t2026-06-30");
        let held = |day: &str| list.iter().any(|role| role.holds_on(day));
        assert!(!held("2026-01-09") && held("2026-01-10") && held("2026-06-30") && !held("2026-07-01"));
    }
}
