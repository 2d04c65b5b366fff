-- The students to whom a guardian is linked, whichever record names the link: 8 bytes each, the hashes of their sourcedIds,
-- sorted. NULL as long as no night has seen them; then the next one lists none.

ALTER TABLE account ADD COLUMN links BLOB;
