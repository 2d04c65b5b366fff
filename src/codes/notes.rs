//! The notes of the reports.

use super::{Entry, Kind};

const fn note(code: &'static str, meaning: &'static str, cause: &'static str, cure: &'static str) -> Entry {
    super::entry(Kind::Note, code, meaning, cause, cure)
}

const fn undo(code: &'static str, meaning: &'static str, cause: &'static str, cure: &'static str) -> Entry {
    super::entry(Kind::UndoNote, code, meaning, cause, cure)
}

/// The notes about one field: its code, its name, and what makes a value of it invalid.
macro_rules! of_field {
    ($code:literal, $name:literal, $invalid:literal, $correct:literal) => {
        &[
            note(
                concat!("active-", $code, "-differs"),
                concat!("The SIS has another ", $name, " than the account. The account keeps its own."),
                "The person has joined, and `update_contacts` is OFF for the person.",
                concat!("Correct the ", $name, " in the SIS, or ask the person to correct it. If you have looked at it, use `rostersync users settle`."),
            ),
            note(
                concat!($code, "-updated"),
                concat!("The run changed the ", $name, " to the value of the SIS."),
                "The SIS has another value, and the sync may change it.",
                "Nothing. If the value of the SIS is wrong, correct it there; `rostersync undo RUN` gives the old value back.",
            ),
            note(
                concat!("sis-", $code, "-blank"),
                concat!("The SIS has no ", $name, ". The account keeps its own."),
                "The cell is empty. A blank cell clears a value only with `blank_values = \"clear\"`.",
                concat!("Fill in the ", $name, " in the SIS, or leave it."),
            ),
            note(
                concat!("sis-", $code, "-invalid"),
                concat!("The ", $name, " of the SIS is not valid. It is never applied; the rest of the record is."),
                $invalid,
                $correct,
            ),
            note(
                concat!($code, "-shared"),
                concat!("Other accounts have the same ", $name, "."),
                "Families share addresses and numbers. It can also be a placeholder, or one person with two records.",
                concat!("Nothing, if the people share the ", $name, ". Otherwise correct it in the SIS."),
            ),
            note(
                concat!($code, "-taken"),
                concat!("The ", $name, " of the SIS was not applied."),
                concat!("`shared_contacts` is `\"unique\"`, and another account has the same ", $name, "."),
                concat!("Correct the ", $name, " in the SIS, or set `shared_contacts = \"allow\"`."),
            ),
        ]
    };
}

pub(super) const NAME: &[Entry] = of_field!(
    "name",
    "name",
    "Letters of the name were lost or damaged in an export or a conversion.",
    "Export as UTF-8, and check the programs that change the file before rostersync reads it."
);

pub(super) const EMAIL: &[Entry] = of_field!(
    "email",
    "email",
    "The cell holds no address, a damaged one, or more than one.",
    "Correct the address in the SIS. List a placeholder in `ignore_emails`."
);

pub(super) const PHONE: &[Entry] = of_field!(
    "phone",
    "phone number",
    "The cell holds no number of `default_region`, more than one, or a number that a spreadsheet has converted.",
    "Correct the number in the SIS, with its area code."
);

pub(super) const HOME_PHONE: &[Entry] = of_field!(
    "home-phone",
    "home phone number",
    "The cell holds no number of `default_region`, more than one, or a number that a spreadsheet has converted.",
    "Correct the number in the SIS, with its area code."
);

