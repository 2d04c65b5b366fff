//! SMTP: one connection for all messages, each with one recipient.
//!
//! lettre's connection is driven command by command rather than through its transport, because what an answer means
//! depends on the command that it answers, and because its transport drops the connection after every refused recipient.

mod door;

use std::error::Error as _;
use std::fmt;
use std::time::{Duration, Instant};

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::SmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailParameter};
use lettre::transport::smtp::response::Response;

use super::answer::{Class, Stage, classify, harmless, reason};
use super::carrier::{Answer, Carrier, Trouble};
use super::mime::{self, Mail};
use crate::config::NotifyEmail;
use crate::failure::{Failure, Kind};
use crate::store::Waiting;

/// The connection to a mail server.
pub(super) struct Smtp<'a> {
    email: &'a NotifyEmail,
    host: &'a str,
    port: u16,
    implicit_tls: bool,
    stopped: &'a dyn Fn() -> bool,
    connection: Option<SmtpConnection>,
}

/// How long a wish to stop may go unheard while an answer is waited for.
const STEP: Duration = Duration::from_secs(1);

/// How one try went.
enum Try {
    Done(Answer),
    /// The connection broke before the message was handed over.
    Broken(Stage, Failure),
}

impl<'a> Smtp<'a> {
    /// `stopped` is asked while something takes long.
    pub(super) fn new(
        email: &'a NotifyEmail,
        host: &'a str,
        port: u16,
        implicit_tls: bool,
        stopped: &'a dyn Fn() -> bool,
    ) -> Self {
        Self { email, host, port, implicit_tls, stopped, connection: None }
    }

    fn place(&self) -> String {
        let scheme = if self.implicit_tls { "smtps" } else { "smtp" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    /// Sends one mail, over the connection that is there if it still is.
    pub(super) fn send(&mut self, mail: &Mail) -> Answer {
        // A server may close a connection that has been used for long enough: that says nothing about the message, and
        // the next one is made at once.
        let reused = self.connection.is_some();
        let mut tried = self.try_once(mail);
        let is_closed = match &tried {
            Try::Broken(..) => true,
            Try::Done(Answer::Stop(trouble) | Answer::Doubt(trouble, _)) => {
                matches!(trouble, Trouble::Enough(..)) && self.connection.is_none()
            }
            Try::Done(_) => false,
        };
        if reused && is_closed {
            tried = self.try_once(mail);
        }
        match tried {
            Try::Done(answer) => answer,
            Try::Broken(Stage::Ourselves, failure) => Answer::Stop(Trouble::Down(failure)),
            // A server that dies of one recipient may well take others.
            Try::Broken(_, failure) => Answer::Doubt(Trouble::Down(failure), "the connection broke".into()),
        }
    }

    fn try_once(&mut self, mail: &Mail) -> Try {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.connect() {
                Ok(connection) => connection,
                Err(answer) => return Try::Done(*answer),
            },
        };
        let mut options = Vec::new();
        if !mail.to.to_string().is_ascii() || !mail.from.to_string().is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                self.connection = Some(connection);
                return Try::Done(self.beyond_ascii(mail));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let mut stage = Stage::Ourselves;
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
            if let Err(cause) = connection.set_timeout(Some(STEP)) {
                return Try::Broken(stage, self.broken(cause.to_string()));
            }
            done = self.content(&mut connection, mail);
        }
        let error = match done {
            Ok(response) => {
                if connection.set_timeout(Some(self.email.timeout.duration())).is_ok() {
                    self.connection = Some(connection);
                }
                return Try::Done(Answer::Sent(response.code().to_string()));
            }
            Err(error) => error,
        };
        let Some((code, text)) = negative(&error) else {
            return match handed_over {
                true => Try::Done(Answer::Unknown("the answer was lost".into())),
                false => Try::Broken(stage, self.broken(root_cause(&error))),
            };
        };
        // After a refusal the connection is as good as new; after 421 the server closes it.
        let well = connection.set_timeout(Some(self.email.timeout.duration())).is_ok();
        if well && code != 421 && (handed_over || connection.command(Rset).is_ok()) {
            self.connection = Some(connection);
        }
        Try::Done(self.answer(stage, code, &text))
    }

    /// Hands the message itself over. Some look at one for minutes before they answer, and have it by then (RFC 5321,
    /// 4.5.3.2.6); whoever wants us to stop meanwhile does not want to wait for them.
    fn content(&self, connection: &mut SmtpConnection, mail: &Mail) -> std::result::Result<Response, Error> {
        let begun = Instant::now();
        let mut done = connection.command(Content(&mail.bytes));
        while done.as_ref().is_err_and(is_silence)
            && begun.elapsed() < self.email.final_timeout.duration()
            && !(self.stopped)()
        {
            done = connection.read_response();
        }
        done
    }

