//! The exit statuses.

use super::{Entry, Kind};

const fn exit(
    exits: &'static [u8],
    code: &'static str,
    meaning: &'static str,
    cause: &'static str,
    cure: &'static str,
) -> Entry {
    Entry { code, kind: Kind::ExitStatus, meaning, cause, cure, exits }
}

pub(super) const EXITS: &[Entry] = &[
    exit(&[0], "ok", "Done, or nothing to do.", "All went well.", "Nothing."),
    exit(
        &[0],
        "paused",
        "The run did nothing.",
        "A `[[pause]]` of the configuration stops the sync today.",
        "Nothing. The sync goes on after the last day of the pause.",
    ),
    exit(
        &[1],
        "failed",
        "An unexpected failure. Nothing was applied.",
        "A full disk, missing rights, a damaged store or a store of a newer version: the message says which.",
        "Correct the cause in the message, then run again.",
    ),
    exit(
        &[2],
        "usage",
        "The command line or the configuration is wrong. Nothing was done.",
        "An unknown option or key, or a value that is not allowed.",
        "Correct the line that the message names, and run `rostersync check`.",
    ),
    exit(
        &[3],
        "partial",
        "The run is done, but too many records were rejected.",
        "More records cannot be used than `[limits] rejected` allows.",
        "Look at `rostersync report --where action=rejected`, and correct the rows in the SIS.",
    ),
    exit(
        &[3],
        "attention",
        "The run is done, but something needs a person.",
        "A finding of the severity `attention`: `rostersync status` names it.",
        "Do what the finding says. `rostersync codes CODE` explains its code.",
    ),
    exit(
        &[4],
        "blocked",
        "Nothing was applied.",
        "The plan goes over a limit of `[limits]`, or the policy refuses the change.",
        "If the export is wrong, get a right one. If the plan is right, approve it with `rostersync run --approve CHECKSUM`.",
    ),
    exit(
        &[5],
        "busy",
        "Nothing was done.",
        "Another process holds the lock, and did not free it within 5 seconds.",
        "Wait until the process that the message names has ended. If it hangs, end it.",
    ),
    exit(
        &[6],
        "source-unavailable",
        "Nothing was applied.",
        "The source could not be reached, refused the request, or changed or ended while it was read.",
        "Read the answer of the server in the message. `rostersync check --source` tries the connection. Then run again.",
    ),
    exit(
        &[7],
        "input-unusable",
        "Nothing was applied.",
        "An input is missing, empty or cut, lacks a required column, or has no user that the configuration syncs.",
        "Look at the file that the message names, and have it exported again.",
    ),
    exit(
        &[8],
        "undelivered",
        "The changes are applied, but messages were not delivered, or the push to the platform failed.",
        "A channel was stopped, nothing was handed over for a day, messages were given up after five days, or `[platform.push]` failed.",
        "Correct the cause in the message. `rostersync outbox list` lists the messages; the next run sends them, and pushes again.",
    ),
    exit(
        &[9],
        "late",
        "The last good run is too long ago.",
        "No run has ended well within the time of `status --max-age`.",
        "Look at `rostersync runs`, and check that cron or the timer starts the run.",
    ),
    exit(
        &[10],
        "changes",
        "The preview has changes.",
        "`--detailed-exitcode` was given, and no change archives a person or changes an active user.",
        "Look at the preview. `rostersync run` applies it.",
    ),
    exit(
        &[11],
        "changes-people",
        "The preview has changes of people.",
        "`--detailed-exitcode` was given, and some changes archive people or change active users.",
        "Look at the preview. `rostersync run` applies it.",
    ),
    exit(
        &[129, 130, 143],
        "interrupted",
        "Nothing was applied.",
        "A signal stopped the process: SIGHUP (129), SIGINT (130) or SIGTERM (143).",
        "Find out which process sent the signal, then run again.",
    ),
];
