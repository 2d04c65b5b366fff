-- Which changes a message tells of, by their entries in the audit. An edit has no run, so the key of the table says nothing
-- about its messages; the last change is one. And the first says what somebody has to be told who was not told of it yet.

ALTER TABLE outbox ADD COLUMN first_change INTEGER;              -- NULL in rows of earlier versions
ALTER TABLE outbox ADD COLUMN last_change  INTEGER;
-- How often it was handed over and no answer came.
ALTER TABLE outbox ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;

CREATE UNIQUE INDEX outbox_once ON outbox (account_id, last_change, channel, recipient);

-- What was tried less often goes first.
DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox (channel, attempts, id) WHERE state IN ('queued', 'sending', 'deferred', 'unknown');

-- Whoever comes back is told what they were not told before they left.
CREATE INDEX outbox_of_the_gone ON outbox (account_id) WHERE state = 'discarded' AND reason = 'no longer there';
