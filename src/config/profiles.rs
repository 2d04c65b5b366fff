//! Where rosters usually come from: what `init --profile NAME` writes for each source, besides the keys
//! of its type. `docs/sources/` has a page for each.

/// A source with a name.
#[derive(Debug)]
pub struct Profile {
    /// As it is typed: `infinite-campus`.
    pub name: &'static str,
    pub title: &'static str,
    /// The type of `[source]` for files, if the source delivers files as a rule.
    pub kind: &'static str,
    /// The type of `[source.auth]` of its API; empty where it has none.
    pub auth: &'static str,
    /// The scope that its API asks for.
    pub scope: &'static str,
    /// The column with the sourcedId that a person had before; empty if there is none.
    pub earlier_id: &'static str,
    /// A rule of `[contacts]` in the words of the source.
    pub rule: &'static [&'static str],
    /// What to know before the first run. Each stands as a comment in the configuration.
    pub traps: &'static [&'static str],
}

impl Profile {
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }
}

const CORE: &str = "https://purl.imsglobal.org/spec/or/v1p1/scope/roster-core.readonly";

pub const PROFILES: [Profile; 7] = [
    Profile {
        name: "infinite-campus",
        title: "Infinite Campus",
        kind: "oneroster-csv",
        auth: "oauth2",
        scope: CORE,
        earlier_id: "metadata.ic.legacysourceId",
        rule: &[],
        traps: &[
            "From OneRoster 1.1 to 1.2 every person gets another sourcedId. The column of [identity] below has the \
             earlier one: name it when the export has it.",
            "A person without a user account of Campus is not in the API.",
            "Guardians are only in the export if it is set to have them. Count them after the first `check`.",
        ],
    },
    Profile {
        name: "powerschool",
        title: "PowerSchool",
        kind: "oneroster-csv",
        auth: "oauth2",
        scope: CORE,
        earlier_id: "",
        rule: &[],
        traps: &[
            "Many OneRoster exports of PowerSchool have students and staff only. Then export the contacts to a file \
             of their own: [guardians] below.",
            "Look which column has the mobiles, sms or phone, before the first run: phone_credential above.",
        ],
    },
    Profile {
        name: "aeries",
        title: "Aeries",
        kind: "oneroster-api",
        auth: "oauth2",
        scope: CORE,
        earlier_id: "",
        rule: &[],
        traps: &[
            "The consumer id and secret are on the page API Security of Aeries, under \"Display Consumer ID & Secret \
             Keys For OneRoster\". The certificate of the Aeries API is not one of them.",
            "Give the consumer read permission for every kind of record that you need, contacts included: a kind \
             without permission is empty, not an error.",
            "A student without a current class is not in the roster: write a [[pause]] for the summer.",
        ],
    },
    Profile {
        name: "skyward",
        title: "Skyward",
        kind: "oneroster-csv",
        auth: "oauth2",
        scope: CORE,
        earlier_id: "",
        rule: &[],
        traps: &[
            "SMS 2.0 and Qmlativ give people different ids. Before you change from one to the other, read \
             docs/identity.md.",
            "Guardians are only in the export if it is set to have them. Count them after the first `check`.",
        ],
    },
    Profile {
        name: "clever",
        title: "Clever",
        kind: "clever",
        auth: "bearer",
        scope: "",
        earlier_id: "",
        rule: &["where = { type = [\"Emergency\"] }", "class = \"emergency\""],
        traps: &[
            "Only contacts have a phone. Of their numbers only those that Clever marks as Cell are mobiles.",
            "A contact without an id of the SIS gets a new id when its name, email or phone changes: share the ids \
             of contacts with Clever.",
            "The application needs the permission to read contacts. Without it there are no guardians.",
        ],
    },
    Profile {
        name: "classlink",
        title: "ClassLink Roster Server",
        kind: "classlink",
        auth: "oauth1",
        scope: "",
        earlier_id: "",
        rule: &[],
        traps: &[
            "Guardians are often left out by the permissions of the application in Roster Server. Grant them there, \
             and count them after the first `check --source`.",
            "In a blackout of Roster Server the roster stays that of the day before, and no field says so: write a \
             [[pause]] for the summer.",
        ],
    },
    Profile {
        name: "ed-fi",
        title: "Ed-Fi",
        kind: "oneroster-api",
        auth: "oauth2",
        scope: "https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly",
        earlier_id: "",
        rule: &[],
        traps: &[
            "The OneRoster service of Ed-Fi has no phones and no links to guardians: [guardians] below can have them.",
            "A student at two schools can be two users, with two sourcedIds: docs/sources/ed-fi.md.",
            "A change of an address or a number alone leaves dateLastModified as it was, so mode stays \"full\".",
        ],
    },
];
