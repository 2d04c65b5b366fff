//! Secrets: passwords and tokens, where they are kept and that they are never shown.
//!
//! The configuration names a file or a variable of the environment, or holds the secret itself if somebody insists. It is
//! looked up when it is needed, so that a token which was replaced meanwhile is found.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind, Result};

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In the configuration itself.
    Inline(Secret),
    /// In a file of its own; a line break at its end is not part of it.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
}

impl SecretPlace {
    /// Looks the secret up.
    ///
    /// # Errors
    /// `Usage` if it is not there or empty.
    pub fn read(&self) -> Result<Secret> {
        let place = self.shown();
        let text = match self {
            Self::Inline(secret) => secret.0.clone(),
            Self::File(path) => {
                refuse_open_to_all(path)?;
                std::fs::read_to_string(path).map_err(|cause| {
                    Failure::new(Kind::Usage, "the file with a secret cannot be read")
                        .at(path.display())
                        .cure("check the path in the configuration, and that the user that runs rostersync may read it")
                        .because(cause)
                })?
            }
            Self::Variable(name) => std::env::var(name).map_err(|_| {
                Failure::new(Kind::Usage, "the environment does not have the variable with a secret")
                    .at(&place)
                    .cure("set it where rostersync is started; cron has an environment of its own")
            })?,
        };
        // Editors of some systems begin every file with it.
        let text = text.trim_start_matches('\u{FEFF}').trim();
        if text.is_empty() {
            return Err(Failure::new(Kind::Usage, "a secret is empty")
                .at(place)
                .cure("write the password or token there"));
        }
        if text.contains(['\r', '\n']) {
            return Err(Failure::new(Kind::Usage, "a secret has more than one line")
                .at(place)
                .cure("leave only the password or token there"));
        }
        if text.contains(char::is_control) {
            return Err(Failure::new(Kind::Usage, "a secret has characters in it that nobody can type")
                .at(place)
                .cure("write the password or token anew, as plain text"));
        }
        Ok(Secret::new(text))
    }

    /// Where that is, as messages name it; empty for the configuration itself.
    pub fn shown(&self) -> String {
        match self {
            Self::Inline(_) => String::new(),
            Self::File(path) => path.display().to_string(),
            Self::Variable(name) => format!("${name}"),
        }
    }
}

/// A secret that every user of the machine can read is none.
fn refuse_open_to_all(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o007 != 0 => {
            Err(Failure::new(Kind::Usage, "the file with a secret is open to every user of this machine")
                .at(path.display())
                .cure("make it readable by the user that runs rostersync only: chmod 600"))
        }
        // That it is not there is said when it is read.
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_and_a_line_break_is_not_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "hunter2\n").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(SecretPlace::File(path.clone()).read().unwrap_err().to_string().contains("chmod 600"));
        mode(0o600);
        let place = SecretPlace::File(path.clone());
        assert_eq!(place.read().unwrap().reveal(), "hunter2");
        assert!(
            !format!("{:?} {:?}", place.read(), SecretPlace::Inline(Secret::new("hunter2")))
                .contains("hunter2")
        );
        std::fs::write(&path, "\u{FEFF}hunter2\r\n").unwrap();
        assert_eq!(place.read().unwrap().reveal(), "hunter2");
        for wrong in ["", " \n", "one\ntwo\n", "two\u{1}"] {
            std::fs::write(&path, wrong).unwrap();
            let failure = place.read().unwrap_err();
            assert!(failure.kind == Kind::Usage && !failure.to_string().contains("two"), "{failure}");
        }
    }
}
