//! What the papers say of a night: the district before it, what the SIS and the platform say, and
//! from that every account, link, row of the report and message after it.
//!
//! It knows what the simulated district does: bulk files in which every cell is there, adults and
//! students linked by `agentSourcedIds`, the platform's export with every column, one rule on one
//! column of adults. Not among it: deltas, texts, shifted rows, other sources.

use std::collections::{BTreeMap, BTreeSet};

use super::person::{
    self, Account, Case, Cells, Details, EMAIL, Editor, FIELDS, MOBILE, Settings, Told, capital, decide,
    is_address, is_on, not_contacted, number, of, same, whole,
};

/// `rostersync.toml`, as far as it decides something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub(crate) on: bool,
    pub(crate) schools: BTreeMap<String, bool>,
    pub(crate) settings: Settings,
    /// A rule on `metadata.contact`: `No Contact` is never, `Emergency` is emergency.
    pub(crate) has_rule: bool,
}

/// What the SIS says of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) role: String,
    pub(crate) orgs: Vec<String>,
    pub(crate) agents: Vec<String>,
    pub(crate) cells: Cells,
    pub(crate) identifier: String,
    /// The column `metadata.contact`.
    pub(crate) contact: String,
}

/// A row of the platform's export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) active: bool,
    pub(crate) details: Details,
}

/// A person that has an account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) account: Account,
    pub(crate) record: Record,
    /// For each detail what the platform may still show.
    pub(crate) shown: [Vec<String>; 4],
    /// While messages wait: they, and the account as the person was told of it last.
    pub(crate) waiting: Option<(Account, Vec<Message>)>,
    /// Schools for which the person manages users; blank: the district.
    pub(crate) manages: BTreeSet<String>,
}

/// A row of the report before its links, and the schools of the person.
type Decided = (String, person::Verdict, BTreeSet<String>);

/// The account before the sync changed it, and which details changed.
type Change = (Account, Vec<usize>);

/// An adult and a student.
pub(crate) type Link = (String, String);

fn is_here(roster: &BTreeMap<&str, &Record>, link: &Link) -> bool {
    roster.contains_key(link.0.as_str()) && roster.contains_key(link.1.as_str())
}

/// Everything that outlasts a night.
#[derive(Debug, Clone, Default)]
pub(crate) struct District {
    pub(crate) people: BTreeMap<String, Person>,
    /// Whether it is for emergencies only.
    pub(crate) links: BTreeMap<Link, bool>,
    /// Links of people that have left and are for emergencies only meanwhile. What they left with is
    /// what they come back with: nothing is said of it.
    pub(crate) left_with: BTreeSet<Link>,
    /// The schools that the roster named last, also of people without an account.
    pub(crate) schools: BTreeMap<String, BTreeSet<String>>,
    /// The setting of each person on the last night.
    pub(crate) on: BTreeMap<String, bool>,
    pub(crate) suppressed: BTreeSet<String>,
    /// Earlier ids of accounts: the platform may still show them.
    pub(crate) earlier: BTreeMap<String, String>,
    /// Pairs that are held, by the earlier id.
    pub(crate) held: BTreeSet<String>,
    pub(crate) is_loaded: bool,
}

/// A row of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) id: String,
    pub(crate) action: &'static str,
    pub(crate) state: &'static str,
    pub(crate) notes: String,
    pub(crate) schools: BTreeSet<String>,
    /// The roster does not have the person.
    pub(crate) is_absent: bool,
}

/// A message: the person, the channel, the address, whether it is an old one, and what it names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Message {
    pub(crate) to: String,
    pub(crate) is_former: bool,
    pub(crate) lines: Vec<String>,
}

/// What comes of a night if it is applied.
#[derive(Debug, Default)]
pub(crate) struct Night {
    pub(crate) said: Vec<Said>,
    /// What is delivered.
    pub(crate) messages: Vec<Message>,
    /// Details change that were kept on the night before, because the setting is ON by now.
    pub(crate) comes_on: bool,
    /// Something is not.
    pub(crate) is_waiting: bool,
    /// Accounts that are archived, of how many.
    pub(crate) archived: (usize, usize),
    /// Active people whose details the sync changes, of those whose details it may change.
    pub(crate) updates: (usize, usize),
    /// Links that go, of how many.
    pub(crate) unlinked: (usize, usize),
    /// Permissions of people that are back.
    pub(crate) ended_permissions: usize,
    /// New pairs that are probably one person.
    pub(crate) new_pairs: usize,
}

