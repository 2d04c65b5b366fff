//! The configuration file: TOML into typed settings. The first mistake is reported, with its line, its key and the nearest name.
//!
//! The file is parsed once (`document`), with the one that it includes (`include`). Serde refuses keys and values that are wrong by themselves; `check` of [`Config`],
//! `[notify]` and `[monitor]` compares keys with each other. `[source]` becomes what its source is opened with.
//! What holds is what the file says, or the default documented in `config.example.toml`. A few keys can be set by variables
//! of the environment (`variables`).

mod anonymised;
mod apart;
mod contacts;
mod document;
mod effective;
mod excerpt;
mod explain;
mod file;
mod include;
mod notify;
mod pause;
mod profiles;
mod push;
mod report;
mod schema;
mod sections;
mod source;
mod starter;
mod values;
mod variables;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contact::Region;
use crate::failure::{Failure, Kind, Result};
use crate::policy::BlankValues;
use crate::roles::RoleNames;
use crate::roster::NameKind;
use crate::source::oneroster_csv::EncodingSetting;
pub use anonymised::{Beside, Renamed};
pub use apart::refuse_shared;
pub use contacts::Contacts;
use contacts::ContactsKeys;
use document::Document;
pub use document::InlineSecret;
pub use effective::{Effective, Key, Origin, Section, Shown};
pub use include::included;
pub use notify::{
    Admins, BodyForm, GatewaySms, MailServer, Method, Monitor, Notify, NotifyEmail, NotifySms, Pace,
    QuietHours, StartTls, TwilioSms, When,
};
pub use pause::{Pause, Paused};
use pause::{PauseKeys, pauses};
pub use profiles::{PROFILES, Profile};
use push::PushKeys;
pub use push::{Push, PushTo, PushWhat, RUN};
pub use report::{CorrectionColumn, Report};
pub use schema::schema;
pub use sections::EXAMPLE;
pub use source::Source;
use source::SourceKeys;
pub use starter::{MailStart, SourceStart, Starter};
pub use values::{
    Age, ArchiveAfter, Globs, Limit, PLATFORM_COLUMNS, PLATFORM_EXTRAS, PLATFORM_OPT_OUTS, PurgeAfter, Zone,
    span,
};
pub use variables::{KEYS as VARIABLE_KEYS, Variables, name_of as variable_of};

#[derive(Debug, Clone)]
pub struct Config {
    pub file: PathBuf,
    /// The keys that hold a secret in clear, where every user of this machine may read the file.
    pub readable_secrets: Vec<InlineSecret>,
    /// Every value that may be a path, from the folder of the file: what no output may be written over.
    pub input_paths: Vec<PathBuf>,
    pub sync: Sync,
    pub schools: Vec<School>,
    pub pauses: Vec<Pause>,
    pub source: Source,
    pub guardians: Option<Guardians>,
    pub platform: Option<Platform>,
    /// `[platform.columns]`, also where no export is read: contract name of a column → its header.
    pub platform_columns: BTreeMap<String, String>,
    pub push: Option<Push>,
    pub report: Report,
    pub limits: Limits,
    pub identity: Identity,
    pub contacts: Contacts,
    pub notify: Notify,
    pub monitor: Monitor,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Typed {
    /// A file with keys that others share. It is read before this, and is no value of its own.
    #[serde(default, deserialize_with = "values::optional_path", skip_serializing)]
    #[schemars(length(min = 1))]
    #[expect(dead_code, reason = "`include::read` has looked at it before")]
    include: Option<PathBuf>,
    sync: Sync,
    #[serde(default)]
    school: Vec<School>,
    #[serde(default)]
    pause: Vec<PauseKeys>,
    source: SourceKeys,
    guardians: Option<Guardians>,
    platform: Option<PlatformKeys>,
    #[serde(default)]
    report: Report,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    identity: Identity,
    #[serde(default)]
    contacts: ContactsKeys,
    #[serde(default)]
    notify: Notify,
    #[serde(default)]
    monitor: Monitor,
}

impl Typed {
    /// Fills in the defaults that depend on other keys, and has every text that is a path begin at
    /// the root.
    fn settle(&mut self, document: &Document<'_>) {
        self.source.settle();
        self.notify.settle();
        let push = self.platform.iter_mut().flat_map(|platform| platform.push.iter_mut());
        push.for_each(|push| push.show_paths(document));
        if let Some(platform) = self.platform.as_mut().filter(|platform| platform.users.is_some()) {
            platform.max_age.get_or_insert_default();
        }
    }

