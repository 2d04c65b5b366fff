//! Secrets: passwords and tokens, where they are kept and that they are never shown.
//!
//! The configuration names a file or a variable of the environment, or holds the secret itself. The secret is read when it
//! is needed, so that a token that was replaced in the meantime is found.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind, Result};

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

/// Takes secrets out of text that another program wrote, whatever it did with them.
///
/// A mail server that does not understand a login may repeat it in its answer, in base64 and cut short. So every word is
/// taken out that has as much as `ENOUGH` characters in a row in common with a secret or with a form of it.
#[derive(Clone, Default)]
pub struct Redactor {
    /// In lower case: what is repeated may have been changed to capitals.
    forms: Vec<String>,
}

impl Redactor {
    /// So many characters of a secret are not repeated.
    const ENOUGH: usize = 6;

    /// Adds a secret as it is, and in base64.
    pub fn hide(&mut self, secret: &str) {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        self.hide_form(secret);
        self.hide_form(STANDARD.encode(secret).trim_end_matches('='));
        // Where other text is before it, its base64 is another.
        for before in ["0", "00"] {
            let shifted = STANDARD.encode(format!("{before}{secret}"));
            self.hide_form(shifted.get(before.len() + 1..).unwrap_or_default().trim_end_matches('='));
        }
    }

    pub fn hide_form(&mut self, text: &str) {
        let text = text.to_lowercase();
        if !text.is_empty() && !self.forms.contains(&text) {
            self.forms.push(text);
        }
    }

    /// The text with `<secret>` in place of every word that repeats one.
    pub fn clean(&self, text: &str) -> String {
        if self.forms.is_empty() {
            return text.to_owned();
        }
        let clean = |word: &str| match self.repeats(word) {
            true => "<secret>".to_owned(),
            false => word.to_owned(),
        };
        text.split(' ').map(clean).collect::<Vec<_>>().join(" ")
    }

    fn repeats(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.forms.iter().any(|form| {
            let form: Vec<char> = form.chars().collect();
            let length = form.len().min(Self::ENOUGH);
            form.windows(length).any(|part| word.contains(&part.iter().collect::<String>()))
        })
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms)", self.forms.len())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    Inline(Secret),
    /// In a file of its own; a line break at its end is not part of it.
    File(PathBuf),
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
                read_file(path)?
            }
            Self::Variable(name) => std::env::var(name).map_err(|_| {
                Failure::new(Kind::Usage, "the environment does not have the variable with a secret")
                    .at(&place)
                    .cure("set it where rostersync is started; cron has an environment of its own")
            })?,
        };
        // Editors of some systems begin every file with it.
        let text = text.trim_start_matches('\u{FEFF}').trim();
        let (what, cure) = if text.is_empty() {
            ("a secret is empty", "write the password or token there")
        } else if text.contains(['\r', '\n']) {
            ("a secret has more than one line", "leave only the password or token there")
        } else if text.contains(char::is_control) {
            ("a secret has control characters in it", "write the password or token anew, as plain text")
        } else {
            return Ok(Secret::new(text));
        };
        Err(Failure::new(Kind::Usage, what).at(place).cure(cure))
    }

    /// The key that says it, of those that begin with `name`: `token_file`, `token_env`, `token`.
    pub fn key(&self, name: &str) -> String {
        match self {
            Self::Inline(_) => name.to_owned(),
            Self::File(_) => format!("{name}_file"),
            Self::Variable(_) => format!("{name}_env"),
        }
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

/// No secret is longer; a file that is has something else in it.
const LONGEST: u64 = 64 << 10;

fn read_file(path: &Path) -> Result<String> {
    let wrong = |what: &str, cure: &str| Failure::new(Kind::Usage, what).at(path.display()).cure(cure);
    if path.is_dir() {
        return Err(wrong("the file with a secret is a folder", "name the file in it, in the configuration"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)).map_err(|cause| {
        let cure = match cause.kind() {
            ErrorKind::PermissionDenied => {
                "give the user that runs rostersync permission to read it and to enter its folder"
            }
            _ => "check the path in the configuration, and that the user that runs rostersync may read it",
        };
        wrong("the file with a secret cannot be read", cure).because(cause)
    })?;
    if bytes.len() as u64 > LONGEST {
        return Err(wrong(
            "the file with a secret is larger than 64 KiB",
            "check the path in the configuration",
        ));
    }
    // Windows' editors and PowerShell write UTF-16.
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(wrong("the file with a secret is in UTF-16", "save it as UTF-8 or plain text"));
    }
    String::from_utf8(bytes).map_err(|_| {
        wrong("the file with a secret is not UTF-8", "save it as UTF-8, with the secret alone in it")
    })
}

/// The permissions of a file with a secret; none if there is none.
pub fn readers(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o777)
}

/// A secret that every user of the machine can read is none, and one that the group can write may be another tomorrow. That a
/// group can read it is how systemd and Kubernetes hand secrets over.
fn refuse_open_to_all(path: &Path) -> Result<()> {
    // That it is not there is said when it is read.
    let mode = readers(path).unwrap_or_default();
    let (what, cure) = if mode & 0o020 != 0 {
        (
            "can be written by its group",
            "take that away: chmod 640, or chmod 600 for the user that runs rostersync only",
        )
    } else if mode & 0o007 != 0 {
        (
            "is open to every user of this machine",
            "make it readable by the user that runs rostersync only: chmod 600",
        )
    } else {
        return Ok(());
    };
    let what = format!("the file with a secret {what}");
    Err(Failure::new(Kind::Usage, what).at(path.display()).cure(cure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_a_secret_is_taken_out_in_any_form() {
        let mut redactor = Redactor::default();
        assert_eq!(redactor.clean("as it is"), "as it is");
        redactor.hide("hunter2-hunter2");
        // As it is, in base64 at each of the three places that it can have among other text, in capitals, cut short.
        use base64::Engine;
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        for repeated in [
            "hunter2-hunter2".to_owned(),
            "HUNTER2-HUNTER2:".to_owned(),
            "(hunter2-hunter2)".to_owned(),
            encode("hunter2-hunter2"),
            encode("\0sync@lincoln.example\0hunter2-hunter2"),
            encode("\0ync@lincoln.example\0hunter2-hunter2"),
            encode("\0nc@lincoln.example\0hunter2-hunter2"),
            encode("\0sync@lincoln.example\0hunter2-hunter2")[..44].to_owned(),
        ] {
            let said = redactor.clean(&format!("5.5.4 AUTH PLAIN {repeated} not understood"));
            assert_eq!(said, "5.5.4 AUTH PLAIN <secret> not understood", "{repeated}");
        }
        // A short one is found as a whole.
        let mut short = Redactor::default();
        short.hide("tok");
        assert_eq!(short.clean("a tok b to"), "a <secret> b to");
        assert!(!format!("{redactor:?}").contains("hunter"));
    }

    #[test]
    fn a_secret_is_not_shown_and_a_line_break_is_not_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "hunter2\n").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(SecretPlace::File(path.clone()).read().unwrap_err().to_string().contains("chmod 600"));
        for (wrong, words) in [
            (0o604, "chmod 600"),
            (0o660, "chmod 640"),
            (0o620, "can be written by its group"),
            (0o602, "chmod 600"),
        ] {
            mode(wrong);
            let said = SecretPlace::File(path.clone()).read().unwrap_err().to_string();
            assert!(said.contains(words), "{wrong:o}: {said}");
        }
        for right in [0o400, 0o440, 0o640] {
            mode(right);
            assert!(SecretPlace::File(path.clone()).read().is_ok(), "{right:o}");
        }
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
