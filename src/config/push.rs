//! `[platform.push]`: where the accounts go after a run that changed something.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::source::public_key;
use super::values::{Span, non_zero};
use crate::failure::Result;
use crate::source::sftp;

/// Stands in the name of a file for the number of the run.
pub const RUN: &str = "{run}";

/// How long a push may take without `timeout`.
const TIMEOUT: Duration = Duration::from_secs(1800);

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PushKeys {
    /// A file, or an address `sftp://…` of one.
    to: Option<String>,
    /// A program and its arguments, which reads standard input.
    command: Option<Vec<String>>,
    what: PushWhat,
    #[serde(deserialize_with = "non_zero")]
    timeout: Span,
    pub(super) key_file: Option<PathBuf>,
    #[serde(deserialize_with = "public_key")]
    host_key: Option<String>,
}

impl Default for PushKeys {
    fn default() -> Self {
        Self {
            to: None,
            command: None,
            what: PushWhat::default(),
            timeout: Span(TIMEOUT),
            key_file: None,
            host_key: None,
        }
    }
}

/// Which accounts are pushed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PushWhat {
    /// Those that changed since the last push.
    #[default]
    Changes,
    All,
}

impl PushWhat {
    pub fn word(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::All => "all",
        }
    }
}

#[derive(Debug, Clone)]
pub enum PushTo {
    File(PathBuf),
    /// `sftp://user@host/path/users.csv`
    Sftp(String),
    Command(Vec<String>),
}

#[derive(Debug, Clone)]
pub struct Push {
    /// [`RUN`] may be in the name of a file.
    pub to: PushTo,
    pub what: PushWhat,
    pub timeout: Duration,
    /// As [`sftp::Options`] has them.
    pub key_file: Option<PathBuf>,
    pub host_key: Option<String>,
}

impl Push {
    /// Where it goes, for people. Of a command only the program: an argument may be a secret.
    pub fn place(&self) -> String {
        match &self.to {
            PushTo::File(path) => path.display().to_string(),
            PushTo::Sftp(url) => url.clone(),
            PushTo::Command(words) => words.first().cloned().unwrap_or_default(),
        }
    }

    /// Whether a file of the name is there. Where each push has a name of its own none is, and a server
    /// is not asked.
    pub fn has_a_file(&self) -> bool {
        matches!(&self.to, PushTo::File(path) if path.exists())
    }
}

impl PushKeys {
    /// Has the texts that are paths begin at the root, for people.
    pub(super) fn show_paths(&mut self, document: &Document<'_>) {
        let from_root = |text: &mut String| *text = document.path(Path::new(text)).display().to_string();
        let is_file = |to: &&mut String| !to.is_empty() && sftp::after_scheme(to).is_none();
        self.to.as_mut().filter(is_file).into_iter().for_each(from_root);
        let program = self.command.iter_mut().flat_map(|words| words.first_mut());
        program.filter(|program| program.contains('/')).for_each(from_root);
    }

    /// None if it is switched off by `to = ""`.
    pub(super) fn push(self, document: &Document<'_>) -> Result<Option<Push>> {
        let mistake = |key: &str, what: &str, cure: &str| {
            Err(document.mistake(&format!("platform.push.{key}"), what, cure))
        };
        if self.command.is_none() && self.to.as_deref() == Some("") {
            return Ok(None);
        }
        let is_sftp = self.to.as_deref().is_some_and(|to| sftp::after_scheme(to).is_some());
        for (key, is_there) in [("key_file", self.key_file.is_some()), ("host_key", self.host_key.is_some())]
        {
            if is_there && !is_sftp {
                let what = format!("`{key}` in [platform.push] is for `to = \"sftp://…\"`");
                return mistake(key, &what, "remove it, or write such an address");
            }
        }
        let to = match (self.to, self.command) {
            (Some(_), Some(_)) => {
                return mistake("command", "[platform.push] has both `to` and `command`", "keep one of them");
            }
            (None, None) => {
                let cure = "write `to` (a file, or sftp://user@host/path/users.csv) or `command`";
                return mistake("", "[platform.push] has neither `to` nor `command`", cure);
            }
            (Some(to), None) => file_or_server(&to, document)?,
            (None, Some(words)) if words.first().is_none_or(|program| program.trim().is_empty()) => {
                return mistake("command", "`command` names no program", "write [\"program\", \"argument\"]");
            }
            // A program in a folder is found from the configuration, like every other path.
            (None, Some(mut words)) => {
                if words[0].contains('/') {
                    words[0] = document.path(Path::new(&words[0])).display().to_string();
                }
                PushTo::Command(words)
            }
        };
        Ok(Some(Push {
            to,
            what: self.what,
            timeout: self.timeout.0,
            key_file: self.key_file,
            host_key: self.host_key,
        }))
    }
}

fn file_or_server(to: &str, document: &Document<'_>) -> Result<PushTo> {
    let mistake = |what: String, cure: &str| Err(document.mistake("platform.push.to", what, cure));
    let (folder, name) = to.rsplit_once('/').unwrap_or(("", to));
    if name.is_empty() {
        let cure = "write the name of a file, such as users.csv or users-{run}.csv";
        return mistake(format!("`{to}` is a folder, not a file"), cure);
    }
    if folder.contains(['{', '}']) || name.replace(RUN, "").contains(['{', '}']) {
        let cure = "write {run} in the name of the file, or no braces";
        return mistake(format!("`{to}` has braces that mean nothing here"), cure);
    }
    if sftp::after_scheme(to).is_none() {
        return Ok(PushTo::File(document.path(Path::new(to))));
    }
    match sftp::Place::file(&to.replace(RUN, "1")) {
        Some(_) => Ok(PushTo::Sftp(to.to_owned())),
        None => mistake(
            "`to` is not the address of a file on an SFTP server".to_owned(),
            "write it as \"sftp://user@host/path/users.csv\", without a password and without `*`, `?` or quotes",
        ),
    }
}
