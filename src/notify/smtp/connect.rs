//! The way into a mail server: the connection, its encryption, the login.

use std::error::Error as _;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::super::carrier::{Answer, Trouble};
use super::Smtp;
use super::connection::{CommandError, Connection, Plain, negative, root_cause};
use super::reply::Stage;
use super::token;
use crate::failure::{Failure, Kind, Result};
use crate::secret::{Redactor, Secret, SecretPlace};

impl Smtp<'_> {
    pub(super) fn connect(&mut self) -> std::result::Result<Connection, Box<Answer>> {
        let hello = match &self.email.hello {
            Some(name) => ClientId::Domain(name.clone()),
            None => ClientId::default(),
        };
        let ours = |failure| Box::new(Answer::Stop(Trouble::DistrictFault(failure)));
        let tls = self.tls().map_err(ours)?;
        let credentials = self.credentials().map_err(ours)?;
        let timeout = self.email.timeout.duration();
        let from_the_start = tls.as_ref().filter(|_| self.implicit_tls);
        let place = (self.host, self.port);
        let connected = SmtpConnection::connect(place, Some(timeout), &hello, from_the_start, None);
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(error) => match negative(&error) {
                // Commands that it does not know: it may know HELO.
                Some((500 | 502, _)) if tls.is_none() && credentials.is_none() => {
                    let plain = Plain::connect(place, timeout, &hello.to_string());
                    return plain.map(Connection::Plain).map_err(|fault| self.at_hello(fault));
                }
                Some((500 | 502, text)) => {
                    return Err(ours(
                        Failure::new(
                            Kind::Failed,
                            format!("the mail server does not know EHLO, so it has no encryption and no login: {}", self.shown(&text)),
                        )
                        .at(self.url())
                        .cure(
                            "for mail without both: `starttls = \"never\"` and no `user` in [notify.email]; otherwise another \
                             server. If it only dislikes the name in EHLO: `hello`",
                        ),
                    ));
                }
                Some((code, text)) if is_about_hello(code, &text) => {
                    return Err(self.at_hello(CommandError::Negative(code, text)));
                }
                Some(_) | None => return Err(self.at_the_door(&error)),
            },
        };
        if let Some(tls) = tls.as_ref().filter(|_| !self.implicit_tls) {
            if !connection.can_starttls() {
                let _ = connection.quit();
                return Err(ours(
                    Failure::new(Kind::Failed, "the mail server does not offer encryption (STARTTLS)")
                        .at(self.url())
                        .cure("use smtps:// if it has that; starttls = \"never\" in [notify.email] does without"),
                ));
            }
            connection.starttls(tls, &hello).map_err(|error| self.at_the_door(&error))?;
        }
        if let Some((credentials, mechanisms)) = credentials
            && let Err(error) = connection.auth(&mechanisms, &credentials)
        {
            let answer = self.not_let_in(&mut connection, &mechanisms, &error);
            let _ = connection.quit();
            return Err(answer);
        }
        Ok(Connection::Extended(Box::new(connection)))
    }

    /// The server does not take the name that it is greeted with, or the greeting at all.
    fn at_hello(&self, fault: CommandError) -> Box<Answer> {
        match fault {
            CommandError::Negative(code, text) => self.stopped_by(Stage::Hello, code, &text),
            CommandError::Timeout(cause) | CommandError::Broken(cause) => {
                Box::new(Answer::Stop(Trouble::Unreachable(self.broken(cause))))
            }
        }
    }

    /// A negative answer before any word of a message: no message goes.
    fn stopped_by(&self, stage: Stage, code: u16, text: &str) -> Box<Answer> {
        Box::new(match self.answer(stage, code, text) {
            Answer::MaybeStop(trouble, _) => Answer::Stop(trouble),
            other => other,
        })
    }

    /// Why the login failed.
    fn not_let_in(
        &self,
        connection: &mut SmtpConnection,
        mechanisms: &[Mechanism],
        error: &Error,
    ) -> Box<Answer> {
        if !error.is_client() {
            return self.at_the_door(error);
        }
        let ours = |failure: Failure| Box::new(Answer::Stop(Trouble::DistrictFault(failure.at(self.url()))));
        if connection.server_info().get_auth_mechanism(mechanisms) == Some(Mechanism::Xoauth2) {
            // It says why in a challenge of its own, and ends with an answer once that is acknowledged.
            let code = connection.command("\r\n").err().as_ref().and_then(negative).map(|(code, _)| code);
            let code = code.map(|code| format!(": {code}")).unwrap_or_default();
            return ours(
                Failure::new(Kind::Failed, format!("the mail server does not accept the token{code}")).cure(
                    "check that `user` in [notify.email] is the mailbox that the token is for, that it has the scope for SMTP, \
                     and that token_command or token_file gives a fresh one",
                ),
            );
        }
        ours(
            Failure::new(Kind::Failed, "the mail server offers no login that rostersync knows")
                .cure("PLAIN, LOGIN and XOAUTH2 are known; a relay without login needs no user"),
        )
    }

    /// What went wrong before there was a word of any message.
    fn at_the_door(&self, error: &Error) -> Box<Answer> {
        let cause = root_cause(error);
        if speaks_no_tls(&cause) {
            let what = "the mail server does not begin with encryption";
            return Box::new(Answer::Stop(Trouble::DistrictFault(
                Failure::new(Kind::Failed, what)
                    .at(self.url())
                    .cure("write smtp:// in `server` of [notify.email]: then it is encrypted by STARTTLS")
                    .quoting(self.shown(&cause)),
            )));
        }
        if error.is_tls() || is_certificate(error) {
            return Box::new(Answer::Stop(Trouble::DistrictFault(
                Failure::new(Kind::Failed, "there is no trusted encrypted connection to the mail server")
                    .at(self.url())
                    .cure("check the host name and the server's certificate; `ca_file` in [notify.email] names a certificate authority of your own")
                    .quoting(self.shown(&cause)),
            )));
        }
        if !self.implicit_tls && self.port == 465 && negative(error).is_none() {
            return Box::new(Answer::Stop(Trouble::Unreachable(
                self.broken(cause)
                    .cure("port 465 begins with encryption: write smtps:// in `server` of [notify.email]"),
            )));
        }
        match negative(error) {
            Some((code, text)) => self.stopped_by(Stage::Session, code, &text),
            None => Box::new(Answer::Stop(Trouble::Unreachable(self.broken(root_cause(error))))),
        }
    }

    fn tls(&self) -> Result<Option<TlsParameters>> {
        if !self.implicit_tls && !self.email.wants_starttls() {
            return Ok(None);
        }
        let mut builder = TlsParameters::builder(self.host.to_owned());
        if let Some(path) = &self.email.ca_file {
            let unusable = || {
                Failure::new(Kind::Failed, "the certificate authority cannot be used")
                    .at(path.display())
                    .cure("`ca_file` in [notify.email] names a PEM file")
            };
            let pem = std::fs::read(path).map_err(|cause| unusable().because(cause))?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| unusable().because(error))?;
            builder = builder.add_root_certificate(certificate);
        }
        builder.build_rustls().map(Some).map_err(|error| {
            Failure::new(Kind::Failed, "encryption cannot be set up")
                .at(self.url())
                .cure("check this system's certificate store, and `ca_file` in [notify.email]")
                .quoting(self.shown(&root_cause(&error)))
        })
    }

    /// The login. From here on no answer of the server shows any of it.
    fn credentials(&mut self) -> Result<Option<(Credentials, Vec<Mechanism>)>> {
        let Some(user) = &self.email.user else { return Ok(None) };
        let mut redactor = Redactor::default();
        let mut with = |secret: &Secret, mechanisms: Vec<Mechanism>| {
            redactor.hide(secret.reveal());
            self.redactor = redactor.clone();
            Ok(Some((Credentials::new(user.clone(), secret.reveal().to_owned()), mechanisms)))
        };
        if let Some(place) = self.email.password() {
            return with(&place.read()?, vec![Mechanism::Plain, Mechanism::Login]);
        }
        if let Some(path) = &self.email.token_file {
            return with(&SecretPlace::File(path.clone()).read()?, vec![Mechanism::Xoauth2]);
        }
        match &self.email.token_command {
            Some(command) => {
                with(&token::from_command(command, token::PATIENCE, self.stopped)?, vec![Mechanism::Xoauth2])
            }
            None => Ok(None),
        }
    }
}

/// Whether an answer to greeting or EHLO is about the name in it. The first three are none that a greeting can have.
fn is_about_hello(code: u16, text: &str) -> bool {
    let text = text.to_lowercase();
    matches!(code, 500..=504)
        || ["helo", "ehlo", "hostname", "host name"].iter().any(|word| text.contains(word))
}

/// Whether the other side did not answer in TLS at all.
fn speaks_no_tls(cause: &str) -> bool {
    cause.contains("InvalidContentType")
}

/// Whether a certificate was not accepted. rustls says so only when the first byte is wanted.
fn is_certificate(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<std::io::Error>()
            && cause.kind() == std::io::ErrorKind::InvalidData
        {
            return true;
        }
        source = cause.source();
    }
    false
}
