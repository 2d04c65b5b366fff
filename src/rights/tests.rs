use super::rules::{LinkRules, Written};
use super::*;

fn rule(line: usize, wants: &[(&str, &[&str])], class: Class) -> Written {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    (line, wants.iter().map(|(column, own)| ((*column).to_owned(), words(own))).collect(), class)
}

/// The class by the rules, where the columns have these values.
fn class(rules: &LinkRules, cells: &[(&str, &str)]) -> Class {
    let mut trial = rules.with_columns(|name| cells.iter().any(|(column, _)| *column == name));
    let columns = rules.columns();
    let cell = |at: usize| cells.iter().find(|(column, _)| *column == columns[at]).map(|(_, value)| *value);
    trial.decide(cell, |text| text == "N/A").class
}

#[test]
fn a_word_fits_without_case_and_spaces_and_as_in_file_names() {
    for (word, value, fits) in [
        ("No Rights", "no rights", true),
        ("No Rights", " NORIGHTS\u{200b}", true),
        ("No Rights", "No Right", false),
        ("Restricted*", "restricted view", true),
        ("Restricted*", "RESTRICTED", true),
        ("*view", "restricted view", true),
        ("r*d*w", "restricted view", true),
        ("r*d*x", "restricted view", false),
        ("?", "Y", true),
        ("?", "Yes", false),
        ("*", "anything", true),
        ("*", "", false),
        ("", "", true),
        ("", "  ", true),
        ("", "N/A", true),
        ("", "Y", false),
        ("n/a", "N/A", true),
        ("É*", "été", true),
    ] {
        let rules = LinkRules::new(Class::Contact, vec![rule(1, &[("a", &[word])], Class::Never)]);
        let is = class(&rules, &[("a", value)]) == Class::Never;
        assert_eq!(is, fits, "{word:?} and {value:?}");
    }
}

#[test]
fn the_first_rule_of_which_all_columns_fit_decides() {
    let rules = LinkRules::new(
        Class::Emergency,
        vec![
            rule(3, &[("custody", &["No Rights", "Restricted*"])], Class::Never),
            rule(5, &[("parent", &["Y"]), ("mail", &["Y"])], Class::Contact),
            rule(7, &[("Parent", &["Y"]), ("portal", &["Y"])], Class::Contact),
        ],
    );
    assert_eq!(rules.columns(), ["custody", "parent", "mail", "portal"]);
    assert_eq!(rules.line_of(3), 7);
    for (custody, parent, mail, portal, expected) in [
        ("", "Y", "Y", "N", Class::Contact),
        ("", "y", "N", "y", Class::Contact),
        ("", "Y", "N", "N", Class::Emergency),
        ("", "N", "Y", "Y", Class::Emergency),
        ("Restricted View", "Y", "Y", "Y", Class::Never),
        ("Joint", "Y", "Y", "Y", Class::Contact),
    ] {
        let cells = [("custody", custody), ("parent", parent), ("mail", mail), ("portal", portal)];
        assert_eq!(class(&rules, &cells), expected, "{cells:?}");
    }
    // Only the rules whose columns are there are tried, and `otherwise` is the class of the rest.
    assert_eq!(class(&rules, &[("custody", "no rights")]), Class::Never);
    assert_eq!(class(&rules, &[("custody", "")]), Class::Emergency);
    assert_eq!(class(&rules, &[("mail", "Y")]), Class::Contact, "no rule can be tried");
}

#[test]
fn a_value_that_no_rule_names_is_counted_and_a_blank_never_is() {
    let rules = LinkRules::new(Class::Contact, vec![rule(1, &[("custody", &["no rights"])], Class::Never)]);
    let mut trial = rules.with_columns(|_| true);
    for value in ["Joint", "No Rights", "", "Joint", " ", "N/A", "Sole"] {
        let _ = trial.decide(|_| Some(value), |text| text == "N/A");
    }
    let seen = trial.seen();
    let custody = &seen.columns["custody"];
    let unlisted: Vec<(&str, u64)> =
        custody.unlisted.iter().map(|(value, count)| (&**value, *count)).collect();
    assert_eq!((custody.filled, unlisted), (4, vec![("Joint", 2), ("Sole", 1)]));
    let both = seen.clone().with(seen);
    assert_eq!(both.columns["custody"].unlisted["Joint"], 4);
}

#[test]
fn a_link_that_several_rows_name_has_one_class() {
    use Class::{Contact, Emergency, Never};
    for (a, b, both) in [
        (Contact, Emergency, Contact),
        (Contact, Never, Never),
        (Emergency, Never, Never),
        (Emergency, Emergency, Emergency),
        (Contact, Contact, Contact),
    ] {
        assert_eq!((a.with(b), b.with(a)), (both, both));
    }
}

/// The second table of `docs/contacts.md`, printed. After a wanted change:
/// `UPDATE_DOCS=1 cargo test whether_a_person_may_have_an_account`.
#[test]
fn whether_a_person_may_have_an_account() {
    let mut table = String::from(
        "| suppressed | contact | not known | emergency | never | account |\n|---|---|---|---|---|---|\n",
    );
    let yes = |is: bool| if is { "yes" } else { "–" };
    for bits in (0..32_u8).rev() {
        let [is_suppressed, contact, unknown, emergency, never] = [16, 8, 4, 2, 1].map(|bit| bits & bit != 0);
        let comes_to = match allowed(Links { contact, emergency, never, unknown }, is_suppressed) {
            Allowed::Yes => "yes",
            Allowed::NotKnown => "stands, is not added",
            Allowed::No(NoAccount::EmergencyOnly) => "no: emergency contact only",
            Allowed::No(NoAccount::NotAllowed) => "no: may not be contacted",
            Allowed::No(NoAccount::Suppressed) => "no: suppressed",
        };
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {comes_to} |\n",
            yes(is_suppressed),
            yes(contact),
            yes(unknown),
            yes(emergency),
            yes(never),
        ));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rights-table.md");
    let page = format!("{HEAD}{table}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "docs/rights-table.md is out of date");
}

#[test]
fn a_class_has_the_word_of_the_configuration() {
    assert_eq!(Class::ALL.map(Class::word), ["contact", "emergency", "never"]);
}

#[test]
fn names_of_columns_that_say_whom_a_school_may_contact() {
    for name in ["metadata.ic.custodial", "Legal Guardian", "lives_with", "Court-Order", "doNotContact"] {
        assert!(looks_like_restriction(name), "{name}");
    }
    for name in ["", "email", "contact", "givenName", "metadata.grade", "right"] {
        assert!(!looks_like_restriction(name), "{name}");
    }
}

const HEAD: &str = "# Whether a person may have an account\n\n\
    Printed from `rights::allowed` by its test: every cell. A column says whether the person is\n\
    suppressed, and whether there is a link of each class ([contacts.md](contacts.md)). \"Not known\" is a\n\
    new link on a night on which a column of a rule is blank in all rows.\n\n";
