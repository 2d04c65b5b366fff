//! Everything that decisions depend on besides the people: the configuration, reduced to plain
//! values, and the day.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::{ArchiveAfter, Config, Globs, OnSamePerson, Paused, PhoneCredential, SharedContacts};
use crate::contact::PhoneReader;
use crate::erased::Erased;
use crate::last_night::LastNight;
use crate::policy::{BlankValues, Setting};
use crate::rights::rules::LinkRules;
use crate::roles::RoleNames;
use crate::roster::{NameKind, Record};
use crate::sent::Told;
use crate::store::{Missing, UndeliveredChanges};

/// Version of what is decided and how it is said: raised whenever the same record, account and
/// configuration can come to another row of the report or another account than before, and whenever
/// a kept row is written in another form.
pub(crate) const RULES: u32 = 10;

const SAME_PERSON: &str = "same_person";
const ARCHIVE_AFTER: &str = "archive_after";

/// By which channels people can be told at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    pub email: bool,
    pub sms: bool,
}

#[derive(Clone)]
pub struct Rules {
    pub district: Setting,
    pub schools: HashMap<String, Setting>,
    /// Schools to sync; empty is all.
    pub synced_schools: HashSet<String>,
    /// Roles to sync; empty is all.
    pub synced_roles: Vec<String>,
    pub role_names: RoleNames,
    /// Which names the source hands over. What was decided over others is decided again.
    pub names: NameKind,
    pub same_person: OnSamePerson,
    pub archive_after: ArchiveAfter,
    /// Accounts whose people were missing on the last good night, by id.
    pub missing: HashMap<i64, Missing>,
    /// What is paused today.
    pub paused: Paused,
    pub phone_credential: PhoneCredential,
    pub phones: PhoneReader,
    pub blank_values: BlankValues,
    pub shared_contacts: SharedContacts,
    pub ignore_emails: Globs,
    /// The rules of `[contacts]`, if there are some: then links have classes.
    pub rights: Option<Arc<LinkRules>>,
    /// People that may have no account whatever the SIS says of them, by sourcedId.
    pub suppressed: HashSet<String>,
    /// People that were erased: their records are not taken in.
    pub erased: Arc<Erased>,
    /// None if no messages are sent.
    pub channels: Option<Channels>,
    /// Mobiles whose owners want no texts, in E.164.
    pub opted_out: HashSet<String>,
    /// By account: changes whose message has not been delivered.
    pub undelivered: HashMap<i64, UndeliveredChanges>,
    /// What people were told in runs that the store does not know: it was restored from a copy.
    pub told: Told,
    /// What the last applied run saw of its inputs; none on the first night, and on the first one
    /// after an upgrade.
    pub last_night: Option<Arc<LastNight>>,
    /// Contact columns that are blank as a whole, and were not on the last good night: they clear
    /// nothing.
    pub blank_columns: BlankColumns,
    /// The district's day; role dates and `first_seen` refer to it.
    pub today: NaiveDate,
}

/// Columns of contact details that say nothing tonight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlankColumns {
    pub email: bool,
    pub sms: bool,
    pub phone: bool,
    /// A column of a rule of `[contacts]`: links keep the class that they have.
    pub contact_rules: bool,
}

impl Rules {
    /// `everywhere` stands in for every configured value of the setting (the what-if of a preview).
    pub fn of(config: &Config, today: NaiveDate, everywhere: Option<Setting>, notify: bool) -> Self {
        let setting = |own: bool| everywhere.unwrap_or(Setting::from_bool(own));
        let (email, sms) = (config.notify.email.is_some(), config.notify.sms.is_some());
        // What if: mail is what would be configured then.
        let channels = Channels { email: email || (everywhere.is_some() && !sms), sms };
        Self {
            district: setting(config.sync.update_contacts),
            schools: config
                .schools
                .iter()
                .map(|school| (school.id.clone(), setting(school.update_contacts)))
                .collect(),
            synced_schools: config.sync.schools.iter().cloned().collect(),
            synced_roles: config.sync.roles.clone(),
            role_names: config.sync.role_names.clone(),
            names: config.sync.names,
            same_person: config.identity.same_person,
            archive_after: config.sync.archive_after,
            missing: HashMap::new(),
            paused: Paused::on(today, &config.pauses),
            phone_credential: config.sync.phone_credential,
            phones: PhoneReader::new(config.sync.default_region),
            blank_values: config.sync.blank_values,
            shared_contacts: config.sync.shared_contacts,
            ignore_emails: config.sync.ignore_emails.clone(),
            rights: config.contacts.rules.clone(),
            suppressed: HashSet::new(),
            erased: Arc::default(),
            channels: notify.then_some(channels),
            opted_out: HashSet::new(),
            undelivered: HashMap::new(),
            told: Told::default(),
            last_night: None,
            blank_columns: BlankColumns::default(),
            today,
        }
    }

