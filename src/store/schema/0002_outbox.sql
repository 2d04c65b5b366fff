-- Notifications, queued in the transaction of the change that they tell of, so that neither exists without the other.
-- The unique key makes a second message for the same change to the same place impossible.

CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY,
    run_id      INTEGER NOT NULL REFERENCES run (id),
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

CREATE INDEX outbox_waiting ON outbox (id) WHERE state = 'queued';
