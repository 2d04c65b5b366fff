//! The table of the kinds of lies.

use crate::history::Fact;

/// What becomes of a run in which a kind is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is blocked or held back, as by a limit.
    Stops,
    /// It is done, and ends with `attention` (3): nothing is lost by it.
    Attention,
}

/// How a kind is seen in the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Fewer of the known people have it.
    Lost(Fact),
    /// More of all records have it.
    Rises(Fact),
    /// More or fewer have it.
    Turns(Fact),
    SchoolGone,
    SchoolHalved,
    RoleGone,
    RoleHalved,
    Doubled,
    Newcomers,
    OneSchool,
    Deleted,
    Domain,
    Exchange,
}

/// One kind of lie.
#[derive(Debug, PartialEq)]
pub struct Kind {
    /// Its name in the documentation, and the code of its finding.
    pub key: &'static str,
    pub seen: Seen,
    /// What is counted, as the message names it.
    pub what: &'static str,
    /// What may have happened, for the documentation.
    pub means: &'static str,
    pub effect: Effect,
    /// Kinds that say it better where both are found.
    pub after: &'static [&'static str],
}

impl Kind {
    /// Users are missing: what `[limits] archive` is about as well.
    pub fn is_about_missing_users(&self) -> bool {
        use Seen::{Deleted, RoleGone, RoleHalved, SchoolGone, SchoolHalved};
        matches!(self.seen, SchoolGone | SchoolHalved | RoleGone | RoleHalved | Deleted)
    }
}

const fn stops(key: &'static str, seen: Seen, what: &'static str, means: &'static str) -> Kind {
    Kind { key, seen, what, means, effect: Effect::Stops, after: &[] }
}

const fn attention(key: &'static str, seen: Seen, what: &'static str, means: &'static str) -> Kind {
    Kind { key, seen, what, means, effect: Effect::Attention, after: &[] }
}

const fn after(kind: Kind, after: &'static [&'static str]) -> Kind {
    Kind { after, ..kind }
}

use Seen::{Lost, Rises, Turns};

