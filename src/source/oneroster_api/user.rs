//! A user in OneRoster's JSON, 1.1 and 1.2, as a [`Record`].
//!
//! Whether a server says `role` and `orgs` or `roles` has little to do with the version that it
//! claims, so both are read. The password is not among the fields, so it is never copied.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{List, Loose, Text};
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::roster::ids;
use crate::roster::{Assignment, Defect, IdList, NameKind, Record, RoleList, Schools};
use crate::source::oneroster_csv::dates::{self, Day};
use crate::source::oneroster_csv::rows::Status;
use crate::source::org_check::dangling;
use crate::value::{self, boolean};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub(super) sourced_id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    pub(super) date_last_modified: Text<'a>,
    #[serde(borrow)]
    enabled_user: Text<'a>,
    #[serde(borrow)]
    identifier: Text<'a>,
    #[serde(borrow)]
    given_name: Text<'a>,
    #[serde(borrow)]
    family_name: Text<'a>,
    #[serde(borrow)]
    preferred_given_name: Text<'a>,
    #[serde(borrow)]
    preferred_first_name: Text<'a>,
    #[serde(borrow)]
    preferred_family_name: Text<'a>,
    #[serde(borrow)]
    preferred_last_name: Text<'a>,
    #[serde(borrow)]
    email: Text<'a>,
    #[serde(borrow)]
    sms: Text<'a>,
    #[serde(borrow)]
    phone: Text<'a>,
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    orgs: List<Loose<Reference<'a>>>,
    #[serde(borrow)]
    roles: List<Loose<Role<'a>>>,
    #[serde(borrow)]
    agents: List<Loose<Reference<'a>>>,
    #[serde(borrow)]
    username: Text<'a>,
    #[serde(borrow)]
    user_ids: List<Loose<UserId<'a>>>,
    /// Not looked into unless the configuration names a path in it.
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

/// An id in another system.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UserId<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    identifier: Text<'a>,
}

/// A GUIDRef. Only the id is of use: `href` and `type` are often wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reference<'a> {
    #[serde(borrow)]
    sourced_id: Text<'a>,
}

/// One of 1.2's roles.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Role<'a> {
    #[serde(borrow)]
    role_type: Text<'a>,
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    org: List<Loose<Reference<'a>>>,
    #[serde(borrow)]
    begin_date: Text<'a>,
    #[serde(borrow)]
    end_date: Text<'a>,
}

/// What findings are said of.
pub(super) struct Oddities<'a> {
    pub(super) findings: &'a mut Findings,
    pub(super) cells: &'a mut value::Tally,
    /// None if the orgs were not pulled, so that nothing can be missing among them.
    pub(super) schools: Option<&'a Schools>,
    pub(super) names: NameKind,
    /// Position of the user.
    pub(super) at: u64,
    /// Where in `metadata` the earlier sourcedId is, if the configuration names a place.
    pub(super) earlier_id: Option<&'a str>,
}

/// The name under which users are found odd.
pub(super) const FILE: &str = "users";

impl Oddities<'_> {
    fn warn(&mut self, code: &'static str, field: &str, message: impl FnOnce() -> String) {
        self.findings.warn(code, At::file(FILE).line(self.at).column(field), message);
    }

    /// A word, a date or an id as it is meant.
    fn word<'t>(&mut self, text: &'t Text<'_>, field: &'static str) -> Option<Cow<'t, str>> {
        if let Some(word) = text.null_word() {
            self.cells.word(field, word, Some(self.at));
        }
        text.word()
    }

    /// Tells of items that are no objects, and so are not there.
    fn items<T>(&mut self, list: &List<Loose<T>>, field: &str) {
        if list.0.iter().flatten().any(|item| item.0.is_none()) {
            self.warn("unreadable-item", field, || "not an object, so taken as not there".to_owned());
        }
    }

    fn org(&mut self, id: &str, field: &str) {
        let Some(schools) = self.schools.filter(|schools| !schools.0.contains_key(id)) else { return };
        let folded = ids::fold(id);
        let mut alike = schools.0.keys().filter(|known| ids::fold(known) == folded);
        match (alike.next(), alike.next()) {
            (Some(one), None) => {
                self.warn("odd-list", field, || {
                    format!("org {id} is written in another form; read as {one}")
                });
            }
            _ => self.warn("dangling-org", field, || dangling(id)),
        }
    }
}

