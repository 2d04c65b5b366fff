//! SMTP: one connection for all messages, each with one recipient.
//!
//! lettre's connection is used command by command, not through its transport: the meaning of an
//! answer depends on the command, and the transport drops the connection after every refused
//! recipient.

mod connect;
mod connection;
mod reply;
mod token;

use std::fmt;
use std::time::{Duration, Instant};

use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::MailParameter;

use self::connection::{CommandError, Connection};
use self::reply::{Class, Stage, classify, cure, is_greylisting, reason};
use super::carrier::{Answer, Carrier, Refusal, Trouble, harmless};
use super::mime::{self, Mail};
use crate::config::NotifyEmail;
use crate::failure::{Failure, Kind};
use crate::secret::Redactor;
use crate::store::Waiting;

pub(super) struct Smtp<'a> {
    email: &'a NotifyEmail,
    host: &'a str,
    port: u16,
    implicit_tls: bool,
    stopped: &'a dyn Fn() -> bool,
    connection: Option<Connection>,
    /// Removes the login from answers of the server.
    redactor: Redactor,
}

const STEP: Duration = Duration::from_secs(1);

impl<'a> Smtp<'a> {
    /// `stopped` is called during long waits.
    pub(super) fn new(
        email: &'a NotifyEmail,
        host: &'a str,
        port: u16,
        implicit_tls: bool,
        stopped: &'a dyn Fn() -> bool,
    ) -> Self {
        Self { email, host, port, implicit_tls, stopped, connection: None, redactor: Redactor::default() }
    }

