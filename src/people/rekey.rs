//! The SIS has given a person a new sourcedId: the old account continues under it.

use std::collections::HashMap;
use std::path::Path;

use super::People;
use super::duplicates::is_like;
use super::renames::Renames;
use crate::account::{Account, KeptSince, State};
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::plan::{Renaming, Renamings, SamePerson};
use crate::roles;
use crate::roster::kept::key;
use crate::roster::{RoleList, own_schools};
use crate::store::{Grant, Origin, Rename, SamePerson as SamePersonPair, Store};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rekeyed {
    /// It was done before; nothing was changed.
    Before,
    /// There was no account under the new sourcedId.
    Renamed,
    /// The account that the sync had made under the new sourcedId stays, archived, under the old one.
    Replaced {
        /// Neither email nor mobile with the name are the same: it may be another person.
        unlike: bool,
        /// Where that one had been allowed to manage users, which has ended.
        revoked: Vec<Grant>,
    },
    /// It was a mistake, and is taken back: both accounts have the sourcedIds again that they had before.
    TakenBack,
}

/// Gives the account of `old` the sourcedId `new`: state, details, permissions and history go with it. The way back is the
/// same with both exchanged.
///
/// # Errors
/// `Usage` if `old` has no account or both are the same; `Blocked` if both are in the SIS import, or if a person has joined
/// under `new` as well; those of the store.
pub fn rekey(people: &People<'_>, old: &str, new: &str) -> Result<Rekeyed> {
    people.store.transaction(|| {
        let mut renames = Renames::read(people.store)?;
        let (old, new) = (old.trim(), new.trim());
        let account = people.store.account(old)?.map(|account| account.id);
        let rekeyed = rekey_one(people, &mut renames, old, new)?;
        people.store.rename_links(&renamed_links([(old, new, &rekeyed)]))?;
        if let (Some(account), Rekeyed::Renamed | Rekeyed::Replaced { .. }) = (account, &rekeyed) {
            people.store.rename_in_lists(&HashMap::from([(key(old), account)]))?;
        }
        Ok(rekeyed)
    })
}

/// Where one record goes on with two accounts that are held, the sourcedId of the other account, if that one is to go on: the
/// active one, otherwise the student's or the staff's. The account of `pair` is then archived by the next run.
///
/// # Errors
/// Those of the store.
pub fn goes_on_instead(store: &Store, pair: &SamePersonPair) -> Result<Option<String>> {
    let rank = |id: &str| -> Result<Option<(bool, bool)>> {
        let is_guardian = |account: &Account| {
            RoleList(&account.sis.roles).iter().any(|role| roles::is_guardian(&roles::canonical(role.role)))
        };
        let account = store.account(id)?;
        Ok(account.map(|account| (account.state != State::Active, is_guardian(&account))))
    };
    for other in store.held_for(&pair.new)? {
        if other != pair.old && rank(&other)? < rank(&pair.old)? {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

/// A row of a file of renames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRename {
    pub line: u64,
    pub old: String,
    pub new: String,
}

/// As [`rekey`], for all renames of a file, in a transaction of the caller's. Those that were done before are passed over, so that
/// the file can stay where it is for years; those of people without an account are reported. Returns those that were done.
///
/// # Errors
/// As [`rekey`], with the line.
pub fn rekey_all(
    people: &People<'_>,
    file: &Path,
    asked: &[AskedRename],
    findings: &mut Findings,
) -> Result<Renamings> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut renames = Renames::read(people.store)?;
    let (mut done, mut accounts) = (Renamings::default(), HashMap::new());
    let mut rekeyed_all = Vec::new();
    for AskedRename { line, old, new } in asked {
        if renames.is_done(old, new) {
            continue;
        }
        let before = if old.is_empty() { None } else { people.store.account(old)? };
        if !old.is_empty() && before.is_none() {
            findings.warn("rename-unknown", At::file(&name).line(*line).column("old"), || {
                format!("there is no account with the sourcedId `{old}`, so no account was renamed")
            });
            continue;
        }
        if people.store.is_distinct(old, new)? || people.store.is_distinct(new, old)? {
            findings.warn("rename-distinct", At::file(&name).line(*line).column("old"), || {
                format!(
                    "`{old}` and `{new}` are two people by `users distinct`, so no account was renamed. If they are one person: \
                     rostersync users rekey {old} {new}"
                )
            });
            continue;
        }
        let manages = match &before {
            Some(before) => people.store.grants(before.id)?,
            None => Vec::new(),
        };
        let rekeyed = rekey_one(people, &mut renames, old, new)
            .map_err(|failure| Failure { place: format!("{}:{line}", file.display()), ..failure })?;
        if let (Some(before), true) = (&before, rekeyed != Rekeyed::Before) {
            done.push(&renaming(people, before, new, &manages, &rekeyed)?)?;
            if rekeyed != Rekeyed::TakenBack {
                accounts.insert(key(&before.sourced_id), before.id);
            }
            rekeyed_all.push((old.as_str(), new.as_str(), rekeyed));
        }
    }
    if !rekeyed_all.is_empty() {
        let all = rekeyed_all.iter().map(|(old, new, rekeyed)| (*old, *new, rekeyed));
        people.store.rename_links(&renamed_links(all))?;
    }
    if !accounts.is_empty() {
        people.store.rename_in_lists(&accounts)?;
    }
    Ok(done)
}

/// The keys under which links to the people of these renames are known from now on.
fn renamed_links<'a>(all: impl IntoIterator<Item = (&'a str, &'a str, &'a Rekeyed)>) -> HashMap<u64, u64> {
    let mut renamed = HashMap::new();
    // What was known before under a key of now: one file can rename a person twice.
    let mut before: HashMap<u64, u64> = HashMap::new();
    for (old, new, rekeyed) in all {
        let moves: &[_] = match rekeyed {
            Rekeyed::Before => &[],
            Rekeyed::Renamed => &[(old, new)],
            Rekeyed::Replaced { .. } | Rekeyed::TakenBack => &[(old, new), (new, old)],
        };
        let moved: Vec<(u64, u64)> = moves
            .iter()
            .map(|(from, to)| (before.remove(&key(from)).unwrap_or_else(|| key(from)), key(to)))
            .collect();
        for (first, now) in moved {
            before.insert(now, first);
            renamed.insert(first, now);
        }
    }
    renamed
}