/// Every kind that is judged by history.
pub static KINDS: &[Kind] = &[
    stops(
        "all-deleted",
        Seen::Deleted,
        "users with status tobedeleted",
        "a status that means something else",
    ),
    after(
        stops("school-gone", Seen::SchoolGone, "users", "the file of one school is empty or missing"),
        &["all-deleted"],
    ),
    after(
        stops(
            "school-halved",
            Seen::SchoolHalved,
            "users",
            "the file of one school was cut between two rows",
        ),
        &["all-deleted"],
    ),
    after(
        stops("role-gone", Seen::RoleGone, "users", "a filter in the SIS leaves out a role"),
        &["all-deleted", "school-gone", "school-halved"],
    ),
    after(
        stops("role-halved", Seen::RoleHalved, "users", "a filter in the SIS leaves out a part of a role"),
        &["all-deleted", "school-gone", "school-halved", "role-gone"],
    ),
    stops("records-doubled", Seen::Doubled, "new users", "every user is there twice, under two sourcedIds"),
    after(
        attention("newcomers", Seen::Newcomers, "new users", "all users of a school have other sourcedIds"),
        &["records-doubled", "school-gone", "school-halved", "ids-changed-shape"],
    ),
    stops(
        "one-school",
        Seen::OneSchool,
        "users at one school",
        "a join in the SIS gives everyone the same school",
    ),
    stops("emails-lost", Lost(Fact::Email), "emails", "a column is blank for a school or a role"),
    stops("sms-lost", Lost(Fact::Sms), "values of sms", "a column is blank for a school or a role"),
    stops("phones-lost", Lost(Fact::Phone), "values of phone", "a column is blank for a school or a role"),
    stops("given-names-lost", Lost(Fact::Given), "given names", "both names are in one column"),
    stops("family-names-lost", Lost(Fact::Family), "family names", "both names are in one column"),
    stops("orgs-lost", Lost(Fact::Orgs), "users with a school", "a column is blank for a role"),
    stops("links-lost", Lost(Fact::Linked), "users with links", "a column is blank for a school or a role"),
    after(
        stops("links-halved", Lost(Fact::Links), "links", "only the first contact of each child is exported"),
        &["links-lost"],
    ),
    attention("usernames-lost", Lost(Fact::Username), "user names", "a column is blank or gone"),
    attention("identifiers-lost", Lost(Fact::Identifier), "identifiers", "a column is blank or gone"),
    attention("user-ids-lost", Lost(Fact::UserIds), "values of userIds", "a column is blank or gone"),
    attention("languages-lost", Lost(Fact::Language), "languages", "a column is blank or gone"),
    stops(
        "emails-among-phones",
        Rises(Fact::AddressInNumber),
        "email addresses in sms or phone",
        "values moved to the column beside theirs",
    ),
    stops(
        "phones-among-emails",
        Rises(Fact::NumberInEmail),
        "numbers in the column email",
        "values moved to the column beside theirs",
    ),
    after(
        attention(
            "emails-without-at",
            Rises(Fact::EmailWithoutAt),
            "emails without an @",
            "user names as emails",
        ),
        &["phones-among-emails"],
    ),
    attention(
        "emails-among-identifiers",
        Rises(Fact::AddressInIdentifier),
        "email addresses as identifiers",
        "values moved to the column beside theirs",
    ),
    stops(
        "emails-among-names",
        Rises(Fact::AddressInName),
        "email addresses as names",
        "values moved to the column beside theirs",
    ),
    stops(
        "numbers-among-names",
        Rises(Fact::NumberInName),
        "names that begin with a digit",
        "values moved to the column beside theirs",
    ),
    stops(
        "names-equal",
        Rises(Fact::SameNames),
        "family names equal to the given name",
        "one column was copied",
    ),
    stops(
        "emails-repeated",
        Rises(Fact::EmailRepeated),
        "emails equal to the one before",
        "a placeholder, or one cell copied down a column",
    ),
    stops(
        "phones-repeated",
        Rises(Fact::NumberRepeated),
        "phone numbers equal to the one before",
        "a placeholder, or one cell copied down a column",
    ),
    stops(
        "names-repeated",
        Rises(Fact::NameRepeated),
        "names equal to the one before",
        "names were made anonymous, or copied down a column",
    ),
    attention(
        "identifiers-repeated",
        Rises(Fact::IdentifierRepeated),
        "identifiers equal to the one before",
        "a placeholder",
    ),
    attention(
        "usernames-repeated",
        Rises(Fact::UsernameRepeated),
        "user names equal to the one before",
        "a placeholder",
    ),
    attention(
        "names-upper-case",
        Rises(Fact::UpperNames),
        "names in capital letters",
        "no lie: only the case changes, and no one is told",
    ),
    attention(
        "names-lower-case",
        Rises(Fact::LowerNames),
        "names without a capital letter",
        "no lie: only the case changes, and no one is told",
    ),
    attention(
        "all-disabled",
        Rises(Fact::Disabled),
        "users with enabledUser false",
        "a flag that means something else; no account is archived for it",
    ),
    attention(
        "ids-changed-shape",
        Turns(Fact::DigitsInId),
        "sourcedIds of digits alone",
        "another column is exported as the sourcedId",
    ),
    after(
        attention(
            "identifiers-changed-shape",
            Turns(Fact::DigitsInIdentifier),
            "identifiers of digits alone",
            "another column is exported as the identifier",
        ),
        &["identifiers-lost", "identifiers-repeated", "emails-among-identifiers"],
    ),
    attention(
        "domain-changed",
        Seen::Domain,
        "emails at the most frequent domain",
        "generated addresses; a test system",
    ),
    attention(
        "one-exchange",
        Seen::Exchange,
        "phone numbers that begin with the same six digits",
        "generated numbers, or the number of the school office",
    ),
];

/// Columns of which it is said elsewhere that they are blank in every row, and that clear nothing.
pub(super) fn is_covered_as_a_whole(fact: Fact) -> bool {
    matches!(fact, Fact::Email | Fact::Sms | Fact::Phone | Fact::Orgs | Fact::Linked | Fact::Links)
}

