-- One fingerprint for each account: of the record, of the schools and of the rules that it was last decided on. The signs of the
-- accounts stay as they are. No fingerprint does: the next night decides on every account, with the same result.

DROP TABLE memo_row;
DROP TABLE memo_credentials;

CREATE TABLE fingerprint (
    chunk      INTEGER PRIMARY KEY,      -- accounts chunk * 1024 + 1 and following
    keys       BLOB NOT NULL,            -- 8 bytes each: hash of the sourcedId; 0: there is no such account
    signs      BLOB NOT NULL,            -- 1 byte each: see store/fingerprints.rs
    decisions  BLOB NOT NULL,            -- 8 bytes each: what was decided on, odd if there is a cached_row; 0: to be decided
    exports    BLOB NOT NULL             -- 8 bytes each: the platform's row last taken in; 0: none
) STRICT;

INSERT INTO fingerprint SELECT chunk, keys, states, zeroblob(length(keys)), zeroblob(length(keys)) FROM memo;

-- A table of its own, since it is read later than the rest.
CREATE TABLE fingerprint_credential (
    chunk   INTEGER PRIMARY KEY,
    emails  BLOB NOT NULL,               -- 8 bytes each: hash of the normal form; 0: none
    phones  BLOB NOT NULL
) STRICT;

-- The report's row of an account about which there is something to say every night, as it was decided.
CREATE TABLE cached_row (
    account_id  INTEGER PRIMARY KEY,
    row         BLOB NOT NULL
) STRICT;

-- An account after the last chunk has no fingerprint yet. One before it replaces another without a word (INSERT OR REPLACE).
DROP TRIGGER account_is_put;
DROP TABLE memo;
CREATE TRIGGER account_is_put AFTER INSERT ON account
WHEN new.id <= (SELECT max(chunk) FROM fingerprint) * 1024 + 1024
BEGIN
    INSERT INTO touched SELECT new.id WHERE NOT EXISTS (SELECT 1 FROM touched WHERE account_id = new.id);
END;
