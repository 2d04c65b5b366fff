"""What a data engineer would script instead: the day 2 job as SQL in DuckDB, over a stored table.

Simpler than the real job: phones are their digits only, a row that cannot be used is not noticed, and
there are no limits, no history, no links, no messages. It reads the same two files, keeps what an active
person has (the setting OFF), and writes a report of every user.

    python3 duckdb_job.py STORE USERS.CSV PLATFORM.CSV REPORT.CSV
"""

import sys

import duckdb

store, users, platform, report = sys.argv[1:]
DETAILS = ("given", "family", "email", "phone", "home")

db = duckdb.connect(store)
db.execute("BEGIN")
db.execute(
    """CREATE TABLE IF NOT EXISTS accounts (
        id TEXT, state TEXT, role TEXT, orgs TEXT,
        given TEXT, family TEXT, email TEXT, phone TEXT, home TEXT)"""
)
number = "CASE WHEN {0} IS NULL THEN NULL ELSE '+1' || regexp_replace({0}, '[^0-9]', '', 'g') END"
db.execute(
    f"""CREATE TEMP TABLE sis AS
        SELECT row_number() OVER () + 1 AS line, sourcedId AS id, role, orgSourcedIds AS orgs,
            givenName AS given, familyName AS family, email,
            {number.format("sms")} AS phone, {number.format("u.phone")} AS home
        FROM read_csv($1, all_varchar = true, header = true) u""",
    [users],
)
# One row for each user: what there is, what the platform says, what the SIS says, what follows.
has = ", ".join(f"CASE WHEN p.id IS NULL THEN a.{name} ELSE p.{name} END AS has_{name}" for name in DETAILS)
differs = " OR ".join(f"sis_{name} IS NOT NULL AND sis_{name} IS DISTINCT FROM has_{name}" for name in DETAILS)
after = ", ".join(
    f"CASE WHEN takes AND sis_{name} IS NOT NULL THEN sis_{name} ELSE has_{name} END AS {name}" for name in DETAILS
)
notes = ", ".join(
    f"""CASE WHEN known AND sis_{name} IS NULL AND has_{name} IS NOT NULL
            THEN 'SIS import has no {name} - kept ' || has_{name}
        WHEN known AND sis_{name} IS DISTINCT FROM has_{name} AND takes
            THEN '{name} updated by the sync - was ' || coalesce(has_{name}, 'none')
        WHEN known AND sis_{name} IS DISTINCT FROM has_{name}
            THEN 'Active user has a new {name} in the SIS import - ' || coalesce(has_{name}, 'none') END"""
    for name in DETAILS
)
sis = ", ".join(f"s.{name} AS sis_{name}" for name in DETAILS)
db.execute(
    f"""CREATE TEMP TABLE plan AS
        WITH export AS (
            SELECT sourced_id AS id, given_name AS given, family_name AS family, email, phone, home_phone AS home
            FROM read_csv($1, all_varchar = true, header = true)),
        both_sides AS (
            SELECT coalesce(s.id, a.id) AS id, line, a.id IS NOT NULL AS known, s.id IS NULL AS gone,
                coalesce(s.role, a.role) AS role, coalesce(s.orgs, a.orgs) AS orgs,
                CASE WHEN s.id IS NULL THEN 'archived' WHEN p.id IS NOT NULL THEN 'active' ELSE 'pending' END AS state,
                a.state IS DISTINCT FROM CASE WHEN p.id IS NOT NULL THEN 'active' ELSE 'pending' END AS moves,
                p.id IS NULL AS takes, {has}, {sis}
            FROM sis s FULL JOIN accounts a ON a.id = s.id LEFT JOIN export p ON p.id = coalesce(s.id, a.id))
        SELECT *, {after}, concat_ws('; ', {notes}) AS notes,
            CASE WHEN gone THEN 'archived' WHEN NOT known THEN 'created'
                WHEN takes AND ({differs}) THEN 'updated' WHEN {differs} THEN 'kept' ELSE 'unchanged' END AS action
        FROM both_sides""",
    [platform],
)
db.execute(
    f"""COPY (SELECT line, id, role, orgs, state, action, {", ".join(DETAILS)},
            {", ".join(f"sis_{name}" for name in DETAILS)}, CASE WHEN gone THEN 'no longer in the SIS' ELSE notes END
        FROM plan ORDER BY line NULLS LAST, id) TO '{report}' (HEADER)"""
)
columns = ("state", "role", "orgs", *DETAILS)
db.execute(
    f"""UPDATE accounts a SET {", ".join(f"{name} = p.{name}" for name in columns)}
        FROM plan p WHERE a.id = p.id AND (p.action IN ('updated', 'archived') OR p.moves)"""
)
db.execute(f"INSERT INTO accounts SELECT id, {', '.join(columns)} FROM plan WHERE NOT known")
db.execute("COMMIT")
