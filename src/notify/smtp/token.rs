//! A token from `token_command`: the output of the command, within a time limit.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;

/// The time limit: the command asks a server for a token while a run waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How often the wait checks whether it has to stop.
const STEP: Duration = Duration::from_millis(100);

fn failed(what: &str) -> Failure {
    Failure::new(Kind::Failed, what.to_owned())
        .at("token_command in [notify.email]")
        .cure("run it by hand as the user that runs rostersync: it has to print the token and end with 0")
}

/// The output of a command, as a secret.
///
/// # Errors
/// `Failed` if the command fails, prints no token, or does not end in time, or if the run has to
/// stop.
pub(super) fn from_command(command: &str, patience: Duration, stopped: &dyn Fn() -> bool) -> Result<Secret> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        // A process group of its own, so that it can be killed as a whole.
        .process_group(0)
        .spawn()
        .map_err(|cause| failed("the command for a token cannot be started").because(cause))?;
    let said = wait(&mut child, patience, stopped);
    if said.is_err() {
        // With all processes that it has started. It may have ended already.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
    }
    let (bytes, status) = said?;
    let token = String::from_utf8(bytes).unwrap_or_default();
    match (status.success(), token.trim()) {
        (true, token) if !token.is_empty() && !token.contains(char::is_whitespace) => Ok(Secret::new(token)),
        _ => Err(failed("the command for a token failed").quoting(status.to_string())),
    }
}

fn wait(child: &mut Child, patience: Duration, stopped: &dyn Fn() -> bool) -> Result<(Vec<u8>, ExitStatus)> {
    let (sender, receiver) = channel();
    if let Some(mut pipe) = child.stdout.take() {
        let read = move || {
            let mut bytes = Vec::new();
            let read = pipe.read_to_end(&mut bytes);
            // After the time limit the receiver is gone.
            let _ = read.map(|_| sender.send(bytes));
        };
        std::thread::Builder::new().spawn(read).map_err(Failure::no_thread)?;
    }
    let deadline = Instant::now() + patience;
    let mut printed = None;
    loop {
        match receiver.recv_timeout(STEP) {
            Ok(bytes) => printed = Some(bytes),
            // The command has closed its output, and still runs.
            Err(RecvTimeoutError::Disconnected) if printed.is_some() => std::thread::sleep(STEP),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(failed("what the command for a token prints cannot be read"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let ended = child
            .try_wait()
            .map_err(|cause| failed("the command for a token cannot be waited for").because(cause))?;
        if let (Some(status), Some(bytes)) = (ended, &mut printed) {
            return Ok((std::mem::take(bytes), status));
        }
        if stopped() {
            return Err(failed("the wait for a token was broken off"));
        }
        if Instant::now() >= deadline {
            let what = format!("the command for a token did not end within {} s", patience.as_secs());
            return Err(failed(&what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_a_command_is_the_token() {
        assert_eq!(from_command("echo tok", PATIENCE, &|| false).unwrap().reveal(), "tok");
        for wrong in ["exit 3", "true", "echo two words"] {
            assert!(from_command(wrong, PATIENCE, &|| false).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_command_that_hangs_is_killed() {
        let said = from_command("sleep 600 & sleep 600", Duration::ZERO, &|| false).unwrap_err().to_string();
        assert!(said.contains("did not end within"), "{said}");
        let said = from_command("sleep 600", PATIENCE, &|| true).unwrap_err().to_string();
        assert!(said.contains("broken off"), "{said}");
    }
}
