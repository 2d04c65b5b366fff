-- Who set the details with which an account began, and when, by the platform's export (updated_by, updated_at). Of what changed
-- later the audit has it, in the column actor.

CREATE TABLE platform_stamp (
    account_id  INTEGER PRIMARY KEY,
    stamp       TEXT NOT NULL
) STRICT;
