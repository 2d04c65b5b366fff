-- A night on which much moves writes an account, its mark in `touched` and an entry or two of the
-- audit for every person. Two things made SQLite build temporary tables for each of these rows. The
-- same is said here without.

-- Reading a table in the statement that adds to it. ON CONFLICT DO NOTHING holds whatever the policy
-- of the statement that fires the trigger is; INSERT OR IGNORE does not.
DROP TRIGGER account_is_touched;
CREATE TRIGGER account_is_touched AFTER UPDATE ON account
BEGIN
    INSERT INTO touched VALUES (old.id) ON CONFLICT DO NOTHING;
    INSERT INTO touched VALUES (new.id) ON CONFLICT DO NOTHING;
END;

-- A list of more than two words after IN. The text of a CHECK is changed in place, as in
-- 0019_audit_fields.sql; what it allows stays the same.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(replace(sql,
    'origin IN (''sync'', ''platform'', ''person'', ''staff'', ''operator'', ''undo'')',
    'origin = ''sync'' OR origin = ''platform'' OR origin = ''person'' OR origin = ''staff''
                OR origin = ''operator'' OR origin = ''undo'''),
    'field IN
                    (''name'', ''email'', ''phone'', ''home_phone'', ''state'', ''users_manager'', ''sourced_id'', ''refused'', ''erased'', ''link'', ''messages'', ''settled'', ''email_opt_out'', ''sms_opt_out'', ''suppressed'', ''distinct'')',
    'field = ''email'' OR field = ''phone'' OR field = ''name'' OR field = ''state''
                OR field = ''home_phone'' OR field = ''link'' OR field = ''users_manager''
                OR field = ''sourced_id'' OR field = ''refused'' OR field = ''erased'' OR field = ''messages''
                OR field = ''settled'' OR field = ''email_opt_out'' OR field = ''sms_opt_out''
                OR field = ''suppressed'' OR field = ''distinct''')
WHERE type = 'table' AND name = 'audit_row';
UPDATE sqlite_schema
SET sql = replace(sql,
    'state IN (''queued'', ''sending'', ''sent'', ''deferred'', ''failed'', ''unknown'', ''discarded'')',
    'state = ''queued'' OR state = ''sending'' OR state = ''sent'' OR state = ''deferred''
                OR state = ''failed'' OR state = ''unknown'' OR state = ''discarded''')
WHERE type = 'table' AND name = 'outbox';
PRAGMA writable_schema = RESET;
