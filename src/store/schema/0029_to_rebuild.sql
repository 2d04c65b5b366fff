-- A row as long as parts of removed people may be in free pages of the file: it has to be rebuilt.

CREATE TABLE to_rebuild (
    id          INTEGER PRIMARY KEY CHECK (id = 1)
) STRICT;
