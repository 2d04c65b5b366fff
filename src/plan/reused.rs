//! Whether an archived account that reappears is another person's: SIS give the sourcedId of a user
//! who left to a new one. Pure.

use super::sis::{Cells, SisValues, Value};
use crate::account::{Account, username_hash};
use crate::contact::{PersonName, email_key, phone_key};
use crate::roster::{IdList, Record};
use crate::roster::{current_roles, own_schools};
use crate::rules::Rules;

/// Whether the record has another name than the account and the SIS had, and nothing in common with
/// them: no email, no mobile, no identifier, no user name, and no part of the name beside the same
/// role and school. `roles` and `schools` are those of the record.
pub(super) fn is_another(
    record: &Record<'_>,
    account: &Account,
    roles: &[String],
    schools: &[&str],
    rules: &Rules,
) -> bool {
    let tonight = SisValues::read(Cells::of(record, rules.phone_credential), &account.details.name, rules);
    let Value::Is(name) = &tonight.name else { return false };
    let said = account.sis.record(&account.sourced_id);
    let part = Option::unwrap_or_default;
    let names =
        [account.details.name.clone(), PersonName::new(part(said.given_name), part(said.family_name))];
    let mut known = names.iter().filter(|name| !name.is_empty()).peekable();
    if known.peek().is_none() || known.any(|known| known.same_but_case(name)) {
        return false;
    }
    let before = SisValues::read(Cells::of(&said, rules.phone_credential), &account.details.name, rules);
    let text = |value: &Value<String>| match value {
        Value::Is(text) => text.clone(),
        Value::NotProvided | Value::Blank | Value::Invalid(_) => String::new(),
    };
    let email = text(&tonight.email);
    let same_email =
        |known: &str| !known.is_empty() && !email.is_empty() && email_key(known) == email_key(&email);
    let phone = text(&tonight.phone);
    let same_phone =
        |known: &str| !known.is_empty() && !phone.is_empty() && phone_key(known) == phone_key(&phone);
    if same_email(&account.details.email)
        || same_email(&text(&before.email))
        || same_phone(&account.details.phone)
        || same_phone(&text(&before.phone))
    {
        return false;
    }
    let identifier = |record: &Record<'_>| record.identifier.unwrap_or_default().trim().to_owned();
    if !identifier(record).is_empty() && identifier(record) == identifier(&said) {
        return false;
    }
    let username = record.username.and_then(username_hash);
    if username.is_some() && username == account.sis.username {
        return false;
    }
    let shares_a_part = names.iter().any(|known| {
        let given = !known.given.is_empty() && is_part(&known.given, &name.given);
        let family = !known.family.is_empty() && is_part(&known.family, &name.family);
        given || family
    });
    !(shares_a_part && is_at_the_same_place(record, account, roles, schools, rules))
}

fn is_part(a: &str, b: &str) -> bool {
    PersonName::new(a, "").same_but_case(&PersonName::new(b, ""))
}

/// The same role, at the same school or in the same family: guardians have no school of their own
/// in many rosters.
fn is_at_the_same_place(
    record: &Record<'_>,
    account: &Account,
    roles: &[String],
    schools: &[&str],
    rules: &Rules,
) -> bool {
    let said = account.sis.record(&account.sourced_id);
    let today = rules.today.to_string();
    let mut had: Vec<String> = current_roles(said.roles, &today);
    // The roles of a user that left have often ended.
    had.extend(said.roles.iter().map(|role| crate::roles::canonical(role.role).into_owned()));
    let same_role = roles.iter().any(|role| had.contains(role));
    let had = own_schools(&said, &today);
    let same_school = schools.iter().any(|school| had.contains(school));
    let mut family = record.agents.unwrap_or_default().iter();
    let same_family = family.any(|agent| IdList(&account.sis.agents).iter().any(|known| known == agent));
    same_role && (same_school || same_family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::SisDetails;
    use crate::contact::Details;
    use crate::plan::person::tests::rules;
    use crate::roster::RoleList;

    fn archived() -> Account {
        let details = Details {
            name: PersonName::new("Rosa", "Diaz"),
            email: "rosa@home.example".into(),
            phone: "+17185550101".into(),
            home_phone: String::new(),
        };
        let sis = SisDetails {
            identifier: Some("4711".into()),
            given_name: Some("Rosa María".into()),
            family_name: Some("Díaz".into()),
            email: Some("rosa@school.example".into()),
            sms: Some("(718) 555-0102".into()),
            roles: "teacher".into(),
            orgs: "sch-1".into(),
            agents: "stu-1".into(),
            ..SisDetails::default()
        };
        Account { id: 1, archived: true, details, sis: sis.into(), ..Account::new("tea-1") }
    }

    fn newcomer() -> Record<'static> {
        Record {
            sourced_id: "tea-1",
            given_name: Some("Tom"),
            family_name: Some("Becker"),
            email: Some("tom@school.example"),
            sms: Some("718-555-0103"),
            roles: RoleList("teacher"),
            orgs: Some(IdList("sch-1")),
            ..Record::default()
        }
    }

    fn is_held(record: &Record<'_>) -> bool {
        let roles: Vec<String> = record.roles.iter().map(|role| role.role.to_owned()).collect();
        let schools: Vec<&str> = record.orgs.unwrap_or_default().iter().collect();
        is_another(record, &archived(), &roles, &schools, &rules())
    }

    #[test]
    fn another_name_and_nothing_in_common_is_another_person() {
        assert!(is_held(&newcomer()));
        assert!(is_held(&Record { identifier: Some("4712"), ..newcomer() }));
        assert!(is_held(&Record { email: None, sms: None, ..newcomer() }));
        // Two people that have no email have none in common.
        assert!(is_held(&Record { email: Some(""), sms: Some(""), identifier: Some(""), ..newcomer() }));
    }

    #[test]
    fn any_one_thing_in_common_makes_it_the_same_person() {
        for same in [
            Record { given_name: Some("ROSA"), family_name: Some("diaz"), ..newcomer() },
            Record { given_name: Some("Rosa María"), family_name: Some("Díaz"), ..newcomer() },
            Record { email: Some("Rosa@Home.example"), ..newcomer() },
            Record { email: Some("rosa@school.example"), ..newcomer() },
            Record { sms: Some("718.555.0101"), ..newcomer() },
            Record { sms: Some("718.555.0102"), ..newcomer() },
            Record { identifier: Some(" 4711"), ..newcomer() },
            // Married: one part of the name beside the same role and school.
            Record { given_name: Some("Rosa"), ..newcomer() },
            Record { family_name: Some("DIAZ"), ..newcomer() },
            Record {
                given_name: Some("Rosa"),
                orgs: None,
                agents: Some(IdList("stu-2,stu-1")),
                ..newcomer()
            },
            // What is not said is not another name.
            Record { given_name: Some(""), family_name: Some(""), ..newcomer() },
            Record { given_name: None, family_name: None, ..newcomer() },
        ] {
            assert!(!is_held(&same), "{same:?}");
        }
    }

    #[test]
    fn a_part_of_the_name_alone_is_not_enough() {
        assert!(is_held(&Record { given_name: Some("Rosa"), orgs: Some(IdList("sch-2")), ..newcomer() }));
        assert!(is_held(&Record { given_name: Some("Rosa"), roles: RoleList("student"), ..newcomer() }));
        // The home phone is that of a family.
        let phone = Record { phone: Some("718.555.0101"), ..newcomer() };
        assert!(is_held(&phone));
    }
}
