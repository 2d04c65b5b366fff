//! What people do to a store between two nights, by the program and without it.

use super::dice::Dice;

/// One thing that is done by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hand {
    /// `rostersync users` with these arguments.
    Users(Vec<String>),
    /// Statements, with the checks of foreign keys off, as in SQLite's own shell.
    Sql(String),
    /// The store as it was so many nights ago is put back.
    Restore(usize),
    /// This store is copied over.
    Replace(Vec<u8>),
    /// Every side goes on with the store of the next one.
    Exchange,
}

/// Every column of an account, with values that a hand could give it.
pub(super) const VALUES: [(&str, &[&str]); 34] = [
    ("id", &["id + 1000"]),
    ("sourced_id", &["sourced_id || '-x'", "'x-' || sourced_id"]),
    ("state", &["CASE state WHEN 'active' THEN 'pending' ELSE 'active' END"]),
    ("archived", &["1 - archived"]),
    ("given_name", &["given_name || ' II'", "upper(given_name)", "''", "coalesce(sis_given_name, 'Ada')"]),
    (
        "family_name",
        &["family_name || ' II'", "upper(family_name)", "''", "coalesce(sis_family_name, 'Wang')"],
    ),
    (
        "email",
        &[
            "'by.hand' || id || '@mail.example'",
            "upper(email)",
            "''",
            "coalesce(sis_email, '')",
            "'family1@mail.example'",
        ],
    ),
    ("phone", &["'+19175550177'", "phone || ' ext. 9'", "''", "'none'", "'+17185550100'"]),
    ("home_phone", &["'+19175550177'", "home_phone || ' ext. 9'", "''", "'none'"]),
    ("sis_identifier", &["'77'", "NULL"]),
    ("sis_enabled", &["1 - coalesce(sis_enabled, 1)", "NULL"]),
    ("sis_given_name", &["'Ada'", "''", "NULL"]),
    ("sis_family_name", &["'Wang'", "''", "NULL"]),
    ("sis_email", &["'by.hand@mail.example'", "''", "NULL", "upper(sis_email)"]),
    ("sis_sms", &["'+19175550177'", "''", "NULL"]),
    ("sis_phone", &["'+19175550177'", "''", "NULL"]),
    ("sis_language", &["'es'"]),
    ("sis_roles", &["'teacher'", "'student\tsch-2'", "''"]),
    ("sis_orgs", &["'sch-2'", "'sch-3, sch-1'", "''"]),
    ("sis_agents", &["'stu-00'", "'gua-00'", "''"]),
    ("export_given_name", &["'Ada'", "NULL"]),
    ("export_family_name", &["'Wang'", "NULL"]),
    ("export_email", &["'by.hand@mail.example'", "''", "NULL"]),
    ("export_phone", &["'+19175550177'", "''", "NULL"]),
    ("export_home_phone", &["'+19175550177'", "''", "NULL"]),
    ("kept_since", &["NULL", "'2099-01-01'", "'email:2099-12-31 name:2099-01-01'"]),
    ("sis_emergency", &["'stu-00'", "'*'"]),
    ("sis_barred", &["'stu-00'", "'*'"]),
    ("sis_username", &["77", "NULL"]),
    ("sis_user_ids", &["x'0102030405060708'", "x'01'", "NULL"]),
    ("settled_marks", &["'email:0000000000000001'", "NULL"]),
    ("opt_outs", &["'email:out'", "'sms:out sms:exported'", "NULL"]),
    ("links", &["x''", "x'0102030405060708'", "x'01'", "NULL"]),
    ("sis_relations", &["'stu-00	Mother'", "''"]),
];

/// Columns that are copied when an account is made by hand.
pub(super) fn columns_but(left_out: &[&str]) -> String {
    let names = VALUES.iter().map(|(column, _)| *column).filter(|column| !left_out.contains(column));
    names.collect::<Vec<_>>().join(", ")
}

/// The id of some account.
pub(super) fn some_account(number: usize) -> String {
    format!(
        "(SELECT id FROM (SELECT id, row_number() OVER (ORDER BY sourced_id) - 1 AS place FROM account) \
         WHERE place = {number} % (SELECT count(*) FROM account))"
    )
}

pub(super) fn update(column: &str, value: &str, of: Option<&str>) -> Hand {
    let of = of.map(|id| format!(" WHERE id = {id}")).unwrap_or_default();
    Hand::Sql(format!("UPDATE OR IGNORE account SET {column} = {value}{of}"))
}

/// Another account, made from one that is there.
pub(super) fn insert(sourced_id: &str, from: &str) -> Hand {
    let columns = columns_but(&["id", "sourced_id"]);
    Hand::Sql(format!(
        "INSERT OR IGNORE INTO account (sourced_id, {columns}) SELECT '{sourced_id}', {columns} FROM account WHERE id = {from}"
    ))
}

pub(super) fn delete(id: &str) -> Hand {
    Hand::Sql(format!("DELETE FROM account WHERE id = {id}"))
}

/// The newest account goes, and the next one that comes has its number.
pub(super) fn delete_newest() -> Hand {
    delete("(SELECT max(id) FROM account)")
}

/// Two accounts change their places: each has the other's number.
pub(super) fn swap(one: &str, other: &str) -> Hand {
    Hand::Sql(format!(
        "CREATE TEMP TABLE pair AS SELECT {one} AS a, {other} AS b;
         UPDATE account SET id = -1 WHERE id = (SELECT a FROM pair) AND (SELECT a <> b FROM pair);
         UPDATE account SET id = (SELECT a FROM pair) WHERE id = (SELECT b FROM pair) AND (SELECT a <> b FROM pair);
         UPDATE account SET id = (SELECT b FROM pair) WHERE id = -1;
         DROP TABLE pair"
    ))
}

/// Two accounts change their sourcedIds, with everything else staying in its row.
pub(super) fn swap_names(one: &str, other: &str) -> Hand {
    Hand::Sql(format!(
        "CREATE TEMP TABLE pair AS SELECT (SELECT sourced_id FROM account WHERE id = {one}) AS a,
                                          (SELECT sourced_id FROM account WHERE id = {other}) AS b;
         UPDATE account SET sourced_id = '-' WHERE sourced_id = (SELECT a FROM pair);
         UPDATE account SET sourced_id = (SELECT a FROM pair) WHERE sourced_id = (SELECT b FROM pair);
         UPDATE account SET sourced_id = (SELECT b FROM pair) WHERE sourced_id = '-';
         DROP TABLE pair"
    ))
}

/// Any of it.
pub(super) fn any(ids: &[String], dice: &mut Dice) -> Hand {
    let (one, other) = (some_account(dice.below(97)), some_account(dice.below(97)));
    match dice.below(12) {
        0 => delete(&one),
        1 => delete_newest(),
        2 => insert(&format!("new-{}", dice.below(5)), &one),
        3 if !ids.is_empty() => insert(&dice.pick(ids), &one),
        4 => swap(&one, &other),
        5 => swap_names(&one, &other),
        _ => {
            let (column, values) = dice.pick(&VALUES);
            let everybody = dice.one_in(6) && column != "id";
            update(column, dice.pick(values), (!everybody).then_some(one.as_str()))
        }
    }
}
