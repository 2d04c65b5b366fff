//! The configuration as text: which files it can be, how large it may be, and the encodings that editors choose.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::excerpt::position;
use crate::failure::{Failure, Kind, Result};

const LARGEST: u64 = 1 << 20;

/// How long a pipe may take until it has given all of it.
const PIPE_WAIT: Duration = Duration::from_secs(10);

/// What to look at if the file cannot be the one that is meant.
pub(super) const NAMED: &str = "check the path given with `-c` or $ROSTERSYNC_CONFIG";

/// Reads a configuration file. A byte order mark is no part of it. `named`: an instruction to check the path.
pub(super) fn read(path: &Path, named: &str) -> Result<String> {
    let unreadable = |path: &Path, cause| unreadable(path, named, cause);
    let found = std::fs::metadata(path).map_err(|cause| unreadable(path, cause))?;
    let kind = found.file_type();
    if kind.is_dir() {
        let inside = path.join(super::PLACES[0]);
        let cure = match inside.is_file() {
            true => format!("name the file in it: -c {}", inside.display()),
            false => "name the file itself: -c FOLDER/rostersync.toml".to_owned(),
        };
        return Err(mistake("the configuration is a folder, not a file", path, cure));
    }
    if kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
        let what = "the configuration is a device or a socket, not a file";
        return Err(mistake(what, path, "name a file with `-c FILE` or $ROSTERSYNC_CONFIG"));
    }
    let bytes = if kind.is_fifo() { read_pipe(path)? } else { read_all(path) }
        .map_err(|cause| unreadable(path, cause))?;
    if bytes.len() as u64 > LARGEST {
        let what = "the configuration file is larger than 1 MiB, so it cannot be one";
        return Err(mistake(what, path, named));
    }
    decode(bytes, path)
}

fn read_all(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than there may be shows that there are too many.
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A pipe, such as a shell's `<(…)`, is read like a file, but not for ever: nothing may ever be written to it.
fn read_pipe(path: &Path) -> Result<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    let pipe = path.to_owned();
    // It ends with the process if nothing is ever written.
    std::thread::Builder::new()
        .spawn(move || drop(sender.send(read_all(&pipe))))
        .map_err(|cause| unreadable(path, NAMED, cause))?;
    receiver.recv_timeout(PIPE_WAIT).map_err(|_| {
        mistake(
            "the configuration is a pipe, and nothing wrote to it within 10 seconds",
            path,
            "name a file with `-c FILE`, or check the program that writes to the pipe",
        )
    })
}

fn decode(bytes: Vec<u8>, path: &Path) -> Result<String> {
    let is_wide = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    // Without a mark every second byte of plain letters is zero.
    if is_wide || bytes.iter().take(64).filter(|byte| **byte == 0).count() > 8 && bytes.len() > 16 {
        return Err(mistake(
            "the configuration file is in UTF-16, or is not text",
            path,
            "save it as UTF-8: in an editor by `Save as`, in PowerShell with `-Encoding utf8`, elsewhere with \
             `iconv -f UTF-16 -t UTF-8`",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let (valid, all) = (error.utf8_error().valid_up_to(), error.as_bytes());
        let before = String::from_utf8_lossy(&all[..valid]);
        mistake(
            "the configuration file is not UTF-8: there is a letter in another encoding, such as windows-1252 or Latin-1",
            path,
            "save it as UTF-8: in an editor by `Save as`, elsewhere with `iconv -f windows-1252 -t UTF-8`",
        )
        .at(position(&before, path, before.len()))
    })?;
    let text = text.strip_prefix('\u{FEFF}').map_or_else(|| text.clone(), str::to_owned);
    // Line ends of old Macs, which TOML does not know.
    Ok(if text.contains('\r') && !text.contains('\n') { text.replace('\r', "\n") } else { text })
}

fn mistake(what: &str, path: &Path, cure: impl Into<String>) -> Failure {
    Failure::new(Kind::Usage, what).at(path.display()).cure(cure)
}

fn unreadable(path: &Path, named: &str, cause: std::io::Error) -> Failure {
    let init = if named == NAMED { "; `rostersync init` writes one to start from" } else { "" };
    let (what, cure) = match cause.kind() {
        ErrorKind::NotFound => (
            "the configuration file does not exist",
            format!("{named}{init}"),
        ),
        ErrorKind::PermissionDenied => (
            "the configuration file cannot be read by the user that runs rostersync",
            "give that user permission to read it and to enter its folder, for example with `chgrp` and `chmod 640`"
                .to_owned(),
        ),
        _ => ("the configuration file cannot be read", "check the file and the disk that it is on".to_owned()),
    };
    mistake(what, path, cure).because(cause)
}

/// The path from the root, so that a message says the same wherever the program was started.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

pub(super) fn is_open_to_all(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_file() && found.mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<String> {
        decode(bytes.to_vec(), Path::new("/etc/rs.toml"))
    }

    #[test]
    fn what_editors_write_is_read_or_explained() {
        assert_eq!(decoded(b"\xEF\xBB\xBF[sync]\r\n").unwrap(), "[sync]\r\n");
        assert_eq!(decoded(b"[sync]\ra = 1\r").unwrap(), "[sync]\na = 1\n");
        for wide in [&b"\xFF\xFE[\0s\0"[..], b"\xFE\xFF\0[\0s", b"[\0s\0y\0n\0c\0]\0\n\0[\0s\0o\0u\0r\0c\0"] {
            assert!(decoded(wide).unwrap_err().to_string().contains("UTF-16"));
        }
        let said = decoded(b"[sync]\n# M\xFCller\n").unwrap_err().to_string();
        assert!(said.contains("/etc/rs.toml:2:4") && said.contains("windows-1252"), "{said}");
    }
}