pub(crate) fn is_guardian(role: &str) -> bool {
    matches!(role, "guardian" | "parent" | "relative")
}

fn is_synced(role: &str) -> bool {
    is_guardian(role)
        || matches!(role, "student" | "teacher" | "aide" | "proctor" | "counselor" | "administrator")
}

pub(crate) fn is_staff(role: &str) -> bool {
    is_synced(role) && role != "student" && !is_guardian(role)
}

impl Person {
    /// Takes the row of the platform's export in; of an archived person that is not back only the
    /// state. Whether the person is pending again.
    fn adopt(&mut self, row: &Row, is_back: bool) -> bool {
        let pending_again = self.account.active && !row.active && !self.account.archived;
        self.account.active = row.active;
        if !row.active || self.account.archived && !is_back {
            return pending_again;
        }
        for at in 0..4 {
            let value = of(&row.details, at);
            let may_show = &mut self.shown[at];
            let is_actual = same(at, &value, &of(&self.account.details, at));
            let is_news = may_show.is_empty() || !may_show.iter().any(|shown| same(at, shown, &value));
            if is_news && !is_actual {
                put(&mut self.account.details, at, &row.details);
            }
            if is_news || is_actual {
                *may_show = vec![value];
            }
        }
        pending_again
    }

    /// Something else than the export has changed details: the platform may still show the old ones.
    pub(crate) fn replaced(&mut self, before: &Details) {
        for at in 0..4 {
            let old = of(before, at);
            if self.account.active && old != of(&self.account.details, at) {
                self.shown[at].push(old);
                if self.shown[at].len() > 8 {
                    self.shown[at].remove(0);
                }
            }
        }
    }
}

pub(crate) fn put(details: &mut Details, at: usize, from: &Details) {
    match at {
        EMAIL => details.email.clone_from(&from.email),
        MOBILE => details.mobile.clone_from(&from.mobile),
        person::HOME => details.home.clone_from(&from.home),
        _ => {
            details.given.clone_from(&from.given);
            details.family.clone_from(&from.family);
        }
    }
}

impl District {
    /// The setting, as it resolves for a person at these schools.
    pub(crate) fn is_on(config: &Config, schools: &BTreeSet<String>) -> bool {
        let own: Vec<Option<bool>> =
            schools.iter().map(|school| config.schools.get(school).copied()).collect();
        is_on(&own, config.on)
    }

