-- Differences that a person has looked at: a mark of both values for each field, `email:9f86d081884c7d65`; NULL for none.
ALTER TABLE account ADD COLUMN settled_marks TEXT;

-- Channels that the person has left, and whether the platform's export last said so: `email:out sms:exported`; NULL for none.
ALTER TABLE account ADD COLUMN opt_outs TEXT;

-- A number whose owner has answered STOP is an opt-out of the people that have it.
UPDATE account SET opt_outs = 'sms:out' WHERE phone IN (SELECT number FROM opt_out);

-- People that are to have no account, whatever the SIS says. There may be none of this sourcedId yet.
CREATE TABLE suppressed (
    sourced_id  TEXT PRIMARY KEY,
    until       TEXT,                    -- the last day on which it holds; NULL: until it is ended by hand
    reason      TEXT NOT NULL,
    since       TEXT NOT NULL            -- UTC, RFC 3339
) STRICT, WITHOUT ROWID;