    fn url(&self) -> String {
        let scheme = if self.implicit_tls { "smtps" } else { "smtp" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    pub(super) fn send(&mut self, mail: &Mail) -> Answer {
        // A server may close a connection after some time. That says nothing about the message:
        // connect again at once.
        let reused = self.connection.is_some();
        let mut tried = self.try_once(mail);
        let is_closed = match &tried {
            Err(_) => true,
            Ok(Answer::Stop(Trouble::LimitReached(..)) | Answer::MaybeStop(Trouble::LimitReached(..), _)) => {
                self.connection.is_none()
            }
            Ok(_) => false,
        };
        if reused && is_closed {
            tried = self.try_once(mail);
        }
        tried.unwrap_or_else(|(stage, failure)| match stage {
            Stage::Session => Answer::Stop(Trouble::Unreachable(failure)),
            // A server that breaks off after one recipient may accept others.
            _ => Answer::MaybeStop(Trouble::Unreachable(failure), "the connection broke".into()),
        })
    }

    /// One try. An error means that the connection broke before the message was handed over.
    fn try_once(&mut self, mail: &Mail) -> Result<Answer, (Stage, Failure)> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.connect() {
                Ok(connection) => connection,
                Err(trouble) => return Ok(Answer::Stop(trouble)),
            },
        };
        let mut options = Vec::new();
        if !mail.to.to_string().is_ascii() || !mail.from.to_string().is_ascii() {
            if !connection.takes_utf8() {
                self.connection = Some(connection);
                return Ok(self.beyond_ascii(mail));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let mut stage = Stage::Session;
        let mut done = connection.command(MailFrom::new(Some(mail.from.clone()), options));
        if done.is_ok() {
            stage = Stage::Recipient;
            done = connection.command(Rcpt::new(mail.to.clone(), Vec::new()));
        }
        if done.is_ok() {
            stage = Stage::Content;
            done = connection.command(Data);
        }
        let mut handed_over = false;
        if done.is_ok() {
            handed_over = true;
            connection.set_timeout(STEP).map_err(|cause| (stage, self.broken(cause.to_string())))?;
            done = self.content(&mut connection, mail);
        }
        let usual = self.email.timeout;
        let (code, text) = match done {
            Ok(code) => {
                if connection.set_timeout(usual).is_ok() {
                    self.connection = Some(connection);
                }
                return Ok(Answer::Sent(code.to_string()));
            }
            Err(CommandError::Negative(code, text)) => (code, text),
            Err(CommandError::Timeout(_) | CommandError::Broken(_)) if handed_over => {
                return Ok(Answer::Unknown("the answer was lost".into()));
            }
            Err(CommandError::Timeout(cause) | CommandError::Broken(cause)) => {
                return Err((stage, self.broken(cause)));
            }
        };
        // After a refusal the connection can be used again; after 421 the server closes it.
        let well = connection.set_timeout(usual).is_ok();
        if well && code != 421 && (handed_over || connection.command(Rset).is_ok()) {
            self.connection = Some(connection);
        }
        Ok(self.answer(stage, code, &without_local_part(&text, mail)))
    }

    /// Hands the message itself over. Some servers scan a message for minutes before they answer,
    /// and have it by then (RFC 5321, 4.5.3.2.6). A run that has to stop does not wait for the
    /// answer.
    fn content(&self, connection: &mut Connection, mail: &Mail) -> Result<u16, CommandError> {
        let begun = Instant::now();
        let mut done = connection.command(Content(&mail.bytes));
        while matches!(done, Err(CommandError::Timeout(_)))
            && begun.elapsed() < self.email.final_timeout
            && !(self.stopped)()
        {
            done = connection.answer();
        }
        done
    }

    /// The server does not support addresses with letters beyond ASCII.
    fn beyond_ascii(&self, mail: &Mail) -> Answer {
        if mail.from.to_string().is_ascii() {
            let reason = "the server does not support non-ASCII addresses (SMTPUTF8)";
            return Answer::Refused { refusal: Refusal::of(reason, ""), named: true };
        }
        let what = "the mail server does not support a sender with letters beyond ASCII (SMTPUTF8)";
        let cure = "write `from`, or `envelope_from`, in [notify.email] without them";
        Answer::Stop(Trouble::DistrictFault(Failure { kind: Kind::Usage, ..self.failure(what, cure) }))
    }

    /// What a negative answer means for the message. `text` is what the server said.
    fn answer(&self, stage: Stage, code: u16, text: &str) -> Answer {
        let refusal = || Refusal {
            reason: reason(code, text),
            said: format!("{code} {}", self.shown(text)),
            cure: cure(stage, code, text).to_owned(),
            greylisted: is_greylisting(code, text),
        };
        let is_about_message = matches!(stage, Stage::Recipient | Stage::Content);
        match classify(stage, code, text) {
            Class::Mailbox => return Answer::Refused { refusal: refusal(), named: true },
            Class::Person => return Answer::Refused { refusal: refusal(), named: false },
            Class::Later if is_about_message => return Answer::Later(refusal()),
            // The session is refused for this moment alone, perhaps.
            Class::Later => {}
            // A server that wants a login wants it for all messages.
            Class::LimitReached(_) | Class::DistrictFault
                if !is_about_message || matches!(code, 530 | 534 | 535 | 538) =>
            {
                return Answer::Stop(self.trouble(stage, code, text));
            }
            Class::LimitReached(_) | Class::DistrictFault => {}
        }
        Answer::MaybeStop(self.trouble(stage, code, text), reason(code, text))
    }

    /// A negative answer that is about all messages.
    fn trouble(&self, stage: Stage, code: u16, text: &str) -> Trouble {
        let said = format!("{code} {}", self.shown(text));
        let failure = |what: &str| self.failure(format!("{what}: {said}"), cure(stage, code, text));
        match classify(stage, code, text) {
            Class::LimitReached(time) => Trouble::LimitReached(said, time),
            Class::Later => Trouble::Unreachable(failure("the mail server refuses for now")),
            Class::Mailbox | Class::Person | Class::DistrictFault => {
                Trouble::DistrictFault(failure("the mail server refuses"))
            }
        }
    }

    fn shown(&self, text: &str) -> String {
        harmless(&self.redactor.clean(text))
    }

    fn failure(&self, what: impl Into<String>, cure: &str) -> Failure {
        Failure::new(Kind::Failed, what).at(self.url()).cure(cure)
    }

    fn broken(&self, cause: impl AsRef<str>) -> Failure {
        let what = "the mail server cannot be reached, or the connection broke";
        let cure = "check `server` in [notify.email], the network and the server; the messages stay queued";
        self.failure(what, cure).quoting(self.shown(cause.as_ref()))
    }
}

/// Some servers repeat the name of a mailbox without its domain.
fn without_local_part(text: &str, mail: &Mail) -> String {
    let local = mail.to.user();
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if local.len() > 1 && bare.eq_ignore_ascii_case(local) { "<address>" } else { word }.to_owned()
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

impl Carrier for Smtp<'_> {
    fn hand_over(&mut self, waiting: &Waiting) -> Answer {
        match mime::notification(self.email, waiting) {
            Ok(mail) => self.send(&mail),
            Err(answer) => *answer,
        }
    }

    fn place(&self) -> String {
        self.url()
    }

    /// Most mailboxes show a mail once if it arrives twice with the same Message-ID.
    fn repeats(&self) -> u32 {
        1
    }

    fn finish(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            let _ = connection.set_timeout(Duration::from_secs(5));
            connection.quit();
        }
    }
}

/// A message as it follows DATA, with the line that ends it (RFC 5321, 4.5.2).
///
/// Written at once: if its end were in a packet of its own, each message would wait some 40 ms for
/// the server's delayed acknowledgement.
struct Content<'a>(&'a [u8]);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(self.0);
        for line in text.split_inclusive("\r\n") {
            if line.starts_with('.') {
                f.write_str(".")?;
            }
            f.write_str(line)?;
        }
        f.write_str(if text.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_dot_does_not_end_the_message() {
        assert_eq!(Content(b"a\r\n.\r\n..b\r\n").to_string(), "a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(Content(b".a").to_string(), "..a\r\n.\r\n");
    }
}
