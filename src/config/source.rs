//! `[source]`: where the roster comes from. Which keys there may be depends on its type.

mod auth;
mod connection;
mod places;
mod sftp_keys;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use self::auth::{AuthKeys, AuthKind};
use self::connection::HttpKeys;
use self::places::Places;
use self::sftp_keys::SftpKeys;
use super::keys;
use super::values::{self, Age, Span};
use crate::failure::Result;
use crate::source::http::Url;
use crate::source::oneroster_csv::{self, EncodingSetting, ModeSetting};
use crate::source::{clever, oneroster_api, sftp};

/// The kinds of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    OneRosterCsv,
    OneRosterApi,
    ClassLink,
    Clever,
}

impl SourceKind {
    /// As the configuration names them.
    pub const ALL: [Self; 4] = [Self::OneRosterCsv, Self::OneRosterApi, Self::ClassLink, Self::Clever];

    pub fn word(self) -> &'static str {
        match self {
            Self::OneRosterCsv => "oneroster-csv",
            Self::OneRosterApi => "oneroster-api",
            Self::ClassLink => "classlink",
            Self::Clever => "clever",
        }
    }

    /// The keys of `[source]` that mean something for it.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::OneRosterCsv => &["type", "path", "mode", "encoding", "language_field", "sftp"],
            Self::OneRosterApi => &[
                "type",
                "url",
                "users_path",
                "orgs_path",
                "page_size",
                "max_pages",
                "parallel",
                "mode",
                "full_every",
                "sort",
                "check_totals",
                "auth",
                "http",
            ],
            Self::ClassLink => &[
                "type",
                "url",
                "application",
                "users_path",
                "orgs_path",
                "page_size",
                "max_pages",
                "parallel",
                "mode",
                "full_every",
                "sort",
                "check_totals",
                "auth",
                "http",
            ],
            Self::Clever => &[
                "type",
                "url",
                "district",
                "trouble",
                "max_sync_age",
                "page_size",
                "max_pages",
                "mode",
                "full_every",
                "auth",
                "http",
            ],
        }
    }
}

/// `mode`: of files, whether absence from them means anything; of an API, whether everything is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceMode {
    /// Files: what the manifest says. An API: everything.
    #[default]
    Auto,
    Bulk,
    Delta,
    Full,
    Incremental,
}

/// What is asked over the network, ready to be asked.
#[derive(Debug, Clone)]
pub enum Pull {
    /// CSV files that have to be fetched first.
    Sftp(sftp::Options),
    OneRoster(oneroster_api::Options),
    Clever(clever::Options),
}

/// `[source]`, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    #[serde(rename = "type", deserialize_with = "values::source_type")]
    pub kind: SourceKind,
    /// A folder or a zip; empty unless it is files.
    #[serde(default)]
    pub path: PathBuf,
    #[serde(default)]
    pub mode: SourceMode,
    full_every: Option<Span>,
    #[serde(default)]
    pub encoding: EncodingSetting,
    /// The column with each person's language, which the standard of the CSV files does not have.
    language_field: Option<String>,
    url: Option<String>,
    application: Option<String>,
    users_path: Option<String>,
    orgs_path: Option<String>,
    page_size: Option<u32>,
    max_pages: Option<u64>,
    parallel: Option<u32>,
    #[serde(default = "yes")]
    sort: bool,
    #[serde(default = "yes")]
    check_totals: bool,
    district: Option<String>,
    #[serde(default)]
    trouble: clever::Trouble,
    #[serde(default = "three_days")]
    max_sync_age: Age,
    auth: Option<AuthKeys>,
    #[serde(default)]
    http: HttpKeys,
    sftp: Option<SftpKeys>,
    /// What the keys above come to, unless it is files.
    #[serde(skip)]
    pub pull: Option<Pull>,
}

fn yes() -> bool {
    true
}

fn three_days() -> Age {
    Age(Some(Duration::from_secs(3 * 86_400)))
}