    /// The class of an adult's links, by the rule.
    fn class(config: &Config, adult: &Record) -> &'static str {
        match adult.contact.to_lowercase().as_str() {
            "no contact" if config.has_rule => "never",
            "emergency" if config.has_rule => "emergency",
            _ => "contact",
        }
    }

    /// Links that a record of either side names, of people that are in the roster.
    fn links_of(config: &Config, roster: &BTreeMap<&str, &Record>) -> BTreeMap<Link, bool> {
        let mut links = BTreeMap::new();
        for record in roster.values() {
            for agent in &record.agents {
                let Some(other) = roster.get(agent.as_str()) else { continue };
                let (adult, student) =
                    if is_guardian(&record.role) { (record, other) } else { (other, record) };
                let class = Self::class(config, adult);
                if is_guardian(&adult.role) && student.role == "student" && class != "never" {
                    links.insert((adult.id.clone(), student.id.clone()), class == "emergency");
                }
            }
        }
        links
    }

    /// Own schools, and those of an adult's students; the last known ones where the roster names none.
    fn schools(&self, record: &Record, roster: &BTreeMap<&str, &Record>) -> BTreeSet<String> {
        let mut schools: BTreeSet<String> = record.orgs.iter().cloned().collect();
        if is_guardian(&record.role) {
            let own = self.links.range((record.id.clone(), String::new())..);
            let own = own.take_while(|((adult, _), _)| *adult == record.id);
            let students =
                own.filter(|(_, emergency)| !**emergency).filter_map(|((_, id), _)| roster.get(id.as_str()));
            schools.extend(students.flat_map(|student| student.orgs.iter().cloned()));
        }
        if schools.is_empty() {
            schools.extend(self.schools.get(&record.id).into_iter().flatten().cloned());
        }
        schools
    }

    /// What comes and what goes of the links of each adult, beside those that were stored. An adult
    /// without an account has links for emergencies alone.
    fn compare_links(
        &mut self,
        stored: &BTreeMap<Link, bool>,
        roster: &BTreeMap<&str, &Record>,
    ) -> [BTreeMap<String, Vec<String>>; 2] {
        let (mut added, mut removed) = (BTreeMap::<_, Vec<String>>::new(), BTreeMap::<_, Vec<String>>::new());
        let people = &self.people;
        self.links.retain(|(adult, _), emergency| *emergency || people.contains_key(adult));
        let has_left = |adult: &str| people.get(adult).is_some_and(|person| person.account.archived);
        let left_with = std::mem::take(&mut self.left_with);
        let had = |link: &Link| stored.get(link) == Some(&false) || left_with.contains(link);
        self.left_with.extend(left_with.iter().filter(|link| !is_here(roster, link)).cloned());
        let before: BTreeSet<&Link> = stored.keys().chain(&left_with).collect();
        for link in before.into_iter().filter(|link| had(link) && is_here(roster, link)) {
            if has_left(&link.0) {
                // Of people that have left nothing is said.
                if *self.links.entry(link.clone()).or_insert(false) {
                    self.left_with.insert(link.clone());
                }
            } else if self.links.get(link) != Some(&false) {
                removed.entry(link.0.clone()).or_default().push(link.1.clone());
            }
        }
        for (link, _) in self.links.iter().filter(|(_, emergency)| !**emergency) {
            if !had(link) && !has_left(&link.0) {
                added.entry(link.0.clone()).or_default().push(link.1.clone());
            }
        }
        [added, removed]
    }

    /// For each student the linked adults that can be reached.
    fn contacts(&self, roster: &BTreeMap<&str, &Record>) -> BTreeMap<String, BTreeSet<String>> {
        let mut contacts = BTreeMap::<String, BTreeSet<String>>::new();
        for ((adult, student), emergency) in &self.links {
            let Some(person) = self.people.get(adult).filter(|person| !person.account.archived && !emergency)
            else {
                continue;
            };
            let details = &person.account.details;
            let is_reachable = is_address(&details.email) || number(&details.mobile).is_some();
            if is_reachable && roster.contains_key(student.as_str()) {
                contacts.entry(student.clone()).or_default().insert(adult.clone());
            }
        }
        contacts
    }

    /// Leavers that are back under another id, by the same identifier and name.
    fn pairs(&self, roster: &[Record], by_id: &BTreeMap<&str, &Record>) -> BTreeMap<String, String> {
        let mut by_identifier = BTreeMap::<&str, Vec<&Record>>::new();
        for record in roster.iter().filter(|record| !record.identifier.is_empty()) {
            by_identifier.entry(&record.identifier).or_default().push(record);
        }
        let mut pairs = BTreeMap::new();
        for (old, person) in &self.people {
            let has_left = !person.account.archived && !by_id.contains_key(old.as_str());
            let back =
                by_identifier.get(person.record.identifier.as_str()).map(Vec::as_slice).unwrap_or_default();
            let [new] = back else { continue };
            if has_left && !self.people.contains_key(&new.id) {
                pairs.insert(old.clone(), new.id.clone());
                pairs.insert(new.id.clone(), old.clone());
            }
        }
        pairs
    }

    /// The platform speaks first: who is pending again, and who has joined without an account.
    fn hear<'a>(
        &mut self,
        config: &Config,
        by_id: &BTreeMap<&str, &Record>,
        export: &'a BTreeMap<String, Row>,
    ) -> (BTreeSet<String>, BTreeMap<String, &'a Row>) {
        let mut pending_again = BTreeSet::new();
        let mut joined = BTreeMap::new();
        for (id, row) in export {
            let moved = self.earlier.get(id).filter(|new| !export.contains_key(*new));
            let id = moved.unwrap_or(id).clone();
            let record = by_id.get(id.as_str());
            let is_back = record.is_some_and(|record| self.left_out(config, record, false).is_none());
            if let Some(person) = self.people.get_mut(&id) {
                if person.adopt(row, is_back) {
                    pending_again.insert(id);
                }
            } else if row.active {
                joined.insert(id, row);
            }
        }
        (pending_again, joined)
    }

    /// People that the roster does not have are archived, except if they are probably back.
    fn leave(
        &mut self,
        by_id: &BTreeMap<&str, &Record>,
        pairs: &BTreeMap<String, String>,
        night: &mut Night,
        rows: &mut Vec<Decided>,
    ) {
        let absent: Vec<String> =
            self.people.keys().filter(|id| !by_id.contains_key(id.as_str())).cloned().collect();
        for id in absent {
            let record = self.people[&id].record.clone();
            let schools = self.schools(&record, by_id);
            let Some(person) = self.people.get_mut(&id).filter(|person| !person.account.archived) else {
                continue;
            };
            night.archived.0 += 1;
            let mut verdict = person::Verdict { action: "archived", ..Default::default() };
            match pairs.get(&id) {
                Some(new) => {
                    verdict.action = "held";
                    verdict.notes.push(format!("Probably back as {new} (same identifier) - not archived"));
                }
                None => {
                    person.account.archived = true;
                    verdict.notes.push("User is no longer in the SIS import - archived".into());
                }
            }
            rows.push((id, verdict, schools));
        }
    }

    /// The rows of the report: what was decided, and what there is to say beside it.
    fn say(
        &self,
        rows: Vec<Decided>,
        by_id: &BTreeMap<&str, &Record>,
        [added, removed]: [&BTreeMap<String, Vec<String>>; 2],
        (reached, pending_again): (&BTreeMap<String, BTreeSet<String>>, &BTreeSet<String>),
        night: &mut Night,
    ) {
        let sharing = self.sharing();
        let reach_now = self.contacts(by_id);
        for (id, mut verdict, schools) in rows {
            let account = self.people.get(&id).map(|person| &person.account);
            let mut notes = std::mem::take(&mut verdict.fields);
            let ids = |ids: &[String]| {
                let more = if ids.len() > 3 { format!(" and {} more", ids.len() - 3) } else { String::new() };
                ids[..ids.len().min(3)].join(", ") + &more
            };
            if account.is_some() || verdict.action == "skipped" {
                notes.extend(added.get(&id).map(|new| format!("Linked to {}", ids(new))));
                notes.extend(removed.get(&id).map(|old| format!("No longer linked to {}", ids(old))));
                if (added.contains_key(&id) || removed.contains_key(&id)) && verdict.action == "unchanged" {
                    verdict.action = "updated";
                }
            }
            if let (Some(old), None) = (reached.get(&id), reach_now.get(&id)) {
                let old: Vec<String> = old.iter().cloned().collect();
                // A student that is back had none, and cannot lose one.
                let is_back = matches!(verdict.action, "restored" | "created");
                if account.is_some_and(|account| !account.archived) && verdict.action != "skipped" && !is_back
                {
                    notes.push(format!("No reachable contact left - was {}", ids(&old)));
                }
            }
            let is_counted = !matches!(verdict.action, "skipped" | "rejected");
            if let Some(account) = account.filter(|account| !account.archived && is_counted) {
                for at in [EMAIL, MOBILE] {
                    let others: Vec<String> = sharing
                        .get(&(at, key(at, account)))
                        .into_iter()
                        .flatten()
                        .filter(|other| **other != id)
                        .cloned()
                        .collect();
                    if !others.is_empty() {
                        notes.push(format!("{} is shared with {}", capital(FIELDS[at]), ids(&others)));
                    }
                }
            }
            notes.extend(verdict.notes);
            if pending_again.contains(&id) {
                notes.push("User is pending again in the platform export".into());
                if matches!(verdict.action, "unchanged" | "kept") {
                    verdict.action = "updated";
                }
            }
            let state = match account {
                None => "",
                Some(account) if account.archived => "archived",
                Some(account) => {
                    if account.active {
                        "active"
                    } else {
                        "pending"
                    }
                }
            };
            let (is_absent, notes) = (!by_id.contains_key(id.as_str()), notes.join("; "));
            night.said.push(Said { id, action: verdict.action, state, notes, schools, is_absent });
        }
    }

    /// One record of the roster. Where details of an active person change: the account before, and
    /// which.
    fn judge(
        &mut self,
        config: &Config,
        record: &Record,
        schools: &BTreeSet<String>,
        (joined, pairs): (&BTreeMap<String, &Row>, &BTreeMap<String, String>),
        night: &mut Night,
    ) -> (person::Verdict, Option<Change>) {
        let id = &record.id;
        let on = Self::is_on(config, schools);
        let known = self.people.get(id);
        let new = joined.get(id).map(|row| Account {
            active: true,
            details: row.details.clone(),
            ..Account::default()
        });
        let account = known.map(|person| person.account.clone()).or(new);
        let live = known.is_some_and(|person| !person.account.archived);
        let left_out = self.left_out(config, record, live);
        let case = Case {
            cells: &record.cells,
            account: account.as_ref(),
            on,
            guardian: is_guardian(&record.role),
            taken: [None, None],
            left_out: left_out.as_deref(),
            archive: left_out.as_deref().is_some_and(|note| !note.starts_with("Role")),
        };
        let mut verdict = decide(&case, &config.settings);
        if let Some(old) = pairs.get(id).filter(|_| verdict.account.is_some() && known.is_none()) {
            verdict.notes.retain(|note| note.contains("is disabled"));
            verdict.fields.retain(|note| note.contains("has an invalid"));
            verdict.notes.push(format!("Probably the same person as {old} (same identifier) - not added"));
            (verdict.action, verdict.account) = ("held", None);
        }
        if known.is_none() && verdict.account.is_some() {
            if verdict.action == "skipped" {
                verdict.account = None;
            } else {
                verdict.action = "created";
            }
        }
        let is_may = account.as_ref().is_some_and(|account| account.active) && on;
        night.updates.1 +=
            usize::from(is_may && !matches!(verdict.action, "skipped" | "rejected" | "archived" | "held"));
        night.archived.0 += usize::from(verdict.action == "archived");
        let was = account.unwrap_or_default();
        let mut told = None;
        if let Some(after) = &verdict.account {
            if was.active && !verdict.changed.is_empty() {
                night.updates.0 += 1;
                told = Some((was.clone(), verdict.changed.clone()));
            }
            let person = self.people.entry(id.clone()).or_default();
            if let Some(row) = joined.get(id) {
                person.shown = [0, 1, 2, 3].map(|at| vec![of(&row.details, at)]);
            }
            person.account = after.clone();
            person.replaced(&was.details);
            person.record = record.clone();
            // A permission ends with a restored account, and the run says so.
            if verdict.action == "restored" && !person.manages.is_empty() {
                person.manages.clear();
                night.ended_permissions += 1;
            }
        }
        self.schools.insert(id.clone(), schools.clone());
        let was_on = self.on.insert(id.clone(), on);
        night.comes_on |= was.active && on && was_on == Some(false) && !verdict.changed.is_empty();
        (verdict, told)
    }

    /// A night: this district becomes what it is after it.
    pub(crate) fn night(
        &mut self,
        config: &Config,
        roster: &[Record],
        export: &BTreeMap<String, Row>,
        // The mail server takes messages.
        delivers: bool,
    ) -> Night {
        let by_id: BTreeMap<&str, &Record> =
            roster.iter().map(|record| (record.id.as_str(), record)).collect();
        let mut night = Night::default();
        night.archived.1 = self.people.values().filter(|person| !person.account.archived).count();
        night.unlinked.1 = self.links.len();
        let before: BTreeMap<String, Account> =
            self.people.iter().map(|(id, person)| (id.clone(), person.account.clone())).collect();

        // A student that could be reached on the night before, and cannot tonight, has lost that: also
        // if it is the platform that says so.
        let reached = self.contacts(&by_id);
        let (pending_again, joined) = self.hear(config, &by_id, export);
        let pairs = self.pairs(roster, &by_id);
        let held: BTreeSet<String> =
            pairs.keys().filter(|id| !by_id.contains_key(id.as_str())).cloned().collect();
        night.new_pairs = held.difference(&self.held).count();
        self.held = held;
        let stored = std::mem::replace(&mut self.links, Self::links_of(config, &by_id));
        // A link of a person that has left stays. One for emergencies is no more than what the roster
        // says tonight.
        let away = stored.iter().filter(|(link, emergency)| !**emergency && !is_here(&by_id, link));
        self.links.extend(away.map(|(link, emergency)| (link.clone(), *emergency)));

        let mut changed = BTreeMap::<String, Change>::new();
        let mut rows = Vec::new();
        for record in roster {
            let schools = self.schools(record, &by_id);
            let (verdict, told) = self.judge(config, record, &schools, (&joined, &pairs), &mut night);
            changed.extend(told.map(|told| (record.id.clone(), told)));
            rows.push((record.id.clone(), verdict, schools));
        }
        self.leave(&by_id, &pairs, &mut night, &mut rows);
        let barred = self.barred(config, roster, &before);
        self.told(config, changed, (&before, &barred), delivers, &mut night);
        let [mut added, mut removed] = self.compare_links(&stored, &by_id);
        night.unlinked.0 = removed.values().map(Vec::len).sum();
        if !self.is_loaded {
            added.clear();
            removed.clear();
        }
        self.say(rows, &by_id, [&added, &removed], (&reached, &pending_again), &mut night);
        self.is_loaded = true;
        night
    }

    /// The SIS has given a person another id, and staff say so.
    pub(crate) fn rekey(&mut self, old: &str, new: &str) {
        let Some(person) = self.people.remove(old) else { return };
        self.people.insert(new.to_owned(), person);
        self.earlier.values_mut().filter(|id| *id == old).for_each(|id| new.clone_into(id));
        self.earlier.insert(old.to_owned(), new.to_owned());
        if let Some(schools) = self.schools.remove(old) {
            self.schools.entry(new.to_owned()).or_insert(schools);
        }
        self.held.remove(old);
    }

    /// Why `by` may not edit a person, if so.
    pub(crate) fn refusal(&self, config: &Config, id: &str, by: &str) -> Option<&'static str> {
        let (person, editor) = (&self.people[id], &self.people[by]);
        let none = BTreeSet::new();
        let schools = self.schools.get(id).unwrap_or(&none);
        let can_manage = |person: &Person| {
            let has_joined = person.account.active && !person.account.archived;
            has_joined
                && is_staff(&person.record.role)
                && !person.record.cells.disabled
                && !person.manages.is_empty()
        };
        let editor = Editor {
            is_the_person: id == by,
            is_operator: false,
            is_active: editor.account.active && !editor.account.archived,
            is_staff: is_staff(&editor.record.role),
            is_disabled: editor.record.cells.disabled,
            manages_here: editor.manages.iter().any(|school| schools.contains(school)),
            manages_elsewhere: !editor.manages.is_empty(),
            manages_district: editor.manages.contains(""),
            is_outranked: can_manage(person) || person.record.role == "administrator",
        };
        let account = &person.account;
        person::refusal(account.archived, account.active, Self::is_on(config, schools), editor)
    }

    /// A person gets another email by hand. The command hands over what waits as well.
    pub(crate) fn edit(&mut self, id: &str, email: &str) {
        self.people.values_mut().for_each(|person| person.waiting = None);
        let Some(person) = self.people.get_mut(id) else { return };
        let before = person.account.details.clone();
        email.clone_into(&mut person.account.details.email);
        person.replaced(&before);
    }

    /// Why a person is left out: the note.
    fn left_out(&self, config: &Config, record: &Record, is_live: bool) -> Option<String> {
        let word = |new: &str, old: &str| Some(if is_live { old.to_owned() } else { new.to_owned() });
        if self.suppressed.contains(&record.id) {
            return word("Suppressed - not added", "Suppressed - archived");
        }
        if is_guardian(&record.role) && config.has_rule {
            // The column is one of the adult's record: it holds for all links, and without any.
            let class = Self::class(config, record);
            let why = not_contacted(class == "contact", class == "emergency", class == "never", false);
            match why {
                Some(Some("emergency-contact")) => {
                    return word(
                        "Emergency contact only - not added",
                        "Emergency contact only now - archived",
                    );
                }
                Some(Some(_)) => {
                    return word(
                        "May not be contacted - not added",
                        "May not be contacted any more - archived",
                    );
                }
                _ => {}
            }
        }
        (!is_synced(&record.role)).then(|| format!("Role {} is not synced - left out", record.role))
    }

    /// Addresses and numbers of people that may have no account.
    fn barred(
        &self,
        config: &Config,
        roster: &[Record],
        before: &BTreeMap<String, Account>,
    ) -> BTreeSet<(usize, String)> {
        let mut barred = BTreeSet::new();
        for record in roster {
            let note = self.left_out(config, record, false);
            if note.is_some_and(|note| !note.starts_with("Role")) {
                let said = record.cells.email.as_deref().unwrap_or_default().trim().to_lowercase();
                let mobile = number(record.cells.mobile.as_deref().unwrap_or_default()).unwrap_or_default();
                barred.extend([(EMAIL, said), (MOBILE, mobile)]);
                let account = before.get(&record.id).into_iter();
                barred.extend(account.flat_map(|account| [EMAIL, MOBILE].map(|at| (at, key(at, account)))));
            }
        }
        barred
    }

    /// Live accounts by email and by mobile, where several have the same.
    fn sharing(&self) -> BTreeMap<(usize, String), Vec<String>> {
        let mut holders = BTreeMap::<(usize, String), Vec<String>>::new();
        for (id, person) in self.people.iter().filter(|(_, person)| !person.account.archived) {
            for at in [EMAIL, MOBILE] {
                let key = key(at, &person.account);
                if !key.is_empty() {
                    holders.entry((at, key)).or_default().push(id.clone());
                }
            }
        }
        holders.retain(|_, ids| ids.len() > 1);
        holders
    }

    /// The messages of the night: each change since the person was told last, in one message.
    fn told(
        &mut self,
        config: &Config,
        changed: BTreeMap<String, Change>,
        (before, barred): (&BTreeMap<String, Account>, &BTreeSet<(usize, String)>),
        delivers: bool,
        night: &mut Night,
    ) {
        let mut holders = BTreeMap::<(usize, String), Vec<String>>::new();
        for (id, person) in self.people.iter().filter(|(_, person)| !person.account.archived) {
            for at in [EMAIL, MOBILE] {
                holders.entry((at, key(at, &person.account))).or_default().push(id.clone());
            }
        }
        // A message to an old address that waits is given up if another person has the address.
        for (_, messages) in self.people.values_mut().filter_map(|person| person.waiting.as_mut()) {
            messages.retain(|message| {
                !message.is_former || !holders.contains_key(&(EMAIL, message.to.to_lowercase()))
            });
        }
        for (id, (was, _)) in changed {
            let person = &self.people[&id];
            let base = person.waiting.as_ref().map_or(was, |(base, _)| base.clone());
            let now = person.account.clone();
            // Capitals alone are nothing to tell.
            let differs = |at: usize| {
                let (one, other) = (of(&base.details, at), of(&now.details, at));
                !(same(at, &one, &other) || at == person::NAME && person::spelt_alike(&one, &other))
            };
            let fields: Vec<usize> = (0..4).filter(|at| differs(*at)).collect();
            let mut messages = Vec::new();
            let (told, _) = person::told(&base, &now, &fields, &config.settings);
            for (channel, to, is_former) in told {
                let at = if channel == "email" { EMAIL } else { MOBILE };
                // An old address that another person has is that person's, unless it went from hand
                // to hand tonight: then both are told. Nor is it used if it is that of a person who
                // may not be contacted.
                let others = holders.get(&(at, to.to_lowercase())).into_iter().flatten();
                let is_theirs = |other: &String| {
                    let had = before.get(other).filter(|account| !account.archived);
                    *other != id && had.is_none_or(|account| key(at, account) == to.to_lowercase())
                };
                if is_former && (others.clone().any(is_theirs) || barred.contains(&(at, to.to_lowercase()))) {
                    continue;
                }
                messages.push(message((channel, to, is_former), &now, &fields));
            }
            if let Some(person) = self.people.get_mut(&id) {
                person.waiting = Some((base, messages));
            }
        }
        for person in self.people.values_mut() {
            if person.account.archived {
                person.waiting = None;
            }
            if delivers {
                night.messages.extend(person.waiting.take().into_iter().flat_map(|(_, messages)| messages));
            }
            night.is_waiting |= person.waiting.as_ref().is_some_and(|(_, messages)| !messages.is_empty());
        }
        night.messages.sort();
    }
}

fn key(at: usize, account: &Account) -> String {
    match at {
        EMAIL => account.details.email.to_lowercase(),
        _ => account.details.mobile.split(" ext").next().unwrap_or_default().to_owned(),
    }
}

/// What a message names: to the person each change, to an old address nothing of it.
fn message((_, to, is_former): Told, now: &Account, changed: &[usize]) -> Message {
    let local = |number: &str| match number.as_bytes() {
        [b'+', b'1', rest @ ..] if rest.len() == 10 => {
            format!("({}) {}-{}", &number[2..5], &number[5..8], &number[8..12])
        }
        _ => number.to_owned(),
    };
    let line = |at: &usize| {
        let value = match *at {
            EMAIL => now.details.email.clone(),
            person::NAME => whole(&now.details.given, &now.details.family),
            at => local(&of(&now.details, at)),
        };
        let value = if value.is_empty() { "removed".to_owned() } else { value };
        format!("{}: {}", ["Name", "Email", "Phone number", "Home phone number"][*at], value)
    };
    let lines = if is_former { Vec::new() } else { changed.iter().map(line).collect() };
    Message { to, is_former, lines }
}
