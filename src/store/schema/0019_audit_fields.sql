-- More kinds of entries in the audit: links, messages that are stopped or discarded, and what people decide about a person. A CHECK
-- cannot be altered, and a table of its own would copy every row of the audit. So the text of the CHECK is changed in place, as
-- SQLite describes it for constraints that only become weaker (https://www.sqlite.org/lang_altertable.html#otheralter).

PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '''refused'', ''erased''',
    '''refused'', ''erased'', ''link'', ''messages'', ''settled'', ''email_opt_out'', ''sms_opt_out'', ''suppressed'', ''distinct''')
WHERE type = 'table' AND name = 'audit_row';
PRAGMA writable_schema = RESET;
