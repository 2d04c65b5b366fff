//! Connects to a mail server: connection, greeting, encryption, login. Every failure here stops the
//! channel.

use std::io::ErrorKind;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::super::carrier::Trouble;
use super::Smtp;
use super::connection::{CommandError, Connection, Plain, io_causes, negative, root_cause};
use super::reply::Stage;
use super::token;
use crate::failure::{Failure, Kind, Result};
use crate::secret::{Redactor, Secret, SecretPlace};

impl Smtp<'_> {
    pub(super) fn connect(&mut self) -> std::result::Result<Connection, Trouble> {
        let hello = match &self.email.hello {
            Some(name) => ClientId::Domain(name.clone()),
            None => ClientId::default(),
        };
        let tls = self.tls().map_err(Trouble::DistrictFault)?;
        let credentials = self.credentials().map_err(Trouble::DistrictFault)?;
        let timeout = self.email.timeout;
        let from_the_start = tls.as_ref().filter(|_| self.implicit_tls);
        let place = (self.host, self.port);
        let connected = SmtpConnection::connect(place, Some(timeout), &hello, from_the_start, None);
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(error) => match negative(&error) {
                // The server does not know the command EHLO: it may know HELO.
                Some((500 | 502, _)) if tls.is_none() && credentials.is_none() => {
                    let plain = Plain::connect(place, timeout, &hello.to_string());
                    return plain.map(Connection::Plain).map_err(|error| match error {
                        CommandError::Negative(code, text) => self.trouble(Stage::Hello, code, &text),
                        CommandError::Timeout(cause) | CommandError::Broken(cause) => {
                            Trouble::Unreachable(self.broken(cause))
                        }
                    });
                }
                Some((500 | 502, text)) => {
                    let what = "the mail server does not know EHLO, so it has no encryption and no login";
                    return Err(Trouble::DistrictFault(self.failure(
                        format!("{what}: {}", self.shown(&text)),
                        "for mail without both: `starttls = \"never\"` and no `user` in [notify.email]; otherwise another \
                         server. If the server only refuses the name in EHLO: `hello`",
                    )));
                }
                Some((code, text)) if is_about_hello(code, &text) => {
                    return Err(self.trouble(Stage::Hello, code, &text));
                }
                Some(_) | None => return Err(self.not_connected(&error)),
            },
        };
        if let Some(tls) = tls.as_ref().filter(|_| !self.implicit_tls) {
            if !connection.can_starttls() {
                let _ = connection.quit();
                return Err(Trouble::DistrictFault(self.failure(
                    "the mail server does not offer encryption (STARTTLS)",
                    "use smtps:// if the server has that; starttls = \"never\" in [notify.email] sends without encryption",
                )));
            }
            connection.starttls(tls, &hello).map_err(|error| self.not_connected(&error))?;
        }
        if let Some((credentials, mechanisms)) = credentials
            && let Err(error) = connection.auth(&mechanisms, &credentials)
        {
            let trouble = self.not_logged_in(&mut connection, &mechanisms, &error);
            let _ = connection.quit();
            return Err(trouble);
        }
        Ok(Connection::Extended(Box::new(connection)))
    }

    fn not_logged_in(
        &self,
        connection: &mut SmtpConnection,
        mechanisms: &[Mechanism],
        error: &Error,
    ) -> Trouble {
        if !error.is_client() {
            return self.not_connected(error);
        }
        if connection.server_info().get_auth_mechanism(mechanisms) != Some(Mechanism::Xoauth2) {
            return Trouble::DistrictFault(self.failure(
                "the mail server offers no login that rostersync knows",
                "PLAIN, LOGIN and XOAUTH2 are known; a relay without login needs no user",
            ));
        }
        // The server says why in a challenge, and answers with a code after the challenge is
        // acknowledged.
        let code = connection.command("\r\n").err().as_ref().and_then(negative).map(|(code, _)| code);
        let code = code.map(|code| format!(": {code}")).unwrap_or_default();
        Trouble::DistrictFault(self.failure(
            format!("the mail server does not accept the token{code}"),
            "check that `user` in [notify.email] is the mailbox that the token is for, that it has the scope for SMTP, and \
             that token_command or token_file gives a fresh one",
        ))
    }

    /// Why there is no connection on which messages can be sent.
    fn not_connected(&self, error: &Error) -> Trouble {
        let cause = root_cause(error);
        // The first bytes of the server are not TLS.
        if cause.contains("InvalidContentType") {
            let what = "the mail server does not begin with encryption";
            let cure = "write smtp:// in `server` of [notify.email]: then it is encrypted by STARTTLS";
            return Trouble::DistrictFault(self.failure(what, cure).quoting(self.shown(&cause)));
        }
        // rustls reports a certificate that it does not accept only when the first byte is wanted.
        if error.is_tls() || io_causes(error).any(|kind| kind == ErrorKind::InvalidData) {
            let what = "there is no trusted encrypted connection to the mail server";
            let cure = "check the host name and the server's certificate; `ca_file` in [notify.email] names a certificate \
                        authority of your own";
            return Trouble::DistrictFault(self.failure(what, cure).quoting(self.shown(&cause)));
        }
        match negative(error) {
            Some((code, text)) => self.trouble(Stage::Session, code, &text),
            None if !self.implicit_tls && self.port == 465 => {
                let cure = "port 465 begins with encryption: write smtps:// in `server` of [notify.email]";
                Trouble::Unreachable(self.broken(cause).cure(cure))
            }
            None => Trouble::Unreachable(self.broken(cause)),
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
            let cure = "check this system's certificate store, and `ca_file` in [notify.email]";
            self.failure("encryption cannot be set up", cure).quoting(self.shown(&root_cause(&error)))
        })
    }

    /// The login. No answer that is shown from here on contains any of it.
    fn credentials(&mut self) -> Result<Option<(Credentials, Vec<Mechanism>)>> {
        let Some(user) = &self.email.user else { return Ok(None) };
        let (secret, mechanisms): (Secret, _) = if let Some(place) = self.email.password() {
            (place.read()?, vec![Mechanism::Plain, Mechanism::Login])
        } else if let Some(path) = &self.email.token_file {
            (SecretPlace::File(path.clone()).read()?, vec![Mechanism::Xoauth2])
        } else if let Some(command) = &self.email.token_command {
            (token::from_command(command, token::PATIENCE, self.stopped)?, vec![Mechanism::Xoauth2])
        } else {
            return Ok(None);
        };
        self.redactor = Redactor::default();
        self.redactor.hide(secret.reveal());
        Ok(Some((Credentials::new(user.clone(), secret.reveal().to_owned()), mechanisms)))
    }
}

/// Whether an answer to the greeting or to EHLO is about the name in it. A greeting cannot have the
/// codes 500 to 504.
fn is_about_hello(code: u16, text: &str) -> bool {
    let text = text.to_lowercase();
    matches!(code, 500..=504)
        || ["helo", "ehlo", "hostname", "host name"].iter().any(|word| text.contains(word))
}