/// The text under a path whose steps may be names with dots in them.
fn text_at(value: &Value, path: &str) -> Option<String> {
    let object = value.as_object()?;
    let under =
        |name: &str| object.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match under(path) {
        Some(Value::String(text)) => return Some(Text::of(text).id().into_owned()),
        Some(Value::Number(number)) => return Some(number.to_string()),
        Some(Value::Null) => return Some(String::new()),
        Some(_) | None => {}
    }
    path.match_indices('.').find_map(|(at, _)| text_at(under(&path[..at])?, &path[at + 1..]))
}

impl User<'_> {
    pub(super) fn with_record<T>(
        &self,
        odd: &mut Oddities<'_>,
        use_it: impl FnOnce(&Record<'_>) -> Result<T>,
    ) -> Result<T> {
        let status = Status::of(&self.status.word().unwrap_or_default()).unwrap_or_else(|| {
            odd.warn("unknown-status", "status", || "taken for active".to_owned());
            Status::Active
        });
        let (roles, defect) = self.roles(odd);
        odd.items(&self.orgs, "orgs");
        odd.items(&self.agents, "agents");
        let orgs = self.orgs.0.as_ref().and_then(|orgs| list(orgs, "orgs", odd));
        for org in IdList(orgs.as_deref().unwrap_or_default()).iter() {
            odd.org(org, "orgs");
        }
        let agents = self.agents.0.as_ref().and_then(|agents| list(agents, "agents", odd));
        let (id, identifier) = (self.sourced_id.id(), self.identifier.tidy());
        let [given, family] = self.names(odd);
        let (email, sms, phone) = (self.email.tidy(), self.sms.tidy(), self.phone.tidy());
        let (username, user_ids) = (self.username.tidy(), self.user_ids());
        let earlier_id = odd.earlier_id.and_then(|path| self.in_metadata(path));
        use_it(&Record {
            line: Some(odd.at),
            sourced_id: &id,
            identifier: identifier.as_deref(),
            deleted: status == Status::ToBeDeleted,
            enabled: if status == Status::Inactive { Some(false) } else { self.enabled(odd) },
            given_name: given.as_deref(),
            family_name: family.as_deref(),
            email: email.as_deref(),
            sms: sms.as_deref(),
            phone: phone.as_deref(),
            not_mobile: false,
            language: None,
            roles: RoleList(&roles),
            orgs: orgs.as_deref().map(IdList),
            agents: agents.as_deref().map(IdList),
            emergency: None,
            barred: None,
            relations: None,
            username: username.as_deref(),
            user_ids: user_ids.as_deref(),
            earlier_id: earlier_id.as_deref(),
            defect,
        })
    }

    /// Given and family name.
    fn names(&self, odd: &mut Oddities<'_>) -> [Option<Cow<'_, str>>; 2] {
        let legal = [self.given_name.tidy(), self.family_name.tidy()];
        if odd.names == NameKind::Legal {
            return legal;
        }
        let mut names = legal;
        for (name, (field, preferred)) in names.iter_mut().zip(self.preferred()) {
            let cell = preferred.tidy();
            let say = |word| odd.cells.word(field, word, Some(odd.at));
            if value::preferred_part(cell.as_deref(), say).is_some() {
                *name = cell;
            }
        }
        names
    }

    /// The parts of the preferred name, under the field that has them: the standard's CSV and its
    /// REST call them otherwise, and servers take either.
    fn preferred(&self) -> [(&'static str, &Text<'_>); 2] {
        [
            first_filled([
                ("preferredGivenName", &self.preferred_given_name),
                ("preferredFirstName", &self.preferred_first_name),
            ]),
            first_filled([
                ("preferredFamilyName", &self.preferred_family_name),
                ("preferredLastName", &self.preferred_last_name),
            ]),
        ]
    }

    /// Whether the server gives a part of a preferred name.
    pub(super) fn has_preferred_name(&self) -> bool {
        self.preferred()
            .into_iter()
            .any(|(_, part)| value::preferred_part(part.tidy().as_deref(), |_| {}).is_some())
    }

    /// The ids in other systems, as OneRoster CSV writes them.
    fn user_ids(&self) -> Option<String> {
        let ids = self.user_ids.0.as_ref()?;
        let mut list = String::new();
        for id in ids.iter().filter_map(|id| id.0.as_ref()) {
            let (kind, id) = (id.kind.id(), id.identifier.id());
            if !id.is_empty() {
                let comma = if list.is_empty() { "" } else { "," };
                list.extend([comma, "{", &kind, ":", &id, "}"]);
            }
        }
        Some(list)
    }

    pub(super) fn metadata(&self) -> Option<Value> {
        serde_json::from_str(self.metadata?.get()).ok()
    }

    /// The text of a field of the standard that a rule may use, without case.
    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let fields = [
            ("identifier", &self.identifier),
            ("email", &self.email),
            ("status", &self.status),
            ("enabledUser", &self.enabled_user),
            ("role", &self.role),
            ("username", &self.username),
        ];
        fields.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?.1.tidy()
    }

    /// The text at a place in `metadata`, such as `metadata.ic.legacysourceId`: nested, or under a name with dots in it. Blank if
    /// there is a null.
    fn in_metadata(&self, path: &str) -> Option<String> {
        text_at(&self.metadata()?, path.strip_prefix("metadata.").unwrap_or(path))
    }

    fn enabled(&self, odd: &mut Oddities<'_>) -> Option<bool> {
        let text = self.enabled_user.word()?;
        let enabled = boolean(&text);
        if enabled.is_none() {
            odd.warn("unreadable-boolean", "enabledUser", || {
                "neither true nor false, so taken as not provided".to_owned()
            });
        }
        enabled
    }

    /// The roles, primary first, and whether one of them cannot be read.
    fn roles(&self, odd: &mut Oddities<'_>) -> (Cow<'_, str>, Option<Defect>) {
        odd.items(&self.roles, "roles");
        let held: Vec<&Role<'_>> = objects(&self.roles).collect();
        if held.is_empty() {
            return (odd.word(&self.role, "role").unwrap_or_default(), None);
        }
        let mut text = String::new();
        let is_primary =
            |role: &&Role<'_>| role.role_type.tidy().is_some_and(|word| word.eq_ignore_ascii_case("primary"));
        let (first, then): (Vec<&Role<'_>>, Vec<&Role<'_>>) = held.into_iter().partition(is_primary);
        let held: Vec<&Role<'_>> = first.into_iter().chain(then).collect();
        let names: Vec<Option<Cow<'_, str>>> = held.iter().map(|role| odd.word(&role.role, "role")).collect();
        let usable = names.iter().flatten().next().cloned().or_else(|| odd.word(&self.role, "role"));
        for (role, name) in held.into_iter().zip(names) {
            // Where a role without its name is held may protect the user, so that much of it is
            // kept.
            let Some(name) = name.or_else(|| {
                odd.warn("incomplete-role", "roles", || {
                    "a role without its name; only its org is used, and only beside another role".to_owned()
                });
                usable.clone()
            }) else {
                continue;
            };
            let (begin, end) = period(role, odd);
            let mut hold = |org: Option<&str>| {
                Assignment { role: &name, org, begin: begin.as_deref(), end: end.as_deref() }
                    .write_to(&mut text);
            };
            let mut is_nowhere = true;
            for org in objects(&role.org) {
                if odd.word(&org.sourced_id, "roles.org").is_some() {
                    let id = org.sourced_id.id();
                    odd.org(&id, "roles");
                    hold(Some(&id));
                    is_nowhere = false;
                }
            }
            if is_nowhere {
                hold(None);
            }
        }
        let defect = usable.is_none().then_some(Defect::Roles);
        (Cow::Owned(text), defect)
    }
}