    /// The server knows no addresses with letters beyond ASCII.
    fn beyond_ascii(&self, mail: &Mail) -> Answer {
        if mail.from.to_string().is_ascii() {
            let reason = "the server takes no address like this (SMTPUTF8)".to_owned();
            return Answer::Refused { reason, named: true };
        }
        Answer::Stop(Trouble::OurFault(
            Failure::new(Kind::Usage, "the mail server takes no sender like ours, with letters beyond ASCII")
                .at(self.place())
                .cure("write `from`, or `envelope_from`, in [notify.email] without them"),
        ))
    }

    fn answer(&self, stage: Stage, code: u16, text: &str) -> Answer {
        let trouble = match classify(stage, code, text) {
            Class::Mailbox => return Answer::Refused { reason: reason(code, text), named: true },
            Class::Person => return Answer::Refused { reason: reason(code, text), named: false },
            Class::Later if stage == Stage::Ourselves => {
                // Not about the recipient, but perhaps about this moment alone.
                let reason = reason(code, text);
                return Answer::Doubt(Trouble::Down(self.no_time(&reason)), reason);
            }
            Class::Later => return Answer::Later(reason(code, text)),
            Class::Enough(time) => Trouble::Enough(reason(code, text), time),
            Class::OurFault => Trouble::OurFault(
                Failure::new(Kind::Failed, format!("the mail server refuses us: {code} {}", harmless(text)))
                    .at(self.place())
                    .cure(cure(stage, code, text)),
            ),
        };
        // Who wants a login wants it for everybody.
        match stage == Stage::Ourselves || matches!(code, 530 | 534 | 535 | 538) {
            true => Answer::Stop(trouble),
            false => Answer::Doubt(trouble, reason(code, text)),
        }
    }

    fn no_time(&self, reason: &str) -> Failure {
        Failure::new(Kind::Failed, format!("the mail server has no time for us now: {reason}"))
            .at(self.place())
            .cure("the messages stay queued")
    }

    fn broken(&self, cause: String) -> Failure {
        Failure::new(Kind::Failed, "the mail server cannot be reached, or broke off")
            .at(self.place())
            .cure("check `server` in [notify.email], the network and the server; the messages stay queued")
            .because(cause)
    }
}

impl Carrier for Smtp<'_> {
    fn hand_over(&mut self, waiting: &Waiting) -> Answer {
        match mime::notification(self.email, waiting) {
            Ok(mail) => self.send(&mail),
            Err(_) => Answer::Refused { reason: "not an address".into(), named: true },
        }
    }

    /// Most mailboxes show a mail once that arrives twice with the same Message-ID.
    fn repeats(&self) -> u32 {
        1
    }

    fn finish(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // Everything was answered; what the server says to a farewell matters to nobody.
            let _ = connection.set_timeout(Some(Duration::from_secs(5)));
            let _ = connection.quit();
        }
    }
}

/// A message as it follows DATA, with the line that ends it (RFC 5321, 4.5.2).
///
/// Written at once: with its end in a packet of its own, each message would wait for the other side's delayed
/// acknowledgement, some 40 ms.
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

/// Code and text of a negative answer.
fn negative(error: &Error) -> Option<(u16, String)> {
    let code: u16 = error.status()?.into();
    Some((code, error.source().map(ToString::to_string).unwrap_or_default()))
}

/// Whether there was no answer yet. That a time is up is said in either way.
fn is_silence(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<std::io::Error>()
            && matches!(cause.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The error underneath, which says more than those around it.
fn root_cause(error: &Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        said = cause.to_string();
        source = cause.source();
    }
    harmless(&said)
}

fn cure(stage: Stage, code: u16, text: &str) -> &'static str {
    match (stage, code) {
        (_, 530) => {
            "it wants a login or encryption: `user` and `password_file`, `starttls` in [notify.email]"
        }
        (_, 535) => "check `user` and the password or token in [notify.email]",
        _ if text.contains("5.7.30") => {
            "it takes no passwords any more: use token_command, or a relay without login"
        }
        (Stage::Ourselves, _) => "check that this machine and user may send as `from` (or `envelope_from`)",
        (Stage::Recipient | Stage::Content, _) => {
            "have the relay accept mail from this machine or user; the messages stay queued"
        }
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