/// Gives accounts the sourcedIds that they have in the roster by now, by themselves: as [`rekey_all`], for accounts that are not
/// archived, and for sourcedIds without an account. Adds them to `done`. Returns their ids in the store, and the keys of the new
/// sourcedIds.
pub fn join_all(people: &People<'_>, found: &SamePerson, done: &mut Renamings) -> Result<Vec<(i64, u64)>> {
    let (mut renamed, mut accounts, mut links) = (Vec::new(), HashMap::new(), HashMap::new());
    found.each_certain(|old, new| {
        let before = people.account(old)?;
        let after = Account { sourced_id: new.to_owned(), ..before.clone() };
        let manages = people.store.grants(before.id)?;
        people.store.rekey_account(&after)?;
        people.store.forget_bystander(new)?;
        people.store.put_earlier_id(before.id, old, new)?;
        people.record(&before, Origin::Sync, "sourced_id", old, new)?;
        renamed.push((before.id, key(new)));
        accounts.insert(key(old), before.id);
        links.insert(key(old), key(new));
        done.push(&renaming(people, &before, new, &manages, &Rekeyed::Renamed)?)
    })?;
    people.store.rename_links(&links)?;
    people.store.rename_in_lists(&accounts)?;
    Ok(renamed)
}

fn renaming(
    people: &People<'_>,
    before: &Account,
    new: &str,
    manages: &[Grant],
    rekeyed: &Rekeyed,
) -> Result<Renaming> {
    Ok(Renaming {
        old: before.sourced_id.clone(),
        new: new.to_owned(),
        name: before.details.shown(Field::Name),
        state: before.state_word().to_owned(),
        role: people.roles_of(before).into_iter().next().unwrap_or_default(),
        // Their own alone: to look for the children of each would take as long as the file times the district.
        school: own_schools(&before.sis.record(&before.sourced_id), &people.rules.today.to_string())
            .first()
            .map(|school| (*school).to_owned())
            .unwrap_or_default(),
        manages: manages.iter().map(|grant| grant.word().to_owned()).collect(),
        replaces: matches!(rekeyed, Rekeyed::Replaced { .. } | Rekeyed::TakenBack),
        unlike: matches!(rekeyed, Rekeyed::Replaced { unlike: true, .. }),
        taken_back: *rekeyed == Rekeyed::TakenBack,
    })
}

