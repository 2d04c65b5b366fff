//! `[source]`: where the roster comes from. Each type has keys of its own, and becomes what its source is opened with.

pub(super) mod auth;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use self::auth::{CleverAuth, OneRosterAuth};
use super::document::Document;
use super::explain::wrong;
use super::values::{self, Age, Span, has_port_zero, non_zero};
use crate::failure::Result;
use crate::roster::NameKind;
use crate::source::http::{self, Proxy, Url};
use crate::source::oneroster_csv::{self, EncodingSetting, ModeSetting};
use crate::source::{clever, oneroster_api, sftp};

#[derive(Debug, Clone)]
pub enum Source {
    /// CSV files of this machine: a folder or a zip.
    Csv {
        path: PathBuf,
        options: oneroster_csv::Options,
    },
    /// CSV files that are fetched first.
    Sftp(sftp::Options),
    /// A OneRoster API; ClassLink's Roster Server is one, too.
    OneRosterApi(oneroster_api::Options),
    Clever(clever::Options),
}

impl Source {
    /// The folder or zip on this machine; none if the roster comes over the network.
    pub fn local_path(&self) -> Option<&Path> {
        match self {
            Self::Csv { path, .. } => Some(path),
            Self::Sftp(_) | Self::OneRosterApi(_) | Self::Clever(_) => None,
        }
    }

    /// Has the source hand over these names.
    pub(super) fn set_names(&mut self, names: NameKind) {
        match self {
            Self::Csv { options, .. } | Self::Sftp(sftp::Options { csv: options, .. }) => {
                options.names = names
            }
            Self::OneRosterApi(options) => options.names = names,
            Self::Clever(options) => options.names = names,
        }
    }

    /// Names the column, or the place in `metadata`, with the sourcedId that each person had before.
    pub(super) fn set_earlier_id(&mut self, name: &str) {
        let name = Some(name.to_owned());
        match self {
            Self::Csv { options, .. } | Self::Sftp(sftp::Options { csv: options, .. }) => {
                options.earlier_id_column = name;
            }
            Self::OneRosterApi(options) => options.earlier_id_path = name,
            // It says by itself what the id was.
            Self::Clever(_) => {}
        }
    }

    /// How CSV files are read; none if the roster is no CSV files.
    pub fn csv(&self) -> Option<&oneroster_csv::Options> {
        match self {
            Self::Csv { options, .. } | Self::Sftp(sftp::Options { csv: options, .. }) => Some(options),
            Self::OneRosterApi(_) | Self::Clever(_) => None,
        }
    }
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[schemars(tag = "type")]
pub(super) enum SourceKeys {
    #[serde(rename = "oneroster-csv")]
    Csv(CsvKeys),
    #[serde(rename = "oneroster-api")]
    OneRosterApi(OneRosterKeys),
    #[serde(rename = "classlink")]
    ClassLink(OneRosterKeys),
    #[serde(rename = "clever")]
    Clever(CleverKeys),
}

impl SourceKeys {
    /// Fills in the defaults that depend on other keys.
    pub(super) fn settle(&mut self) {
        let (mode, every) = match self {
            Self::Csv(_) => return,
            Self::OneRosterApi(keys) | Self::ClassLink(keys) => (keys.mode, &mut keys.full_every),
            Self::Clever(keys) => (keys.mode, &mut keys.full_every),
        };
        if mode == PullMode::Incremental {
            every.get_or_insert(FULL_EVERY);
        }
    }

    pub(super) fn paths(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Self::Csv(CsvKeys { path, sftp, .. }) => {
                let is_local = sftp::after_scheme(&path.to_string_lossy()).is_none();
                let key = sftp.iter_mut().flat_map(|sftp| sftp.key_file.iter_mut());
                Some(path).filter(|_| is_local).into_iter().chain(key).collect()
            }
            Self::OneRosterApi(keys) | Self::ClassLink(keys) => {
                let secret = keys.auth.iter_mut().flat_map(OneRosterAuth::file);
                secret.chain(&mut keys.http.ca_file).collect()
            }
            Self::Clever(keys) => {
                let secret = keys.auth.iter_mut().flat_map(CleverAuth::file);
                secret.chain(&mut keys.http.ca_file).collect()
            }
        }
    }

