//! The one error of this program: what happened, where, and what to do about it.
//!
//! Which function returns which error:
//! - A public function of the library returns [`Result`], and so a [`Failure`]. The function that
//!   knows what was attempted writes the sentence, the place and the cure.
//! - A function inside a module may return a plainer error (`io::Error`, `rusqlite::Error`, a type
//!   of its own) to a caller in the same module, which makes a `Failure` of it.
//! - The error underneath goes into [`Failure::because`] as it is, with its own chain.
//! - What another program or server said goes into [`Failure::quoting`]. It may hold anything, so
//!   it is not kept.
//! - A row that cannot be used is a note of the report, or a [`crate::findings::Finding`].
//! - No error holds a secret: URLs are written without user, password and query, and clients give
//!   up theirs first (`reqwest::Error::without_url`).

use std::error::Error;
use std::fmt;
use std::path::Path;

/// Which of the documented exit statuses a failure ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Unexpected; nothing was applied. Exit 1.
    Failed,
    /// The command line or the configuration is wrong. Exit 2.
    Usage,
    /// A limit or the policy says no; nothing was applied. Exit 4.
    Blocked,
    /// Another run holds the lock. Exit 5.
    Busy,
    /// The source could not be reached, or changed or ended while it was read. Exit 6.
    SourceUnavailable,
    /// An input is missing, empty, or not what it should be. Exit 7.
    InputUnusable,
    /// Stopped by SIGHUP (129), SIGINT (130) or SIGTERM (143) before anything was applied.
    Interrupted(i32),
}

/// A failure: what happened, where, and the cure; for people also an excerpt and the causes.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    /// What happened, as a sentence without a final full stop. Of a person's details only what the user typed.
    pub what: String,
    /// File, line, column, URL or user that it concerns; may be empty.
    pub place: String,
    /// The line at the place with a mark below it, which is shown to people alone.
    pub excerpt: Option<Box<str>>,
    /// What to do about it; may be empty where the cause says it.
    pub cure: String,
    /// The error underneath, with those underneath it. [`Failure::causes`] has their words.
    pub cause: Option<anyhow::Error>,
}

/// What every fallible function of the library returns.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure of the given kind; place, cure and cause are added with the methods below.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            place: String::new(),
            excerpt: None,
            cure: String::new(),
            cause: None,
        }
    }

    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.place = place.to_string();
        self
    }

    /// As [`Failure::at`], where the failure does not know a nearer place already.
    #[must_use]
    pub fn or_at(self, place: impl fmt::Display) -> Self {
        if self.place.is_empty() { self.at(place) } else { self }
    }

    /// Shows the line at the place. It must not hold a secret.
    #[must_use]
    pub fn showing(mut self, excerpt: impl Into<String>) -> Self {
        let excerpt = excerpt.into();
        self.excerpt = (!excerpt.is_empty()).then(|| excerpt.into());
        self
    }

    /// The line at the place with a mark below it; empty where there is none.
    pub fn excerpt(&self) -> &str {
        self.excerpt.as_deref().unwrap_or_default()
    }

    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }

    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// As [`Failure::because`], with the words of another program or server, or names that it gave.
    /// They are shown, and are never kept in the store or mailed.
    #[must_use]
    pub fn quoting(self, words: impl Into<String>) -> Self {
        self.because(Quoted(words.into()))
    }

    /// What the errors underneath say, the outermost first. Nothing is said twice, although many
    /// errors repeat the one underneath in their own words.
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        for link in self.cause.iter().flat_map(anyhow::Error::chain) {
            let text = link.downcast_ref::<Self>().map_or_else(|| link.to_string(), Self::without_causes);
            match causes.last_mut() {
                Some(before) if text.contains(before.as_str()) => {
                    *before = text;
                    continue;
                }
                Some(before) => match before.strip_suffix(&text).and_then(|own| own.strip_suffix(": ")) {
                    Some(own) => *before = own.to_owned(),
                    None if before.contains(&text) => continue,
                    None => {}
                },
                None => {}
            }
            causes.push(text);
        }
        causes
    }

    /// What happened, where, and why, for the record of attempts and for mails: without what others
    /// said.
    pub fn to_keep(&self) -> String {
        let quotes = self.cause.iter().flat_map(anyhow::Error::chain).any(|link| link.is::<Quoted>());
        let mut text = self.without_causes();
        for cause in self.causes().iter().filter(|_| !quotes) {
            text.push_str(&format!(": {cause}"));
        }
        text
    }

    fn without_causes(&self) -> String {
        match self.place.as_str() {
            "" => self.what.clone(),
            place => format!("{}, at {place}", self.what),
        }
    }

    /// The system makes no more threads.
    pub fn no_thread(cause: std::io::Error) -> Self {
        Self::new(Kind::Failed, "no thread can be started")
            .cure("raise the limit of processes for the user that runs rostersync (ulimit -u, TasksMax of the unit)")
            .because(cause)
    }

    /// A file operation that failed, with the usual cure for its cause.
    pub fn io(kind: Kind, what: impl Into<String>, path: &Path, cause: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let cure = match cause.kind() {
            ErrorKind::NotFound => "check the path in the configuration and that the file was delivered",
            ErrorKind::PermissionDenied => "give the user that runs rostersync access to it",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some disk space and run again",
            ErrorKind::ReadOnlyFilesystem => {
                "mount the disk for writing, or name another folder, and run again"
            }
            ErrorKind::IsADirectory => "name a file: this is a folder",
            ErrorKind::NotADirectory => "name a folder: a part of this path is a file",
            ErrorKind::AlreadyExists => "move away what is there under this name, and run again",
            _ => "check this path and the disk that it is on, then run again",
        };
        // Cron starts elsewhere: a path has to mean the same wherever it is read.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self::new(kind, what).at(path.display()).cure(cure).because(cause)
    }
}

