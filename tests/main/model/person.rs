//! What the papers say of one person: the policy, once more, for reading.
//!
//! Written from the prose (`README.md`, `docs/report.md`, `docs/notifications.md`, `docs/contacts.md`,
//! `docs/people.md`) and not from the program. It shares nothing with it, not even the normal
//! forms: those here know only what the made-up districts contain. Everything is text, as in the
//! files that people read. `src/plan/person/tests/against_model.rs` and the simulated district compare it
//! with the program.

/// The details, in the order of the notes.
pub(crate) const FIELDS: [&str; 4] = ["name", "email", "phone number", "home phone number"];
pub(crate) const NAME: usize = 0;
pub(crate) const EMAIL: usize = 1;
pub(crate) const MOBILE: usize = 2;
pub(crate) const HOME: usize = 3;

/// The settings that the decision about a person depends on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// `blank_values = "clear"`.
    pub(crate) clear: bool,
    /// Beginnings of addresses that `ignore_emails` names.
    pub(crate) placeholders: Vec<String>,
    pub(crate) can_mail: bool,
    pub(crate) can_text: bool,
}

/// The cells of a record. None: not provided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) given: Option<String>,
    pub(crate) family: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) mobile: Option<String>,
    pub(crate) home: Option<String>,
    pub(crate) disabled: bool,
}

/// The actual details; blank where there is no value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) given: String,
    pub(crate) family: String,
    pub(crate) email: String,
    pub(crate) mobile: String,
    pub(crate) home: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) details: Details,
    /// Has joined.
    pub(crate) active: bool,
    pub(crate) archived: bool,
    /// Wants no email, no texts.
    pub(crate) opted_out: [bool; 2],
    /// Differences that a person has looked at: the actual value and that of the SIS.
    pub(crate) settled: [Option<[String; 2]>; 4],
}

/// One person tonight.
#[derive(Debug, Clone)]
pub(crate) struct Case<'a> {
    pub(crate) cells: &'a Cells,
    /// The account in the store.
    pub(crate) account: Option<&'a Account>,
    /// The setting as it resolves for the person.
    pub(crate) on: bool,
    /// Every role that the person has today is guardian, parent or relative.
    pub(crate) guardian: bool,
    /// Another person has the email, the mobile (`shared_contacts = "unique"`).
    pub(crate) taken: [Option<&'a str>; 2],
    /// Why the person is left out or may have no account: the note.
    pub(crate) left_out: Option<&'a str>,
    /// A person that has an account is left out by archiving it.
    pub(crate) archive: bool,
}

/// A message: channel, address, and whether the address is an old one.
pub(crate) type Told = (&'static str, String, bool);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) action: &'static str,
    /// None: there is no account.
    pub(crate) account: Option<Account>,
    /// What the report says of the details, and what else it says.
    pub(crate) fields: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) told: Vec<Told>,
    /// The details that a message names.
    pub(crate) changed: Vec<usize>,
    /// The sync changed details of an active person, and can tell that person nothing.
    pub(crate) cannot_be_told: bool,
}

/// What a record says of one detail.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Says {
    Nothing,
    Blank,
    Invalid(String),
    Value(String),
}

