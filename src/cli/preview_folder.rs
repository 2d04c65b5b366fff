//! The folder of `notify preview -o`: messages as files, nothing else in it, and readable by their owner only.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::message::{Audience, Channel, Message};
use crate::notify::segments;
use crate::output::check_target;

pub(super) struct PreviewFolder<'a> {
    path: &'a Path,
    config: &'a Config,
    count: u64,
}

impl<'a> PreviewFolder<'a> {
    /// Makes the folder, or takes one that holds earlier previews alone: they are removed.
    ///
    /// # Errors
    /// `Usage` if something else is in it.
    pub(super) fn make(path: &'a Path, config: &'a Config) -> Result<Self> {
        let folder = Self { path, config, count: 0 };
        let failed = |cause| folder.failed(cause);
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let mut earlier = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !is_preview(&entry.file_name().to_string_lossy()) {
                return Err(Failure::new(
                    Kind::Usage,
                    "there is something else in the folder for the messages",
                )
                .at(entry.path().display())
                .cure("name a folder of its own: it is emptied before each preview"));
            }
            earlier.push(entry.path());
        }
        for preview in earlier {
            std::fs::remove_file(preview).map_err(failed)?;
        }
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
        Ok(folder)
    }

    fn failed(&self, cause: std::io::Error) -> Failure {
        Failure::io(Kind::Failed, "a message cannot be written", self.path, cause)
    }

    /// Writes a message as text, and a mail as a web page as well: `000001-tea-1-current-email.txt`.
    pub(super) fn write(&mut self, user: &str, message: &Message) -> Result<()> {
        self.count += 1;
        let second = match message.to.channel {
            Channel::Email => format!("Subject: {}", message.subject),
            Channel::Sms => format!("Length: {}", segments(&message.body)),
        };
        let text = format!("To: {}\n{second}\n\n{}\n", message.to.address, message.body);
        let mut files = vec![("txt", text)];
        if !message.html.is_empty() {
            files.push(("html", message.html.clone()));
        }
        let kind = format!("{}-{}", message.to.audience.word(), message.to.channel.word());
        for (ending, text) in files {
            self.create(&format!("{:06}-{}-{kind}.{ending}", self.count, safe(user)), &text)?;
        }
        Ok(())
    }

    /// Writes the page of all samples.
    pub(super) fn write_page(&self, page: &str) -> Result<()> {
        self.create(PAGE, page)
    }

    fn create(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        check_target(&path, Some(self.config), &[])?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|cause| self.failed(cause))
    }
}

/// The page of all samples.
const PAGE: &str = "index.html";

/// A sourcedId as a part of a file name: it may hold anything.
fn safe(user: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    user.chars().take(64).map(safe).collect()
}

fn is_preview(name: &str) -> bool {
    if name == PAGE {
        return true;
    }
    let numbered = name.len() > 6 && name.bytes().take(6).all(|byte| byte.is_ascii_digit());
    let kinds = [Audience::Current, Audience::Former]
        .into_iter()
        .flat_map(|audience| [(audience, Channel::Email), (audience, Channel::Sms)]);
    let mut endings = kinds
        .flat_map(|(audience, channel)| ["txt", "html"].map(|ending| (audience, channel, ending)))
        .map(|(audience, channel, ending)| format!("-{}-{}.{ending}", audience.word(), channel.word()));
    numbered && endings.any(|ending| name.ends_with(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        assert_eq!(safe("../a b\u{1b}[31m"), "___a_b__31m");
        for preview in
            ["000001-tea-1-current-email.txt", "000002-current-email.html", "123456-x-former-sms.txt"]
        {
            assert!(is_preview(preview), "{preview}");
        }
        for other in ["notes.txt", "000001-tea-1.txt", "current-email.txt", "-current-email.txt"] {
            assert!(!is_preview(other), "{other}");
        }
    }
}