/// An error that says these texts, the outermost first.
pub fn chain(texts: &[String]) -> Option<anyhow::Error> {
    texts.iter().rev().fold(None, |underneath: Option<anyhow::Error>, text| {
        Some(match underneath {
            Some(underneath) => underneath.context(text.clone()),
            None => anyhow::Error::msg(text.clone()),
        })
    })
}

/// See [`Failure::quoting`].
#[derive(Debug)]
struct Quoted(String);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Quoted {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_causes())?;
        for cause in self.causes() {
            write!(f, ": {cause}")?;
        }
        if !self.cure.is_empty() {
            write!(f, "; {}", self.cure)?;
        }
        Ok(())
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| -> &(dyn Error + 'static) { cause.as_ref() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says the error underneath in its own words, as many do.
    #[derive(Debug)]
    struct Repeating(std::io::Error);

    impl fmt::Display for Repeating {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "reading the header: {}", self.0)
        }
    }

    impl Error for Repeating {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn every_cause_is_said_once() {
        let cause = anyhow::Error::from(Repeating(std::io::ErrorKind::UnexpectedEof.into()));
        let failure = Failure::new(Kind::Failed, "the roster cannot be read")
            .at("users.csv")
            .cure("deliver it again")
            .because(cause.context("/srv/sis/users.csv"));
        assert_eq!(failure.causes(), ["/srv/sis/users.csv", "reading the header", "unexpected end of file"]);
        assert_eq!(
            failure.to_string(),
            "the roster cannot be read, at users.csv: /srv/sis/users.csv: reading the header: unexpected end of file; \
             deliver it again"
        );
        let outer = Failure::new(Kind::Failed, "the run stopped").because(failure);
        assert_eq!(
            outer.causes(),
            [
                "the roster cannot be read, at users.csv",
                "/srv/sis/users.csv",
                "reading the header",
                "unexpected end of file"
            ]
        );
    }

    #[test]
    fn the_words_of_others_are_shown_and_not_kept() {
        let failure = Failure::new(Kind::Failed, "the server refused the login").at("sftp://sis.example");
        let quoting = failure.quoting("joe@sis.example: Permission denied");
        assert_eq!(quoting.causes(), ["joe@sis.example: Permission denied"]);
        assert_eq!(quoting.to_keep(), "the server refused the login, at sftp://sis.example");
    }

    #[test]
    fn texts_make_a_chain() {
        let texts = ["tcp connect error".to_owned(), "Connection refused".to_owned()];
        let failure = Failure { cause: chain(&texts), ..Failure::new(Kind::Failed, "no connection") };
        assert_eq!(failure.causes(), texts);
        assert_eq!(failure.to_keep(), "no connection: tcp connect error: Connection refused");
        assert!(chain(&[]).is_none());
    }
}
