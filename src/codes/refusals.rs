//! Why an edit, a join or a permission is refused.

use super::{Entry, Kind};

const fn refusal(
    code: &'static str,
    meaning: &'static str,
    cause: &'static str,
    cure: &'static str,
) -> Entry {
    super::entry(Kind::Refusal, code, meaning, cause, cure)
}

pub(super) const REFUSALS: &[Entry] = &[
    refusal(
        "managed-by-sync",
        "The details of this account cannot be edited.",
        "`update_contacts` is ON for the person: the sync takes the details from the SIS.",
        "Correct the details in the SIS.",
    ),
    refusal(
        "not-joined",
        "The details of this account cannot be edited.",
        "The person has not joined yet, so the details are those of the SIS.",
        "Correct the details in the SIS.",
    ),
    refusal(
        "archived",
        "The account cannot be used.",
        "The account is archived: the person is no longer in the SIS import.",
        "Nothing. The sync restores the account when the person is back.",
    ),
    refusal(
        "not-permitted",
        "The edit is refused.",
        "The actor is another person, without the permission to manage users.",
        "Have the person or a manager make the edit, or use `rostersync users grant`.",
    ),
    refusal(
        "other-school",
        "The edit is refused.",
        "The actor manages users at other schools only.",
        "Have a manager of the person's school make the edit.",
    ),
    refusal(
        "outranked",
        "The edit is refused.",
        "The account is of an administrator, or of a person that manages users.",
        "Have the person, or a manager of the whole district, make the edit.",
    ),
    refusal(
        "actor-inactive",
        "The edit is refused.",
        "The account of the actor has not joined, or is archived.",
        "Name an actor with an active account.",
    ),
    refusal(
        "actor-disabled",
        "The edit is refused.",
        "The actor is disabled in the SIS import (`enabledUser` is false).",
        "Name another actor, or correct `enabledUser` in the SIS.",
    ),
    refusal(
        "unknown-actor",
        "The edit is refused.",
        "No account has the sourcedId that was given with `--as`.",
        "Give the sourcedId of the person, or of a manager.",
    ),
    refusal(
        "not-staff",
        "The permission is refused.",
        "The person has no staff role today.",
        "Give the permission to a member of the staff.",
    ),
    refusal(
        "invalid-name",
        "The value is refused.",
        "A name must not be empty.",
        "Give at least one part of a name.",
    ),
    refusal(
        "invalid-email",
        "The value is refused.",
        "The value is not a valid email address.",
        "Correct the address.",
    ),
    refusal(
        "invalid-phone",
        "The value is refused.",
        "The value is not a valid number of `default_region`.",
        "Give the number with its area code, or with `+` and the code of the country.",
    ),
    refusal(
        "invalid-home-phone",
        "The value is refused.",
        "The value is not a valid number of `default_region`.",
        "Give the number with its area code, or with `+` and the code of the country.",
    ),
    refusal(
        "too-long",
        "The value is refused.",
        "The value has more than 255 characters.",
        "Give a shorter value.",
    ),
    refusal(
        "placeholder-email",
        "The value is refused.",
        "The address is one of `ignore_emails`: no person reads it.",
        "Give the person's own address.",
    ),
    refusal(
        "email-taken",
        "The value is refused.",
        "`shared_contacts` is `\"unique\"`, and another account has the address.",
        "Give another address, or remove it from the other account first.",
    ),
    refusal(
        "phone-taken",
        "The value is refused.",
        "`shared_contacts` is `\"unique\"`, and another account has the number.",
        "Give another number, or remove it from the other account first.",
    ),
    refusal(
        "last-credential",
        "The value cannot be cleared.",
        "The account would have neither an email nor a mobile to sign in with.",
        "Give the account another email or mobile first.",
    ),
];
