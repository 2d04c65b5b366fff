-- Schools that stand for people for whom the roster names none: a guardian whose child has graduated, everybody between two
-- school years. Blank: the person is known to have none. By a hash of the sourcedId, so that a person without an account can
-- be in it as well.

CREATE TABLE last_schools (
    person   INTEGER PRIMARY KEY,        -- as memo.keys
    schools  TEXT NOT NULL               -- sourcedIds, comma-separated
) STRICT;

-- The roster says that this org is no school: a district, a department.
ALTER TABLE school ADD COLUMN other INTEGER NOT NULL DEFAULT 0 CHECK (other IN (0, 1));
