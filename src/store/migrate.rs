//! Schema versions: numbered SQL files, applied in order, all that are missing in one transaction
//! with the version number that they lead to. A store that is migrated halfway does not exist, and
//! a new one waits for the disk once.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rusqlite::Connection;

use crate::failure::{Failure, Kind, Result};

/// The migrations, oldest first; a store's `user_version` is the number of those that it has had.
const MIGRATIONS: [&str; 32] = [
    include_str!("schema/0001_accounts.sql"),
    include_str!("schema/0002_outbox.sql"),
    include_str!("schema/0003_bystander.sql"),
    include_str!("schema/0004_memo.sql"),
    include_str!("schema/0005_people.sql"),
    include_str!("schema/0006_delivery.sql"),
    include_str!("schema/0007_chain.sql"),
    include_str!("schema/0008_memo.sql"),
    include_str!("schema/0009_once.sql"),
    include_str!("schema/0010_last_night.sql"),
    include_str!("schema/0011_delivery.sql"),
    include_str!("schema/0012_attempt.sql"),
    include_str!("schema/0013_last_schools.sql"),
    include_str!("schema/0014_platform_stamp.sql"),
    include_str!("schema/0015_commas.sql"),
    include_str!("schema/0016_fingerprints.sql"),
    include_str!("schema/0017_identity.sql"),
    include_str!("schema/0018_rights.sql"),
    include_str!("schema/0019_audit_fields.sql"),
    include_str!("schema/0020_recognition.sql"),
    include_str!("schema/0021_people.sql"),
    include_str!("schema/0022_earlier_ids.sql"),
    include_str!("schema/0023_links.sql"),
    include_str!("schema/0024_relations.sql"),
    include_str!("schema/0025_erasure.sql"),
    include_str!("schema/0026_missing.sql"),
    include_str!("schema/0027_actors.sql"),
    include_str!("schema/0028_history.sql"),
    include_str!("schema/0029_to_rebuild.sql"),
    include_str!("schema/0030_push.sql"),
    include_str!("schema/0031_copied.sql"),
    include_str!("schema/0032_moving.sql"),
];

/// The version that this program reads and writes.
pub(super) const CURRENT: usize = MIGRATIONS.len();

/// Marks the file as ours ("RSTY"), so that another program's database is not taken for a store.
const APPLICATION_ID: i32 = 0x5253_5459;

/// Whether a file begins as a store does. Its locks are not touched.
pub(super) fn is_store(path: &Path) -> bool {
    let mut head = [0; 72];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head.starts_with(b"SQLite format 3\0") && head[68..] == APPLICATION_ID.to_be_bytes()
}

/// The version of a store; 0 for an empty file.
///
/// # Errors
/// `Failed` if it belongs to another program or to a newer version of this one.
pub(super) fn version(connection: &Connection) -> Result<usize> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (version, application) = (pragma("user_version")?, pragma("application_id")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables == 0 {
        return Ok(0);
    }
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if application != APPLICATION_ID {
        return Err(Failure::new(Kind::Failed, "the file is an SQLite database, but not a rostersync store")
            .cure("check `store` in [sync]"));
    }
    if version > CURRENT {
        return Err(Failure::new(
            Kind::Failed,
            format!(
                "the store was written by a newer rostersync (schema {version}, this one knows {CURRENT})"
            ),
        )
        .cure("install the newer version again, or restore the backup that it made beside the store"));
    }
    Ok(version)
}

pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    migrate_to(connection, CURRENT)
}

