-- Each time that a run was started, and how it ended; also where nothing was applied, and then without a number. An undo
-- is here as well, so that all of them are in the order in which they ended.

CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY,
    key        TEXT NOT NULL UNIQUE,    -- its own: the same attempt may stand in the file beside the store
    started    TEXT NOT NULL,           -- UTC, RFC 3339
    finished   TEXT NOT NULL,
    result     TEXT NOT NULL,           -- ok, partial, attention, blocked, undelivered, failed, …
    exit       INTEGER NOT NULL,
    reason     TEXT NOT NULL,           -- sentences without anybody's details
    run_id     INTEGER,                 -- the run may be one of an earlier life of the store
    undo       INTEGER NOT NULL CHECK (undo IN (0, 1)),
    attention  TEXT NOT NULL            -- JSON: what a person had to look at
) STRICT;

INSERT INTO attempt (key, started, finished, result, exit, reason, run_id, undo, attention)
    SELECT 'run-' || id, started, finished, result, CASE result WHEN 'ok' THEN 0 WHEN 'partial' THEN 3 ELSE 4 END, '', id,
           undoes IS NOT NULL, '[]'
    FROM run ORDER BY id;
