//! Where the columns of users.csv are, and which of them there have to be.
//!
//! Only columns that are named here are ever looked at; the password is not among them and cannot
//! be made to be.

use super::header::{Header, Wanted};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roster::NameKind;
use crate::source::contact_rules::{ContactColumns, ContactOptions};

/// Where the columns are.
#[derive(Debug)]
pub(super) struct Columns {
    pub sourced_id: usize,
    pub given_name: usize,
    pub family_name: usize,
    pub role: Option<usize>,
    pub status: Option<usize>,
    pub enabled: Option<usize>,
    pub orgs: Option<usize>,
    pub agents: Option<usize>,
    pub identifier: Option<usize>,
    pub email: Option<usize>,
    pub sms: Option<usize>,
    pub phone: Option<usize>,
    pub language: Option<usize>,
    /// Given and family name that people go by; none if the legal ones are wanted.
    pub preferred: Option<[Option<usize>; 2]>,
    pub username: Option<usize>,
    pub user_ids: Option<usize>,
    /// The column that the configuration names for earlier sourcedIds.
    pub earlier_id: Option<usize>,
    /// The columns of the rules of `[contacts]`, and columns that are in none.
    pub contacts: ContactColumns,
    /// Of [`COLUMNS`], in that order.
    pub places: [Option<usize>; COLUMNS.len()],
}

/// What is looked for in the header; the first is what a users file is recognised by.
pub(super) const COLUMNS: [Wanted<'static>; 14] = [
    Wanted::new("sourcedId").misspelt(&["sourceId", "sourcedIds"]),
    Wanted::new("givenName"),
    Wanted::new("familyName"),
    Wanted::new("role"),
    Wanted::new("status"),
    Wanted::new("enabledUser").misspelt(&["enableUser", "userEnabled"]),
    Wanted::new("orgSourcedIds").misspelt(&["orgSourcedId", "orgSourceIds", "orgSourceId"]),
    Wanted::new("agentSourcedIds").formerly(&["agents"]).misspelt(&[
        "agentSourcedId",
        "agentSourceIds",
        "agentSourceId",
    ]),
    Wanted::new("identifier"),
    Wanted::new("email"),
    Wanted::new("sms"),
    Wanted::new("phone"),
    Wanted::new("username"),
    Wanted::new("userIds"),
];

/// The name that a person goes by: OneRoster 1.2, as its CSV and as its REST call them.
const PREFERRED: [Wanted<'static>; 2] = [
    Wanted::new(PREFERRED_NAMES[0]).formerly(&["preferredFirstName"]).misspelt(&["prefferedGivenName"]),
    Wanted::new(PREFERRED_NAMES[1]).formerly(&["preferredLastName"]).misspelt(&["prefferedFamilyName"]),
];

pub(super) const PREFERRED_NAMES: [&str; 2] = ["preferredGivenName", "preferredFamilyName"];

const ROLE: usize = 3;
const ORGS: usize = 6;

/// The columns that the configuration asks for.
#[derive(Clone, Copy, Default)]
pub(super) struct OwnColumns<'c> {
    pub language: Option<&'c str>,
    pub earlier_id: Option<&'c str>,
    pub names: NameKind,
    pub contacts: Option<&'c ContactOptions>,
}

/// In OneRoster 1.2, where the schools are in roles.csv, this is one of them. In a file like 1.1's
/// it is the only one that there is.
fn primary_org(header: &Header, findings: &mut Findings) -> Option<usize> {
    let at = header.cells.iter().position(|cell| cell.eq_ignore_ascii_case("primaryOrgSourcedId"))?;
    header.warn(findings, "misspelt-header", Some(&header.cells[at]), "taken for orgSourcedIds");
    Some(at)
}

