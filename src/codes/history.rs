//! What the history of the good runs shows: the kinds of `plan/history/kinds.rs`.

use super::{Entry, Kind};

const fn history(
    code: &'static str,
    meaning: &'static str,
    cause: &'static str,
    cure: &'static str,
) -> Entry {
    super::entry(Kind::History, code, meaning, cause, cure)
}

pub(super) const HISTORY: &[Entry] = &[
    history(
        "all-deleted",
        "More than a fifth of the users have the status tobedeleted.",
        "A status that means something else. The run is blocked (4), or holds these users back.",
        "Look up in the SIS what this status means, and have the export corrected.",
    ),
    history(
        "school-gone",
        "A school has no users any more, and most of them are in no other school.",
        "The file of one school is empty or missing. The run is blocked (4), or holds these users back.",
        "Check that the school is in the export. If it has closed, approve the plan.",
    ),
    history(
        "school-halved",
        "Fewer than half of a school's users are left, and most of the others are in no other school.",
        "The file of one school was cut between two rows. The run is blocked (4), or holds these users back.",
        "Check that the export of the school is complete. If the users have left, approve the plan.",
    ),
    history(
        "role-gone",
        "No user has a role any more that users had, in the district or at a school.",
        "A filter in the SIS leaves out a role. The run is blocked (4), or holds these users back.",
        "Check the filter of the export in the SIS. If the users have left, approve the plan.",
    ),
    history(
        "role-halved",
        "Fewer than half of the users of a role are left, in the district or at a school.",
        "A filter in the SIS leaves out a part of a role. The run is blocked (4), or holds these users back.",
        "Check the filter of the export in the SIS. If the users have left, approve the plan.",
    ),
    history(
        "records-doubled",
        "A school has as many new users as it had users, and those are there too.",
        "Every user is there twice, under two sourcedIds. The run is blocked (4), or holds these users back.",
        "Check in the SIS why every user has two records. If they are new users, approve the plan.",
    ),
    history(
        "newcomers",
        "Half of a school's users are new.",
        "All users of a school have other sourcedIds. The run is done, and ends with 3.",
        "If the SIS has given its users other sourcedIds, rename the accounts with `rostersync run --rekey FILE`.",
    ),
    history(
        "one-school",
        "At least 90% of the users are at one school, and at most 60% were.",
        "A join in the SIS gives everyone the same school. The run is blocked (4), or holds these users back.",
        "Have the join of users and schools in the SIS corrected.",
    ),
    history(
        "emails-lost",
        "Far fewer of the known users have emails than on the nights before.",
        "A column is blank for a school or a role. The run is blocked (4), or holds these users back.",
        "Have the column exported again. If the values really are gone, approve the plan.",
    ),
    history(
        "sms-lost",
        "Far fewer of the known users have values of sms than on the nights before.",
        "A column is blank for a school or a role. The run is blocked (4), or holds these users back.",
        "Have the column exported again. If the values really are gone, approve the plan.",
    ),
    history(
        "phones-lost",
        "Far fewer of the known users have values of phone than on the nights before.",
        "A column is blank for a school or a role. The run is blocked (4), or holds these users back.",
        "Have the column exported again. If the values really are gone, approve the plan.",
    ),
    history(
        "given-names-lost",
        "Far fewer of the known users have given names than on the nights before.",
        "Both names are in one column. The run is blocked (4), or holds these users back.",
        "Have given and family name exported in two columns.",
    ),
    history(
        "family-names-lost",
        "Far fewer of the known users have family names than on the nights before.",
        "Both names are in one column. The run is blocked (4), or holds these users back.",
        "Have given and family name exported in two columns.",
    ),
    history(
        "orgs-lost",
        "Far fewer users with a school than on the nights before.",
        "A column is blank for a role. The run is blocked (4), or holds these users back.",
        "Have the column exported again. If the users really have no school, approve the plan.",
    ),
    history(
        "links-lost",
        "Far fewer users with links than on the nights before.",
        "A column is blank for a school or a role. The run is blocked (4), or holds these users back.",
        "Have the column exported again. If the links really ended, approve the plan.",
    ),
    history(
        "links-halved",
        "Far fewer of the known users have links than on the nights before.",
        "Only the first contact of each child is exported. The run is blocked (4), or holds these users back.",
        "Have the export contain all contacts of each child. If the links really ended, approve the plan.",
    ),
    history(
        "usernames-lost",
        "Far fewer of the known users have user names than on the nights before.",
        "A column is blank or gone. The run is done, and ends with 3.",
        "Have the column exported again.",
    ),
    history(
        "identifiers-lost",
        "Far fewer of the known users have identifiers than on the nights before.",
        "A column is blank or gone. The run is done, and ends with 3.",
        "Have the column exported again.",
    ),
    history(
        "user-ids-lost",
        "Far fewer of the known users have values of userIds than on the nights before.",
        "A column is blank or gone. The run is done, and ends with 3.",
        "Have the column exported again.",
    ),
    history(
        "languages-lost",
        "Far fewer of the known users have languages than on the nights before.",
        "A column is blank or gone. The run is done, and ends with 3.",
        "Have the column exported again.",
    ),
    history(
        "emails-among-phones",
        "Far more email addresses in sms or phone than on the nights before.",
        "Values moved to the column beside theirs. The run is blocked (4), or holds these users back.",
        "Have the values exported under their own headers.",
    ),
    history(
        "phones-among-emails",
        "Far more numbers in the column email than on the nights before.",
        "Values moved to the column beside theirs. The run is blocked (4), or holds these users back.",
        "Have the values exported under their own headers.",
    ),
    history(
        "emails-without-at",
        "Far more emails without an @ than on the nights before.",
        "User names as emails. The run is done, and ends with 3.",
        "Have the column of the emails exported, not the column of the user names.",
    ),
    history(
        "emails-among-identifiers",
        "Far more email addresses as identifiers than on the nights before.",
        "Values moved to the column beside theirs. The run is done, and ends with 3.",
        "Have the values exported under their own headers.",
    ),
    history(
        "emails-among-names",
        "Far more email addresses as names than on the nights before.",
        "Values moved to the column beside theirs. The run is blocked (4), or holds these users back.",
        "Have the values exported under their own headers.",
    ),
    history(
        "numbers-among-names",
        "Far more names that begin with a digit than on the nights before.",
        "Values moved to the column beside theirs. The run is blocked (4), or holds these users back.",
        "Have the values exported under their own headers.",
    ),
    history(
        "names-equal",
        "Far more family names equal to the given name than on the nights before.",
        "One column was copied. The run is blocked (4), or holds these users back.",
        "Have given and family name exported in two columns.",
    ),
    history(
        "emails-repeated",
        "Far more emails equal to the one before than on the nights before.",
        "A placeholder, or one cell copied down a column. The run is blocked (4), or holds these users back.",
        "Have the SIS leave such cells empty. List a placeholder address in `ignore_emails`.",
    ),
    history(
        "phones-repeated",
        "Far more phone numbers equal to the one before than on the nights before.",
        "A placeholder, or one cell copied down a column. The run is blocked (4), or holds these users back.",
        "Have the SIS leave such cells empty.",
    ),
    history(
        "names-repeated",
        "Far more names equal to the one before than on the nights before.",
        "Names were made anonymous, or copied down a column. The run is blocked (4), or holds these users back.",
        "Check that the export is the live system, and has its own name in each row.",
    ),
    history(
        "identifiers-repeated",
        "Far more identifiers equal to the one before than on the nights before.",
        "A placeholder. The run is done, and ends with 3.",
        "Have the SIS leave such cells empty.",
    ),
    history(
        "usernames-repeated",
        "Far more user names equal to the one before than on the nights before.",
        "A placeholder. The run is done, and ends with 3.",
        "Have the SIS leave such cells empty.",
    ),
    history(
        "names-upper-case",
        "Far more names in capital letters than on the nights before.",
        "The SIS writes names in another case. Only the case changes, and no message is sent. The run is done, and ends with 3.",
        "Nothing. Have the SIS export names as people write them, if you can.",
    ),
    history(
        "names-lower-case",
        "Far more names without a capital letter than on the nights before.",
        "The SIS writes names in another case. Only the case changes, and no message is sent. The run is done, and ends with 3.",
        "Nothing. Have the SIS export names as people write them, if you can.",
    ),
    history(
        "all-disabled",
        "Far more users with enabledUser false than on the nights before.",
        "A flag that means something else; no account is archived for it. The run is done, and ends with 3.",
        "Look up in the SIS what the flag means.",
    ),
    history(
        "ids-changed-shape",
        "Far more or fewer sourcedIds of digits alone than on the nights before.",
        "Another column is exported as the sourcedId. The run is done, and ends with 3.",
        "Check which column of the SIS is exported as the sourcedId.",
    ),
    history(
        "identifiers-changed-shape",
        "Far more or fewer identifiers of digits alone than on the nights before.",
        "Another column is exported as the identifier. The run is done, and ends with 3.",
        "Check which column of the SIS is exported as the identifier.",
    ),
    history(
        "domain-changed",
        "The emails of a role are at another domain than before.",
        "Generated addresses; a test system. The run is done, and ends with 3.",
        "Check that the export is of the live system. If the district has a new domain, nothing.",
    ),
    history(
        "one-exchange",
        "At least 80% of the phone numbers begin with the same six digits, and at most 30% did.",
        "Generated numbers, or the number of the school office. The run is done, and ends with 3.",
        "Check some of the numbers. If they are generated, or of the office, have them left out.",
    ),
];
