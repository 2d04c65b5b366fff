-- An id with a comma in it is kept as lists of ids have it, with %2C, from whichever source it comes.

UPDATE OR IGNORE account SET sourced_id = replace(sourced_id, ',', '%2C') WHERE instr(sourced_id, ',') > 0;
UPDATE OR IGNORE bystander SET sourced_id = replace(sourced_id, ',', '%2C') WHERE instr(sourced_id, ',') > 0;
