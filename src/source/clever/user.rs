//! A user in Clever's JSON, v3.0 and v3.1, as a [`Record`].
//!
//! Clever writes what it does not have as an empty text, as null or not at all, so none of these is
//! a blank: all are "not provided".

use std::borrow::Cow;

use serde::Deserialize;

use crate::roster::{IdList, NameKind, Record, Relations, RoleList};
use crate::source::oneroster_api::json::{List, Text};
use crate::value;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    pub(super) email: Text<'a>,
    #[serde(borrow)]
    name: Option<Name<'a>>,
    #[serde(borrow)]
    roles: Option<Roles<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Name<'a> {
    #[serde(borrow)]
    first: Text<'a>,
    /// Of a contact the whole name.
    #[serde(borrow)]
    last: Text<'a>,
}

/// What findings call the parts of a preferred name.
const PREFERRED: [&str; 2] = ["preferred_name.first", "preferred_name.last"];

impl Name<'_> {
    /// First and last name.
    fn parts(&self) -> [Option<Cow<'_, str>>; 2] {
        [self.first.filled(), self.last.filled()]
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Roles<'a> {
    #[serde(borrow)]
    student: Option<Role<'a>>,
    #[serde(borrow)]
    teacher: Option<Role<'a>>,
    #[serde(borrow)]
    staff: Option<Role<'a>>,
    #[serde(borrow)]
    district_admin: Option<Role<'a>>,
    #[serde(borrow)]
    contact: Option<Role<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Role<'a> {
    #[serde(borrow)]
    pub(super) sis_id: Text<'a>,
    #[serde(borrow)]
    staff_id: Text<'a>,
    #[serde(borrow)]
    school: Text<'a>,
    #[serde(borrow)]
    schools: List<Text<'a>>,
    #[serde(borrow)]
    pub(super) phone: Text<'a>,
    #[serde(borrow)]
    pub(super) phone_type: Text<'a>,
    #[serde(borrow)]
    pub(super) student_relationships: List<Relationship<'a>>,
    /// Of a student, since v3.1: the name that the student goes by.
    #[serde(borrow)]
    preferred_name: Option<Name<'a>>,
    #[serde(borrow)]
    credentials: Option<Credentials<'a>>,
    #[serde(borrow)]
    state_id: Text<'a>,
    #[serde(borrow)]
    student_number: Text<'a>,
    #[serde(borrow)]
    teacher_number: Text<'a>,
    /// The id of the user in version 2, where each role was a user.
    #[serde(borrow)]
    legacy_id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Credentials<'a> {
    #[serde(borrow)]
    district_username: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Relationship<'a> {
    #[serde(borrow)]
    pub(super) student: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) relationship: Text<'a>,
}

impl<'a> Roles<'a> {
    /// Those that are held, under OneRoster's names. Clever's staff are the people in a school's
    /// office.
    fn held(&self) -> impl Iterator<Item = (&'static str, &Role<'a>)> {
        [
            ("student", &self.student),
            ("teacher", &self.teacher),
            ("administrator", &self.staff),
            ("districtAdministrator", &self.district_admin),
            ("guardian", &self.contact),
        ]
        .into_iter()
        .filter_map(|(name, role)| role.as_ref().map(|role| (name, role)))
    }
}