/// Kinds of lies that another check finds: what is seen, which check, and what becomes of the run.
pub static COVERED: &[[&str; 3]] = &[
    ["more than 10% of all accounts are absent, or `tobedeleted`", "`[limits] archive`", "blocked (4)"],
    [
        "`email`, `sms` or `phone` blank in every row",
        "finding `contact-column-blank`",
        "done (3); nothing is cleared",
    ],
    [
        "`orgSourcedIds`, `agentSourcedIds` or `role` blank in every row",
        "finding `emptied-column`",
        "done (0); schools, links and roles stay",
    ],
    [
        "`orgSourcedIds` or `agentSourcedIds` not in the header",
        "finding `column-gone`",
        "done (3); schools and links stay",
    ],
    ["many users without a role in `roles.csv`", "finding `roles-missing`", "done; roles and schools stay"],
    [
        "roles renamed or ended, another school id",
        "finding `newly-left-out`, `[limits] archive`",
        "done (3) or blocked (4)",
    ],
    [
        "links or schools that name unknown ids",
        "findings `many-dangling-agents`, `many-dangling-orgs`",
        "done (3)",
    ],
    ["links removed", "`[limits] links`", "blocked (4)"],
    ["all sourcedIds in another form", "notes `possible-rekey`, `[limits] archive`", "held, or blocked (4)"],
    ["another person under a known sourcedId", "note `reused-id`", "held"],
    [
        "words for \"no value\" (`NULL`, `N/A`)",
        "finding `null-word`: not provided",
        "done; in many rows `emails-lost` stops",
    ],
    [
        "placeholder addresses (`noemail@…`)",
        "`ignore_emails`: not provided",
        "done; where new, `emails-repeated` stops",
    ],
    ["a shifted row", "finding `rejected-shifted-row`, `[limits] rejected`", "row rejected"],
    ["damaged letters, another code page", "findings `damaged-text`", "invalid, or refused (7)"],
    ["a file cut in the middle of a row", "check of its end", "refused (7)"],
    ["a file that changes while it is read", "check of its fingerprint", "refused (6)"],
    ["an empty file, only a header", "check of the file", "refused (7)"],
    ["the platform's export: another district's, old, without `state`", "its own checks", "refused (7)"],
];

/// The table of the documentation.
pub fn table() -> String {
    let mut text =
        String::from("| kind | seen | said | may mean | what becomes of the run |\n|---|---|---|---|---|\n");
    for kind in KINDS {
        let effect = match kind.effect {
            Effect::Stops => "blocked (4) or held",
            Effect::Attention => "done, attention (3)",
        };
        let Kind { key, what, means, .. } = kind;
        let (seen, said) = (kind.seen.words(what), kind.seen.said(what));
        text.push_str(&format!("| `{key}` | {seen} | `{said}` | {means} | {effect} |\n"));
    }
    text
}

impl Seen {
    fn said(self, what: &str) -> String {
        match self {
            Self::SchoolGone => {
                "users of SCHOOL: 0, last night 840 (840 accounts are nowhere in the roster)".to_owned()
            }
            Self::SchoolHalved => {
                "users of SCHOOL: 400, last night 840 (440 accounts are nowhere in the roster)".to_owned()
            }
            Self::RoleGone => {
                "teachers at SCHOOL: 0, last night 40 (40 accounts are nowhere in the roster)".to_owned()
            }
            Self::RoleHalved => {
                "teachers at SCHOOL: 9, last night 40 (31 accounts are nowhere in the roster)".to_owned()
            }
            Self::OneSchool | Self::Deleted => format!("{what}: 800 of 840, last night 5"),
            Self::Domain => {
                format!("{what} of teachers: at least 40 of 40, and it is another domain than last night")
            }
            Self::Exchange => format!("{what} of guardians: at least 800 of 840, last night at most 9"),
            Lost(_) => format!("{what} of SCHOOL: 12 of 840, last night 835"),
            Rises(_) | Turns(_) | Self::Doubled | Self::Newcomers => {
                format!("{what} of SCHOOL: 835 of 840, last night 12")
            }
        }
    }

    fn words(self, what: &str) -> String {
        match self {
            Lost(_) => format!("{what}: fewer of the known users"),
            Rises(_) => format!("{what}: more"),
            Turns(_) => format!("{what}: many more or fewer"),
            Self::SchoolGone => "no users of a school, and most are in no other".to_owned(),
            Self::SchoolHalved => "fewer than half of a school's users, and most are in no other".to_owned(),
            Self::RoleGone => "no users of a role, in the district or at a school".to_owned(),
            Self::RoleHalved => {
                "fewer than half of the users of a role, in the district or at a school".to_owned()
            }
            Self::Doubled => "as many new users at a school as it had, and those are there too".to_owned(),
            Self::Newcomers => "half of a school's users are new".to_owned(),
            Self::OneSchool => format!("{what}: 90% or more, from at most 60%"),
            Self::Deleted => format!("{what}: more than a fifth"),
            Self::Domain => format!("{what}: another domain than before"),
            Self::Exchange => format!("{what}: 80% or more, from at most 30%"),
        }
    }
}