pub(super) const NOTES: &[Entry] = &[
    note(
        "link-added",
        "The SIS links the adult to these children since this run.",
        "One of the two records names the other.",
        "Nothing, if the link is right. Otherwise correct it in the SIS.",
    ),
    note(
        "link-removed",
        "The SIS does not link the adult to these children any more.",
        "Neither of the two records names the other, and both people are in the roster.",
        "Nothing, if that is right. Otherwise add the link in the SIS.",
    ),
    note(
        "last-contact-lost",
        "No adult of the student can be reached any more.",
        "The adults that the note names had a valid email or mobile, and are linked no longer.",
        "Have the school ask the family for a contact, and enter it in the SIS.",
    ),
    note(
        "no-contact",
        "No adult of the student can be reached.",
        "The student is linked to no account with a valid email or mobile.",
        "Have the school ask the family for a contact, and enter it in the SIS.",
    ),
    note(
        "guardian-unreachable",
        "The guardian was not added.",
        "The record has neither a valid email nor a valid mobile, so the guardian could not sign in.",
        "Add an email or a mobile in the SIS. Check that `phone_credential` names the column of the mobiles.",
    ),
    note(
        "emergency-contact",
        "The person has no account, or the account is archived.",
        "By the rules of `[contacts]`, every link of the person to a child is for emergencies only.",
        "Nothing, if that is right. Otherwise correct the link in the SIS, or the rule.",
    ),
    note(
        "contact-not-allowed",
        "The person has no account, or the account is archived.",
        "The rules of `[contacts]` allow no link of the person to a child.",
        "Nothing, if that is right. Otherwise correct the link in the SIS, or the rule.",
    ),
    note(
        "suppressed",
        "The person has no account, or the account is archived.",
        "The person is suppressed: by `users suppress`, or by the file `[contacts] suppressed`.",
        "Nothing. `rostersync users unsuppress` ends it.",
    ),
    note(
        "contact-not-known",
        "The person was not added tonight.",
        "A column that a rule of `[contacts]` uses is blank in all rows.",
        "Have the SIS fill the column again.",
    ),
    note(
        "archived",
        "The account is archived.",
        "The person is no longer in the SIS import, or is marked as deleted there.",
        "Nothing, if the person has left. Otherwise correct the SIS: the account is restored when the person is back.",
    ),
    note(
        "missing",
        "The person is missing from the SIS import. The account is not archived yet.",
        "`archive_after` waits for some runs or days, or a `[[pause]]` archives no account.",
        "Nothing, if the person has left. Otherwise check that the export is complete.",
    ),
    note(
        "restored",
        "The account is used again, as it was before.",
        "The account was archived, and the person is back in the SIS import.",
        "Nothing.",
    ),
    note(
        "reused-id",
        "The account is held: another person seems to have its sourcedId.",
        "The account is archived, and the record has another name and nothing in common with it.",
        "`rostersync users same USER` if it is the same person; `rostersync users another USER` if it is another one.",
    ),
    note(
        "held-by-limit",
        "The change was not made. The account stays as it is.",
        "The change goes over a limit, and `on_limit` is `\"hold\"`.",
        "Correct the export, or approve what is held with `rostersync run --approve CHECKSUM`.",
    ),
    note(
        "disabled",
        "The user is disabled in the SIS import.",
        "`enabledUser` is false: the user's access is limited.",
        "Nothing. The user is synced like all others.",
    ),
    note(
        "role-not-synced",
        "The user was left out.",
        "The user's role is not in `[sync] roles`, or is no role of OneRoster.",
        "Add the role to `[sync] roles`, or map the word in `[sync] role_names`, if the users should be synced.",
    ),
    note(
        "role-ended",
        "The user was left out.",
        "The end date of the role in `roles.csv` has passed.",
        "Nothing, if that is right. Otherwise correct `endDate` in the SIS.",
    ),
    note(
        "role-not-begun",
        "The user was left out.",
        "The begin date of the role in `roles.csv` has not come.",
        "Nothing. The user is synced from that day on.",
    ),
    note(
        "school-not-synced",
        "The user was left out.",
        "None of the user's schools is in `[sync] schools`.",
        "Add the school to `[sync] schools` if its users should be synced.",
    ),
    note(
        "school-paused",
        "The account stays as it is.",
        "A `[[pause]]` of the configuration pauses the user's school.",
        "Nothing. The sync goes on after the last day of the pause.",
    ),
    note(
        "pending-again",
        "The account is pending again.",
        "The platform's export shows the person as pending, and the person had joined.",
        "Nothing, if the person has left the platform. Otherwise check the column `state` of the export.",
    ),
    note(
        "rejected-no-sourced-id",
        "The record cannot be used.",
        "The row has no sourcedId, so its account is unknown and may be among the archived ones.",
        "Give the user a sourcedId in the SIS.",
    ),
    note(
        "rejected-duplicate",
        "The record cannot be used. An account stays as it is.",
        "Several rows have this sourcedId, and differ in name, email or numbers.",
        "Remove the wrong rows in the SIS.",
    ),
    note(
        "rejected-shifted-row",
        "The row cannot be used. An account stays as it is.",
        "The cells are not under their headers: a comma in a cell without quotes has shifted them.",
        "Have the exporter quote the cell, or remove the comma in the SIS.",
    ),
    note(
        "rejected-quoting",
        "The row cannot be used. An account stays as it is.",
        "Quotes inside a quoted cell are not doubled, so the end of the cell is unknown.",
        "Have the exporter double the quotes (`\"Robert \"\"Bob\"\" Lee\"`), or remove them in the SIS.",
    ),
    note(
        "rejected-role-row",
        "The record cannot be used. An account stays as it is.",
        "A row of `roles.csv` for this user cannot be read, so the user's schools are not known.",
        "Correct the row of `roles.csv`.",
    ),
    note(
        "rejected-no-name",
        "The record cannot be used.",
        "The record is new, and has neither a given nor a family name.",
        "Enter the name in the SIS.",
    ),
    note(
        "rejected-no-role",
        "The record cannot be used.",
        "The record has no role.",
        "Give the user a role in the SIS.",
    ),
    note(
        "email-opted-out",
        "The user gets no email any more.",
        "The platform's export says so, or `users opt-out`.",
        "Nothing.",
    ),
    note(
        "email-opted-in",
        "The user gets email again.",
        "The platform's export says so, or `users opt-in`.",
        "Nothing.",
    ),
    note(
        "sms-opted-out",
        "The user gets no text any more.",
        "The platform's export says so, or `users opt-out`.",
        "Nothing.",
    ),
    note(
        "sms-opted-in",
        "The user gets texts again.",
        "The platform's export says so, or `users opt-in`.",
        "Nothing.",
    ),
    note(
        "settled",
        "A difference from the SIS is left alone, and is not noted.",
        "A person has looked at it: `rostersync users settle`.",
        "Nothing. It is noted again when a value changes.",
    ),
    note(
        "not-notifiable",
        "The details were changed, and the person was not told.",
        "No channel can reach the person: no valid address, an opt-out, or a channel that is not configured.",
        "Tell the person in another way if it matters.",
    ),
    note(
        "possible-duplicate",
        "Another account has the same name and the same email or mobile.",
        "Probably one person has two records in the SIS.",
        "Look at `rostersync users list --duplicates`, and merge the records in the SIS.",
    ),
    note(
        "same-person",
        "A user of another kind (student, staff, guardian) has the same name and email. Nothing is joined.",
        "Probably one person has two records. OneRoster 1.1 needs two for a teacher that is a parent.",
        "Nothing.",
    ),
    note(
        "possible-rekey",
        "A new record and an account that leaves are probably the same person.",
        "The SIS has given the person another sourcedId.",
        "`rostersync users rekey OLD NEW` if they are one person; `rostersync users distinct OLD NEW` if they are two.",
    ),
    note(
        "rekeyed",
        "The account goes on under a new sourcedId.",
        "`run --rekey`, `users rekey`, or `same_person = \"join\"`.",
        "Nothing.",
    ),
    note(
        "undeliverable",
        "Messages to this address or number are refused for good.",
        "The mail server or the provider of texts has refused a message to it.",
        "Ask the person for another address, and correct it in the SIS or on the account.",
    ),
    note(
        "tobedeleted",
        "The record is marked as deleted, and there is nothing to archive.",
        "There is no account, or it is archived already.",
        "Nothing.",
    ),
];

