//! The one error of this program: what happened, where, and what to do about it.
//!
//! Every module says its failures this way, because every failure ends in front of a person at 7 a.m. The kind decides
//! the exit status; nothing else does.

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
    /// Stopped by SIGINT (130) or SIGTERM (143) before anything was applied.
    Interrupted(i32),
}

/// A line of a file with a mark below it.
#[derive(Debug)]
pub struct Excerpt(String);

/// A failure in three parts: what happened, where, and the cure.
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    /// What happened, as a sentence without a final full stop. Never contains a person's details.
    pub what: String,
    /// File, line, column, URL or user that it concerns; may be empty.
    pub place: String,
    /// The line at the place with a mark below it, which is shown to people alone. Boxed, since few failures have one.
    pub excerpt: Option<Box<Excerpt>>,
    /// What to do about it; may be empty where the cause says it.
    pub cure: String,
    /// The error underneath, for the "caused by" line.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
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
        self.excerpt = (!excerpt.is_empty()).then(|| Box::new(Excerpt(excerpt)));
        self
    }

    /// The line at the place with a mark below it; empty where there is none.
    pub fn excerpt(&self) -> &str {
        self.excerpt.as_ref().map_or("", |excerpt| &excerpt.0)
    }

    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }

    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
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

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.place.is_empty() {
            write!(f, ", at {}", self.place)?;
        }
        if let Some(cause) = &self.cause {
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
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}
