-- What became of each notification, so that nobody is told twice and nobody is forgotten, however often sending is
-- interrupted. The table is built anew because SQLite cannot widen a CHECK.

CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY,
    run_id      INTEGER REFERENCES run (id),
    account_id  INTEGER NOT NULL REFERENCES account (id),
    channel     TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
    audience    TEXT NOT NULL CHECK (audience IN ('current', 'former')),
    recipient   TEXT NOT NULL,           -- address or number
    subject     TEXT NOT NULL,
    body        TEXT NOT NULL,
    html        TEXT NOT NULL,           -- '' for none
    queued      TEXT NOT NULL,           -- UTC, RFC 3339
    state       TEXT NOT NULL
                CHECK (state IN ('queued', 'sending', 'sent', 'deferred', 'failed', 'unknown', 'discarded')),
    attempts    INTEGER NOT NULL,
    settled     TEXT,                    -- when it came into its state
    due         TEXT,                    -- when it is tried again; NULL with 'unknown': not by itself
    reason      TEXT NOT NULL,           -- '550 5.1.1', '21211', …; never an address
    reference   TEXT NOT NULL,           -- the gateway's id of the message
    UNIQUE (run_id, account_id, channel, recipient)
) STRICT;

INSERT INTO delivery
    SELECT id, run_id, account_id, channel, audience, recipient, subject, body, '', queued, state,
           CASE state WHEN 'sent' THEN 1 ELSE 0 END, sent, NULL, '', '' FROM outbox;
DROP TABLE outbox;
ALTER TABLE delivery RENAME TO outbox;

CREATE INDEX outbox_waiting ON outbox (channel, id) WHERE state IN ('queued', 'sending', 'deferred', 'unknown');
CREATE INDEX outbox_failed ON outbox (account_id) WHERE state = 'failed';
CREATE INDEX outbox_handed_over ON outbox (channel, settled) WHERE state = 'sent';

-- A relay that has had enough for today is not asked again before.
CREATE TABLE channel_rest (
    channel  TEXT PRIMARY KEY CHECK (channel IN ('email', 'sms')),
    until    TEXT NOT NULL,
    reason   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers whose owners have answered STOP: never texted again.
CREATE TABLE opt_out (
    number  TEXT PRIMARY KEY,
    since   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
