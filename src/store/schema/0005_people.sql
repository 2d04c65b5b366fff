-- What people do besides the sync: edits, permissions, undo. And an audit that shows whether anybody has altered it.
--
-- A row of the audit says who did what to whom and when; the values stand in a table of their own, under a salt, so that
-- one person's values can be erased and every digest still holds. A link seals all rows of one run or one edit; it
-- covers the link before it, so a million rows cost one link and not a million.

ALTER TABLE run ADD COLUMN undoes INTEGER REFERENCES run (id);

CREATE TABLE users_manager (
    account_id  INTEGER NOT NULL REFERENCES account (id),
    school      TEXT NOT NULL,           -- sourcedId; '' is the whole district
    PRIMARY KEY (account_id, school)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_row (
    id          INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL REFERENCES account (id),
    run_id      INTEGER REFERENCES run (id),
    origin      TEXT NOT NULL CHECK (origin IN ('sync', 'platform', 'person', 'staff', 'operator', 'undo')),
    actor       TEXT NOT NULL,           -- sourcedId of who did it by hand; '' otherwise
    field       TEXT NOT NULL CHECK (field IN
                    ('name', 'email', 'phone', 'home_phone', 'state', 'users_manager', 'sourced_id', 'refused', 'erased')),
    at          TEXT NOT NULL,           -- UTC, RFC 3339
    digest      BLOB NOT NULL            -- 16 bytes over the values, 16 over the row; none from before there were links
) STRICT;

CREATE TABLE audit_value (
    id    INTEGER PRIMARY KEY REFERENCES audit_row (id),
    salt  BLOB NOT NULL,
    old   TEXT NOT NULL,                 -- of a name: given and family name, set apart by a tab
    new   TEXT NOT NULL
) STRICT;

CREATE TABLE link (
    id           INTEGER PRIMARY KEY,
    run_id       INTEGER REFERENCES run (id),
    at           TEXT NOT NULL,
    first_audit  INTEGER NOT NULL,       -- the rows that it covers; none if last is before first
    last_audit   INTEGER NOT NULL,
    accounts     INTEGER NOT NULL,       -- the highest account there was: who came with which run
    digest       BLOB NOT NULL
) STRICT;

INSERT INTO audit_row SELECT id, account_id, run_id, origin, '', field, at, x'' FROM audit;
INSERT INTO audit_value SELECT id, x'', old, new FROM audit;
-- The first link covers what is older than the chain.
INSERT INTO link SELECT 1, NULL, '', 1, (SELECT coalesce(max(id), 0) FROM audit), (SELECT coalesce(max(id), 0) FROM account), x'';
DROP TABLE audit;

CREATE INDEX audit_row_by_account ON audit_row (account_id);

CREATE VIEW audit AS
    SELECT audit_row.id, account_id, run_id, origin, actor, field, coalesce(old, '') AS old, coalesce(new, '') AS new, at
    FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id;

CREATE TRIGGER audit_row_is_never_changed BEFORE UPDATE ON audit_row
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_row_is_never_removed BEFORE DELETE ON audit_row
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_value_is_never_changed BEFORE UPDATE ON audit_value
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_value_goes_with_the_person BEFORE DELETE ON audit_value
WHEN NOT EXISTS (
    SELECT 1 FROM audit_row AS row JOIN audit_row AS erased ON erased.account_id = row.account_id
    WHERE row.id = OLD.id AND erased.field = 'erased'
)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER link_is_never_changed BEFORE UPDATE ON link
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER link_is_never_removed BEFORE DELETE ON link
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- A message can tell of an edit, which belongs to no run.
CREATE TABLE outbox_of_all (
    id          INTEGER PRIMARY KEY,
    run_id      INTEGER REFERENCES run (id),
    account_id  INTEGER NOT NULL REFERENCES account (id),
    channel     TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
    audience    TEXT NOT NULL CHECK (audience IN ('current', 'former')),
    recipient   TEXT NOT NULL,           -- address or number
    subject     TEXT NOT NULL,
    body        TEXT NOT NULL,
    queued      TEXT NOT NULL,           -- UTC, RFC 3339
    state       TEXT NOT NULL CHECK (state IN ('queued', 'sent')),
    sent        TEXT,
    UNIQUE (run_id, account_id, channel, recipient)
) STRICT;

INSERT INTO outbox_of_all SELECT * FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_of_all RENAME TO outbox;
CREATE INDEX outbox_waiting ON outbox (id) WHERE state = 'queued';