pub(crate) fn decide(case: &Case<'_>, settings: &Settings) -> Verdict {
    let old = case.account.cloned().unwrap_or_default();
    let mut says = read(case.cells, &old.details, settings);
    let mut fields = Vec::new();
    let invalid = |at: usize, says: &[Says; 4]| match &says[at] {
        Says::Invalid(text) => Some(format!("SIS import has an invalid {} - {text}", FIELDS[at])),
        _ => None,
    };
    let disabled = case.cells.disabled.then(|| "User is disabled in the SIS import".to_owned());
    let left = |action, note: String, account: Option<Account>| {
        let notes =
            (0..4).filter_map(|at| invalid(at, &says)).chain([note]).chain(disabled.clone()).collect();
        Verdict { action, account, notes, ..Verdict::default() }
    };

    if case.account.is_none() && !matches!(says[NAME], Says::Value(_)) {
        return left("rejected", "Record rejected - no name".into(), None);
    }
    if let Some(note) = case.left_out {
        let live = case.account.filter(|account| !account.archived);
        return match live {
            Some(live) if case.archive => {
                left("archived", note.into(), Some(Account { archived: true, ..live.clone() }))
            }
            _ => left("skipped", note.into(), case.account.cloned()),
        };
    }

    // A credential that another person has counts as not provided.
    let may_update = case.account.is_none() || !old.active || case.on;
    let mut taken = Vec::new();
    for (at, holder) in [(EMAIL, case.taken[0]), (MOBILE, case.taken[1])] {
        let Some(holder) = holder else { continue };
        if matches!(&says[at], Says::Value(new) if !same(at, new, &of(&old.details, at))) && may_update {
            taken.push(format!("{} is already used by {holder} - not updated", capital(FIELDS[at])));
        }
        says[at] = Says::Nothing;
    }
    let reachable = [EMAIL, MOBILE].iter().any(|at| matches!(says[*at], Says::Value(_)));
    if case.account.is_none() && case.guardian && !reachable {
        let fields = (0..4).filter_map(|at| invalid(at, &says)).collect();
        let note = "Guardian has no email or phone number in the SIS import - not added".to_owned();
        let notes = taken.into_iter().chain([note]).chain(disabled).collect();
        return Verdict { action: "skipped", fields, notes, ..Verdict::default() };
    }

    let mut new = Account { archived: false, ..old.clone() };
    let (mut changed, mut updated, mut kept) = (Vec::new(), false, false);
    for at in 0..4 {
        let had = of(&old.details, at);
        let said = match &says[at] {
            Says::Nothing => continue,
            Says::Invalid(_) => {
                fields.extend(invalid(at, &says));
                continue;
            }
            Says::Blank => String::new(),
            Says::Value(value) => value.clone(),
        };
        // A difference that a person has looked at is as it was, or it is another one.
        let alike = |one: &str, other: &str| same(at, one, other) || at == NAME && spelt_alike(one, other);
        let is_as_settled = |of: &[String; 2]| alike(&of[0], &had) && alike(&of[1], &said);
        let is_settled = !may_update && old.settled[at].as_ref().is_some_and(is_as_settled);
        if !is_settled {
            new.settled[at] = None;
        }
        let actual = if had.is_empty() { "none" } else { &had };
        let field = FIELDS[at];
        if case.account.is_none() {
            set(&mut new.details, at, &said, case.cells);
        } else if same(at, &said, &had) {
            continue;
        } else if at == NAME && spelt_alike(&said, &had) {
            // Capitals, apostrophes, hyphens: no difference under OFF, and nothing to tell.
            if may_update {
                set(&mut new.details, at, &said, case.cells);
                updated = true;
                fields.push(format!("Name updated by the sync - was {actual}"));
            }
        } else if said.is_empty() && !(settings.clear && at != NAME && !is_last_credential(at, &old, &says)) {
            kept |= settings.clear && !may_update;
            fields.extend((!is_settled).then(|| format!("SIS import has no {field} - kept {actual}")));
        } else if may_update {
            set(&mut new.details, at, &said, case.cells);
            updated = true;
            changed.push(at);
            fields.push(format!("{} updated by the sync - was {actual}", capital(field)));
        } else {
            kept = true;
            let note = match said.is_empty() {
                true => format!("SIS import has no {field} - kept {actual}"),
                false => format!("Active user has a new {field} in the SIS import - {actual}"),
            };
            fields.extend((!is_settled).then_some(note));
        }
    }
    let mut notes = taken;
    let mut verdict = Verdict::default();
    if old.active && !changed.is_empty() {
        (verdict.told, verdict.cannot_be_told) = told(&old, &new, &changed, settings);
    }
    let restored = old.archived;
    notes.extend(restored.then(|| "User is back in the SIS import - restored".to_owned()));
    notes.extend(disabled);
    verdict.action = match case.account {
        None => "created",
        Some(_) if restored => "restored",
        Some(_) if updated => "updated",
        Some(_) if kept => "kept",
        Some(_) => "unchanged",
    };
    Verdict { account: Some(new), fields, notes, changed, ..verdict }
}

/// Whether a blank cell must not clear the value, because an active person could not sign in any
/// more. If email and mobile would both go, the email stays.
fn is_last_credential(at: usize, old: &Account, says: &[Says; 4]) -> bool {
    let stays = |at: usize| match &says[at] {
        Says::Value(_) => true,
        Says::Blank => false,
        Says::Nothing | Says::Invalid(_) => is_credential(at, &of(&old.details, at)),
    };
    old.active
        && match at {
            EMAIL => !stays(MOBILE),
            MOBILE => !stays(EMAIL) && !is_credential(EMAIL, &old.details.email),
            _ => false,
        }
}