    pub(super) fn source(self, document: &Document<'_>) -> Result<Source> {
        match self {
            Self::Csv(keys) => keys.source(document),
            Self::OneRosterApi(keys) => {
                if keys.application.is_some() {
                    let what = "`application` in [source] is for type = \"classlink\"";
                    return Err(document.mistake(
                        "source.application",
                        what,
                        "remove it, or write that type",
                    ));
                }
                let Some(url) = keys.url.clone() else {
                    let cure = "write the server's base address, such as \"https://sis.example.org/ims/oneroster/v1p1\"";
                    return Err(document.mistake("source", "[source] has no `url`", cure));
                };
                keys.source(&url, document)
            }
            Self::ClassLink(keys) => {
                let url = keys.class_link_url(document)?;
                keys.source(&url, document)
            }
            Self::Clever(keys) => keys.source(document),
        }
    }
}

/// `type = "oneroster-csv"`
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CsvKeys {
    /// A folder, a zip, or an address `sftp://…` of either.
    #[serde(deserialize_with = "values::path")]
    #[schemars(length(min = 1))]
    path: PathBuf,
    #[serde(default)]
    mode: ModeSetting,
    #[serde(default)]
    encoding: EncodingSetting,
    /// The column with each person's language, which the standard of the CSV files does not have.
    language_field: Option<String>,
    sftp: Option<SftpKeys>,
}

impl CsvKeys {
    fn source(self, document: &Document<'_>) -> Result<Source> {
        let options = oneroster_csv::Options {
            mode: self.mode,
            encoding: self.encoding,
            language_column: self.language_field,
            names: NameKind::default(),
            earlier_id_column: None,
            contacts: Arc::default(),
            last_night: None,
            lists_all: false,
        };
        let url = self.path.to_string_lossy().into_owned();
        if sftp::after_scheme(&url).is_none() {
            return match self.sftp {
                None => Ok(Source::Csv { path: self.path, options }),
                Some(_) => Err(document.mistake(
                    "source.path",
                    "there is a [source.sftp], but `path` is not on an SFTP server",
                    "write path = \"sftp://user@host/path/\", or remove [source.sftp]",
                )),
            };
        }
        let Some(place) = sftp::Place::parse(&url) else {
            return Err(document.mistake(
                "source.path",
                "`path` is not an address that can be fetched",
                "write it as \"sftp://user@host/path/\" (or /file.zip), without a password and without `*`, `?` or quotes; \
                 keys are in [source.sftp]",
            ));
        };
        let keys = self.sftp.unwrap_or_default();
        Ok(Source::Sftp(sftp::Options {
            url,
            place,
            key_file: keys.key_file,
            host_key: keys.host_key,
            timeout: keys.timeout.0,
            errand: sftp::Errand::Fetch,
            csv: options,
        }))
    }
}

/// `[source.sftp]`
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SftpKeys {
    key_file: Option<PathBuf>,
    #[serde(deserialize_with = "public_key")]
    #[schemars(regex(pattern = "^(ssh-|ecdsa-)[^ ]* [^ \n\r]{17,}"))]
    host_key: Option<String>,
    #[serde(deserialize_with = "non_zero")]
    timeout: Span,
}

impl Default for SftpKeys {
    fn default() -> Self {
        Self { key_file: None, host_key: None, timeout: Span(Duration::from_secs(1800)) }
    }
}

/// A key as `ssh-keyscan` shows it.
pub(super) fn public_key<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    let key = String::deserialize(deserializer)?;
    let mut words = key.split(' ');
    let kind = words.next().is_some_and(|kind| kind.starts_with("ssh-") || kind.starts_with("ecdsa-"));
    if kind && words.next().is_some_and(|key| key.len() > 16) && !key.contains(['\n', '\r']) {
        return Ok(Some(key));
    }
    let cure = "write it as `ssh-keyscan HOST` shows it after the name: \"ssh-ed25519 AAAA…\"";
    Err(wrong("is not a server's public key", cure))
}

/// `type = "oneroster-api"` and `type = "classlink"`, which speak the same protocol. Only `application` is ClassLink's alone.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OneRosterKeys {
    url: Option<String>,
    application: Option<String>,
    users_path: String,
    orgs_path: String,
    #[serde(deserialize_with = "page_size")]
    #[schemars(range(min = 1, max = 10_000))]
    page_size: u32,
    max_pages: u64,
    #[serde(deserialize_with = "requests_at_once")]
    #[schemars(range(min = 1, max = 8))]
    parallel: u32,
    mode: PullMode,
    full_every: Option<Span>,
    sort: bool,
    check_totals: bool,
    auth: Option<OneRosterAuth>,
    http: HttpKeys,
}

