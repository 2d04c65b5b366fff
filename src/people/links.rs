//! The links between adults and children: of one person with what is known of each, and of a whole
//! district for the platform.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::family::{lists_as, names_whom};
use crate::account::Account;
use crate::failure::Result;
use crate::rights::Class;
use crate::roles;
use crate::roster::kept::key;
use crate::roster::{EVERY, IdList, Relations, RoleList, current_roles};
use crate::store::{Audited, Created, Member, Relative, Store};

/// A link of one person.
#[derive(Debug, Clone)]
pub struct Link {
    pub guardian: Member,
    pub student: Member,
    /// In the source's word; empty where it has none.
    pub relationship: String,
    /// For emergencies only: no account and no schools come of it.
    pub emergency: bool,
    /// Which of the two records names it.
    pub by_guardian: bool,
    pub by_student: bool,
    /// Since which run. None for a link that is for emergencies only.
    pub since: Option<Created>,
}

/// The class of the link to a student, by an adult's lists.
fn class_of(agents: &str, emergency: &str, barred: &str, student: &str) -> Class {
    let has = |list: &str, id: &str| IdList(list).iter().any(|own| own == id);
    if has(barred, student) || has(barred, EVERY) {
        Class::Never
    } else if !has(agents, student) && (has(emergency, student) || has(emergency, EVERY)) {
        Class::Emergency
    } else {
        Class::Contact
    }
}

/// The links of a person, whichever record names them, by the sourcedIds of guardian and student.
pub fn links_of(account: &Account, store: &Store) -> Result<Vec<Link>> {
    let own = Member {
        sourced_id: account.sourced_id.clone(),
        account: true,
        roles: account.sis.roles.clone(),
        orgs: account.sis.orgs.clone(),
        agents: account.sis.agents.clone(),
        emergency: account.sis.emergency.clone(),
        barred: account.sis.barred.clone(),
        relations: account.sis.relations.clone(),
    };
    let mut pairs: BTreeMap<(String, String), (Member, Member, bool)> = BTreeMap::new();
    let mut add = |from: &Member, to: &Member| {
        // A person that is both a student and a parent may mean either.
        let (as_guardian, as_student) = lists_as(RoleList(&from.roles));
        for (guardian, student) in
            as_guardian.then_some((from, to)).into_iter().chain(as_student.then_some((to, from)))
        {
            let is_guardian = |held: &str| roles::is_guardian(&roles::canonical(held));
            if RoleList(&guardian.roles).iter().any(|held| is_guardian(held.role)) {
                let ids = (guardian.sourced_id.clone(), student.sourced_id.clone());
                let by_guardian = guardian.sourced_id == from.sourced_id;
                let pair = pairs.entry(ids).or_insert_with(|| (guardian.clone(), student.clone(), false));
                pair.2 |= !by_guardian;
            }
        }
    };
    for id in IdList(&own.agents).iter().chain(IdList(&own.emergency).iter()) {
        if let Some(member) = store.member(id)? {
            add(&own, &member);
        }
    }
    for member in store.named_by(&own.sourced_id)? {
        if names_whom(&member, &own.sourced_id) {
            add(&member, &own);
        }
    }
    let mut links = Vec::new();
    for ((guardian_id, student_id), (guardian, student, by_student)) in pairs {
        let emergency = match class_of(&guardian.agents, &guardian.emergency, &guardian.barred, &student_id) {
            Class::Never => continue,
            class => class == Class::Emergency,
        };
        let since = if emergency { None } else { since(store, &guardian_id, &student_id)? };
        links.push(Link {
            relationship: Relations(&guardian.relations).of(&student_id).unwrap_or_default().to_owned(),
            by_guardian: names_whom(&guardian, &student_id),
            by_student,
            emergency,
            since,
            guardian,
            student,
        });
    }
    Ok(links)
}

/// The run with which a link came: by the history of the adult or, for a link that was there from
/// the beginning, with the later of the two accounts.
fn since(store: &Store, guardian: &str, student: &str) -> Result<Option<Created>> {
    let Some(adult) = store.account(guardian)? else { return Ok(None) };
    let child = store.account(student)?;
    // The student may have had another sourcedId then.
    let mut ids = vec![student.to_owned()];
    if let Some(child) = &child {
        let renames = store.audit_of(child.id)?.into_iter().filter(|entry| entry.field == "sourced_id");
        ids.extend(renames.map(|entry| entry.old));
    }
    let came = |entry: &Audited| entry.field == "link" && ids.contains(&entry.new);
    if let Some(entry) = store.audit_of(adult.id)?.iter().rev().find(|entry| came(entry)) {
        return Ok(Some(Created { run: entry.run, at: Some(entry.at) }));
    }
    let began = [Some(adult.id), child.map(|child| child.id)].into_iter().flatten();
    let began: Vec<Created> = began.filter_map(|id| store.created(id).transpose()).collect::<Result<_>>()?;
    Ok(began.into_iter().max_by_key(|created| created.at))
}

/// One link as the platform gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedLink {
    pub guardian: String,
    pub student: String,
    pub relationship: String,
    /// `yes`, `emergency`; `no` for a link that is gone.
    pub contact: &'static str,
}

