//! `file:FOLDER`: writes mail as files instead of sending it.

use std::io::{ErrorKind, Write};
use std::path::Path;

use super::carrier::{AT_WILL, Answer, Carrier, Trouble};
use super::mime::{self, Mail};
use crate::config::NotifyEmail;
use crate::failure::{Failure, Kind, Result};
use crate::owner;
use crate::store::Waiting;

pub(super) struct Folder<'a> {
    pub email: &'a NotifyEmail,
    pub path: &'a Path,
}

impl Carrier for Folder<'_> {
    /// Writes `run-<run>-<id>.eml`, complete or not at all.
    fn hand_over(&mut self, waiting: &Waiting) -> Answer {
        let mail = match mime::notification(self.email, waiting) {
            Ok(mail) => mail,
            Err(answer) => return *answer,
        };
        let name = format!("run-{:06}-{:06}", waiting.run, waiting.id);
        match write(self.path, &name, &mail, &mime::message_name(waiting)) {
            Ok(name) => Answer::Sent(name),
            Err(failure) => Answer::Stop(Trouble::DistrictFault(failure)),
        }
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// A mail that is already there is recognised by its Message-ID.
    fn repeats(&self) -> u32 {
        AT_WILL
    }
}

/// The name holds a run and a message, or a moment, so there are never more mails with the same
/// name.
const MOST_NAMES: u32 = 10_000;

/// Writes one mail as `NAME.eml`, readable by its owner only. If another mail has that name, this
/// one becomes `NAME-2.eml`. A mail whose Message-ID begins with `id` and that is already there is
/// not written again. Returns the name of the file.
pub(super) fn write(folder: &Path, name: &str, mail: &Mail, id: &str) -> Result<String> {
    let failed = |cause| Failure::io(Kind::Failed, "a message cannot be written", folder, cause);
    owner::make_folder(folder).map_err(failed)?;
    // Under a name of its own: when a message is repeated, this removes what a killed process has
    // left of it.
    let unfinished = folder.join(format!(".{name}.eml.partial"));
    let mut file = owner::create_anew(&unfinished).map_err(failed)?;
    file.write_all(&mail.bytes).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let named = (1..MOST_NAMES).find_map(|number| {
        let file = match number {
            1 => format!("{name}.eml"),
            number => format!("{name}-{number}.eml"),
        };
        match give_name(&unfinished, &folder.join(&file)) {
            Ok(()) => Some(Ok(file)),
            Err(cause) if cause.kind() != ErrorKind::AlreadyExists => Some(Err(cause)),
            Err(_) if holds(&folder.join(&file), id) => Some(Ok(file)),
            Err(_) => None,
        }
    });
    owner::remove(&unfinished).map_err(failed)?;
    let file = named.unwrap_or_else(|| Err(ErrorKind::AlreadyExists.into())).map_err(failed)?;
    // The name has to be on the disk as well.
    owner::sync_folder(folder).map_err(failed)?;
    Ok(file)
}

/// Gives a complete file its name, unless a file has that name: a link is never made over one.
fn give_name(unfinished: &Path, path: &Path) -> std::io::Result<()> {
    match std::fs::hard_link(unfinished, path) {
        Err(cause) if matches!(cause.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            // A file system without links. The outbox has a lock, so no other mail is written
            // meanwhile.
            match path.symlink_metadata() {
                Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                Err(_) => std::fs::rename(unfinished, path),
            }
        }
        done => done,
    }
}

/// Whether a file is the mail with this Message-ID.
fn holds(path: &Path, id: &str) -> bool {
    let wanted = format!("Message-ID: <{id}@");
    std::fs::read(path).is_ok_and(|bytes| {
        let head = bytes.split(|byte| *byte == b'\n').take_while(|line| !line.trim_ascii().is_empty());
        head.into_iter().any(|line| line.starts_with(wanted.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: &str) -> Mail {
        let address = "a@x.example".parse::<lettre::Address>().unwrap();
        let bytes = format!("From: a@x.example\r\nMessage-ID: <{id}@x.example>\r\n\r\n{id}\r\n").into_bytes();
        Mail { from: address.clone(), to: address, bytes }
    }

    #[test]
    fn no_mail_is_written_over_another_and_none_twice() {
        let folder = tempfile::tempdir().unwrap();
        let write = |id: &str| write(folder.path(), "run-000001-000001", &mail(id), id).unwrap();
        // The second is of a store that was restored, and began to count again.
        assert_eq!(
            [write("a"), write("b"), write("c")].map(|name| name.replace("run-000001-000001", "")),
            [".eml", "-2.eml", "-3.eml"]
        );
        assert_eq!(write("b"), "run-000001-000001-2.eml", "it is there already");
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(std::fs::read_to_string(folder.path().join(&names[2])).unwrap().ends_with("\r\na\r\n"));
    }
}
