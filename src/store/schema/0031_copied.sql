-- What this file is, if `db copy` made it: at most one row. The next run says so, and takes it away.

CREATE TABLE copied (
    only_one  INTEGER PRIMARY KEY CHECK (only_one = 1),
    of        TEXT NOT NULL,   -- the path of the store that was copied
    made      TEXT NOT NULL    -- when
) STRICT;