    /// Has every path begin at the root.
    fn resolve(&mut self, document: &Document<'_>) {
        let mut paths = vec![&mut self.sync.store, &mut self.sync.reports];
        paths.extend(self.sync.sent_log.iter_mut());
        paths.extend(self.source.paths());
        paths.extend(self.guardians.iter_mut().map(|guardians| &mut guardians.file));
        paths.extend(self.platform.iter_mut().flat_map(PlatformKeys::paths));
        paths.extend(self.contacts.suppressed.iter_mut());
        paths.extend(self.notify.paths());
        paths.extend(self.monitor.ping_url_file.iter_mut());
        paths.extend(self.monitor.prometheus_file.iter_mut().filter(|path| !path.as_os_str().is_empty()));
        for path in paths {
            *path = document.path(path);
        }
    }
}

/// `[sync]`: the setting and what it applies to.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// "Allow the sync to update contact details of active users".
    pub update_contacts: bool,
    #[serde(deserialize_with = "values::path")]
    #[schemars(length(min = 1))]
    pub store: PathBuf,
    #[serde(deserialize_with = "values::path")]
    #[schemars(length(min = 1))]
    pub reports: PathBuf,
    /// Where it is noted which messages went out and which runs there were. By default beside the store.
    #[serde(deserialize_with = "values::optional_path")]
    #[schemars(length(min = 1))]
    pub sent_log: Option<PathBuf>,
    /// Days; 0 keeps all.
    pub keep_reports: u32,
    /// A report for a browser beside each.
    pub html: bool,
    /// When the account of a person is archived whom the roster does not mention any more.
    pub archive_after: ArchiveAfter,
    /// When archived accounts are removed, with all that the store has of their people.
    pub purge_after: PurgeAfter,
    /// Copies of the store, made before runs that change something; 0 for none.
    pub backups: u32,
    pub timezone: Zone,
    /// sourcedIds of the schools to sync; empty is all.
    pub schools: Vec<String>,
    /// Roles to sync; empty is all.
    #[serde(deserialize_with = "values::role_list")]
    #[schemars(schema_with = "values::role_schema")]
    pub roles: Vec<String>,
    /// The source's own words for roles, each with the role that it means.
    #[serde(deserialize_with = "values::role_names", serialize_with = "values::write_role_names")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub role_names: RoleNames,
    /// Which name of a user is compared, where the source has two.
    pub names: NameKind,
    pub phone_credential: PhoneCredential,
    #[serde(deserialize_with = "values::region", serialize_with = "values::write_region")]
    #[schemars(schema_with = "values::region_schema")]
    pub default_region: Region,
    pub blank_values: BlankValues,
    pub shared_contacts: SharedContacts,
    /// Placeholder addresses that count as not provided: globs, without case.
    #[serde(deserialize_with = "values::globs")]
    pub ignore_emails: values::Globs,
}

impl Sync {
    /// The log of sent messages.
    pub fn sent_log(&self) -> PathBuf {
        self.sent_log.clone().unwrap_or_else(|| crate::sent::beside(&self.store))
    }
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            update_contacts: false,
            store: "rostersync.db".into(),
            reports: "reports".into(),
            sent_log: None,
            keep_reports: 90,
            html: false,
            archive_after: ArchiveAfter::default(),
            purge_after: PurgeAfter::default(),
            backups: 0,
            timezone: Zone::System,
            schools: Vec::new(),
            roles: crate::roles::SYNCED_BY_DEFAULT.iter().map(|role| (*role).to_owned()).collect(),
            role_names: RoleNames::default(),
            names: NameKind::Legal,
            phone_credential: PhoneCredential::Sms,
            default_region: Region::US,
            blank_values: BlankValues::Keep,
            shared_contacts: SharedContacts::Allow,
            ignore_emails: Globs::default(),
        }
    }
}

/// Which OneRoster column holds the mobile number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PhoneCredential {
    /// Mobile = `sms`, home = `phone`.
    #[default]
    Sms,
    /// Mobile = `phone`, no home phone.
    Phone,
    /// Mobile = `sms` where it is not blank, and then home = `phone`; otherwise mobile = `phone`, no home phone.
    SmsThenPhone,
}

/// Whether two people may have the same email or mobile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SharedContacts {
    /// Yes: it is applied and noted.
    #[default]
    Allow,
    /// No: a credential that another account holds is refused.
    Unique,
}

/// `[[school]]`: a school's own value of the setting.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct School {
    #[serde(deserialize_with = "values::not_blank")]
    #[schemars(length(min = 1))]
    pub id: String,
    pub update_contacts: bool,
}

/// `[guardians]`: guardians in a file of their own, beside any source.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guardians {
    #[serde(deserialize_with = "values::path")]
    #[schemars(length(min = 1))]
    pub file: PathBuf,
    #[serde(default)]
    pub encoding: EncodingSetting,
    /// The column with each person's language, which the standard does not have.
    pub language_field: Option<String>,
}

