-- People of the roster who have no account, because the filters leave them out or their record is rejected: what they say
-- about families. A guardian's schools are the students', and a student whom nobody syncs must not be forgotten for it.

CREATE TABLE bystander (
    sourced_id  TEXT PRIMARY KEY,
    roles       TEXT NOT NULL,           -- as account.sis_roles, sis_orgs, sis_agents
    orgs        TEXT NOT NULL,
    agents      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
