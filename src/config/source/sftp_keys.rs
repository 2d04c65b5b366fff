//! `[source.sftp]`: how files are fetched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::places::Places;
use crate::config::values::Span;
use crate::failure::Result;
use crate::source::{oneroster_csv, sftp};

/// `[source.sftp]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SftpKeys {
    key_file: Option<PathBuf>,
    host_key: Option<String>,
    timeout: Option<Span>,
}

impl SftpKeys {
    /// How the files at an address are fetched. Paths become relative to `folder`.
    pub(super) fn options(
        &self,
        places: &Places<'_>,
        folder: &Path,
        url: String,
        csv: oneroster_csv::Options,
    ) -> Result<sftp::Options> {
        let place = sftp::Place::parse(&url).ok_or_else(|| {
            places.mistake(
                "source",
                "path",
                "`path` is not an address that can be fetched".into(),
                "write it as \"sftp://user@host/path/\" (or /file.zip), without a password and without `*`, `?` or quotes; keys are \
                 in [source.sftp]",
            )
        })?;
        if self.host_key.as_deref().is_some_and(|key| !is_public_key(key)) {
            return Err(places.mistake(
                "source.sftp",
                "host_key",
                "`host_key` is not a server's public key".into(),
                "write it as `ssh-keyscan HOST` shows it after the name: \"ssh-ed25519 AAAA…\"",
            ));
        }
        let timeout = self.timeout.map_or(Duration::from_secs(1800), |span| span.0);
        if timeout.is_zero() {
            return Err(places.mistake(
                "source.sftp",
                "timeout",
                "`timeout` is zero".into(),
                "write for example \"30m\"",
            ));
        }
        let key_file = self.key_file.as_ref().map(|path| folder.join(path));
        Ok(sftp::Options { url, place, key_file, host_key: self.host_key.clone(), timeout, csv })
    }
}

fn is_public_key(key: &str) -> bool {
    let mut words = key.split(' ');
    let kind = words.next().is_some_and(|kind| kind.starts_with("ssh-") || kind.starts_with("ecdsa-"));
    kind && words.next().is_some_and(|key| key.len() > 16) && !key.contains(['\n', '\r'])
}