/// The platform's own export.
#[derive(Debug, Clone)]
pub struct Platform {
    pub users: PathBuf,
    pub max_age: Age,
    /// Contract name of a column → its header in the file.
    pub columns: BTreeMap<String, String>,
}

/// `[platform]`
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PlatformKeys {
    #[serde(default, deserialize_with = "values::optional_path")]
    #[schemars(length(min = 1))]
    users: Option<PathBuf>,
    max_age: Option<Age>,
    #[serde(default, deserialize_with = "values::columns")]
    #[schemars(schema_with = "values::columns_schema")]
    columns: BTreeMap<String, String>,
    push: Option<PushKeys>,
}

impl PlatformKeys {
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.users.iter_mut().chain(self.push.iter_mut().flat_map(|push| push.key_file.iter_mut()))
    }

    /// The export that is read, and the push: at least one of them.
    fn both(self, document: &Document<'_>) -> Result<(Option<Platform>, Option<Push>)> {
        let Self { users, max_age, columns, push } = self;
        let is_pushed = push.is_some();
        let push = push.map(|keys| keys.push(document)).transpose()?.flatten();
        if users.is_none() && !is_pushed {
            let cure = "write `users`, the file that the platform exports";
            return Err(document.mistake("platform", "[platform] has no `users`", cure));
        }
        if users.is_none() && max_age.is_some() {
            let cure = "remove it, or write `users`, the file that the platform exports";
            return Err(document.mistake(
                "platform.max_age",
                "`max_age` has no effect without `users`",
                cure,
            ));
        }
        let max_age = max_age.unwrap_or_default();
        Ok((users.map(|users| Platform { users, max_age, columns }), push))
    }
}

/// `[limits]`: when a run is blocked.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Of pending and active accounts before the run.
    pub archive: Limit,
    /// Active people with an applied change, of those whom the sync may change: active and under ON, once the export is read.
    pub contact_updates: Limit,
    pub notifications: Limit,
    /// Of records. Does not block: over it the run is done and ends with 3.
    pub rejected: Limit,
    /// People that become active by the platform's export, of pending and active accounts before the run.
    pub joins: Limit,
    /// Active people whom the platform's export makes pending, of the active before the run.
    pub unjoins: Limit,
    /// Active people whose details the platform's export changes, of the active before the run.
    pub export: Limit,
    /// Active people that come from OFF to ON although the configuration did not change, of the active before the run.
    pub protection: Limit,
    /// Links between adults and children that go, of those that there were.
    pub links: Limit,
    /// Whether the roster is held against the numbers of the last good nights.
    pub history: bool,
    /// People whose email or mobile changes, of those whom the sync may change.
    pub credentials: Limit,
    /// New accounts, of pending and active accounts before the run. Not on an empty store.
    pub created: Limit,
    /// Pending people with an applied change, of the pending before the run.
    pub pending_updates: Limit,
    /// The shares of `archive`, `contact_updates`, `credentials`, `created` and `pending_updates` hold for each school too,
    /// and for each role.
    pub per_school: bool,
    pub per_role: bool,
    /// Under this population the shares of `notifications`, `rejected`, `links`, `created` and `pending_updates` do not hold, and
    /// `archive`, `contact_updates` and `credentials` hold at half.
    pub minimum: u64,
    pub on_limit: OnLimit,
}

/// What becomes of a plan that goes over a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnLimit {
    /// Nothing is applied.
    #[default]
    Stop,
    /// Only what is over a limit is held back.
    Hold,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: Limit::Share(10.0),
            contact_updates: Limit::Share(20.0),
            notifications: Limit::Count(500),
            rejected: Limit::Share(5.0),
            joins: Limit::Share(10.0),
            unjoins: Limit::Share(5.0),
            export: Limit::Share(20.0),
            protection: Limit::Share(1.0),
            links: Limit::Share(10.0),
            history: true,
            credentials: Limit::Share(20.0),
            created: Limit::Share(30.0),
            pending_updates: Limit::Share(50.0),
            per_school: false,
            per_role: false,
            minimum: 20,
            on_limit: OnLimit::default(),
        }
    }
}

/// What becomes of an account and a record that are probably one person's, under another sourcedId.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnSamePerson {
    /// Neither is archived or added until a person decides.
    #[default]
    Hold,
    /// Certain ones go on under the new sourcedId by themselves; others are held.
    Join,
    /// They are only listed.
    Off,
}

/// `[identity]`: people who are back under another sourcedId.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    pub same_person: OnSamePerson,
    /// The column with the sourcedId that each person had before; for an API the place in `metadata`. Blank: none.
    pub earlier_id: String,
}

/// Where the configuration is looked for when nothing names it, in this order.
pub const PLACES: [&str; 2] = ["rostersync.toml", "/etc/rostersync/rostersync.toml"];

