-- The person that did something by hand is kept as `#` and the number of the account, so that the sourcedId goes with the person.
-- Entries from before keep the sourcedId: the chain covers it.

DROP VIEW audit;
CREATE VIEW audit AS
    SELECT audit_row.id, account_id, run_id, origin,
        CASE WHEN origin <> 'platform' AND actor GLOB '#[0-9]*' THEN coalesce(
            (SELECT sourced_id FROM account WHERE account.id = CAST(substr(actor, 2) AS INTEGER)), '(erased)'
        ) ELSE actor END AS actor,
        field, coalesce(old, '') AS old, coalesce(new, '') AS new, at
    FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id;