/// The people and the links of a whole district. People are known by their keys, so that they take
/// little room.
struct District {
    /// sourcedId, and whether the person has an account and holds a guardian's role today.
    people: HashMap<u64, (Box<str>, bool, bool)>,
    /// Guardian and student, sorted.
    links: Vec<(u64, u64, Class)>,
    /// The lists of adults that have links of other classes.
    restricted: HashMap<u64, [Box<str>; 3]>,
    relations: HashMap<u64, Box<str>>,
}

impl District {
    fn read(store: &Store, today: &str) -> Result<Self> {
        let mut all = Self {
            people: HashMap::new(),
            links: Vec::new(),
            restricted: HashMap::new(),
            relations: HashMap::new(),
        };
        let for_emergencies = store.archived_for_emergencies()?;
        store.each_relative(|relative| {
            if !relative.archived || for_emergencies.contains(relative.sourced_id) {
                all.take_in(&relative, today);
            }
            Ok(())
        })?;
        let accounts = store.each_account_id()?;
        for id in accounts {
            if let Some(person) = all.people.get_mut(&key(&id)) {
                person.1 = true;
            }
        }
        Ok(all)
    }

    fn take_in(&mut self, relative: &Relative<'_>, today: &str) {
        let Relative { sourced_id, roles, agents, emergency, barred, relations, .. } = *relative;
        let person = key(sourced_id);
        let (as_guardian, as_student) = lists_as(RoleList(roles));
        let is_guardian = current_roles(RoleList(roles), today).iter().any(|role| roles::is_guardian(role));
        self.people.insert(person, (sourced_id.into(), false, is_guardian));
        let named = IdList(agents).iter().map(|id| (id, Class::Contact));
        for (id, class) in named.chain(IdList(emergency).iter().map(|id| (id, Class::Emergency))) {
            if as_guardian {
                self.links.push((person, key(id), class));
            }
            if as_student {
                self.links.push((key(id), person, class));
            }
        }
        if !emergency.is_empty() || !barred.is_empty() {
            self.restricted.insert(person, [agents.into(), emergency.into(), barred.into()]);
        }
        if !relations.is_empty() {
            self.relations.insert(person, relations.into());
        }
    }

    /// The link between two people, if it is one of people that are there.
    fn link(&self, guardian: u64, student: u64) -> Option<ExportedLink> {
        let (adult, has_account, is_guardian) = self.people.get(&guardian)?;
        let (child, ..) = self.people.get(&student)?;
        let class = match self.restricted.get(&guardian) {
            Some([agents, emergency, barred]) => class_of(agents, emergency, barred, child),
            None => Class::Contact,
        };
        let contact = match class {
            Class::Contact if *has_account => "yes",
            Class::Emergency => "emergency",
            Class::Contact | Class::Never => return None,
        };
        let relations = self.relations.get(&guardian).map(AsRef::as_ref).unwrap_or_default();
        is_guardian.then(|| ExportedLink {
            guardian: adult.to_string(),
            student: child.to_string(),
            relationship: Relations(relations).of(child).unwrap_or_default().to_owned(),
            contact,
        })
    }
}

/// Hands over the links of all people that have not left, by the sourcedIds of guardian and
/// student. With `since` only those that have come or gone after that entry of the audit.
pub fn export_links(
    store: &Store,
    today: &str,
    since: Option<i64>,
    mut each: impl FnMut(&ExportedLink) -> Result<()>,
) -> Result<()> {
    let mut district = District::read(store, today)?;
    if let Some(since) = since {
        let named: HashSet<(u64, u64)> =
            district.links.iter().map(|(guardian, student, _)| (*guardian, *student)).collect();
        for ((guardian, student), was) in changed(store, since)? {
            let pair = (key(&guardian), key(&student));
            let now = named.get(&pair).and_then(|(guardian, student)| district.link(*guardian, *student));
            let gone = || ExportedLink { guardian, student, relationship: String::new(), contact: "no" };
            let is_same = now.as_ref().map_or("no", |link| link.contact) == if was { "yes" } else { "no" };
            if !is_same {
                each(&now.unwrap_or_else(gone))?;
            }
        }
        return Ok(());
    }
    let mut links = std::mem::take(&mut district.links);
    let ids = |(guardian, student, _): &(u64, u64, Class)| {
        let id = |person: &u64| district.people.get(person).map(|(id, ..)| id.as_ref());
        (id(guardian), id(student))
    };
    links.sort_unstable_by(|a, b| ids(a).cmp(&ids(b)));
    links.dedup_by_key(|(guardian, student, _)| (*guardian, *student));
    for (guardian, student, _) in links {
        if let Some(link) = district.link(guardian, student) {
            each(&link)?;
        }
    }
    Ok(())
}

/// The pairs whose link has come or gone after an entry of the audit, under the sourcedIds that they
/// have now, and whether it was there before.
fn changed(store: &Store, since: i64) -> Result<BTreeMap<(String, String), bool>> {
    let mut renamed: HashMap<String, i64> = HashMap::new();
    store.each_rename(|rename| {
        renamed.insert(rename.old, rename.account);
    })?;
    let mut pairs = BTreeMap::new();
    for (account, old, new) in store.link_changes_after(since)? {
        let was = !old.is_empty();
        let mut student = if was { old } else { new };
        if store.account(&student)?.is_none_or(|account| account.archived)
            && let Some(account) = renamed.get(&student)
        {
            student = store.sourced_id(*account)?;
        }
        pairs.entry((store.sourced_id(account)?, student)).or_insert(was);
    }
    Ok(pairs)
}
