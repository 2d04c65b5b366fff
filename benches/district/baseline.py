"""What an IT person would script instead: read users.csv, compare it with a table, update, write a report.

Simpler than the real job: no normal forms, no policy by school, no notifications, no history.
"""

import csv
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1])
db.execute("CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, given, family, email, sms, phone, role, orgs)")
with open(sys.argv[2], newline="", encoding="utf-8-sig") as source, open(
    sys.argv[1] + ".report.csv", "w", newline="", encoding="utf-8"
) as target:
    report = csv.writer(target)
    seen = set()
    for row in csv.DictReader(source):
        new = (row["givenName"], row["familyName"], row["email"], row["sms"], row["phone"], row["role"], row["orgSourcedIds"])
        old = db.execute("SELECT given, family, email, sms, phone, role, orgs FROM users WHERE id = ?", (row["sourcedId"],)).fetchone()
        seen.add(row["sourcedId"])
        action = "unchanged"
        if old is None:
            action = "created"
            db.execute("INSERT INTO users VALUES (?,?,?,?,?,?,?,?)", (row["sourcedId"], *new))
        elif old != new:
            action = "updated"
            db.execute(
                "UPDATE users SET given=?, family=?, email=?, sms=?, phone=?, role=?, orgs=? WHERE id=?",
                (*new, row["sourcedId"]),
            )
        report.writerow((row["sourcedId"], action, *new))
    for (gone,) in [row for row in db.execute("SELECT id FROM users") if row[0] not in seen]:
        db.execute("DELETE FROM users WHERE id = ?", (gone,))
        report.writerow((gone, "archived"))
db.commit()
