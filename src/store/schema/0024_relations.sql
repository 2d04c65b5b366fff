-- What the source says an adult is to each student: lines of a sourcedId and a word, set apart by a tab.

ALTER TABLE account ADD COLUMN sis_relations TEXT NOT NULL DEFAULT '';
ALTER TABLE bystander ADD COLUMN relations TEXT NOT NULL DEFAULT '';