impl Config {
    /// Reads the file, or the first of [`PLACES`] that exists.
    ///
    /// # Errors
    /// `Usage`, with the line and key of the first mistake.
    pub fn load(file: Option<&Path>, variables: &Variables) -> Result<Self> {
        Self::with_document(file, variables, |document| {
            let readable_secrets = document.inline_secrets(file::is_open_to_all);
            Ok(Self { readable_secrets, ..Self::of(document)? })
        })
    }

    /// Reads the file, what it includes, and the variables.
    fn with_document<T>(
        file: Option<&Path>,
        variables: &Variables,
        then: impl FnOnce(&Document<'_>) -> Result<T>,
    ) -> Result<T> {
        let (found, text) = Self::find(file)?;
        #[expect(clippy::needless_late_init, reason = "it has to outlive the document")]
        let included;
        let mut document = Document::parse(&text, &found)?;
        included = include::read(&document)?;
        if let Some(included) = &included {
            document.take_in(included)?;
        }
        variables.apply(&mut document)?;
        then(&document)
    }

    /// The file, from the root, and its text.
    fn find(file: Option<&Path>) -> Result<(PathBuf, String)> {
        let found = match file {
            Some(file) => file.to_owned(),
            None => PLACES.iter().map(PathBuf::from).find(|place| place.exists()).ok_or_else(|| {
                let places = PLACES.map(|place| file::absolute(Path::new(place)).display().to_string());
                Failure::new(Kind::Usage, "there is no configuration file").at(places.join(", ")).cure(
                    "name one with `-c FILE` or $ROSTERSYNC_CONFIG, or have `rostersync init` write one",
                )
            })?,
        };
        let found = file::absolute(&found);
        let text = file::read(&found, file::NAMED)?;
        Ok((found, text))
    }

    /// Reads the text of a configuration that lies at `file`.
    pub fn parse(text: &str, file: &Path) -> Result<Self> {
        Self::of(&Document::parse(text, file)?)
    }

    fn of(document: &Document<'_>) -> Result<Self> {
        let mut typed: Typed = document.read()?;
        typed.resolve(document);
        let platform_columns = typed.platform.as_ref().map(|keys| keys.columns.clone()).unwrap_or_default();
        let platform = typed.platform.map(|keys| keys.both(document)).transpose()?;
        let (platform, push) = platform.unwrap_or_default();
        let mut config = Self {
            file: document.file.to_owned(),
            readable_secrets: Vec::new(),
            input_paths: document.named_paths(),
            source: typed.source.source(document)?,
            pauses: pauses(typed.pause, &typed.sync.schools, document)?,
            sync: typed.sync,
            schools: typed.school,
            guardians: typed.guardians,
            platform,
            platform_columns,
            push,
            report: typed.report,
            limits: typed.limits,
            identity: typed.identity,
            contacts: typed.contacts.contacts(document)?,
            notify: typed.notify,
            monitor: typed.monitor,
        };
        let earlier_id = config.identity.earlier_id.trim();
        if !earlier_id.is_empty() {
            config.source.set_earlier_id(earlier_id);
        }
        config.source.set_names(config.sync.names);
        config.check(document)?;
        Ok(config)
    }

    fn check(&self, document: &Document<'_>) -> Result<()> {
        if matches!(self.source, Source::Clever(_)) && self.sync.phone_credential != PhoneCredential::Sms {
            return Err(document.mistake(
                "sync.phone_credential",
                "`phone_credential` in [sync] has no effect with Clever, which marks mobile numbers itself",
                "remove `phone_credential`, or write \"sms\"",
            ));
        }
        if matches!(self.source, Source::Clever(_)) && !self.identity.earlier_id.trim().is_empty() {
            return Err(document.mistake(
                "identity.earlier_id",
                "`earlier_id` in [identity] has no effect with Clever, which says itself what the id of a user was",
                "remove `earlier_id`",
            ));
        }
        let mut seen = HashSet::new();
        for (school, number) in self.schools.iter().zip(1..) {
            if !seen.insert(&school.id) {
                return Err(document.mistake(
                    &format!("school.{number}.id"),
                    format!("the school `{}` has two [[school]] entries", school.id),
                    "keep one of them",
                ));
            }
        }
        self.notify.check(document)?;
        self.monitor.check(document)
    }

    /// The pause of the whole sync on a day, if there is one.
    pub fn pause_of_sync(&self, day: NaiveDate) -> Option<&Pause> {
        self.pauses.iter().find(|pause| pause.is_on(day) && pause.school.is_none() && !pause.syncs)
    }

    pub fn on_anywhere(&self) -> bool {
        self.sync.update_contacts || self.schools.iter().any(|school| school.update_contacts)
    }
}

#[cfg(test)]
mod tests;
