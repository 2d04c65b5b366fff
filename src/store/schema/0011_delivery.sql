-- Run numbers and message numbers begin again when a store is restored from a copy, and two districts can share one
-- gateway account. So Message-IDs and references also contain a random value, drawn once for each transaction that queues
-- messages. It is stored with them, so that a message that is repeated keeps its key.
ALTER TABLE outbox ADD COLUMN nonce TEXT NOT NULL DEFAULT '';   -- '' in rows of earlier versions

-- How often a message had its turn. Some turns are not counted as tries: those that failed through the district's own
-- side. The message with the fewest turns goes first, so that one that is never taken does not block the others.
ALTER TABLE outbox ADD COLUMN turns INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET turns = attempts;

-- For how many seconds it has been tried. The time between two tries counts as one day at most: a clock that was wrong for
-- one night must not make a message give up.
ALTER TABLE outbox ADD COLUMN trying INTEGER NOT NULL DEFAULT 0;

-- Other messages were taken in a session in which this one was not: what the server said was about this recipient.
ALTER TABLE outbox ADD COLUMN others_taken INTEGER NOT NULL DEFAULT 0;

DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox (channel, turns, id) WHERE state IN ('queued', 'sending', 'deferred', 'unknown');
