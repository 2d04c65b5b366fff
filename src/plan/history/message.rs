//! The sentences about what is far outside the history.

use super::kinds::{Effect, Seen};
use super::{Hit, LIMIT};
use crate::history::Fact;
use crate::plan::limits::{Overrun, Scope};
use crate::plural::{agreed, counted};
use crate::roles::SYNCED_BY_DEFAULT;

/// The whole sentence. `school_name` is what a school is called.
pub fn say(hit: &Hit, school_name: impl Fn(&str) -> String) -> String {
    let Hit { kind, now, of, before, .. } = hit;
    let who = who(hit, school_name);
    let what = kind.what;
    match kind.seen {
        Seen::SchoolGone | Seen::SchoolHalved => {
            format!("users of {who}: {now}, last night {before}{}", missing(hit))
        }
        Seen::RoleGone | Seen::RoleHalved => format!("{who}: {now}, last night {before}{}", missing(hit)),
        Seen::OneSchool => format!("{what}: {now} of {of}, last night {before}"),
        Seen::Deleted => format!("{what}: {now} of {of}, last night {before}"),
        Seen::Domain => {
            format!("{what} of {who}: at least {now} of {of}, and it is another domain than last night")
        }
        Seen::Exchange => format!("{what} of {who}: at least {now} of {of}, last night at most {before}"),
        _ => format!("{what} of {who}: {now} of {of}, last night {before}"),
    }
}

impl Hit {
    /// What stops the run. None if it only needs a person.
    pub fn overrun(&self, school_name: impl Fn(&str) -> String) -> Option<Overrun> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        (self.kind.effect == Effect::Stops).then(|| Overrun {
            limit: LIMIT,
            scope: Scope {
                school: some(&self.school),
                role: some(&self.role),
                field: self.column().map(str::to_owned),
            },
            count: self.now,
            of: Some(self.of),
            max: "true".to_owned(),
            message: format!("{}; [limits] history: {}", say(self, school_name), self.usual()),
        })
    }

    fn usual(&self) -> String {
        let (least, most) = self.range;
        let nights = self.nights as u64;
        let on = match nights {
            1 => "on the last good night".to_owned(),
            _ => format!("on the last {nights} good nights"),
        };
        match least == most {
            true => format!("{least} {on}"),
            false => format!("{least} to {most} {on}"),
        }
    }

    /// The column that it is about, by OneRoster's name.
    pub fn column(&self) -> Option<&'static str> {
        let (Seen::Lost(fact) | Seen::Rises(fact) | Seen::Turns(fact)) = self.kind.seen else {
            return match self.kind.seen {
                Seen::Domain => Some("email"),
                Seen::Exchange => Some("sms"),
                _ => None,
            };
        };
        Some(match fact {
            Fact::Given | Fact::SameNames | Fact::UpperNames | Fact::LowerNames | Fact::NameRepeated => {
                "givenName"
            }
            Fact::Family | Fact::AddressInName | Fact::NumberInName => "familyName",
            Fact::Email | Fact::EmailWithoutAt | Fact::NumberInEmail | Fact::EmailRepeated => "email",
            Fact::Sms | Fact::AddressInNumber | Fact::NumberRepeated => "sms",
            Fact::Phone => "phone",
            Fact::Username | Fact::UsernameRepeated => "username",
            Fact::Identifier
            | Fact::IdentifierRepeated
            | Fact::AddressInIdentifier
            | Fact::DigitsInIdentifier => "identifier",
            Fact::UserIds => "userIds",
            Fact::Language => "language",
            Fact::Orgs => "orgSourcedIds",
            Fact::Linked | Fact::Links => "agentSourcedIds",
            Fact::Disabled => "enabledUser",
            Fact::Deleted => "status",
            Fact::DigitsInId | Fact::Records | Fact::New | Fact::Sampled => "sourcedId",
        })
    }
}

/// How many of those that are missing are in no other group either.
fn missing(hit: &Hit) -> String {
    match hit.absent {
        Some(absent) => format!(
            " ({} {} nowhere in the roster)",
            counted(absent, "account", "accounts"),
            agreed(absent, "is", "are")
        ),
        None => String::new(),
    }
}

fn who(hit: &Hit, school_name: impl Fn(&str) -> String) -> String {
    match (hit.school.as_str(), hit.role.as_str()) {
        ("", "") => "the district".to_owned(),
        ("", role) => users(role),
        (school, "") => school_name(school),
        (school, role) => format!("{} at {}", users(role), school_name(school)),
    }
}

/// The people with a role.
fn users(role: &str) -> String {
    match SYNCED_BY_DEFAULT.contains(&role) {
        true => format!("{role}s"),
        false => format!("users with the role {role}"),
    }
}
