//! `[source.http]`: how servers are asked.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::places::Places;
use crate::config::notify::has_port_zero;
use crate::config::values::Span;
use crate::failure::Result;
use crate::source::http::{self, Proxy};

/// `[source.http]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpKeys {
    timeout: Option<Span>,
    retries: Option<u32>,
    retry_wait: Option<Span>,
    ca_file: Option<PathBuf>,
    proxy: Option<String>,
    pub(super) allow_http: bool,
}

impl HttpKeys {
    /// How servers are asked. Paths become relative to `folder`.
    pub(super) fn options(&self, places: &Places<'_>, folder: &Path) -> Result<http::Options> {
        let usual = http::Options::default();
        let proxy = match self.proxy.as_deref() {
            None => Proxy::System,
            Some("none") => Proxy::None,
            Some(url) if url.contains('@') => {
                return Err(places.mistake(
                    "source.http",
                    "proxy",
                    "a proxy with a password would have it in the configuration in clear".into(),
                    "leave `proxy` out and set HTTPS_PROXY in the environment",
                ));
            }
            Some(url) if has_port_zero(url) => {
                return Err(places.mistake(
                    "source.http",
                    "proxy",
                    "the port of the proxy is 0, where no server can be".into(),
                    "write the proxy's port",
                ));
            }
            Some(url) => Proxy::At(url.to_owned()),
        };
        let timeout = self.timeout.map_or(usual.timeout, |span| span.0);
        if timeout.is_zero() {
            return Err(places.mistake(
                "source.http",
                "timeout",
                "`timeout` is zero".into(),
                "write for example \"120s\"",
            ));
        }
        Ok(http::Options {
            timeout,
            retries: self.retries.unwrap_or(usual.retries),
            retry_wait: self.retry_wait.map_or(usual.retry_wait, |span| span.0),
            ca_file: self.ca_file.as_ref().map(|path| folder.join(path)),
            proxy,
        })
    }
}