impl Source {
    /// Makes sense of the keys together. Paths become relative to `folder`.
    pub(super) fn settle(&mut self, text: &str, file: &Path, folder: &Path) -> Result<()> {
        let places = Places { text, file };
        let written: toml::Table = toml::from_str(text).map_err(|error| keys::explain(&error, text, file))?;
        let section = |table: &toml::Table, key: &str| {
            table.get(key).and_then(toml::Value::as_table).cloned().unwrap_or_default()
        };
        let written = section(&written, "source");
        let kind = self.kind;
        places.only("source", kind.word(), &written, kind.keys())?;
        if kind == SourceKind::OneRosterCsv {
            return self.settle_files(&places, folder);
        }
        let allow_http = self.http.allow_http;
        let http = self.http.options(&places, folder)?;
        let Some(auth) = &self.auth else {
            return Err(places.mistake(
                "source",
                "auth",
                "[source.auth] is missing; the server needs credentials".into(),
                "add it with type = \"bearer\", \"oauth2\", \"oauth1\" or \"clever\"",
            ));
        };
        places.only("source.auth", auth.kind.word(), &section(&written, "auth"), auth.kind.keys())?;
        if (auth.kind == AuthKind::Clever) && kind != SourceKind::Clever
            || kind == SourceKind::Clever && !matches!(auth.kind, AuthKind::Clever | AuthKind::Bearer)
        {
            return Err(places.mistake(
                "source.auth",
                "type",
                format!(
                    "auth of type \"{}\" is not what a source of type \"{}\" asks for",
                    auth.kind.word(),
                    kind.word()
                ),
                match kind {
                    SourceKind::Clever => {
                        "write \"bearer\" (the district's token) or \"clever\" (client_id and client_secret)"
                    }
                    _ => "write \"oauth2\", \"oauth1\" or \"bearer\"",
                },
            ));
        }
        let credentials = auth.credentials(&places, folder, self.district.as_deref(), allow_http)?;
        let url = self.base_url(&places, allow_http)?;
        let page_size = self.page_size(&places)?;
        let max_pages = self.max_pages.unwrap_or(20_000).max(1);
        self.pull = Some(match kind {
            SourceKind::Clever => Pull::Clever(clever::Options {
                url,
                page_size,
                max_pages,
                district: self.district.clone(),
                trouble: self.trouble,
                max_sync_age: self.max_sync_age.0,
                full_every: self.full_every(&places)?,
                http,
                credentials,
            }),
            _ => Pull::OneRoster(oneroster_api::Options {
                url,
                users_path: self.users_path.clone().unwrap_or_else(|| "users".into()),
                orgs_path: Some(self.orgs_path.clone().unwrap_or_else(|| "orgs".into()))
                    .filter(|path| !path.is_empty()),
                page_size,
                max_pages,
                parallel: self.parallel(&places)?,
                sort: self.sort,
                check_totals: self.check_totals,
                full_every: self.full_every(&places)?,
                http,
                credentials,
            }),
        });
        Ok(())
    }

    /// Files: a place of this machine, or of an SFTP server.
    fn settle_files(&mut self, places: &Places<'_>, folder: &Path) -> Result<()> {
        if self.path.as_os_str().is_empty() {
            return Err(places.mistake(
                "source",
                "path",
                "[source] has no `path`, or it is empty".into(),
                "name the folder or zip file of the export, relative to the configuration file",
            ));
        }
        if matches!(self.mode, SourceMode::Full | SourceMode::Incremental) {
            return Err(places.mistake(
                "source",
                "mode",
                "this `mode` is for a roster over the network".into(),
                "write \"auto\", \"bulk\" or \"delta\"",
            ));
        }
        let url = self.path.to_string_lossy().into_owned();
        if sftp::after_scheme(&url).is_none() {
            if self.sftp.is_some() {
                return Err(places.mistake(
                    "source",
                    "path",
                    "there is a [source.sftp], but `path` is not on an SFTP server".into(),
                    "write path = \"sftp://user@host/path/\", or remove [source.sftp]",
                ));
            }
            self.path = folder.join(&self.path);
            return Ok(());
        }
        let keys = self.sftp.clone().unwrap_or_default();
        self.pull = Some(Pull::Sftp(keys.options(places, folder, url, self.csv())?));
        Ok(())
    }

