//! `file:FOLDER`: mail that is written instead of sent.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::carrier::{AT_WILL, Answer, Carrier, Trouble};
use super::mime::{self, Mail};
use crate::config::NotifyEmail;
use crate::failure::{Failure, Kind, Result};
use crate::store::Waiting;

pub(super) struct Folder<'a> {
    pub email: &'a NotifyEmail,
    pub path: &'a Path,
}

impl Carrier for Folder<'_> {
    /// Writes `run-<run>-<id>.eml`, complete or not at all; a message that is repeated has the same name.
    fn hand_over(&mut self, waiting: &Waiting) -> Answer {
        let mail = match mime::notification(self.email, waiting) {
            Ok(mail) => mail,
            Err(_) => return Answer::Refused { reason: "not an address".into(), named: true },
        };
        let name = format!("run-{:06}-{:06}.eml", waiting.run, waiting.id);
        match write(self.path, &name, &mail) {
            Ok(()) => Answer::Sent(name),
            Err(failure) => Answer::Stop(Trouble::OurFault(failure)),
        }
    }

    /// It has the same name each time.
    fn repeats(&self) -> u32 {
        AT_WILL
    }
}

/// Writes one mail, readable by its owner only.
pub(super) fn write(folder: &Path, name: &str, mail: &Mail) -> Result<()> {
    let failed = |cause| Failure::io(Kind::Failed, "a message cannot be written", folder, cause);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    // By its own name, so that what a killed process has left of a message goes when that is repeated.
    let unfinished = folder.join(format!(".{name}.partial"));
    match std::fs::remove_file(&unfinished) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(failed(cause)),
        Ok(()) | Err(_) => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).map_err(failed)?;
    file.write_all(&mail.bytes).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&unfinished, folder.join(name)).map_err(failed)
}
