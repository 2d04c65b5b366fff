//! Exit statuses: one enum, in which a command ends, for people, scripts and cron.

use std::io::ErrorKind;

use crate::attempt::Ending;
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
    /// The last run is too long ago.
    Late,
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

    /// Of an attempt that is on record.
    pub(super) fn of_exit(exit: u8) -> Self {
        match exit {
            0 => Self::Ok,
            2 => Self::Usage,
            3 => Self::Attention,
            4 => Self::Blocked,
            5 => Self::Busy,
            6 => Self::SourceUnavailable,
            7 => Self::InputUnusable,
            8 => Self::Undelivered,
            129.. => Self::Interrupted(i32::from(exit) - 128),
            _ => Self::Failed,
        }
    }

    fn ending(self) -> Ending {
        match self {
            Self::Ok => Ending::OK,
            Self::Failed => Ending::of(Kind::Failed),
            Self::Usage => Ending::of(Kind::Usage),
            Self::Partial => Ending::PARTIAL,
            Self::Attention => Ending::ATTENTION,
            Self::Blocked => Ending::BLOCKED,
            Self::Busy => Ending::of(Kind::Busy),
            Self::SourceUnavailable => Ending::of(Kind::SourceUnavailable),
            Self::InputUnusable => Ending::of(Kind::InputUnusable),
            Self::Undelivered => Ending::UNDELIVERED,
            Self::Late => Ending("late", 9),
            Self::Changes => Ending("changes", 10),
            Self::ChangesPeople => Ending("changes-people", 11),
            Self::Interrupted(signal) => Ending::of(Kind::Interrupted(signal)),
        }
    }

    pub(super) fn code(self) -> u8 {
        self.ending().1
    }

    /// The word in the last log line and in JSON.
    pub(super) fn word(self) -> &'static str {
        self.ending().0
    }
}

/// Whether the program that reads the output has ended: `rostersync report | head`.
pub(super) fn is_broken_pipe(failure: &Failure) -> bool {
    let cause = failure.cause.as_ref().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