/// The first field that is not blank.
fn first_filled<'t, 'a>(fields: [(&'static str, &'t Text<'a>); 2]) -> (&'static str, &'t Text<'a>) {
    let [first, second] = fields;
    if first.1.filled().is_none() && second.1.filled().is_some() { second } else { first }
}

/// The items of a list that are objects.
fn objects<T>(list: &List<Loose<T>>) -> impl Iterator<Item = &T> {
    list.0.iter().flatten().filter_map(|item| item.0.as_ref())
}

/// The ids of a list. None if all that it has are words for "no value".
fn list<'t>(
    references: &'t [Loose<Reference<'_>>],
    field: &'static str,
    odd: &mut Oddities<'_>,
) -> Option<Cow<'t, str>> {
    let (mut ids, mut words) = (Cow::Borrowed(""), false);
    for reference in references.iter().filter_map(|reference| reference.0.as_ref()) {
        if let Some(word) = reference.sourced_id.null_word() {
            odd.cells.word(field, word, Some(odd.at));
            words = true;
        }
        let id = reference.sourced_id.id();
        if ids.is_empty() {
            ids = id;
        } else if !id.is_empty() {
            ids.to_mut().extend([",", &id]);
        }
    }
    (!ids.is_empty() || !words).then_some(ids)
}

