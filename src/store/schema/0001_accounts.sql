-- The accounts, whose details the whole program is about, and the record of everything that was done to them.
-- Details are text in the form in which they are shown; '' is "has none". In sis_ columns NULL is "not provided".

CREATE TABLE account (
    id                  INTEGER PRIMARY KEY,
    sourced_id          TEXT NOT NULL,
    state               TEXT NOT NULL CHECK (state IN ('pending', 'active')),
    archived            INTEGER NOT NULL CHECK (archived IN (0, 1)),
    given_name          TEXT NOT NULL,
    family_name         TEXT NOT NULL,
    email               TEXT NOT NULL,
    phone               TEXT NOT NULL,
    home_phone          TEXT NOT NULL,
    -- What the roster last said that was new. Raw, so that a change of the normal forms applies to it as well.
    sis_identifier      TEXT,
    sis_enabled         INTEGER CHECK (sis_enabled IN (0, 1)),
    sis_given_name      TEXT,
    sis_family_name     TEXT,
    sis_email           TEXT,
    sis_sms             TEXT,
    sis_phone           TEXT,
    sis_language        TEXT,
    sis_roles           TEXT NOT NULL,   -- primary first; a line each: role, org, begin, end, set apart by tabs
    sis_orgs            TEXT NOT NULL,   -- sourcedIds, comma-separated, as OneRoster writes them
    sis_agents          TEXT NOT NULL,   -- a student's guardians or a guardian's students, likewise
    -- What the platform's export last said; NULL: nothing yet.
    export_given_name   TEXT,
    export_family_name  TEXT,
    export_email        TEXT,
    export_phone        TEXT,
    export_home_phone   TEXT,
    kept_since          TEXT             -- the day since when there is a kept difference
) STRICT;

CREATE UNIQUE INDEX account_by_sourced_id ON account (sourced_id);

CREATE TABLE school (
    id    TEXT PRIMARY KEY,
    name  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id        INTEGER PRIMARY KEY,
    started   TEXT NOT NULL,             -- UTC, RFC 3339
    finished  TEXT NOT NULL,
    result    TEXT NOT NULL CHECK (result IN ('ok', 'partial', 'blocked')),
    source    TEXT NOT NULL,
    mode      TEXT NOT NULL CHECK (mode IN ('bulk', 'delta', 'unknown')),
    notify    INTEGER NOT NULL CHECK (notify IN (0, 1)),
    checksum  TEXT NOT NULL,
    summary   TEXT NOT NULL              -- JSON: the counts of the plan
) STRICT;

-- Every change of a contact detail or a state, by whom and when. Nothing is ever changed or removed here.
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL REFERENCES account (id),
    run_id      INTEGER REFERENCES run (id),
    origin      TEXT NOT NULL CHECK (origin IN ('sync', 'platform', 'person')),
    field       TEXT NOT NULL CHECK (field IN ('name', 'email', 'phone', 'home_phone', 'state')),
    old         TEXT NOT NULL,
    new         TEXT NOT NULL,
    at          TEXT NOT NULL            -- UTC, RFC 3339
) STRICT;

CREATE INDEX audit_by_account ON audit (account_id);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_is_never_removed BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
