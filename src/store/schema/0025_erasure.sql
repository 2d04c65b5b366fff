-- Accounts whose person is removed with all personal data, by `users erase` or after `purge_after`. What was done to the account
-- stays in the audit without its values, so the audit refers to an account that is not there any more: the reference goes, as
-- SQLite describes it for constraints that only become weaker (https://www.sqlite.org/lang_altertable.html#otheralter).

PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, 'account_id  INTEGER NOT NULL REFERENCES account (id)', 'account_id  INTEGER NOT NULL')
WHERE type = 'table' AND name = 'audit_row';
PRAGMA writable_schema = RESET;

CREATE INDEX audit_row_of_erasures ON audit_row (id) WHERE field = 'erased';

-- Entries of other accounts name the person as well: links, and decisions that two sourcedIds are two people's. The entry `erased`
-- lists their numbers, and the chain covers that list.
DROP TRIGGER audit_value_goes_with_the_person;
CREATE TRIGGER audit_value_goes_with_the_person BEFORE DELETE ON audit_value
WHEN NOT EXISTS (
    SELECT 1 FROM audit_row AS row JOIN audit_row AS erased ON erased.account_id = row.account_id
    WHERE row.id = OLD.id AND erased.field = 'erased'
) AND NOT EXISTS (
    SELECT 1 FROM audit_row AS row JOIN audit_row AS erased ON erased.field = 'erased' AND erased.id > row.id
    JOIN audit_value AS list ON list.id = erased.id
    WHERE row.id = OLD.id AND row.field IN ('link', 'distinct') AND instr(',' || list.new || ',', ',' || OLD.id || ',') > 0
)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- People that were erased on request: the SIS sends them again the next night. Only a hash of the sourcedId under a random key
-- is left of each. Without the key no hash can be tried against lists of sourcedIds.

CREATE TABLE erased_key (
    only_one  INTEGER PRIMARY KEY CHECK (only_one = 1),
    key       BLOB NOT NULL
) STRICT;

INSERT INTO erased_key VALUES (1, randomblob(32));

CREATE TABLE erased (
    hash   BLOB PRIMARY KEY,             -- 16 bytes
    since  TEXT NOT NULL                 -- the day
) STRICT, WITHOUT ROWID;
