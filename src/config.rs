//! The configuration file: TOML into typed settings, every mistake with its line, its key and the nearest right name.
//!
//! There is no layering: what holds is what the file says, or the default documented in `config.example.toml`.

mod file;
mod keys;
mod notify;
mod source;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::contact::Region;
use crate::failure::{Failure, Kind, Result};
use crate::policy::BlankValues;
use crate::roles::RoleNames;
use crate::source::oneroster_csv::EncodingSetting;
pub use notify::{
    Admins, BodyForm, MailServer, Method, Monitor, Notify, NotifyEmail, NotifySms, Pace, Provider,
    QuietHours, StartTls, When,
};
pub use source::{Pull, Source, SourceKind, SourceMode};
pub use values::{Age, Globs, Limit, PLATFORM_COLUMNS, PLATFORM_EXTRAS, Zone, span};

/// A whole configuration. Paths are already relative to the folder of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it was read from.
    #[serde(skip)]
    pub file: PathBuf,
    /// The keys that hold a secret in clear, each with its line, where every user of this machine may read the file.
    #[serde(skip)]
    pub exposed: Vec<(String, usize)>,
    /// Every value that may be a path, from the folder of the file: what no output may be written over.
    #[serde(skip)]
    pub named: Vec<PathBuf>,
    pub sync: Sync,
    #[serde(default, rename = "school")]
    pub schools: Vec<School>,
    pub source: Source,
    pub guardians: Option<Guardians>,
    pub platform: Option<Platform>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub notify: Notify,
    #[serde(default)]
    pub monitor: Monitor,
}

/// `[sync]`: the setting and what it applies to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// "Allow the sync to update contact details of active users".
    #[serde(default)]
    pub update_contacts: bool,
    #[serde(default = "defaults::store")]
    pub store: PathBuf,
    #[serde(default = "defaults::reports")]
    pub reports: PathBuf,
    /// Days; 0 keeps all.
    #[serde(default = "defaults::keep_reports")]
    pub keep_reports: u32,
    #[serde(default)]
    pub timezone: Zone,
    /// sourcedIds of the schools to sync; empty is all.
    #[serde(default)]
    pub schools: Vec<String>,
    /// Roles to sync; empty is all.
    #[serde(default = "defaults::roles")]
    pub roles: Vec<String>,
    /// The source's own words for roles, each with the role that it means.
    #[serde(default, deserialize_with = "values::role_names")]
    pub role_names: RoleNames,
    #[serde(default)]
    pub phone_credential: PhoneCredential,
    #[serde(default = "defaults::region", deserialize_with = "values::region")]
    pub default_region: Region,
    #[serde(default = "defaults::blank_values")]
    pub blank_values: BlankValues,
    #[serde(default)]
    pub shared_contacts: SharedContacts,
    /// Placeholder addresses that count as not provided: globs, without case.
    #[serde(default, deserialize_with = "values::globs")]
    pub ignore_emails: values::Globs,
}

/// Which OneRoster column holds the mobile number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharedContacts {
    /// Yes: it is applied and noted.
    #[default]
    Allow,
    /// No: a credential that another account holds is refused.
    Unique,
}

/// `[[school]]`: a school's own value of the setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct School {
    pub id: String,
    pub update_contacts: bool,
}

/// `[guardians]`: guardians in a file of their own, beside any source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardians {
    pub file: PathBuf,
    #[serde(default)]
    pub encoding: EncodingSetting,
    /// The column with each person's language, which the standard does not have.
    #[serde(default)]
    pub language_field: Option<String>,
}

/// `[platform]`: the platform's own export.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    pub users: PathBuf,
    #[serde(default)]
    pub max_age: Age,
    /// Contract name of a column → its header in the file.
    #[serde(default, deserialize_with = "values::columns")]
    pub columns: BTreeMap<String, String>,
}

/// `[limits]`: when a run is blocked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Of pending and active accounts before the run.
    pub archive: Limit,
    /// Active people with an applied change, of those whom the sync may change: active and under ON, once the export is read.
    pub contact_updates: Limit,
    /// Messages.
    pub notifications: Limit,
    /// Of records. Does not block: over it the run is done and ends with 3.
    pub rejected: Limit,
    /// People who become active by the platform's export, of all accounts before the run.
    pub joins: Limit,
    /// Active people whom the platform's export makes pending, of the active before the run.
    pub unjoins: Limit,
    /// Active people whose details the platform's export changes, of the active before the run.
    pub export: Limit,
    /// Active people who come from OFF to ON although the configuration did not change, of the active before the run.
    pub protection: Limit,
    /// Under this population the shares of `archive`, `contact_updates`, `notifications` and `rejected` are not enforced.
    pub minimum: u64,
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
            minimum: 20,
        }
    }
}

mod defaults {
    use super::{BlankValues, PathBuf, Region};

    pub(super) fn store() -> PathBuf {
        "rostersync.db".into()
    }
    pub(super) fn reports() -> PathBuf {
        "reports".into()
    }
    pub(super) fn keep_reports() -> u32 {
        90
    }
    pub(super) fn roles() -> Vec<String> {
        crate::roles::SYNCED_BY_DEFAULT.iter().map(|role| (*role).to_owned()).collect()
    }
    pub(super) fn region() -> Region {
        Region::US
    }
    pub(super) fn blank_values() -> BlankValues {
        BlankValues::Keep
    }
}

/// A value as a path. `file:mail/` is one as well.
fn path_of(config: &Path, text: &str) -> PathBuf {
    let folder = config.parent().unwrap_or_else(|| Path::new(""));
    folder.join(text.strip_prefix("file:").unwrap_or(text))
}

