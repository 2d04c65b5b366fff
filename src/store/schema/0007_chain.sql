-- What is put in by hand stands out. Rows have numbers without gaps, and nothing can be put before or in place of what is
-- there: INSERT OR REPLACE fires no trigger for what it replaces, so it is refused before. (In such a trigger an id that
-- SQLite would give is not known yet; whoever inserts names it.)

CREATE TRIGGER audit_row_comes_last BEFORE INSERT ON audit_row
WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit_row)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- Of an erased person the values of the last row may be gone; what is there is never replaced.
CREATE TRIGGER audit_value_comes_last BEFORE INSERT ON audit_value
WHEN NEW.id IS NOT (SELECT max(id) FROM audit_row) OR NEW.id <= (SELECT coalesce(max(id), 0) FROM audit_value)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER link_comes_last BEFORE INSERT ON link
WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM link)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- The first link says what is older than the chain: rows, accounts and, from now on, runs. What it says stands in its
-- digest, which the seal of the next one covers; where there is a next one already, that is too late.
DROP TRIGGER link_is_never_changed;

UPDATE link SET run_id = (
    SELECT max(id) FROM run WHERE id < coalesce((SELECT min(run_id) FROM link), 9223372036854775807)
) WHERE id = 1;

UPDATE link SET digest = CAST(
    'older than the chain: rows to ' || last_audit || ', accounts to ' || accounts || ', runs to ' || coalesce(run_id, 0) AS BLOB
) WHERE id = 1 AND NOT EXISTS (SELECT 1 FROM link WHERE id > 1);

CREATE TRIGGER link_is_never_changed BEFORE UPDATE ON link
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- Who was given another sourcedId is asked before every run that has a file of renames.
CREATE INDEX audit_row_of_renames ON audit_row (id) WHERE field = 'sourced_id';
