//! The rules of `[contacts]` on Clever's contacts: by the fields of each relationship, and of the
//! contact.

use std::borrow::Cow;

use super::user::{Relationship, Role, User};
use crate::rights::Class;
use crate::roster::{EVERY, IdList, Record};
use crate::source::contact_rules::ContactTrial;

/// The fields that a rule may use; the first two are of each relationship.
pub(super) const FIELDS: [&str; 6] = ["type", "relationship", "phone_type", "phone", "email", "sis_id"];

/// Whether Clever has a field of this name.
pub(super) fn has_field(name: &str) -> bool {
    FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name))
}

impl User<'_> {
    /// Hands over the record of a user with the class of each link, if the user is a contact.
    pub(super) fn with_links<T>(
        &self,
        record: &Record<'_>,
        trial: &mut ContactTrial<'_>,
        use_it: impl FnOnce(&Record<'_>) -> T,
    ) -> T {
        let Some(contact) = self.contact() else { return use_it(record) };
        if record.agents.is_none() {
            // Nothing is said of the links.
            return use_it(record);
        }
        let mut links: Vec<(Cow<'_, str>, Class)> = Vec::new();
        for relationship in contact.student_relationships.0.iter().flatten() {
            let student = relationship.student.id();
            if student.is_empty() {
                continue;
            }
            let class = self.class(contact, Some(relationship), record.sourced_id, &student, trial);
            match links.iter_mut().find(|(own, _)| *own == student) {
                Some((_, own)) => *own = own.with(class),
                None => links.push((student, class)),
            }
        }
        let of = |class: Class| {
            let own = links.iter().filter(|(_, own)| *own == class).map(|(student, _)| &**student);
            own.collect::<Vec<_>>().join(",")
        };
        let mut lists = Class::ALL.map(of);
        if links.is_empty() {
            // Without a child that is known the contact's own fields decide.
            let class = self.class(contact, None, record.sourced_id, "", trial);
            if class != Class::Contact {
                lists[class as usize] = EVERY.to_owned();
            }
        }
        let [agents, emergency, barred] = lists.each_ref().map(|list| Some(IdList(list)));
        use_it(&Record { agents, emergency, barred, ..*record })
    }

    fn class(
        &self,
        contact: &Role<'_>,
        relationship: Option<&Relationship<'_>>,
        sourced_id: &str,
        student: &str,
        trial: &mut ContactTrial<'_>,
    ) -> Class {
        let fields = [
            relationship.and_then(|own| own.kind.filled()),
            relationship.and_then(|own| own.relationship.filled()),
            contact.phone_type.filled(),
            contact.phone.filled(),
            self.email.filled(),
            contact.sis_id.filled(),
        ];
        let columns = trial.columns();
        let cell = |at: usize| {
            let field = FIELDS.iter().position(|field| field.eq_ignore_ascii_case(&columns[at]))?;
            fields[field].as_deref()
        };
        let (class, why) = trial.class(cell);
        trial.explain(sourced_id, student, class, why);
        class
    }

    /// Hands over the type and the relationship of each link.
    pub(super) fn each_relationship(&self, mut each: impl FnMut(usize, &str)) {
        let contact = self.contact().into_iter();
        for own in contact.flat_map(|contact| contact.student_relationships.0.iter().flatten()) {
            for (at, field) in [&own.kind, &own.relationship].into_iter().enumerate() {
                if let Some(text) = field.filled() {
                    each(at, &text);
                }
            }
        }
    }
}