/// Text that is no address and no number signs in nobody.
fn is_credential(at: usize, text: &str) -> bool {
    if at == EMAIL { is_address(text) } else { number(text).is_some() }
}

/// By which channel an active person and an old address are told, and whether nothing reaches the
/// person.
pub(crate) fn told(
    old: &Account,
    new: &Account,
    changed: &[usize],
    settings: &Settings,
) -> (Vec<Told>, bool) {
    let sign_in = changed.iter().any(|at| matches!(*at, EMAIL | MOBILE));
    let [no_mail, no_texts] = new.opted_out;
    let (had, has) = (&old.details, &new.details);
    let mailable =
        |address: &str| settings.can_mail && is_address(address) && !is_placeholder(address, settings);
    let textable = |text: &str| settings.can_text && !no_texts && is_mobile(text);
    let mut told = Vec::new();
    if mailable(&has.email) && !no_mail {
        told.push(("email", has.email.clone(), false));
    } else if textable(&has.mobile) {
        told.push(("sms", has.mobile.clone(), false));
    } else if mailable(&has.email) && sign_in {
        told.push(("email", has.email.clone(), false));
    }
    let reached = !told.is_empty();
    let texted = told.first().is_some_and(|(channel, ..)| *channel == "sms");
    let mailed = reached && !texted;
    let old_number = changed.contains(&MOBILE) && !mailed && textable(&had.mobile);
    // A person that has left email is told by text instead, at a number known before.
    let knows = no_mail && texted && (!changed.contains(&MOBILE) || old_number);
    if changed.contains(&EMAIL) && mailable(&had.email) && !knows {
        told.push(("email", had.email.clone(), true));
    }
    if old_number {
        told.push(("sms", had.mobile.clone(), true));
    }
    (told, !reached)
}

/// The setting of a person at these schools (a school's own value, if it has one).
pub(crate) fn is_on(schools: &[Option<bool>], district: bool) -> bool {
    match schools {
        [] => district,
        all => all.iter().all(|own| own.unwrap_or(district)),
    }
}

/// Why an adult with links of these classes has no account. `Some(None)`: not known tonight.
pub(crate) fn not_contacted(
    contact: bool,
    emergency: bool,
    never: bool,
    unknown: bool,
) -> Option<Option<&'static str>> {
    match () {
        () if contact => None,
        () if unknown => Some(None),
        () if emergency => Some(Some("emergency-contact")),
        () if never => Some(Some("contact-not-allowed")),
        () => None,
    }
}

/// A person that wants to edit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Editor {
    /// The person whose account it is.
    pub(crate) is_the_person: bool,
    /// Runs the program, and needs no account.
    pub(crate) is_operator: bool,
    /// The editor's own account has joined and is not archived.
    pub(crate) is_active: bool,
    pub(crate) is_staff: bool,
    pub(crate) is_disabled: bool,
    /// Manages users at one of the person's schools; at some school; for the district.
    pub(crate) manages_here: bool,
    pub(crate) manages_elsewhere: bool,
    pub(crate) manages_district: bool,
    /// The person is an administrator, or manages users too.
    pub(crate) is_outranked: bool,
}

/// Why the details of an account may not be edited.
pub(crate) fn refusal(archived: bool, active: bool, on: bool, by: Editor) -> Option<&'static str> {
    if !by.is_operator && !by.is_the_person {
        let manages = by.manages_here || by.manages_district;
        if !by.is_active {
            return Some("actor-inactive");
        }
        if by.is_staff && by.is_disabled {
            return Some("actor-disabled");
        }
        if !by.is_staff || !manages && !by.manages_elsewhere {
            return Some("not-permitted");
        }
        if !manages {
            return Some("other-school");
        }
    }
    match (archived, active, on) {
        (true, ..) => Some("archived"),
        (false, false, _) => Some("not-joined"),
        (false, true, true) => Some("managed-by-sync"),
        (false, true, false) => {
            let own = by.is_operator || by.is_the_person || by.manages_district;
            (!own && by.is_outranked).then_some("outranked")
        }
    }
}

