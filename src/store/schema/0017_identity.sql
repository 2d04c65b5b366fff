-- Accounts that are probably back in the roster under another sourcedId, and are held until a person decides. Those of the last
-- run that was applied.

CREATE TABLE same_person (
    old       TEXT NOT NULL,             -- sourcedId of the account
    new       TEXT NOT NULL,             -- sourcedId of the record, which has no account
    since     TEXT NOT NULL,             -- the day of the run that found them
    certain   INTEGER NOT NULL CHECK (certain IN (0, 1)),
    evidence  TEXT NOT NULL,             -- in the words of the note: `same identifier`
    PRIMARY KEY (old, new)
) STRICT, WITHOUT ROWID;

CREATE INDEX same_person_by_new ON same_person (new);

-- Of two sourcedIds a person has said that they are two people: they are never held as one again.

CREATE TABLE distinct_people (
    old      TEXT NOT NULL,
    new      TEXT NOT NULL,
    decided  TEXT NOT NULL,
    PRIMARY KEY (old, new)
) STRICT, WITHOUT ROWID;
