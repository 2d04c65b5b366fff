//! A row of the export beside an account: what of it is news.

use serde::{Deserialize, Serialize};

use crate::account::{Account, AwaitedValues, Exported, Shown, State};
use crate::contact::{Details, Field, PersonName, PhoneReader, email_key, phone_key};
use crate::message::Channel;
use crate::store::{AuditEntry, Origin};

/// One row. `None`: the file has no such column.
#[derive(Default, Serialize, Deserialize)]
pub struct Row {
    pub sourced_id: String,
    pub(super) line: u64,
    /// Of all that the row says: equal for equal rows.
    pub hash: u64,
    pub(super) state: Option<State>,
    pub(super) given_name: Option<String>,
    pub(super) family_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) home_phone: Option<String>,
    /// Whether the person wants no email, no texts.
    pub(super) opt_outs: [Option<bool>; 2],
    /// When and by whom it was changed there, as [`super::Stamp::text`]; empty if it does not say
    /// so.
    pub stamp: String,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Adopted {
    pub joined: bool,
    pub pending_again: bool,
    pub entries: Vec<AuditEntry>,
    /// Whether anything is to be stored, be it only what the export said.
    pub touched: bool,
}

impl Adopted {
    /// The details that became the actual ones.
    pub fn details(&self) -> impl Iterator<Item = &AuditEntry> {
        self.entries.iter().filter(|entry| Field::of_key(&entry.field).is_some())
    }

    /// The channels that the person has left, or is back on.
    pub fn opt_outs(&self) -> impl Iterator<Item = (Channel, bool)> {
        let entry = |entry: &AuditEntry| {
            let channel = Channel::ALL.into_iter().find(|channel| entry.field == channel.opt_out());
            Some((channel?, entry.new == "yes"))
        };
        self.entries.iter().filter_map(entry)
    }
}

impl Row {
    /// Whether the row still shows the person of an account whose sourcedId another person has now.
    /// What it does not say, or says of no person in particular, is not taken for the other
    /// person's.
    pub fn is_about(&self, account: &Account) -> bool {
        if self.given_name.is_some() || self.family_name.is_some() {
            let part = |cell: &Option<String>| cell.clone().unwrap_or_default();
            let name = PersonName::new(&part(&self.given_name), &part(&self.family_name));
            let shown = account.exported.name.values().map(PersonName::from_parts);
            return name.is_empty()
                || name.same_but_case(&account.details.name)
                || shown.into_iter().any(|known| known.same_but_case(&name));
        }
        match &self.email {
            Some(email) if !email.is_empty() => {
                let same = |known: &str| email_key(known) == email_key(email);
                same(&account.details.email) || account.exported.email.values().any(same)
            }
            Some(_) | None => true,
        }
    }

    /// The account of a person that is in the roster and has none yet: active and with the export's
    /// details, if the export says that they have joined.
    pub fn newcomer(&self, phones: PhoneReader) -> Option<Account> {
        if self.state == Some(State::Pending) {
            return None;
        }
        let mut account = Account { state: State::Active, ..Account::new(&self.sourced_id) };
        self.take_over(&mut account, phones, ImportKind::Nightly);
        for (channel, out) in self.said_opt_outs() {
            account.opt_outs.export_says(channel, out);
        }
        Some(account)
    }

