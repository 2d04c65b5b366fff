-- Memos of another form: the schools of a record by themselves, since those are known only when the whole roster has been
-- read, and hashes of the credentials, by which it is seen who shares one. What was remembered is made anew.

DELETE FROM memo_row;
DROP TABLE memo;

CREATE TABLE memo (
    chunk    INTEGER PRIMARY KEY,        -- accounts chunk * 1024 + 1 and following
    keys     BLOB NOT NULL,              -- 8 bytes each: hash of the sourcedId
    records  BLOB NOT NULL,              -- 8 bytes each: of record and rules; 0: to be decided
    schools  BLOB NOT NULL,              -- 8 bytes each: of the person's schools
    exports  BLOB NOT NULL,              -- 8 bytes each: of the platform's row last taken in; 0: none
    states   BLOB NOT NULL               -- 1 byte each: 1 active, 2 archived, 4 there is a memo_row
) STRICT;

-- A table of its own, since it is wanted later than the rest.
CREATE TABLE memo_credentials (
    chunk    INTEGER PRIMARY KEY,
    emails   BLOB NOT NULL,              -- 8 bytes each: hash of the normal form; 0: none
    phones   BLOB NOT NULL
) STRICT;