/// What the record says. A part of a name that is blank or not provided stays as the account has
/// it.
fn read(cells: &Cells, actual: &Details, settings: &Settings) -> [Says; 4] {
    let part = |cell: &Option<String>| cell.as_deref().map(spaced).filter(|text| !text.is_empty());
    let (given, family) = (part(&cells.given), part(&cells.family));
    let is_blank = |cell: &Option<String>| cell.as_deref().is_some_and(|text| spaced(text).is_empty());
    let name = match (&given, &family) {
        (None, None) if is_blank(&cells.given) && is_blank(&cells.family) => Says::Blank,
        (None, None) => Says::Nothing,
        _ => Says::Value(whole(
            given.as_deref().unwrap_or(&actual.given),
            family.as_deref().unwrap_or(&actual.family),
        )),
    };
    let email = match cells.email.as_deref().map(str::trim) {
        None => Says::Nothing,
        Some("") => Says::Blank,
        Some(text) if is_placeholder(text, settings) => Says::Nothing,
        Some(text) if is_address(text) => Says::Value(text.to_owned()),
        Some(text) => Says::Invalid(text.to_owned()),
    };
    let phone = |cell: &Option<String>| match cell.as_deref().map(str::trim) {
        None => Says::Nothing,
        Some("") => Says::Blank,
        Some(text) => number(text).map_or_else(|| Says::Invalid(text.to_owned()), Says::Value),
    };
    [name, email, phone(&cells.mobile), phone(&cells.home)]
}

/// A detail as text; the name is compared and shown as one.
pub(crate) fn of(details: &Details, at: usize) -> String {
    match at {
        EMAIL => &details.email,
        MOBILE => &details.mobile,
        HOME => &details.home,
        _ => return whole(&details.given, &details.family),
    }
    .clone()
}

fn set(details: &mut Details, at: usize, value: &str, cells: &Cells) {
    match at {
        EMAIL => value.clone_into(&mut details.email),
        MOBILE => value.clone_into(&mut details.mobile),
        HOME => value.clone_into(&mut details.home),
        _ => {
            for (cell, part) in [(&cells.given, &mut details.given), (&cells.family, &mut details.family)] {
                let said = cell.as_deref().map(spaced).unwrap_or_default();
                if !said.is_empty() {
                    *part = said;
                }
            }
        }
    }
}

/// Equal in normal form.
pub(crate) fn same(at: usize, one: &str, other: &str) -> bool {
    match at {
        EMAIL => one.to_lowercase() == other.to_lowercase(),
        MOBILE | HOME => without_extension(one) == without_extension(other),
        _ => one == other,
    }
}

/// Names that differ in capitals, apostrophes or hyphens alone.
pub(crate) fn spelt_alike(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        name.to_lowercase().replace('ß', "ss").replace(['’', '`', '´'], "'").replace(['‐', '–'], "-")
    };
    plain(one) == plain(other)
}

pub(crate) fn whole(given: &str, family: &str) -> String {
    [given, family].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

/// Trimmed, and with single spaces.
pub(crate) fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_placeholder(address: &str, settings: &Settings) -> bool {
    settings.placeholders.iter().any(|start| address.to_lowercase().starts_with(start.as_str()))
}

pub(crate) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |part: &str| !part.is_empty() && !part.contains(['@', ' ', '(', ')', '/', ';', ',']);
    plain(local) && plain(domain) && domain.split('.').all(|label| !label.is_empty()) && domain.contains('.')
}

/// A number of the United States, as `+1` and ten digits, with its extension. A remark after it is
/// no part of it.
pub(crate) fn number(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let (digits, rest): (&str, &str) = match lower.find(char::is_alphabetic) {
        Some(at) => lower.split_at(at),
        None => (&lower, ""),
    };
    let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
    let odd = digits.chars().any(|c| !c.is_ascii_digit() && !" ()+-./".contains(c));
    let ten = match plain.len() {
        10 if !digits.contains('+') => plain,
        11 if plain.starts_with('1') => plain[1..].to_owned(),
        _ => return None,
    };
    let known = ["212", "312", "718", "800"].iter().any(|area| ten.starts_with(area));
    let extension: String = match ["ext", "x"].iter().any(|word| rest.starts_with(word)) {
        true => rest.chars().filter(char::is_ascii_digit).collect(),
        false => String::new(),
    };
    let ext = if extension.is_empty() { String::new() } else { format!(" ext. {extension}") };
    (known && !odd && ten.as_bytes()[3] >= b'2').then(|| format!("+1{ten}{ext}"))
}

fn without_extension(text: &str) -> String {
    number(text).map_or_else(|| text.to_owned(), |number| number[..12].to_owned())
}

/// Whether a text may go there: no extension, not toll-free.
fn is_mobile(text: &str) -> bool {
    number(text).is_some_and(|number| number.len() == 12 && !number.starts_with("+1800"))
}

pub(crate) fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}
