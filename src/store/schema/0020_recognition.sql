-- By what a person is recognised under another sourcedId. Hashes alone: nothing else ever uses them. A store from before knows
-- them after one night.

ALTER TABLE account ADD COLUMN sis_username INTEGER;     -- of the user name in normal form
ALTER TABLE account ADD COLUMN sis_user_ids BLOB;        -- of the ids in other systems, 8 bytes each, sorted
