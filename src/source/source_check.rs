//! A first look at a source that is asked over the network: what a page of it holds, and what seems
//! to be missing.

use std::collections::BTreeMap;

use crate::roles;
use crate::roster::Record;

/// What was seen, without personal details.
#[derive(Debug, Default)]
pub struct SourceCheck {
    /// What was asked.
    pub place: String,
    /// How many users there are, if the source says.
    pub total: Option<u64>,
    /// How many of them were looked at.
    pub users: u64,
    /// How many more are only said to be deleted.
    pub deleted: u64,
    /// How many orgs came with the first page of them; none if they were not asked for.
    pub orgs: Option<u64>,
    /// How many users have each role.
    pub roles: BTreeMap<String, u64>,
    pub with_email: u64,
    pub with_sms: u64,
    pub with_phone: u64,
    /// Users that are linked to others: students to their guardians, or the other way round.
    pub with_agents: u64,
    /// All users of each role were asked for, so that a role that is not there is not shared.
    pub by_role: bool,
    /// What is missing, in sentences: a stable code and what to do.
    pub missing: Vec<(&'static str, String)>,
}

impl SourceCheck {
    pub(super) fn add(&mut self, record: &Record<'_>) {
        let has = |cell: Option<&str>| u64::from(cell.is_some_and(|cell| !cell.is_empty()));
        if record.deleted {
            self.deleted += 1;
            return;
        }
        self.users += 1;
        self.with_email += has(record.email);
        self.with_sms += has(record.sms);
        self.with_phone += has(record.phone);
        self.with_agents += u64::from(record.agents.is_some_and(|agents| !agents.is_empty()));
        let mut seen: Vec<String> =
            record.roles.iter().map(|held| roles::canonical(held.role).into_owned()).collect();
        seen.sort_unstable();
        seen.dedup();
        for role in seen {
            *self.roles.entry(role).or_default() += 1;
        }
    }

    /// Says what is missing of what every roster should have.
    pub(super) fn judge(&mut self) {
        if self.orgs == Some(0) {
            let what = "no orgs; schools are known by their ids until they are shared with these credentials";
            self.missing.push(("no-orgs", what.to_owned()));
        }
        if self.users == 0 {
            self.missing.push(match self.deleted {
                0 => (
                    "no-users",
                    "the source gives no users; its owner may have to share them with these credentials"
                        .to_owned(),
                ),
                1 => (
                    "all-deleted",
                    "the only user that was looked at is said to be deleted (tobedeleted)".to_owned(),
                ),
                all => (
                    "all-deleted",
                    format!("all {all} users that were looked at are said to be deleted (tobedeleted)"),
                ),
            });
            return;
        }
        let (among, link) = match self.total == Some(self.users + self.deleted) || self.by_role {
            true => ("at all", "; "),
            false => ("on the first page", "; they may come later, or "),
        };
        let guardians: u64 =
            self.roles.iter().filter(|(role, _)| roles::is_guardian(role)).map(|(_, count)| count).sum();
        let no_numbers = self.with_sms + self.with_phone == 0;
        for (is_missing, code, what, why) in [
            (
                guardians == 0,
                "no-guardians",
                "guardians",
                "they are not shared: have them (contacts, or users that are not enrolled) shared with these credentials, or add a \
                 [guardians] file",
            ),
            (
                self.with_email == 0,
                "no-emails",
                "email addresses",
                "they are not shared: have them shared with these credentials",
            ),
            (no_numbers, "no-phones", "phone numbers", "they are not shared, so no SMS can be sent"),
            (
                !no_numbers && self.with_sms == 0,
                "no-mobiles",
                "mobile numbers (sms), but some phones",
                "if `phone` holds the mobiles, set `phone_credential` in [sync]",
            ),
            (
                guardians > 0 && self.with_agents == 0,
                "no-agents",
                "links between guardians and students (agents)",
                "guardians then belong to no school but their own",
            ),
        ] {
            if is_missing {
                self.missing.push((code, format!("no {what} {among}{link}{why}")));
            }
        }
    }
}