pub(super) fn migrate_to(connection: &mut Connection, target: usize) -> Result<()> {
    let had = version(connection)?;
    if had >= target {
        return Ok(());
    }
    let all = connection.transaction()?;
    for migration in &MIGRATIONS[had..target] {
        all.execute_batch(migration)?;
    }
    all.pragma_update(None, "application_id", APPLICATION_ID)?;
    all.pragma_update(None, "user_version", target)?;
    all.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Store, open::backup_path};
    use super::*;

    /// A store as an older version of this program left it.
    fn old_store(folder: &std::path::Path) -> std::path::PathBuf {
        let path = folder.join("store.db");
        let mut connection = Connection::open(&path).unwrap();
        migrate_to(&mut connection, 1).unwrap();
        connection
            .execute_batch(
                "INSERT INTO account VALUES (1,'s-1','active',0,'Ann','Lee','ann@x.example','','',NULL,NULL,'Ann','Lee',\
                 'ann@x.example',NULL,NULL,NULL,'student','sch-1','',NULL,NULL,NULL,NULL,NULL,NULL)",
            )
            .unwrap();
        path
    }

    #[test]
    fn an_older_store_is_migrated_after_a_backup() {
        let folder = tempfile::tempdir().unwrap();
        let path = old_store(folder.path());
        let store = Store::open(&path).unwrap();
        assert_eq!(store.account("s-1").unwrap().unwrap().details.email, "ann@x.example");
        assert_eq!(store.waiting().unwrap(), 0, "the new table is there");
        let backup = Connection::open(backup_path(&path, 1)).unwrap();
        assert_eq!(version(&backup).unwrap(), 1);
    }

    #[test]
    fn reading_an_older_store_leaves_it_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = old_store(folder.path());
        let before = std::fs::read(&path).unwrap();
        let store = Store::open_read(&path).unwrap().unwrap();
        assert!(store.account("s-1").unwrap().is_some());
        assert_eq!(store.waiting().unwrap(), 0);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_newer_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = old_store(folder.path());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        for failure in [Store::open(&path).err().unwrap(), Store::open_read(&path).err().unwrap()] {
            assert!(failure.to_string().contains("written by a newer rostersync (schema 99"), "{failure}");
        }
    }

    #[test]
    fn another_programs_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(Store::open(&path).err().unwrap().to_string().contains("not a rostersync store"));
        std::fs::write(
            &path,
            "just text, and long enough that SQLite looks at it as a header ............................",
        )
        .unwrap();
        assert!(Store::open(&path).err().unwrap().to_string().contains("damaged"));
    }

    #[test]
    fn the_audit_of_an_older_store_is_kept_and_stays_readable() {
        let folder = tempfile::tempdir().unwrap();
        let path = old_store(folder.path());
        Connection::open(&path)
            .unwrap()
            .execute_batch(
                "INSERT INTO audit VALUES (1, 1, NULL, 'person', 'email', 'a', 'ann@x.example', '2026-01-01T00:00:00Z')",
            )
            .unwrap();
        let store = Store::open(&path).unwrap();
        let entries = store.audit_of(1).unwrap();
        let (old, new) = (entries[0].old.as_str(), entries[0].new.as_str());
        assert_eq!((entries.len(), old, new), (1, "a", "ann@x.example"));
        assert_eq!(store.verify().unwrap().broken, None);
    }

    #[test]
    fn the_audit_of_an_older_store_takes_new_kinds_of_entries() {
        use crate::store::{AuditEntry, Origin};
        let folder = tempfile::tempdir().unwrap();
        let path = old_store(folder.path());
        let store = Store::open(&path).unwrap();
        let put = |field: &str| {
            let entry = AuditEntry {
                origin: Origin::Operator,
                field: field.into(),
                old: String::new(),
                new: "x".into(),
            };
            store.transaction(|| store.audit(1, None, &entry, chrono::DateTime::UNIX_EPOCH))
        };
        let fields = [
            "refused",
            "link",
            "messages",
            "settled",
            "email_opt_out",
            "sms_opt_out",
            "suppressed",
            "distinct",
        ];
        fields.iter().for_each(|field| put(field).unwrap());
        assert!(put("other").is_err());
        drop(store);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.audit_of(1).unwrap().len(), fields.len());
        assert_eq!(store.verify().unwrap().broken, None);
        let sound: String =
            store.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }

    #[test]
    fn runs_before_the_upgrade_are_attempts() {
        let folder = tempfile::tempdir().unwrap();
        let path = old_store(folder.path());
        let run =
            "INSERT INTO run (id, started, finished, result, source, mode, notify, checksum, summary) VALUES";
        let values = "'2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'";
        Connection::open(&path)
            .unwrap()
            .execute_batch(&format!(
                "{run} (1, {values}, 'ok', 'x', 'bulk', 1, '', '{{}}'); {run} (2, {values}, 'blocked', 'x', 'bulk', 1, '', '{{}}')"
            ))
            .unwrap();
        let store = Store::open(&path).unwrap();
        let all: Vec<_> = store
            .attempts(9)
            .unwrap()
            .into_iter()
            .map(|tried| (tried.attempt.run, tried.attempt.result, tried.attempt.exit))
            .collect();
        assert_eq!(all, [(Some(2), "blocked".to_owned(), 4), (Some(1), "ok".to_owned(), 0)]);
        assert_eq!(store.last_attempt(crate::store::Last::Good).unwrap().unwrap().attempt.run, Some(1));
    }

    /// A chain that had begun before the first link was sealed goes on as it is.
    #[test]
    fn a_chain_of_an_older_store_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = old_store(folder.path());
        let mut connection = Connection::open(&path).unwrap();
        let run =
            "INSERT INTO run (id, started, finished, result, source, mode, notify, checksum, summary) VALUES";
        connection.execute_batch(&format!("{run} (1, 'x', 'x', 'ok', 'x', 'bulk', 1, '', '{{}}')")).unwrap();
        migrate_to(&mut connection, 6).unwrap();
        let link = super::super::audit::Link {
            id: 2,
            run: None,
            at: "2026-01-01T00:00:00Z".into(),
            first: 1,
            last: 0,
            accounts: 1,
            digest: Vec::new(),
        };
        let seal = link.seal(&[], &[], &<sha2::Sha256 as sha2::Digest>::digest(b""));
        let values = rusqlite::params![link.at, seal];
        connection.execute("INSERT INTO link VALUES (2, NULL, ?1, 1, 0, 1, ?2)", values).unwrap();
        drop(connection);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.verify().unwrap().broken, None);
        assert_eq!(store.created(1).unwrap().unwrap().run, None, "it is older than the chain");
    }
}