impl User<'_> {
    /// Hands over the record. `say` is told of each word for "no value" in a preferred name.
    pub(super) fn with_record<T>(
        &self,
        names: NameKind,
        mut say: impl FnMut(&'static str, &'static str),
        use_it: impl FnOnce(&Record<'_>) -> T,
    ) -> T {
        let id = self.id.id();
        let [given, family] = self.names(names, &mut say);
        let email = self.email.filled();
        let held: Vec<(&str, &Role<'_>)> = self.roles.iter().flat_map(Roles::held).collect();
        let roles: Vec<&str> = held.iter().map(|(name, _)| *name).collect();
        let identifier =
            held.iter().find_map(|(_, role)| role.sis_id.filled().or_else(|| role.staff_id.filled()));
        let mut schools: Vec<Cow<'_, str>> = Vec::new();
        for (_, role) in &held {
            let all = std::iter::once(&role.school).chain(role.schools.0.iter().flatten());
            for school in all.map(Text::id).filter(|school| !school.is_empty()) {
                if !schools.contains(&school) {
                    schools.push(school);
                }
            }
        }
        // Where neither key is there, nothing is said. Contacts and district administrators have no
        // schools of their own.
        let silent = |(name, role): &(&str, &Role<'_>)| {
            !matches!(*name, "guardian" | "districtAdministrator")
                && role.school.is_none()
                && role.schools.0.is_none()
        };
        let orgs = schools.join(",");
        let orgs = Some(IdList(&orgs)).filter(|_| !schools.is_empty() || !held.iter().any(silent));
        let contact = self.contact();
        let number = contact.and_then(|contact| contact.phone.filled());
        let kind = contact.and_then(|contact| contact.phone_type.word());
        let is_mobile = kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("cell"));
        // Without a kind it is not known what the number is.
        let not_mobile = kind.is_some() && !is_mobile && number.is_some();
        let students = contact
            .filter(|contact| contact.student_relationships.0.is_some())
            .map(|_| self.students().join(","));
        let relations = students.as_ref().map(|_| self.relations());
        let username =
            held.iter().find_map(|(_, role)| role.credentials.as_ref()?.district_username.filled());
        let user_ids = self.user_ids();
        let mut earlier: Vec<Cow<'_, str>> = held.iter().map(|(_, role)| role.legacy_id.id()).collect();
        earlier.retain(|earlier| !earlier.is_empty());
        earlier.dedup();
        let earlier = earlier.join(",");
        use_it(&Record {
            line: None,
            sourced_id: &id,
            identifier: identifier.as_deref(),
            deleted: false,
            enabled: None,
            given_name: given.as_deref(),
            family_name: family.as_deref(),
            email: email.as_deref(),
            sms: number.as_deref().filter(|_| is_mobile),
            phone: number.as_deref().filter(|_| !is_mobile),
            not_mobile,
            language: None,
            roles: RoleList(&roles.join("\n")),
            orgs,
            agents: students.as_deref().map(IdList),
            emergency: None,
            barred: None,
            relations: relations.as_deref().map(Relations),
            username: username.as_deref(),
            user_ids: Some(user_ids.as_str()).filter(|ids| !ids.is_empty()),
            earlier_id: Some(earlier.as_str()).filter(|id| !id.is_empty()),
            defect: None,
        })
    }

    /// What the contact is to each student.
    fn relations(&self) -> String {
        let all =
            self.contact().into_iter().flat_map(|contact| contact.student_relationships.0.iter().flatten());
        let words: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            all.filter_map(|own| Some((own.student.id(), own.relationship.filled()?))).collect();
        Relations::text(words.iter().map(|(student, word)| (student.as_ref(), word.as_ref())))
    }

    /// First and last name.
    fn names(
        &self,
        names: NameKind,
        say: &mut dyn FnMut(&'static str, &'static str),
    ) -> [Option<Cow<'_, str>>; 2] {
        let mut name = self.name.as_ref().map(Name::parts).unwrap_or_default();
        if let Some(preferred) = self.preferred_name().filter(|_| names == NameKind::Preferred) {
            for (part, (cell, field)) in name.iter_mut().zip(preferred.parts().into_iter().zip(PREFERRED)) {
                if value::preferred_part(cell.as_deref(), |word| say(field, word)).is_some() {
                    *part = cell;
                }
            }
        }
        name
    }

    fn preferred_name(&self) -> Option<&Name<'_>> {
        self.roles.as_ref()?.student.as_ref()?.preferred_name.as_ref()
    }

    /// Whether Clever gives a part of a preferred name.
    pub(super) fn has_preferred_name(&self) -> bool {
        let is_part = |cell: &Option<Cow<'_, str>>| value::preferred_part(cell.as_deref(), |_| {}).is_some();
        self.preferred_name().is_some_and(|name| name.parts().iter().any(is_part))
    }

    /// The other ids of all roles, as OneRoster writes them.
    fn user_ids(&self) -> String {
        let mut list: Vec<String> = Vec::new();
        for (_, role) in self.roles.iter().flat_map(Roles::held) {
            for (kind, id) in [
                ("state_id", &role.state_id),
                ("student_number", &role.student_number),
                ("teacher_number", &role.teacher_number),
            ] {
                let id = id.id();
                list.extend((!id.is_empty()).then(|| format!("{{{kind}:{id}}}")));
            }
        }
        list.sort_unstable();
        list.dedup();
        list.join(",")
    }

    pub(super) fn contact(&self) -> Option<&Role<'_>> {
        self.roles.as_ref()?.contact.as_ref()
    }

    fn students(&self) -> Vec<Cow<'_, str>> {
        let mut students: Vec<Cow<'_, str>> = Vec::new();
        for relationship in
            self.contact().iter().flat_map(|contact| contact.student_relationships.0.iter().flatten())
        {
            let student = relationship.student.id();
            if !student.is_empty() && !students.contains(&student) {
                students.push(student);
            }
        }
        students
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(json: &str, check: impl FnOnce(&Record<'_>)) {
        let user: User<'_> = serde_json::from_str(json).unwrap();
        user.with_record(NameKind::Legal, |_, _| {}, check);
    }

    #[test]
    fn a_contact_has_the_whole_name_in_last_and_only_a_cell_is_a_mobile() {
        let contact = |kind: &str| {
            format!(
                r#"{{"id":"c1","email":"","name":{{"last":"Sanjiv Becker"}},"roles":{{"contact":{{"phone":"(718) 555-0142",
                "phone_type":{kind},"sis_id":"","student_relationships":[{{"relationship":"Other","student":"s1"}},
                {{"student":"s2"}},{{"student":"s1"}}]}}}}}}"#
            )
        };
        record(&contact("\"Cell\""), |record| {
            assert_eq!(
                (record.given_name, record.family_name, record.email),
                (None, Some("Sanjiv Becker"), None)
            );
            assert_eq!((record.sms, record.phone), (Some("(718) 555-0142"), None));
            assert_eq!((record.roles.0, record.agents), ("guardian", Some(IdList("s1,s2"))));
        });
        for kind in ["\"Home\"", "\"Work\"", "\"Other\"", "\"\"", "null"] {
            record(&contact(kind), |record| {
                assert_eq!((record.sms, record.phone), (None, Some("(718) 555-0142")), "{kind}");
                assert_eq!(record.not_mobile, !matches!(kind, "\"\"" | "null"), "{kind}");
            });
        }
    }

    #[test]
    fn several_roles_at_several_schools() {
        record(
            r#"{"id":"t1","name":{"first":"Robin","last":"Plant","middle":"M"},"email":"r@example.org","roles":{
               "staff":{"staff_id":"9","schools":["s2","s3"]},"teacher":{"sis_id":null,"school":"s1","schools":["s1","s2"]},
               "district_admin":{}}}"#,
            |record| {
                assert_eq!(record.roles.0, "teacher\nadministrator\ndistrictAdministrator");
                assert_eq!(record.orgs, Some(IdList("s1,s2,s3")));
                assert_eq!((record.identifier, record.agents), (Some("9"), None));
            },
        );
    }

    #[test]
    fn by_what_a_user_is_recognised_under_another_id() {
        record(
            r#"{"id":"5faa","name":{"first":"Robin","last":"Plant"},"roles":{"teacher":{"credentials":{"district_username":
               "plant_robin"},"legacy_id":"58da","sis_id":"77","state_id":"114","teacher_number":"532771"},
               "staff":{"legacy_id":"58db","credentials":{"district_username":""}}}}"#,
            |record| {
                assert_eq!(
                    (record.username, record.user_ids, record.earlier_id),
                    (Some("plant_robin"), Some("{state_id:114},{teacher_number:532771}"), Some("58da,58db"))
                );
            },
        );
        record(r#"{"id":"5faa","roles":{"student":{"legacy_id":"","credentials":null}}}"#, |record| {
            assert_eq!((record.username, record.user_ids, record.earlier_id), (None, None, None));
        });
    }
}