    /// How files are read, wherever they lie.
    pub fn csv(&self) -> oneroster_csv::Options {
        let mode = match self.mode {
            SourceMode::Bulk => ModeSetting::Bulk,
            SourceMode::Delta => ModeSetting::Delta,
            SourceMode::Auto | SourceMode::Full | SourceMode::Incremental => ModeSetting::Auto,
        };
        oneroster_csv::Options {
            mode,
            encoding: self.encoding,
            language_column: self.language_field.clone(),
            last_night: None,
        }
    }

    /// The address that collections come after.
    fn base_url(&self, places: &Places<'_>, allow_http: bool) -> Result<Url> {
        const ROSTER: &str = "/ims/oneroster/v1p1";
        let text = match (self.kind, &self.url, &self.application) {
            (SourceKind::ClassLink, url, Some(application)) => {
                if application.is_empty() || application.contains(['/', '?', '#']) {
                    return Err(places.mistake(
                        "source",
                        "application",
                        format!("`{application}` is not an application id of ClassLink"),
                        "copy it as ClassLink shows it, such as \"MoYPlyQWmG0%3D\"",
                    ));
                }
                let proxy = url.as_deref().unwrap_or("https://oneroster-proxy.classlink.io");
                format!("{}/{application}{ROSTER}", proxy.trim_end_matches('/'))
            }
            (SourceKind::ClassLink, Some(url), None) if !url.contains("/ims/") => {
                format!("{}{ROSTER}", url.trim_end_matches('/'))
            }
            (_, Some(url), _) => url.clone(),
            (SourceKind::Clever, None, _) => "https://api.clever.com/v3.1".into(),
            (_, None, _) => {
                return Err(places.mistake(
                    "source",
                    "url",
                    "[source] has no `url`".into(),
                    match self.kind {
                        SourceKind::ClassLink => {
                            "write the address of the district's Roster Server, or `application` for ClassLink's proxy"
                        }
                        _ => "write the server's base address, such as \"https://sis.example.org/ims/oneroster/v1p1\"",
                    },
                ));
            }
        };
        places.url(&text, "source", "url", allow_http)
    }

    /// How often everything is pulled, if not always.
    fn full_every(&self, places: &Places<'_>) -> Result<Option<Duration>> {
        match (self.mode, self.full_every) {
            (SourceMode::Bulk | SourceMode::Delta, _) => Err(places.mistake(
                "source",
                "mode",
                "this `mode` is for files".into(),
                "write \"full\" or \"incremental\"",
            )),
            (SourceMode::Incremental, every) => {
                Ok(Some(every.map_or(Duration::from_secs(7 * 86_400), |every| every.0)))
            }
            (SourceMode::Auto | SourceMode::Full, Some(_)) => Err(places.mistake(
                "source",
                "full_every",
                "`full_every` has no effect without mode = \"incremental\"".into(),
                "remove it, or write mode = \"incremental\"",
            )),
            (SourceMode::Auto | SourceMode::Full, None) => Ok(None),
        }
    }

    fn parallel(&self, places: &Places<'_>) -> Result<u32> {
        match self.parallel.unwrap_or(1) {
            0 | 9.. => Err(places.mistake(
                "source",
                "parallel",
                "`parallel` is not a usable number of requests at once".into(),
                "write a number from 1 to 8",
            )),
            2.. if !self.sort => Err(places.mistake(
                "source",
                "parallel",
                "`parallel` needs `sort = true`: without a stable order, parallel pages can overlap".into(),
                "remove `parallel`, or `sort = false`",
            )),
            parallel => Ok(parallel),
        }
    }

    fn page_size(&self, places: &Places<'_>) -> Result<u32> {
        let size = self.page_size.unwrap_or(1_000);
        match (1..=10_000).contains(&size) {
            true => Ok(size),
            false => Err(places.mistake(
                "source",
                "page_size",
                format!("{size} is not a usable page size"),
                "write a number from 1 to 10000; servers often give fewer than they are asked for, which is fine",
            )),
        }
    }
}