impl Default for OneRosterKeys {
    fn default() -> Self {
        Self {
            url: None,
            application: None,
            users_path: "users".to_owned(),
            orgs_path: "orgs".to_owned(),
            page_size: PAGE_SIZE,
            max_pages: MAX_PAGES,
            parallel: 1,
            mode: PullMode::default(),
            full_every: None,
            sort: true,
            check_totals: true,
            auth: None,
            http: HttpKeys::default(),
        }
    }
}

impl OneRosterKeys {
    fn source(self, url: &str, document: &Document<'_>) -> Result<Source> {
        let allow_http = self.http.allow_http;
        let auth =
            self.auth.ok_or_else(|| auth::missing("\"bearer\", \"oauth2\" or \"oauth1\"", document))?;
        if self.parallel > 1 && !self.sort {
            return Err(document.mistake(
                "source.parallel",
                "`parallel` needs `sort = true`: without a stable order, parallel pages can overlap",
                "remove `parallel`, or `sort = false`",
            ));
        }
        Ok(Source::OneRosterApi(oneroster_api::Options {
            credentials: auth.credentials(document, allow_http)?,
            url: url_at("source.url", url, document, allow_http)?,
            users_path: self.users_path,
            orgs_path: Some(self.orgs_path).filter(|path| !path.is_empty()),
            page_size: self.page_size,
            max_pages: self.max_pages.max(1),
            parallel: self.parallel,
            sort: self.sort,
            check_totals: self.check_totals,
            earlier_id_path: None,
            contacts: Arc::default(),
            full_every: self.mode.full_every(self.full_every, document)?,
            names: NameKind::default(),
            http: self.http.options(),
        }))
    }

    /// The address of the district's Roster Server, or of the application at ClassLink's proxy.
    fn class_link_url(&self, document: &Document<'_>) -> Result<String> {
        const ROSTER: &str = "/ims/oneroster/v1p1";
        const PROXY: &str = "https://oneroster-proxy.classlink.io";
        match (&self.url, &self.application) {
            (_, Some(id)) if id.is_empty() || id.contains(['/', '?', '#']) => Err(document.mistake(
                "source.application",
                format!("`{id}` is not an application id of ClassLink"),
                "copy it as ClassLink shows it, such as \"MoYPlyQWmG0%3D\"",
            )),
            (url, Some(id)) => {
                Ok(format!("{}/{id}{ROSTER}", url.as_deref().unwrap_or(PROXY).trim_end_matches('/')))
            }
            (Some(url), None) if url.contains("/ims/") => Ok(url.clone()),
            (Some(url), None) => Ok(format!("{}{ROSTER}", url.trim_end_matches('/'))),
            (None, None) => Err(document.mistake(
                "source",
                "[source] has no `url`",
                "write the address of the district's Roster Server, or `application` for ClassLink's proxy",
            )),
        }
    }
}

/// `type = "clever"`
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CleverKeys {
    url: String,
    district: Option<String>,
    trouble: clever::Trouble,
    max_sync_age: Age,
    #[serde(deserialize_with = "page_size")]
    #[schemars(range(min = 1, max = 10_000))]
    page_size: u32,
    max_pages: u64,
    mode: PullMode,
    full_every: Option<Span>,
    auth: Option<CleverAuth>,
    http: HttpKeys,
}

impl Default for CleverKeys {
    fn default() -> Self {
        Self {
            url: "https://api.clever.com/v3.1".to_owned(),
            district: None,
            trouble: clever::Trouble::default(),
            max_sync_age: Age(Some(Duration::from_secs(3 * 86_400))),
            page_size: PAGE_SIZE,
            max_pages: MAX_PAGES,
            mode: PullMode::default(),
            full_every: None,
            auth: None,
            http: HttpKeys::default(),
        }
    }
}

