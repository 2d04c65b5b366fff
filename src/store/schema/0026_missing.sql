-- Accounts whose people the roster does not mention, and that are not archived for it yet (archive_after).

CREATE TABLE missing (
    account_id  INTEGER PRIMARY KEY,
    since       TEXT NOT NULL,           -- the day of the first good run without the person
    runs        INTEGER NOT NULL,        -- how many good runs without the person there have been
    adults      BLOB NOT NULL            -- 8 bytes each: the accounts of the adults that are linked to the person
) STRICT;
