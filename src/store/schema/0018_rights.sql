-- Of a guardian: the students for whom the person is a contact for emergencies only, and those about whom the person may not
-- be contacted; comma-separated, `*` for every other link. `sis_agents` has the links that may be used.
ALTER TABLE account ADD COLUMN sis_emergency TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN sis_barred TEXT NOT NULL DEFAULT '';
ALTER TABLE bystander ADD COLUMN emergency TEXT NOT NULL DEFAULT '';
ALTER TABLE bystander ADD COLUMN barred TEXT NOT NULL DEFAULT '';

-- Accounts to which nothing is sent: a blocked run would have archived them because they may not be contacted.
-- Every run makes this list anew.
CREATE TABLE stopped (
    account_id  INTEGER PRIMARY KEY REFERENCES account (id),
    since       TEXT NOT NULL
) STRICT;
