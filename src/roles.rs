//! OneRoster's roles: which are known, which are staff, which are family.

use std::borrow::Cow;

/// Every role of OneRoster 1.0 to 1.2, as reports write them.
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

#[cfg(test)]
mod tests {
    use super::*;

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