fn period(role: &Role<'_>, odd: &mut Oddities<'_>) -> (Option<String>, Option<String>) {
    let (begin, end) = (odd.word(&role.begin_date, "beginDate"), odd.word(&role.end_date, "endDate"));
    let period = dates::period(begin.as_deref(), end.as_deref());
    for (field, why) in [("beginDate", period.odd_begin), ("endDate", period.odd_end)] {
        if let Some(why) = why {
            odd.warn("unreadable-date", field, || why.to_owned());
        }
    }
    let written = |day: Day| {
        let mut text = String::new();
        day.write_to(&mut text);
        Some(text).filter(|text| !text.is_empty())
    };
    (written(period.begin), written(period.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str, check: impl FnOnce(&Record<'_>)) -> Findings {
        record_with(json, None, check)
    }

    fn record_with(json: &str, earlier_id: Option<&str>, check: impl FnOnce(&Record<'_>)) -> Findings {
        let user: User<'_> = serde_json::from_str(json).unwrap();
        let mut findings = Findings::default();
        let schools = Schools([("s1".to_owned(), "One".to_owned())].into(), Default::default());
        let mut cells = value::Tally::default();
        let schools = Some(&schools);
        let names = NameKind::Preferred;
        let mut odd =
            Oddities { findings: &mut findings, cells: &mut cells, schools, names, at: 1, earlier_id };
        user.with_record(&mut odd, |record| {
            check(record);
            Ok(())
        })
        .unwrap();
        cells.tell(FILE, &mut findings);
        findings
    }

    #[test]
    fn absent_and_null_are_not_provided_and_an_empty_text_is_blank() {
        let _ = record(r#"{"sourcedId":"u","email":null,"sms":"","agents":null,"orgs":[]}"#, |record| {
            assert_eq!((record.email, record.sms, record.phone), (None, Some(""), None));
            assert_eq!((record.agents, record.orgs), (None, Some(IdList(""))));
            assert_eq!((record.enabled, record.deleted), (None, false));
        });
    }

    #[test]
    fn by_what_a_user_is_recognised_under_another_id() {
        let user = r#"{"sourcedId":"u","username":" rdiaz ","userIds":[{"type":"LDAP","identifier":"rd"},null,
            {"type":"Fed","identifier":17},{"type":"x"}],
            "metadata":{"ic":{"legacySourceId":" old-1 ","none":null},"flat.name":7,"list":[1]}}"#;
        let seen = |path: Option<&str>, earlier: Option<&str>| {
            let _ = record_with(user, path, |record| {
                assert_eq!((record.username, record.user_ids), (Some("rdiaz"), Some("{LDAP:rd},{Fed:17}")));
                assert_eq!(record.earlier_id, earlier, "{path:?}");
            });
        };
        seen(Some("metadata.ic.legacysourceId"), Some("old-1"));
        seen(Some("flat.name"), Some("7"));
        seen(Some("metadata.ic.none"), Some(""));
        for none in [None, Some("metadata.ic"), Some("metadata.list"), Some("other")] {
            seen(none, None);
        }
        let _ = record(r#"{"sourcedId":"u","userIds":null,"metadata":"x"}"#, |record| {
            assert_eq!((record.username, record.user_ids, record.earlier_id), (None, None, None));
        });
    }

    #[test]
    fn the_shapes_of_both_versions() {
        let _ = record(
            r#"{"sourcedId":604863,"role":"student","orgs":[{"href":"/orgs/s1","sourcedId":"s1","type":"user"}],
               "agents":[{"sourcedId":"g1"},{"sourcedId":"g2"}],"enabledUser":"TRUE","password":"hunter2"}"#,
            |record| {
                assert_eq!((record.sourced_id, record.roles.0), ("604863", "student"));
                assert_eq!((record.orgs, record.agents), (Some(IdList("s1")), Some(IdList("g1,g2"))));
                assert_eq!(record.enabled, Some(true));
                assert!(!format!("{record:?}").contains("hunter2"));
            },
        );
        let _ = record(
            r#"{"sourcedId":"u","status":"active","enabledUser":0,"roles":[
               {"roleType":"secondary","role":"aide","org":{"sourcedId":"s1"},"beginDate":"2026-08-01"},
               {"roleType":"primary","role":"teacher","org":{"sourcedId":"s1"},"endDate":"2027-06-30T00:00:00Z"}]}"#,
            |record| {
                assert_eq!(record.roles.0, "teacher\ts1\t\t2027-06-30\naide\ts1\t2026-08-01");
                assert_eq!((record.orgs, record.enabled), (None, Some(false)));
            },
        );
    }

    #[test]
    fn what_is_odd_is_told_of() {
        let findings = record(
            r#"{"sourcedId":"u","status":"gone","enabledUser":"maybe","roles":[{"role":"aide","org":{"sourcedId":"s9"},
               "endDate":"soon"},{"roleType":"primary"}]}"#,
            |record| assert_eq!((record.defect, record.roles.0), (None, "aide\naide\ts9")),
        );
        let _ = record(r#"{"sourcedId":"u","roles":[{"roleType":"primary"}]}"#, |record| {
            assert_eq!(record.defect, Some(Defect::Roles));
        });
        let codes: Vec<&str> = findings.counts().keys().copied().collect();
        assert_eq!(
            codes,
            ["dangling-org", "incomplete-role", "unknown-status", "unreadable-boolean", "unreadable-date"]
        );
    }

    #[test]
    fn words_for_no_value_and_dates_of_databases_say_nothing() {
        let findings = record(
            r#"{"sourcedId":"\ufeffu","status":"NULL","enabledUser":"\\N","agents":[{"sourcedId":"NULL"}],"roles":[
               {"role":"aide","org":{"sourcedId":"s1\u200b"},"beginDate":"2026-08-01","endDate":"1900-01-01"},
               {"role":"proctor","org":{"sourcedId":"(null)"},"endDate":"NULL"},
               {"role":"teacher","org":{"sourcedId":"s1"},"beginDate":"2026-08-01","endDate":"2026-07-01"}]}"#,
            |record| {
                assert_eq!(record.sourced_id, "u");
                assert_eq!((record.agents, record.enabled, record.deleted), (None, None, false));
                assert_eq!(record.roles.0, "aide\ts1\t2026-08-01\nproctor\nteacher\ts1\t2026-08-01");
            },
        );
        let counts: Vec<(&str, u64)> =
            findings.counts().iter().map(|(code, count)| (*code, *count)).collect();
        assert_eq!(counts, [("null-word", 3), ("unreadable-date", 2)]);
    }

    #[test]
    fn tobedeleted_deletes_a_user_and_inactive_does_not() {
        let _ = record(r#"{"sourcedId":"u","status":"toBeDeleted"}"#, |record| assert!(record.deleted));
        let _ = record(r#"{"sourcedId":"u","status":"inactive"}"#, |record| {
            assert!(!record.deleted && record.enabled == Some(false));
        });
    }
}
