-- What the platform was last given by [platform.push]: one row. An entry of the audit and the number of an account say how far:
-- what is later has changed since. A file that is still there was not picked up, so that the next one begins where it began.

CREATE TABLE push (
    only_one       INTEGER PRIMARY KEY CHECK (only_one = 1),
    target         TEXT NOT NULL,        -- a hash of where it goes
    taken_entry    INTEGER NOT NULL,     -- the platform has everything up to here
    taken_account  INTEGER NOT NULL,
    entry          INTEGER NOT NULL,     -- the last push went up to here
    account        INTEGER NOT NULL,
    pushed         TEXT,                 -- when; NULL: no push has succeeded yet
    users          INTEGER NOT NULL,
    failed         TEXT,                 -- when one failed after that
    reason         TEXT NOT NULL         -- why; no data of people
) STRICT;