/// The two notes about a field or a part: done, and not done.
macro_rules! undone {
    ($($given:literal, $not_given:literal, $what:literal;)*) => {
        &[$(
            undo(
                $given,
                concat!("The undo took back: ", $what, "."),
                "`rostersync undo` of the run that changed it.",
                "Nothing. If the note says that the next run changes it again, correct the SIS or the configuration first.",
            ),
            undo(
                $not_given,
                concat!("The undo did not take back: ", $what, "."),
                "It has changed since the run, or another account or rule stands against it: the note says which.",
                "Look at the note. If the value has to change, edit the account or correct the SIS.",
            ),
        )*]
    };
}

pub(super) const UNDO: &[Entry] = undone! {
    "name-given-back", "name-not-given-back", "a change of the name";
    "email-given-back", "email-not-given-back", "a change of the email";
    "phone-given-back", "phone-not-given-back", "a change of the phone number";
    "home-phone-given-back", "home-phone-not-given-back", "a change of the home phone number";
    "created-taken-back", "created-not-taken-back", "the creation of the account";
    "archived-taken-back", "archived-not-taken-back", "the archiving of the account";
    "restored-taken-back", "restored-not-taken-back", "the return of the account";
    "sourced-id-taken-back", "sourced-id-not-taken-back", "the new sourcedId of the account";
    "link-added-taken-back", "link-added-not-taken-back", "a link to a child";
    "link-removed-taken-back", "link-removed-not-taken-back", "the end of a link to a child";
};