    /// The record without the blank cells of columns that say nothing tonight.
    pub fn provided<'a>(&self, record: &Record<'a>) -> Record<'a> {
        let said = |cell: Option<&'a str>, nothing: bool| cell.filter(|text| !(nothing && text.is_empty()));
        let BlankColumns { email, sms, phone, contact_rules: _ } = self.blank_columns;
        Record {
            email: said(record.email, email),
            sms: said(record.sms, sms),
            phone: said(record.phone, phone),
            ..*record
        }
    }

    /// A number that stands for all settings but the channels, which count only where something
    /// changes. What was decided under others is decided again. The rest of the rules counts only
    /// where something changes, or where a role has dates.
    pub fn seed(&self) -> u64 {
        let mut settings = self.settings();
        // Which accounts are held, or missing, depends on no decision about another person.
        settings.retain(|key, _| !key.starts_with("[notify.") && key != SAME_PERSON && key != ARCHIVE_AFTER);
        xxh3_64(format!("{RULES} {} {settings:?}", env!("CARGO_PKG_VERSION")).as_bytes())
    }

    /// The values of the configuration that a plan depends on, as text: what is compared when a
    /// plan is no longer the one that was approved.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let Self {
            district,
            schools,
            synced_schools,
            synced_roles,
            role_names,
            names,
            same_person,
            archive_after,
            missing: _,
            paused,
            phone_credential,
            phones,
            blank_values,
            shared_contacts,
            ignore_emails,
            channels,
            rights,
            suppressed: _,
            erased: _,
            opted_out: _,
            undelivered: _,
            told: _,
            last_night: _,
            blank_columns: _,
            today: _,
        } = self;
        let on = |setting: Setting| (setting == Setting::On).to_string();
        let list = |values: &mut dyn Iterator<Item = &String>| {
            let sorted: BTreeSet<&String> = values.collect();
            let words: Vec<String> = sorted.into_iter().map(|value| format!("{value:?}")).collect();
            format!("[{}]", words.join(", "))
        };
        let mut settings = BTreeMap::from([
            ("update_contacts".to_owned(), on(*district)),
            ("schools".to_owned(), list(&mut synced_schools.iter())),
            ("roles".to_owned(), list(&mut synced_roles.iter())),
            ("role_names".to_owned(), format!("{role_names:?}")),
            ("names".to_owned(), format!("{names:?}")),
            (SAME_PERSON.to_owned(), format!("{same_person:?}")),
            (ARCHIVE_AFTER.to_owned(), archive_after.to_string()),
            ("phone_credential".to_owned(), format!("{phone_credential:?}")),
            ("blank_values".to_owned(), format!("{blank_values:?}")),
            ("shared_contacts".to_owned(), format!("{shared_contacts:?}")),
            ("ignore_emails".to_owned(), list(&mut ignore_emails.patterns.iter())),
            ("the phones' region".to_owned(), format!("{phones:?}")),
        ]);
        if let Some(channels) = channels {
            settings.insert(
                "[notify.email]".to_owned(),
                if channels.email { "there" } else { "not there" }.into(),
            );
            settings
                .insert("[notify.sms]".to_owned(), if channels.sms { "there" } else { "not there" }.into());
        }
        if let Some(rights) = rights {
            settings.insert("[[contacts.rule]]".to_owned(), rights.text());
        }
        if !paused.is_none() {
            settings.insert("[[pause]]".to_owned(), format!("{paused:?}"));
        }
        for (id, setting) in schools {
            settings.insert(format!("update_contacts of [[school]] {id}"), on(*setting));
        }
        settings
    }

    /// Whether the accounts of people that the roster does not mention are archived at the first run.
    pub fn archives_at_once(&self) -> bool {
        self.archive_after == ArchiveAfter::default() && self.paused.is_none()
    }

    /// Since when the person of an account is missing, if the roster of tonight does not mention the
    /// person either, and in how many good runs.
    pub fn missing_with_tonight(&self, account: i64) -> (NaiveDate, u32) {
        let before = self.missing.get(&account);
        let runs = before.map_or(0, |before| before.runs);
        (before.map_or(self.today, |before| before.since), runs.saturating_add(1))
    }

    /// Whether the person has been missing for so long then that the account is archived.
    pub fn is_missing_for_good(&self, account: i64) -> bool {
        let (since, so_often) = self.missing_with_tonight(account);
        match self.archive_after {
            ArchiveAfter::Runs(runs) => so_often >= runs,
            ArchiveAfter::Days(days) => (self.today - since).num_days() >= i64::from(days),
        }
    }

    pub fn setting_of(&self, schools: &[&str]) -> Setting {
        Setting::of_person(schools.iter().map(|school| self.schools.get(*school).copied()), self.district)
    }
}
