//! Exit statuses: one enum, in which a command ends, for people, scripts and cron.

use std::io::ErrorKind;

use crate::failure::{Failure, Kind};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    Failed,
    Usage,
    Partial,
    Attention,
    Blocked,
    Busy,
    SourceUnavailable,
    InputUnusable,
    Undelivered,
    Changes,
    ChangesPeople,
    Interrupted(i32),
}

impl Status {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Failed => Self::Failed,
            Kind::Usage => Self::Usage,
            Kind::Blocked => Self::Blocked,
            Kind::Busy => Self::Busy,
            Kind::SourceUnavailable => Self::SourceUnavailable,
            Kind::InputUnusable => Self::InputUnusable,
            Kind::Interrupted(signal) => Self::Interrupted(signal),
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partial | Self::Attention => 3,
            Self::Blocked => 4,
            Self::Busy => 5,
            Self::SourceUnavailable => 6,
            Self::InputUnusable => 7,
            Self::Undelivered => 8,
            Self::Changes => 10,
            Self::ChangesPeople => 11,
            // As a shell reports a process that a signal ended.
            Self::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(1),
        }
    }

    /// The word in the last log line and in JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Partial => "partial",
            Self::Attention => "attention",
            Self::Blocked => "blocked",
            Self::Busy => "busy",
            Self::SourceUnavailable => "source-unavailable",
            Self::InputUnusable => "input-unusable",
            Self::Undelivered => "undelivered",
            Self::Changes => "changes",
            Self::ChangesPeople => "changes-people",
            Self::Interrupted(_) => "interrupted",
        }
    }
}

/// Whether it is only that nobody reads our output any more: `rostersync report | head`.
pub(super) fn is_broken_pipe(failure: &Failure) -> bool {
    let cause = failure.cause.as_ref().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
