//! SMTP: one connection for all messages, each with one recipient.
//!
//! lettre's connection is driven command by command rather than through its transport, because what an answer means
//! depends on the command that it answers, and because its transport drops the connection after every refused recipient.

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

/// The connection to a mail server.
pub(super) struct Smtp<'a> {
    email: &'a NotifyEmail,
    host: &'a str,
    port: u16,
    implicit_tls: bool,
    stopped: &'a dyn Fn() -> bool,
    connection: Option<Connection>,
    /// What of a login no answer of the server may show.
    redactor: Redactor,
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
        Self { email, host, port, implicit_tls, stopped, connection: None, redactor: Redactor::default() }
    }

    fn url(&self) -> String {
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
            Try::Done(Answer::Stop(trouble) | Answer::MaybeStop(trouble, _)) => {
                matches!(trouble, Trouble::LimitReached(..)) && self.connection.is_none()
            }
            Try::Done(_) => false,
        };
        if reused && is_closed {
            tried = self.try_once(mail);
        }
        match tried {
            Try::Done(answer) => answer,
            Try::Broken(Stage::Session, failure) => Answer::Stop(Trouble::Unreachable(failure)),
            // A server that dies of one recipient may well take others.
            Try::Broken(_, failure) => {
                Answer::MaybeStop(Trouble::Unreachable(failure), "the connection broke".into())
            }
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
            if !connection.takes_utf8() {
                self.connection = Some(connection);
                return Try::Done(self.beyond_ascii(mail));
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
            if let Err(cause) = connection.set_timeout(STEP) {
                return Try::Broken(stage, self.broken(cause.to_string()));
            }
            done = self.content(&mut connection, mail);
        }
        let usual = self.email.timeout.duration();
        let (code, text) = match done {
            Ok(code) => {
                if connection.set_timeout(usual).is_ok() {
                    self.connection = Some(connection);
                }
                return Try::Done(Answer::Sent(code.to_string()));
            }
            Err(CommandError::Negative(code, text)) => (code, text),
            Err(CommandError::Timeout(_) | CommandError::Broken(_)) if handed_over => {
                return Try::Done(Answer::Unknown("the answer was lost".into()));
            }
            Err(CommandError::Timeout(cause) | CommandError::Broken(cause)) => {
                return Try::Broken(stage, self.broken(cause));
            }
        };
        // After a refusal the connection is as good as new; after 421 the server closes it.
        let well = connection.set_timeout(usual).is_ok();
        if well && code != 421 && (handed_over || connection.command(Rset).is_ok()) {
            self.connection = Some(connection);
        }
        Try::Done(self.answer(stage, code, &without_local_part(&text, mail)))
    }

    /// Hands the message itself over. Some look at one for minutes before they answer, and have it by then (RFC 5321,
    /// 4.5.3.2.6); a run that is to stop meanwhile does not wait for them.
    fn content(&self, connection: &mut Connection, mail: &Mail) -> Result<u16, CommandError> {
        let begun = Instant::now();
        let mut done = connection.command(Content(&mail.bytes));
        while matches!(done, Err(CommandError::Timeout(_)))
            && begun.elapsed() < self.email.final_timeout.duration()
            && !(self.stopped)()
        {
            done = connection.answer();
        }
        done
    }

    /// The server knows no addresses with letters beyond ASCII.
    fn beyond_ascii(&self, mail: &Mail) -> Answer {
        if mail.from.to_string().is_ascii() {
            let reason = "the server does not support non-ASCII addresses (SMTPUTF8)";
            return Answer::Refused { refusal: Refusal::of(reason, ""), named: true };
        }
        Answer::Stop(Trouble::DistrictFault(
            Failure::new(
                Kind::Usage,
                "the mail server does not support a sender with letters beyond ASCII (SMTPUTF8)",
            )
            .at(self.url())
            .cure("write `from`, or `envelope_from`, in [notify.email] without them"),
        ))
    }

    /// What a negative answer comes to. The text is what the server said, whatever it repeats.
    fn answer(&self, stage: Stage, code: u16, text: &str) -> Answer {
        let said = format!("{code} {}", self.shown(text));
        let refusal = || Refusal {
            reason: reason(code, text),
            said: said.clone(),
            cure: cure(stage, code, text).to_owned(),
            greylisted: is_greylisting(code, text),
        };
        let trouble = match classify(stage, code, text) {
            Class::Mailbox => return Answer::Refused { refusal: refusal(), named: true },
            Class::Person => return Answer::Refused { refusal: refusal(), named: false },
            Class::Later if matches!(stage, Stage::Hello | Stage::Session) => {
                // Not about the recipient, but perhaps about this moment alone.
                let failure = Failure::new(Kind::Failed, format!("the mail server refuses for now: {said}"))
                    .at(self.url())
                    .cure(cure(stage, code, text));
                return Answer::MaybeStop(Trouble::Unreachable(failure), reason(code, text));
            }
            Class::Later => return Answer::Later(refusal()),
            Class::LimitReached(time) => Trouble::LimitReached(said.clone(), time),
            Class::DistrictFault => Trouble::DistrictFault(
                Failure::new(Kind::Failed, format!("the mail server refuses: {said}"))
                    .at(self.url())
                    .cure(cure(stage, code, text)),
            ),
        };
        // A server that wants a login wants it for all messages.
        match matches!(stage, Stage::Hello | Stage::Session) || matches!(code, 530 | 534 | 535 | 538) {
            true => Answer::Stop(trouble),
            false => Answer::MaybeStop(trouble, reason(code, text)),
        }
    }

    /// What may be shown of the server's words.
    fn shown(&self, text: &str) -> String {
        harmless(&self.redactor.clean(text))
    }

    fn broken(&self, cause: impl AsRef<str>) -> Failure {
        Failure::new(Kind::Failed, "the mail server cannot be reached, or broke off")
            .at(self.url())
            .cure("check `server` in [notify.email], the network and the server; the messages stay queued")
            .quoting(self.shown(cause.as_ref()))
    }
}

/// Some repeat the name of a mailbox without its domain.
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
            Err(unfit) => unfit.answer(),
        }
    }

    fn place(&self) -> String {
        self.url()
    }

    /// Most mailboxes show a mail once that arrives twice with the same Message-ID.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_dot_does_not_end_the_message() {
        assert_eq!(Content(b"a\r\n.\r\n..b\r\n").to_string(), "a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(Content(b".a").to_string(), "..a\r\n.\r\n");
    }
}
