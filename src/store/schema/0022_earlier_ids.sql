-- Which account had a sourcedId before it was given another one: the platform's export may still show it. Of an account that was
-- left behind under the old sourcedId, and of one that made room for another person, there is none.

CREATE TABLE earlier_id (
    id          INTEGER PRIMARY KEY,     -- later ones are higher
    sourced_id  TEXT NOT NULL UNIQUE,
    account_id  INTEGER NOT NULL
) STRICT;

INSERT OR REPLACE INTO earlier_id (sourced_id, account_id)
SELECT old, account_id FROM (
    SELECT audit_row.id AS id, account_id, old, new, lag(account_id) OVER w AS account_before, lag(old) OVER w AS old_before,
           lag(new) OVER w AS new_before
    FROM audit_row JOIN audit_value ON audit_value.id = audit_row.id WHERE field = 'sourced_id' WINDOW w AS (ORDER BY audit_row.id)
)
WHERE NOT (account_before IS NOT NULL AND account_before <> account_id AND old_before = new AND new_before = old)
      AND new NOT LIKE old || '~%'
ORDER BY id;

DELETE FROM earlier_id
WHERE EXISTS (SELECT 1 FROM account WHERE account.sourced_id = earlier_id.sourced_id AND account.id = account_id);
