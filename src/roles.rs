//! OneRoster's roles: which are known, which are staff, which are family.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::roster::RoleList;

pub const NAMES: [&str; 13] = [
    "student",
    "guardian",
    "parent",
    "relative",
    "teacher",
    "aide",
    "proctor",
    "counselor",
    "administrator",
    "principal",
    "siteAdministrator",
    "districtAdministrator",
    "systemAdministrator",
];

/// The default of `[sync] roles`: all but those that `administrator` covers.
pub const SYNCED_BY_DEFAULT: &[&str] = NAMES.split_at(9).0;

/// Those that 1.1's `administrator` was split into.
const ADMINISTRATORS: [&str; 4] =
    ["principal", "siteAdministrator", "districtAdministrator", "systemAdministrator"];

/// The role as reports write it: a known one in its own spelling, whatever case it came in, any other as it came.
pub fn canonical(role: &str) -> Cow<'_, str> {
    match NAMES.iter().find(|name| name.eq_ignore_ascii_case(role)) {
        Some(name) => Cow::Borrowed(*name),
        None => Cow::Borrowed(role),
    }
}

/// Whether OneRoster has this role, written in its own spelling.
pub fn is_known(role: &str) -> bool {
    NAMES.contains(&role)
}

/// A guardian, parent or relative: reached through students, and of no use without a way to reach them.
pub fn is_guardian(role: &str) -> bool {
    matches!(role, "guardian" | "parent" | "relative")
}

/// The kinds of people that roles make of a person: one bit each for students, staff and guardians.
pub fn kinds<'a>(roles: impl IntoIterator<Item = &'a str>) -> u8 {
    roles.into_iter().fold(0, |kinds, role| match canonical(role).as_ref() {
        "student" => kinds | 1,
        role if is_guardian(role) => kinds | 4,
        role if is_known(role) => kinds | 2,
        _ => kinds,
    })
}

/// 1.1's `administrator`, or one of those that it was split into.
pub fn is_administrator(role: &str) -> bool {
    role == "administrator" || ADMINISTRATORS.contains(&role)
}

/// Whether a configured list of roles lets this one through; an empty list lets every known role through.
pub fn is_synced(role: &str, configured: &[String]) -> bool {
    let listed = |name: &str| configured.iter().any(|entry| entry == name);
    is_known(role)
        && (configured.is_empty()
            || listed(role)
            || ADMINISTRATORS.contains(&role) && listed("administrator"))
}

/// A source's own words for roles: `ext:primaryGuardian` for `guardian`. Case and spaces make no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleNames(BTreeMap<String, &'static str>);

impl RoleNames {
    pub fn key(word: &str) -> String {
        word.chars().filter(|character| !character.is_whitespace()).flat_map(char::to_lowercase).collect()
    }

    /// Adds a word. False if the role is none of OneRoster's.
    pub fn add(&mut self, word: &str, role: &str) -> bool {
        let found = NAMES.into_iter().find(|name| Self::key(name) == Self::key(role));
        self.0.extend(found.map(|role| (Self::key(word), role)));
        found.is_some()
    }

    pub fn has(&self, word: &str) -> bool {
        self.0.contains_key(&Self::key(word))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.0.iter().map(|(word, role)| (word.as_str(), *role))
    }

    /// The role that a word means: OneRoster's, or the word itself.
    pub fn role<'a>(&self, word: &'a str) -> &'a str {
        self.0.get(&Self::key(word)).copied().unwrap_or(word)
    }

    /// A list of roles in OneRoster's words. None if there is nothing to replace.
    pub fn replace(&self, roles: RoleList<'_>) -> Option<String> {
        if roles.iter().all(|held| self.role(held.role) == held.role) {
            return None;
        }
        let mut list = String::new();
        for line in roles.0.split('\n').filter(|line| !line.is_empty()) {
            let (word, rest) = line.split_once('\t').map_or((line, None), |(word, rest)| (word, Some(rest)));
            if !list.is_empty() {
                list.push('\n');
            }
            list.push_str(self.role(word));
            if let Some(rest) = rest {
                list.push('\t');
                list.push_str(rest);
            }
        }
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sources_own_words_are_read_as_roles() {
        let mut names = RoleNames::default();
        assert!(names.add("ext:primaryGuardian", "guardian") && names.add("Parent/Guardian", "Parent"));
        assert!(!names.add("x", "mother"));
        for word in ["Parent/Guardian", "parent / guardian", "PARENT/GUARDIAN "] {
            assert_eq!(names.role(word), "parent", "{word}");
        }
        assert_eq!(names.role("teacher"), "teacher");
        let list = "EXT:primaryguardian\ts1\t2026-01-01\nteacher\ts2\t\t\t-";
        assert_eq!(
            names.replace(RoleList(list)).as_deref(),
            Some("guardian\ts1\t2026-01-01\nteacher\ts2\t\t\t-")
        );
        assert_eq!(names.replace(RoleList("teacher\ts1")), None);
    }

    #[test]
    fn case_does_not_matter_and_unknown_roles_stay_as_they_came() {
        assert_eq!(canonical("Student"), "student");
        assert_eq!(canonical("SITEADMINISTRATOR"), "siteAdministrator");
        assert_eq!(canonical("ext:Volunteer"), "ext:Volunteer");
    }

    #[test]
    fn by_default_every_known_role_is_synced() {
        assert_eq!(SYNCED_BY_DEFAULT.last(), Some(&"administrator"));
        let configured: Vec<String> = SYNCED_BY_DEFAULT.iter().map(|role| (*role).to_owned()).collect();
        assert!(NAMES.iter().all(|role| is_synced(role, &configured)));
    }

    #[test]
    fn administrator_covers_what_it_was_split_into() {
        let configured = ["administrator".to_owned()];
        assert!(is_synced("principal", &configured) && is_synced("administrator", &configured));
        assert!(!is_synced("teacher", &configured));
        assert!(is_synced("teacher", &[]));
        assert!(!is_synced("ext:volunteer", &[]));
    }
}
