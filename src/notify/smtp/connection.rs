//! A connection to a mail server, command by command: lettre's, or a plain one for a server that
//! does not know EHLO.

use std::error::Error as _;
use std::fmt::Display;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::SmtpConnection;
use lettre::transport::smtp::extension::Extension;

/// A command without a positive answer.
#[derive(Debug)]
pub(super) enum CommandError {
    Negative(u16, String),
    Timeout(String),
    /// The connection broke or was not made, or the answer cannot be read.
    Broken(String),
}

impl CommandError {
    pub(super) fn of(error: &Error) -> Self {
        match negative(error) {
            Some((code, text)) => Self::Negative(code, text),
            None if io_causes(error).any(is_timeout) => Self::Timeout(root_cause(error)),
            None => Self::Broken(root_cause(error)),
        }
    }
}

/// A connection after its greeting.
pub(super) enum Connection {
    Extended(Box<SmtpConnection>),
    Plain(Plain),
}

impl Connection {
    /// Sends a command. Returns the code of the answer.
    pub(super) fn command(&mut self, command: impl Display) -> Result<u16, CommandError> {
        match self {
            Self::Extended(connection) => {
                connection.command(command).map_err(|error| CommandError::of(&error)).map(code)
            }
            Self::Plain(plain) => plain.command(&command.to_string()),
        }
    }

    /// Waits for an answer that did not come in time.
    pub(super) fn answer(&mut self) -> Result<u16, CommandError> {
        match self {
            Self::Extended(connection) => {
                connection.read_response().map_err(|error| CommandError::of(&error)).map(code)
            }
            Self::Plain(plain) => plain.answer(),
        }
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) -> std::io::Result<()> {
        match self {
            Self::Extended(connection) => connection.set_timeout(Some(timeout)),
            Self::Plain(plain) => plain.set_timeout(timeout),
        }
    }

    pub(super) fn takes_utf8(&self) -> bool {
        match self {
            Self::Extended(connection) => connection.server_info().supports_feature(Extension::SmtpUtfEight),
            Self::Plain(_) => false,
        }
    }

    pub(super) fn quit(&mut self) {
        // Everything was answered before; the answer to QUIT has no effect.
        match self {
            Self::Extended(connection) => drop(connection.quit()),
            Self::Plain(plain) => drop(plain.command("QUIT\r\n")),
        }
    }
}

fn code(response: lettre::transport::smtp::response::Response) -> u16 {
    response.code().into()
}

/// A connection without extensions (RFC 821), for the few servers that do not know EHLO: no
/// encryption, no login.
pub(super) struct Plain {
    stream: BufReader<TcpStream>,
    /// The beginning of an answer that has not ended yet.
    read: String,
}

const LONGEST_ANSWER: u64 = 64 << 10;

impl Plain {
    /// Connects, waits for the greeting and says HELO.
    pub(super) fn connect(place: (&str, u16), timeout: Duration, hello: &str) -> Result<Self, CommandError> {
        let broken = |cause: std::io::Error| CommandError::Broken(cause.to_string());
        let stream = TcpStream::connect(place).map_err(broken)?;
        let mut plain = Self { stream: BufReader::new(stream), read: String::new() };
        plain.set_timeout(timeout).map_err(broken)?;
        plain.answer()?;
        plain.command(&format!("HELO {hello}\r\n"))?;
        Ok(plain)
    }

    fn set_timeout(&mut self, timeout: Duration) -> std::io::Result<()> {
        let stream = self.stream.get_ref();
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))
    }

    fn command(&mut self, command: &str) -> Result<u16, CommandError> {
        let sent = self.stream.get_mut().write_all(command.as_bytes());
        sent.map_err(|cause| CommandError::Broken(cause.to_string()))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<u16, CommandError> {
        loop {
            // After a timeout, the last line may be there in part.
            let begin = self.read.rfind('\n').map_or(0, |end| end + 1);
            let room = LONGEST_ANSWER.saturating_sub(self.read.len() as u64);
            let mut limited = (&mut self.stream).take(room);
            match limited.read_line(&mut self.read) {
                Ok(0) => return Err(CommandError::Broken("the answer broke off".into())),
                Ok(_) => {}
                Err(cause) if is_timeout(cause.kind()) => {
                    return Err(CommandError::Timeout(cause.to_string()));
                }
                Err(cause) => return Err(CommandError::Broken(cause.to_string())),
            }
            // `250-more`, `250 last`
            let line = self.read[begin..].trim_end();
            let Some(code) = line.get(..3).and_then(|code| code.parse::<u16>().ok()) else {
                return Err(CommandError::Broken("the answer is not that of a mail server".into()));
            };
            if line.as_bytes().get(3) == Some(&b'-') {
                continue;
            }
            let said = std::mem::take(&mut self.read);
            let words: Vec<&str> = said.lines().filter_map(|line| line.get(4..)).collect();
            return if code < 400 { Ok(code) } else { Err(CommandError::Negative(code, words.join(" "))) };
        }
    }
}

/// The system reports a timeout in either way.
fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

pub(super) fn negative(error: &Error) -> Option<(u16, String)> {
    let code: u16 = error.status()?.into();
    Some((code, error.source().map(ToString::to_string).unwrap_or_default()))
}

/// The kinds of the I/O errors underneath.
pub(super) fn io_causes(error: &Error) -> impl Iterator<Item = ErrorKind> {
    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
    causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}

/// The innermost error, which says more than those around it.
pub(super) fn root_cause(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
