-- What the roster was like in numbers, by school and role, at the last applied runs with a complete one. See history.rs.
-- `content` stands for all records; `written` is when users.csv was, in seconds since 1970.

CREATE TABLE history (
    run     INTEGER PRIMARY KEY,
    content INTEGER NOT NULL,
    written INTEGER,
    seen    BLOB NOT NULL
) STRICT;