    /// Brings an account to what the export says. The account of an archived person only remembers
    /// the state.
    pub fn adopt(&self, account: &mut Account, phones: PhoneReader, import: ImportKind) -> Adopted {
        let mut adopted = Adopted::default();
        let state = self.state.unwrap_or(State::Active);
        if state != account.state {
            adopted.touched = true;
            adopted.joined = state == State::Active;
            adopted.pending_again = state == State::Pending && !account.archived;
            adopted.entries.push(AuditEntry {
                origin: Origin::Platform,
                field: "state".into(),
                old: account.state.word().into(),
                new: state.word().into(),
            });
            account.state = state;
            if state == State::Pending {
                // Should they join again, what they then have is seen for the first time.
                account.exported = Exported::default();
            }
        }
        if state == State::Active && !account.archived {
            let (details, exported) = (account.details.clone(), account.exported.clone());
            let opt_outs = account.opt_outs;
            self.take_over(account, phones, import);
            for (channel, out) in self.said_opt_outs() {
                if account.opt_outs.export_says(channel, out) {
                    adopted.entries.push(AuditEntry::of_opt_out(Origin::Platform, channel, out));
                }
            }
            adopted.touched |=
                account.details != details || account.exported != exported || account.opt_outs != opt_outs;
            let (before, after) = (details.borrowed(), account.details.borrowed());
            for field in Field::ALL.into_iter().filter(|field| before.shown(*field) != after.shown(*field)) {
                adopted.entries.push(AuditEntry {
                    origin: Origin::Platform,
                    field: field.key().into(),
                    old: details.recorded(field),
                    new: account.details.recorded(field),
                });
            }
        }
        adopted
    }

    fn said_opt_outs(&self) -> impl Iterator<Item = (Channel, bool)> {
        Channel::ALL.into_iter().zip(self.opt_outs).filter_map(|(channel, out)| Some((channel, out?)))
    }

    fn take_over(&self, account: &mut Account, phones: PhoneReader, import: ImportKind) {
        let Account { details, exported, .. } = account;
        self.take_name(details, &mut exported.name, import);
        if let Some(email) = &self.email {
            let shown = shown(email_key(&details.email) == email_key(email));
            let same = |value: &str| email_key(value) == email_key(email);
            if import.is_news(&mut exported.email, email, &details.email, shown, same) {
                email.trim().clone_into(&mut details.email);
            }
        }
        take_number(&self.phone, &mut exported.phone, &mut details.phone, phones, import);
        take_number(&self.home_phone, &mut exported.home_phone, &mut details.home_phone, phones, import);
    }

    fn take_name(&self, details: &mut Details, awaited: &mut AwaitedValues, import: ImportKind) {
        if self.given_name.is_none() && self.family_name.is_none() {
            return;
        }
        // A part that is not provided is whatever it is held against.
        let beside = |other: &PersonName| {
            let part = |cell: &Option<String>, own: &str| cell.clone().unwrap_or_else(|| own.to_owned());
            PersonName::new(&part(&self.given_name, &other.given), &part(&self.family_name, &other.family))
        };
        let same = |value: &str| {
            let value = PersonName::from_parts(value);
            beside(&value).same(&value)
        };
        let name = beside(&details.name);
        let shown = match (name.same(&details.name), &self.given_name, &self.family_name) {
            (false, _, _) => Shown::Another,
            (true, Some(_), Some(_)) => Shown::Actual,
            (true, _, _) => Shown::ActualInPart,
        };
        if import.is_news(awaited, &name.in_parts(), &details.name.in_parts(), shown, same) {
            details.name = name;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// The one that says every night how far the platform is.
    Nightly,
    /// By hand, beside one that runs read.
    ByHand,
}

impl ImportKind {
    fn is_news(
        self,
        awaited: &mut AwaitedValues,
        text: &str,
        actual: &str,
        shown: Shown,
        same: impl Fn(&str) -> bool,
    ) -> bool {
        match self {
            Self::Nightly => awaited.take_nightly(text, shown, same),
            Self::ByHand => awaited.take_imported(text, actual, shown, same),
        }
    }
}

fn shown(is_actual: bool) -> Shown {
    if is_actual { Shown::Actual } else { Shown::Another }
}

fn take_number(
    cell: &Option<String>,
    awaited: &mut AwaitedValues,
    actual: &mut String,
    phones: PhoneReader,
    import: ImportKind,
) {
    let Some(cell) = cell else { return };
    // The same text as ever needs no parsing, which is the slow part.
    if awaited.is_just(cell) {
        return;
    }
    let number = phones.canonical(cell);
    let same = |value: &str| value == cell || phone_key(&phones.canonical(value)) == phone_key(&number);
    if import.is_news(awaited, cell, actual, shown(phone_key(actual) == phone_key(&number)), same) {
        *actual = number;
    }
}
