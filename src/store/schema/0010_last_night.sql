-- What the last applied run saw of its inputs, for the next one to compare with: one row of JSON. See last_night.rs.
-- Without the run's number: the same input once more leaves the same row.

CREATE TABLE last_night (
    only_one  INTEGER PRIMARY KEY CHECK (only_one = 1),
    seen      TEXT NOT NULL
) STRICT;