fn rekey_one(people: &People<'_>, renames: &mut Renames, old: &str, new: &str) -> Result<Rekeyed> {
    let store = people.store;
    if old == new || new.is_empty() {
        return Err(Failure::new(Kind::Usage, "the new sourcedId is empty or the same as the old one")
            .cure("write `rostersync users rekey OLD NEW`"));
    }
    let newcomer = store.account(new)?;
    let moved = newcomer.as_ref().is_some_and(|account| renames.has_moved(account.id, old, new));
    if moved || renames.is_done(old, new) && store.account(old)?.is_none() {
        return Ok(Rekeyed::Before);
    }
    let before = people.account(old)?;
    let Some(newcomer) = newcomer else {
        let after = Account { sourced_id: new.to_owned(), ..before.clone() };
        store.rekey_account(&after)?;
        store.forget_bystander(new)?;
        record_rename(people, renames, &before, &after)?;
        store.put_earlier_id(before.id, old, new)?;
        return Ok(Rekeyed::Renamed);
    };
    let left_behind = renames.was_left_behind(newcomer.id, old, new);
    let goes_back = renames.has_moved(before.id, new, old);
    refuse(&before, &newcomer, goes_back, left_behind)?;
    // Two rows cannot have one sourcedId, not even for a moment. No sourcedId is blank.
    store.rekey_account(&Account { sourced_id: String::new(), ..newcomer.clone() })?;
    let after = Account {
        sourced_id: new.to_owned(),
        archived: newcomer.archived,
        sis: newcomer.sis.clone(),
        links: newcomer.links.clone(),
        kept_since: KeptSince::default(),
        ..before.clone()
    };
    store.rekey_account(&after)?;
    let taken_back = goes_back && left_behind;
    let left = Account {
        sourced_id: old.to_owned(),
        // The export's values since then are about the person with the sourcedId that is now given back.
        state: if taken_back { state_when_left(people, &newcomer)? } else { newcomer.state },
        archived: before.archived,
        sis: before.sis.clone(),
        links: before.links.clone(),
        kept_since: KeptSince::default(),
        ..newcomer.clone()
    };
    store.rekey_account(&left)?;
    record_rename(people, renames, &before, &after)?;
    record_rename(people, renames, &newcomer, &left)?;
    if taken_back {
        // The platform has heard of neither.
        store.forget_earlier_id(before.id, new)?;
        return Ok(Rekeyed::TakenBack);
    }
    store.put_earlier_id(before.id, old, new)?;
    // No person has the account that stays behind. If it comes back one day, it must not have a forgotten permission.
    let revoked = people.end_permissions(&left)?;
    Ok(Rekeyed::Replaced { unlike: !is_like(&newcomer, &before), revoked })
}

/// What an account was when it was archived last.
fn state_when_left(people: &People<'_>, account: &Account) -> Result<State> {
    let history = people.store.audit_of(account.id)?;
    let archived = history.iter().rev().find(|entry| entry.field == "state" && entry.new == "archived");
    Ok(match archived.map(|entry| entry.old.as_str()) {
        Some(word) if word == State::Active.word() => State::Active,
        Some(word) if word == State::Pending.word() => State::Pending,
        _ => account.state,
    })
}

fn record_rename(
    people: &People<'_>,
    renames: &mut Renames,
    before: &Account,
    after: &Account,
) -> Result<()> {
    let (old, new) = (&before.sourced_id, &after.sourced_id);
    people.record(before, Origin::Operator, "sourced_id", old, new)?;
    people.store.forget_distinct(old, new)?;
    people.store.forget_same_person(new)?;
    people.store.forget_same_person(old)?;
    renames.add(Rename { account: before.id, old: old.clone(), new: new.clone() });
    let (was, is) = match before.archived == after.archived {
        true => (before.state.word(), after.state.word()),
        false => (before.state_word(), after.state_word()),
    };
    if was == is { Ok(()) } else { people.record(before, Origin::Operator, "state", was, is) }
}

/// `goes_back`: the account of `old` was moved here from `new`. `left_behind`: that of `new` made room for it.
fn refuse(old: &Account, new: &Account, goes_back: bool, left_behind: bool) -> Result<()> {
    let (old_id, new_id) = (&old.sourced_id, &new.sourced_id);
    // The old sourcedId may belong to another person by now, who must not get the details of the person that joined here.
    let harmless = goes_back && (left_behind || old.archived);
    let (what, cure) = if !old.archived && !goes_back {
        (
            format!("`{old_id}` is still in the SIS import, and so `{new_id}` is another record"),
            "rekey once the SIS import has the new sourcedId alone and a run has archived the old account",
        )
    } else if new.state == State::Active && !harmless {
        (
            format!("a person has joined under `{new_id}` already, and their details would be lost"),
            "leave both as they are; `rostersync users history` has what was done to each",
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(Kind::Blocked, what).at(format!("users {old_id} and {new_id}")).cure(cure))
}