impl CleverKeys {
    fn source(self, document: &Document<'_>) -> Result<Source> {
        let allow_http = self.http.allow_http;
        let auth = self.auth.ok_or_else(|| auth::missing("\"bearer\" or \"clever\"", document))?;
        Ok(Source::Clever(clever::Options {
            credentials: auth.credentials(document, allow_http, self.district.as_deref())?,
            url: url_at("source.url", &self.url, document, allow_http)?,
            page_size: self.page_size,
            max_pages: self.max_pages.max(1),
            district: self.district,
            trouble: self.trouble,
            max_sync_age: self.max_sync_age.0,
            full_every: self.mode.full_every(self.full_every, document)?,
            contacts: Arc::default(),
            names: NameKind::default(),
            http: self.http.options(),
        }))
    }
}

const FULL_EVERY: Span = Span(Duration::from_secs(7 * 86_400));
const PAGE_SIZE: u32 = 1_000;
const MAX_PAGES: u64 = 20_000;

fn page_size<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<u32, D::Error> {
    let cure =
        "write a number from 1 to 10000; servers often give fewer than they are asked for, which is fine";
    within(deserializer, 1..=10_000, "page size", cure)
}

fn requests_at_once<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<u32, D::Error> {
    within(deserializer, 1..=8, "number of requests at once", "write a number from 1 to 8")
}

fn within<'de, D: Deserializer<'de>>(
    deserializer: D,
    usable: RangeInclusive<u32>,
    what: &str,
    cure: &str,
) -> std::result::Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        number if usable.contains(&number) => Ok(number),
        number => Err(wrong(format!("{number} is not a usable {what}"), cure)),
    }
}

/// `mode` of a roster over the network: whether everything is asked for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("enum" = ["full", "incremental", "auto"]))]
enum PullMode {
    #[default]
    #[serde(alias = "auto")]
    Full,
    Incremental,
}

impl PullMode {
    /// How often everything is pulled, if not always.
    fn full_every(self, every: Option<Span>, document: &Document<'_>) -> Result<Option<Duration>> {
        match (self, every) {
            (Self::Incremental, every) => Ok(Some(every.unwrap_or(FULL_EVERY).0)),
            (Self::Full, Some(_)) => Err(document.mistake(
                "source.full_every",
                "`full_every` has no effect without mode = \"incremental\"",
                "remove it, or write mode = \"incremental\"",
            )),
            (Self::Full, None) => Ok(None),
        }
    }
}

/// `[source.http]`: how servers are asked.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpKeys {
    #[serde(deserialize_with = "non_zero")]
    timeout: Span,
    retries: u32,
    retry_wait: Span,
    ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "proxy", serialize_with = "write_proxy")]
    #[schemars(with = "String")]
    proxy: Proxy,
    allow_http: bool,
}

impl Default for HttpKeys {
    fn default() -> Self {
        let usual = http::Options::default();
        Self {
            timeout: Span(usual.timeout),
            retries: usual.retries,
            retry_wait: Span(usual.retry_wait),
            ca_file: usual.ca_file,
            proxy: usual.proxy,
            allow_http: false,
        }
    }
}

impl HttpKeys {
    fn options(self) -> http::Options {
        http::Options {
            timeout: self.timeout.0,
            retries: self.retries,
            retry_wait: self.retry_wait.0,
            ca_file: self.ca_file,
            proxy: self.proxy,
        }
    }
}

/// None for that of the environment.
fn write_proxy<S: Serializer>(proxy: &Proxy, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match proxy {
        Proxy::System => serializer.serialize_none(),
        Proxy::None => serializer.serialize_str("none"),
        Proxy::At(url) => serializer.serialize_str(url),
    }
}

fn proxy<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Proxy, D::Error> {
    match String::deserialize(deserializer)? {
        none if none == "none" => Ok(Proxy::None),
        url if url.contains('@') => Err(wrong(
            "a proxy with a password would have it in the configuration in clear",
            "leave `proxy` out and set HTTPS_PROXY in the environment",
        )),
        url if has_port_zero(&url) => {
            Err(wrong("the port of the proxy is 0, where no server can be", "write the proxy's port"))
        }
        url => Ok(Proxy::At(url)),
    }
}

/// An address, and where it is if it is none that may be asked.
fn url_at(path: &str, text: &str, document: &Document<'_>, allow_http: bool) -> Result<Url> {
    http::base(text, allow_http).map_err(|failure| {
        let key = path.rsplit('.').next().unwrap_or(path);
        document.mistake(path, format!("`{key}`: {}", failure.what), failure.cure)
    })
}
