-- What spares a run from deciding again what it decided yesterday: for each account, fingerprints of the record, of the
-- rules and of the platform's row that it was last decided on, in chunks of 1024 accounts by id. See plan/known.rs.

CREATE TABLE memo (
    chunk    INTEGER PRIMARY KEY,        -- accounts chunk * 1024 + 1 and following
    keys     BLOB NOT NULL,              -- 8 bytes each: hash of the sourcedId
    records  BLOB NOT NULL,              -- 8 bytes each: of record, schools and rules; 0: to be decided
    exports  BLOB NOT NULL,              -- 8 bytes each: of the platform's row last taken in; 0: none
    states   BLOB NOT NULL               -- 1 byte each: 1 active, 2 archived, 4 there is a memo_row
) STRICT;

-- The report's row of accounts about which there is something to say every night, as it was decided.
CREATE TABLE memo_row (
    account_id  INTEGER PRIMARY KEY,
    row         BLOB NOT NULL
) STRICT;

-- Accounts that were written to since their memo was made. Whoever writes, these triggers see to it; a memo can not be
-- out of date. (No INSERT OR IGNORE: in a trigger the policy of the statement that fires it holds instead.)
CREATE TABLE touched (
    account_id  INTEGER PRIMARY KEY
) STRICT;

CREATE TRIGGER account_is_touched AFTER UPDATE ON account
BEGIN
    INSERT INTO touched SELECT old.id WHERE NOT EXISTS (SELECT 1 FROM touched WHERE account_id = old.id);
    INSERT INTO touched SELECT new.id WHERE NOT EXISTS (SELECT 1 FROM touched WHERE account_id = new.id);
END;

CREATE TRIGGER account_is_gone AFTER DELETE ON account
BEGIN
    INSERT INTO touched SELECT old.id WHERE NOT EXISTS (SELECT 1 FROM touched WHERE account_id = old.id);
END;

-- An account after the last chunk has no memo yet. One among them replaces another without a word (INSERT OR REPLACE).
CREATE TRIGGER account_is_put AFTER INSERT ON account
WHEN new.id <= (SELECT max(chunk) FROM memo) * 1024 + 1024
BEGIN
    INSERT INTO touched SELECT new.id WHERE NOT EXISTS (SELECT 1 FROM touched WHERE account_id = new.id);
END;
