"""What a data scientist would script instead: the day 2 job with polars, over yesterday's table in a file.

As simple as the DuckDB job beside it: phones are their digits only, and there are no limits, no
history, no links, no messages. The table is written anew each time, under a temporary name.

    python3 polars_job.py TABLE.PARQUET USERS.CSV PLATFORM.CSV REPORT.CSV
"""

import os
import sys

import polars as pl

table, users, platform, report = sys.argv[1:]
DETAILS = ("given", "family", "email", "phone", "home")


def number(column):
    return pl.concat_str(pl.lit("+1"), pl.col(column).str.replace_all("[^0-9]", ""))


def text(path):
    return pl.scan_csv(path, infer_schema=False, encoding="utf8")


sis = text(users).select(
    pl.int_range(2, pl.len() + 2).alias("line"),
    pl.col("sourcedId").alias("id"),
    "role",
    pl.col("orgSourcedIds").alias("orgs"),
    pl.col("givenName").alias("sis_given"),
    pl.col("familyName").alias("sis_family"),
    pl.col("email").alias("sis_email"),
    number("sms").alias("sis_phone"),
    number("phone").alias("sis_home"),
)
export = text(platform).select(
    pl.col("sourced_id").alias("id"),
    pl.lit(True).alias("active"),
    pl.col("given_name").alias("own_given"),
    pl.col("family_name").alias("own_family"),
    pl.col("email").alias("own_email"),
    pl.col("phone").alias("own_phone"),
    pl.col("home_phone").alias("own_home"),
)
if os.path.exists(table):
    accounts = pl.scan_parquet(table)
else:
    columns = ("id", "state", "was_role", "was_orgs", *(f"was_{name}" for name in DETAILS))
    accounts = pl.LazyFrame(schema={name: pl.String for name in columns})
known, gone = pl.col("state").is_not_null(), pl.col("line").is_null()
takes = pl.col("active").is_null()
plan = sis.join(accounts, on="id", how="full", coalesce=True, maintain_order="left")
plan = plan.join(export, on="id", how="left", maintain_order="left")
plan = plan.with_columns(
    pl.when(takes).then(pl.col(f"was_{name}")).otherwise(pl.col(f"own_{name}")).alias(f"has_{name}") for name in DETAILS
)
says = {name: pl.col(f"sis_{name}").is_not_null() for name in DETAILS}
other = {name: pl.col(f"sis_{name}").ne_missing(pl.col(f"has_{name}")) for name in DETAILS}
differs = pl.any_horizontal(says[name] & other[name] for name in DETAILS)
shown = {name: pl.col(f"has_{name}").fill_null("none") for name in DETAILS}
plan = plan.with_columns(
    *(
        pl.when(takes & says[name]).then(pl.col(f"sis_{name}")).otherwise(pl.col(f"has_{name}")).alias(name)
        for name in DETAILS
    ),
    pl.concat_str(
        [
            pl.when(known & ~gone & other[name] & ~says[name])
            .then(pl.concat_str(pl.lit(f"SIS import has no {name} - kept "), shown[name]))
            .when(known & ~gone & other[name] & takes)
            .then(pl.concat_str(pl.lit(f"{name} updated by the sync - was "), shown[name]))
            .when(known & ~gone & other[name])
            .then(pl.concat_str(pl.lit(f"Active user has a new {name} in the SIS import - "), shown[name]))
            for name in DETAILS
        ],
        separator="; ",
        ignore_nulls=True,
    ).alias("notes"),
    pl.when(gone)
    .then(pl.lit("archived"))
    .when(~known)
    .then(pl.lit("created"))
    .when(differs & takes)
    .then(pl.lit("updated"))
    .when(differs)
    .then(pl.lit("kept"))
    .otherwise(pl.lit("unchanged"))
    .alias("action"),
    pl.when(gone).then(pl.lit("archived")).when(takes).then(pl.lit("pending")).otherwise(pl.lit("active")).alias("state"),
    pl.coalesce("role", "was_role").alias("role"),
    pl.coalesce("orgs", "was_orgs").alias("orgs"),
).collect()
plan.select(
    "line", "id", "role", "orgs", "state", "action", *DETAILS, *(f"sis_{name}" for name in DETAILS), "notes"
).write_csv(report)
kept = {"role": "was_role", "orgs": "was_orgs", **{name: f"was_{name}" for name in DETAILS}}
plan.select("id", "state", *(pl.col(old).alias(new) for old, new in kept.items())).write_parquet(table + ".new")
os.replace(table + ".new", table)
