//! What goes wrong with `sftp`, as a message with its cure.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use super::{Errand, Options};
use crate::failure::{Failure, Kind, Result};

/// Checks that the client will use this key, and that no other user of this machine can read it.
///
/// # Errors
/// `Usage` if it cannot be read or is open to others.
pub fn check_key(path: &Path) -> Result<()> {
    let wrong = |what: &str, cure: &str| Failure::new(Kind::Usage, what).at(path.display()).cure(cure);
    let file = std::fs::File::open(path).map_err(|cause| {
        wrong(
            "the key file cannot be read",
            "check `key_file` in [source.sftp], and that the user that runs rostersync may read it",
        )
        .because(cause)
    })?;
    match file.metadata() {
        Ok(found) if is_open(found.mode(), found.uid() == geteuid().as_raw()) => Err(wrong(
            "the key file is open to other users of this machine, so `sftp` would not use it",
            "make it readable by the user that runs rostersync only: chmod 600",
        )),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The client ignores a key of its own user that a group can read. A key of another owner it takes: Kubernetes hands
/// secrets over as files of root that the group of the pod can read.
fn is_open(mode: u32, is_own: bool) -> bool {
    mode & if is_own { 0o077 } else { 0o027 } != 0
}

/// The files did not arrive within `timeout`.
pub(super) fn too_slow(options: &Options) -> Failure {
    let limit = options.timeout.as_secs_f64();
    let failure = Failure::new(
        Kind::SourceUnavailable,
        format!("the files did not arrive within {limit} s; nothing was applied"),
    )
    .at(&options.url)
    .cure("check why the server is slow, or allow more time with `timeout` in [source.sftp]");
    on_errand(failure, options)
}

/// A failure to fetch, in the words of what is done there.
fn on_errand(failure: Failure, options: &Options) -> Failure {
    if options.errand == Errand::Fetch {
        return failure;
    }
    let words = |text: &str| {
        text.replace("; nothing was applied", "")
            .replace("[source.sftp]", "[platform.push]")
            .replace("[source]", "[platform.push]")
            .replace("user in `path`", "user in `to`")
            .replace("the files did not arrive", "the file was not there")
            .replace("the files cannot be fetched", "the file cannot be put on the server")
            .replace("the user may not read the files on the server", "the user may not write there")
            .replace("give the user access to them", "give the user write access to the folder")
    };
    Failure { what: words(&failure.what), cure: words(&failure.cure), ..failure }
}

/// Why the client failed, by its messages.
pub(super) fn failed(complained: &str, options: &Options) -> Failure {
    const TROUBLES: [(&[&str], Kind, &str, &str); 5] = [
        (
            &["host key verification failed", "host identification has changed"],
            Kind::SourceUnavailable,
            "the server's key is not the expected one, so it may be another server",
            "ask the operator of the server for its key and compare; then write it as `host_key` in [source.sftp] (`ssh-keyscan HOST` shows it)",
        ),
        (
            &["permission denied (", "too many authentication failures"],
            Kind::SourceUnavailable,
            "the server refused the login",
            "check the user in `path`, and that the server knows the public part of `key_file` in [source.sftp], which must not \
             have a passphrase",
        ),
        (
            &["could not resolve hostname"],
            Kind::SourceUnavailable,
            "the server's name cannot be resolved",
            "check the name, and this machine's network",
        ),
        (
            &["no such file", "not found"],
            Kind::InputUnusable,
            "there is no such folder on the server",
            "check the path in [source]",
        ),
        (
            &["permission denied"],
            Kind::SourceUnavailable,
            "the user may not read the files on the server",
            "give the user access to them",
        ),
    ];
    let said = complained.to_lowercase();
    let known = TROUBLES.into_iter().find(|(words, ..)| words.iter().any(|word| said.contains(word)));
    let (_, kind, what, cure) = known.unwrap_or((
        &[],
        Kind::SourceUnavailable,
        "the files cannot be fetched",
        "check that the server is up, and that no firewall blocks this machine; `sftp` on the command line says more",
    ));
    let last =
        complained.lines().rev().map(str::trim).find(|line| !line.is_empty() && *line != "Connection closed");
    let failure = Failure::new(kind, format!("{what}; nothing was applied")).at(&options.url).cure(cure);
    let failure = on_errand(failure, options);
    match last {
        Some(line) => failure.quoting(line.chars().take(200).collect::<String>()),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn a_key_that_a_group_can_read_is_taken_from_another_owner_only() {
        for (mode, own, other) in [
            (0o600, false, false),
            (0o400, false, false),
            (0o440, true, false),
            (0o640, true, false),
            (0o460, true, true),
            (0o444, true, true),
            (0o644, true, true),
        ] {
            assert_eq!((is_open(mode, true), is_open(mode, false)), (own, other), "{mode:o}");
        }
    }
}