/// Where the configuration is looked for when nothing names it, in this order.
pub const PLACES: [&str; 2] = ["rostersync.toml", "/etc/rostersync/rostersync.toml"];

impl Config {
    /// Reads the file, or the first of [`PLACES`] that exists.
    ///
    /// # Errors
    /// `Usage`, with the line and key of the first mistake.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let found = match file {
            Some(file) => file.to_owned(),
            None => PLACES.iter().map(PathBuf::from).find(|place| place.exists()).ok_or_else(|| {
                let places = PLACES.map(|place| file::absolute(Path::new(place)).display().to_string());
                Failure::new(Kind::Usage, "there is no configuration file").at(places.join(", ")).cure(
                    "name one with `-c FILE` or $ROSTERSYNC_CONFIG; config.example.toml is one to start from",
                )
            })?,
        };
        let found = file::absolute(&found);
        let text = file::read(&found)?;
        let mut config = Self::parse(&text, &found)?;
        if file::is_open_to_all(&found) {
            config.exposed = keys::inline_secrets(&text);
        }
        Ok(config)
    }

    /// Reads the text of a configuration that lies at `file`.
    ///
    /// # Errors
    /// `Usage`, as [`Config::load`].
    pub fn parse(text: &str, file: &Path) -> Result<Self> {
        let mut config: Self = toml::from_str(text).map_err(|error| keys::explain(&error, text, file))?;
        file.clone_into(&mut config.file);
        config.named = keys::texts(text).into_iter().map(|text| path_of(file, &text)).collect();
        let folder = file.parent().unwrap_or_else(|| Path::new(""));
        config.check_paths(text)?;
        config.source.settle(text, file, folder)?;
        let mut paths = vec![&mut config.sync.store, &mut config.sync.reports];
        if let Some(guardians) = &mut config.guardians {
            paths.push(&mut guardians.file);
        }
        if let Some(platform) = &mut config.platform {
            paths.push(&mut platform.users);
        }
        paths.extend(config.notify.paths());
        paths.extend(config.monitor.ping_url_file.iter_mut());
        for path in paths {
            *path = folder.join(&path);
        }
        config.check(text)?;
        Ok(config)
    }

    /// A path that is empty would become the folder of the configuration.
    fn check_paths(&self, text: &str) -> Result<()> {
        let platform = self.platform.as_ref().map(|platform| ("platform.users", &platform.users));
        let guardians = self.guardians.as_ref().map(|guardians| ("guardians.file", &guardians.file));
        let paths = [("sync.store", &self.sync.store), ("sync.reports", &self.sync.reports)];
        match paths.into_iter().chain(guardians).chain(platform).find(|(_, path)| path.as_os_str().is_empty())
        {
            Some((key, _)) => {
                let (section, name) = keys::split(key);
                let what = format!("the configuration is not valid: `{name}` in [{section}] is empty");
                Err(Failure::new(Kind::Usage, what)
                    .at(keys::place(text, &self.file, key))
                    .showing(keys::line_of(text, section, name))
                    .cure("name a file or folder, relative to the configuration file"))
            }
            None => Ok(()),
        }
    }

    /// What no single value shows.
    fn check(&self, text: &str) -> Result<()> {
        if self.source.kind == SourceKind::Clever && self.sync.phone_credential != PhoneCredential::Sms {
            return Err(Failure::new(
                Kind::Usage,
                "the configuration is not valid: of Clever only numbers marked as mobile are mobiles",
            )
            .at(keys::place_in(text, &self.file, "sync", "phone_credential"))
            .cure("remove `phone_credential`, or write \"sms\""));
        }
        // A key is named with its section: the same name can be in several.
        let mistake = |key: &str, what: String, cure: &str| {
            let (section, name) = keys::split(key);
            Err(Failure::new(Kind::Usage, format!("the configuration is not valid: {what}"))
                .at(keys::place(text, &self.file, key))
                .showing(keys::line_of(text, section, name))
                .cure(cure))
        };
        if self.schools.iter().any(|school| school.id.is_empty()) {
            return mistake(
                "[[school]]",
                "a [[school]] has an empty id".into(),
                "write the school's sourcedId",
            );
        }
        let mut ids: Vec<&str> = self.schools.iter().map(|school| school.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return mistake(
                "[[school]]",
                format!("the school `{}` has two [[school]] entries", twice[0]),
                "keep one of them",
            );
        }
        if let Some((section, (key, what, cure))) = self.notify.mistake().or_else(|| self.monitor.mistake()) {
            // A section is named in brackets.
            let key = if key.starts_with('[') { key.to_owned() } else { format!("{section}.{key}") };
            return mistake(&key, what, cure);
        }
        if self.notify.message.trim().is_empty() {
            return mistake(
                "notify.message",
                "the message in [notify] is empty".into(),
                "write what people read whose edit is refused, or remove the key",
            );
        }
        for role in &self.sync.roles {
            if !crate::roles::is_known(role) {
                let cure = match crate::near::nearest(role, crate::roles::NAMES.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the roles are: {}", crate::roles::NAMES.join(", ")),
                };
                return mistake(
                    "sync.roles",
                    format!("`{role}` in [sync] roles is not a OneRoster role"),
                    &cure,
                );
            }
        }
        Ok(())
    }

    /// Whether the setting is ON for the district or any school.
    pub fn on_anywhere(&self) -> bool {
        self.sync.update_contacts || self.schools.iter().any(|school| school.update_contacts)
    }
}

#[cfg(test)]
mod tests;