impl Columns {
    /// Finds the columns; `has_roles` says that roles.csv gives the roles where users.csv does not.
    pub(super) fn locate(
        header: &Header,
        own: OwnColumns<'_>,
        has_roles: bool,
        findings: &mut Findings,
    ) -> Result<Self> {
        let mut places = header.locate(&COLUMNS, findings)?;
        if places[ORGS].is_none() && places[ROLE].is_some() {
            places[ORGS] = primary_org(header, findings);
        }
        let [id, given, family, role, status, enabled, orgs, agents, identifier, email, sms, phone, ids @ ..] =
            places;
        let [username, user_ids] = ids;
        let required = |column: Option<usize>, name| column.ok_or_else(|| header.missing(name));
        let columns = Self {
            sourced_id: required(id, "sourcedId")?,
            given_name: required(given, "givenName")?,
            family_name: required(family, "familyName")?,
            role,
            status,
            enabled,
            orgs,
            agents,
            identifier,
            email,
            sms,
            phone,
            language: own.language.map(|name| language_column(header, name, findings)).transpose()?.flatten(),
            preferred: match own.names {
                NameKind::Legal => None,
                NameKind::Preferred => Some(header.locate(&PREFERRED, findings)?),
            },
            username,
            user_ids,
            earlier_id: own.earlier_id.map(|name| earlier_id_column(header, name)).transpose()?,
            contacts: own.contacts.map_or_else(ContactColumns::default, |options| {
                ContactColumns::locate(options, &header.cells, |_| None, |at| places.contains(&Some(at)))
            }),
            places,
        };
        if role.is_none() && !has_roles {
            let mut failure = header.missing("role");
            failure.cure =
                "export the column role (OneRoster 1.1), or a file roles.csv (1.2) beside it".to_owned();
            return Err(failure);
        }
        // OneRoster 1.0, known by its column `agents`, has no enabledUser.
        let version_1_0 =
            enabled.is_none() && agents.is_some_and(|at| header.cells[at].eq_ignore_ascii_case("agents"));
        let missing: Vec<&str> = [
            ("enabledUser", enabled.is_none() && !version_1_0),
            ("orgSourcedIds", orgs.is_none() && role.is_some()),
            ("username", username.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, is_missing)| is_missing.then_some(name))
        .collect();
        if !missing.is_empty() {
            let message = format!("columns that OneRoster requires are not there: {}", missing.join(", "));
            header.warn(findings, "missing-header", None, message);
        }
        if email.is_none() {
            let message = "there is no such column, so no email is provided for anyone";
            header.warn(findings, "missing-header", Some("email"), message);
        }
        Ok(columns)
    }

    /// All columns whose cells are read.
    pub(super) fn used(&self) -> impl Iterator<Item = usize> {
        let preferred = self.preferred.unwrap_or_default();
        let configured = [self.language, self.earlier_id];
        let own = self.places.iter().copied().chain(configured).chain(preferred).flatten();
        own.chain(self.contacts.used())
    }
}

/// The column that the configuration names for languages.
fn language_column(header: &Header, name: &str, findings: &mut Findings) -> Result<Option<usize>> {
    let found = own_column(header, name, "name the column that holds the language")?;
    if found.is_none() {
        let message = "the column that is configured for the language is not there";
        header.warn(findings, "missing-header", Some(name), message);
    }
    Ok(found)
}

/// The column that the configuration names for earlier sourcedIds. Without it people would seem to be new, so it must be there.
fn earlier_id_column(header: &Header, name: &str) -> Result<usize> {
    own_column(header, name, "name the column that holds the earlier sourcedId")?.ok_or_else(|| {
        let mut failure = header.missing(name);
        failure.cure = format!(
            "have the SIS export the column {name}, under that name, or correct `earlier_id` in [identity]"
        );
        failure
    })
}

fn own_column(header: &Header, name: &str, cure: &str) -> Result<Option<usize>> {
    if name.trim().eq_ignore_ascii_case("password") {
        return Err(Failure::new(Kind::Usage, "the column password is never read").cure(cure));
    }
    Ok(header.cells.iter().position(|cell| cell.eq_ignore_ascii_case(name.trim())))
}
