//! `[platform.push]`: what changed goes to the platform after a run, and nothing is lost on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sftp::Server;
use crate::support::{District, Person, person};

const HEADER: &str =
    "sourced_id,state,given_name,family_name,email,phone,home_phone,email_opt_out,sms_opt_out";

fn people(emails: [&str; 3]) -> Vec<Person> {
    ["tea-1", "tea-2", "tea-3"].into_iter().zip(emails).map(|(id, email)| person(id).email(email)).collect()
}

/// The sourcedIds and emails in a file that was pushed.
fn pushed(district: &District, name: &str) -> Vec<String> {
    let text = fs::read_to_string(district.path(name)).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(HEADER));
    let cells = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        format!("{} {}", cells[0], cells[4])
    };
    lines.map(cells).collect()
}

/// Runs the next night.
fn night(district: &mut District, day: u32, emails: [&str; 3]) -> crate::support::Done {
    district.at(&format!("2026-11-{day}T08:15:00Z"));
    district.sis(&people(emails));
    district.run()
}

#[test]
fn a_file_has_what_changed_until_it_is_picked_up() {
    let mut district = District::new().without_limits().with("platform.push.to", "\"out/users.csv\"");
    fs::create_dir(district.path("out")).unwrap();
    let first = ["a@x.example", "b@x.example", "c@x.example"];
    let done = night(&mut district, 23, first).ok();
    assert!(done.stdout.contains("Push: 3 users (changes) went to "), "{}", done.stdout);
    let all = ["tea-1 a@x.example", "tea-2 b@x.example", "tea-3 c@x.example"];
    assert_eq!(pushed(&district, "out/users.csv"), all);
    let file = district.path("out/users.csv");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    // It is still there, so the platform has not read it.
    let second = ["a@x.example", "new@x.example", "c@x.example"];
    let file_text = file.display().to_string();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&people(second));
    let preview = district.preview().ok().stdout;
    let left = format!(
        "0 users that changed since the last push, would go to {file_text}; the file before was not picked up, and its users go too\n"
    );
    assert!(preview.contains(&left), "{preview}");
    let done = night(&mut district, 24, second).exits(3);
    let left = format!(
        "Push: 3 users (changes) went to {file_text}; the file before was not picked up, so the new one has its users too\n"
    );
    assert!(done.stdout.contains(&left), "{}", done.stdout);
    let status = district.cli(&["status"]).exits(3).stdout;
    assert!(status.contains(", and the file is still there: it was not picked up yet\n"), "{status}");
    assert_eq!(
        pushed(&district, "out/users.csv"),
        ["tea-1 a@x.example", "tea-2 new@x.example", "tea-3 c@x.example"]
    );

    // It was picked up: only what is new.
    fs::remove_file(&file).unwrap();
    let third = ["a@x.example", "new@x.example", "newer@x.example"];
    night(&mut district, 25, third).ok();
    assert_eq!(pushed(&district, "out/users.csv"), ["tea-3 newer@x.example"]);

    // A night without changes touches nothing.
    fs::remove_file(&file).unwrap();
    let done = night(&mut district, 26, third).ok();
    assert!(!done.stdout.contains("Push:"), "{}", done.stdout);
    assert!(!file.exists());
    assert_eq!(fs::read_dir(district.path("out")).unwrap().count(), 0, "nothing is left behind");

    // Changes by hand go with the next run.
    district.cli(&["users", "join", "tea-1"]).ok();
    let preview = district.preview().ok();
    let place = file.display().to_string();
    let said = format!(
        "Push: the users that this run changes, and 1 user that changed since the last push, would go to {place}\n"
    );
    assert!(preview.stdout.contains(&said), "{}", preview.stdout);
    assert!(!file.exists(), "a preview pushes nothing");
    let json = district.cli(&["run", "--format", "json"]).ok().json();
    assert_eq!(
        json["push"],
        serde_json::json!({ "to": place, "what": "changes", "users": 1, "archived": 0, "failed": null })
    );
    assert_eq!(pushed(&district, "out/users.csv"), ["tea-1 a@x.example"]);
    let status = district.cli(&["status"]).ok().stdout;
    assert!(
        status.contains(&format!(
            "Push:           1 user went to {place} at 2026-11-26 02:15, and the file is still there"
        )),
        "{status}"
    );

    // A file may stay for some hours. After a day a person has to look, also if nothing has changed and
    // also with -q.
    district.at("2026-11-26T20:00:00Z");
    district.run().ok();
    district.at("2026-11-27T08:15:00Z");
    let said = format!(
        "Attention (push-left): rostersync.toml: [platform.push] to: the file that was pushed at 2026-11-26 02:15 was not \
         picked up, at {place}: look at the import of the platform; if the platform reads files and leaves them, set \
         `what = \"all\"`\n"
    );
    let done = district.cli(&["-q", "run"]).exits(3);
    assert!(done.stdout.contains(&said) && !done.stdout.contains("Push:"), "{}", done.stdout);
    let status = district.cli(&["status", "--json"]).exits(3).json();
    assert_eq!(status["last_attempt"]["attention"][0]["code"], "push-left");
    let pause = "[[pause]]\nfrom = 2026-11-27\nuntil = 2026-11-28\n";
    district.file("paused.toml", format!("{pause}{}", district.config()));
    let done = district.cli(&["-c", "paused.toml", "-q", "run"]).exits(3);
    assert!(done.stdout.contains("Attention (push-left): paused.toml: "), "{}", done.stdout);
    // Where every file has all users nothing is lost.
    district.set("platform.push.what", "\"all\"");
    district.run().ok();
}

/// An undo does not push; it says that the next run does.
#[test]
fn an_undo_says_that_the_next_run_pushes() {
    let mut district = District::new().without_limits().with("platform.push.to", "\"pushed.csv\"");
    night(&mut district, 23, ["a@x.example", "b@x.example", "c@x.example"]).ok();
    fs::remove_file(district.path("pushed.csv")).unwrap();
    night(&mut district, 24, ["a@x.example", "new@x.example", "c@x.example"]).ok();
    fs::remove_file(district.path("pushed.csv")).unwrap();
    let said =
        format!("The next run pushes this to the platform: {}\n", district.path("pushed.csv").display());
    let preview = district.cli(&["undo", "2", "--dry-run"]).ok().stdout;
    assert!(!preview.contains(&said), "{preview}");
    let undone = district.cli(&["undo", "2"]).ok().stdout;
    assert!(undone.contains(&said), "{undone}");
    assert!(!district.path("pushed.csv").exists());
    night(&mut district, 25, ["a@x.example", "b@x.example", "c@x.example"]).ok();
    assert_eq!(pushed(&district, "pushed.csv"), ["tea-2 b@x.example"]);
}

/// Who was archived is not in a file of changes: the platform would not learn of it, so the run says it.
#[test]
fn archived_users_are_said_not_to_be_in_the_file() {
    let mut district = District::new().without_limits().with("platform.push.to", "\"users-{run}.csv\"");
    night(&mut district, 23, ["a@x.example", "b@x.example", "c@x.example"]).ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[person("tea-1").email("a@x.example")]);
    let done = district.cli(&["-q", "run"]).exits(3);
    let said = format!("Push: 0 users (changes) went to {}\n", district.path("users-000002.csv").display());
    assert!(done.stdout.contains(&said), "{}", done.stdout);
    let said = "Attention (push-archived): rostersync.toml: [platform.push] what: 2 archived users are not in the pushed \
                file: close the accounts on the platform (`rostersync report --where action=archived`), or set \
                `what = \"all\"` and let it close the accounts that the file does not have\n";
    assert!(done.stdout.contains(said), "{}", done.stdout);
    assert!(pushed(&district, "users-000002.csv").is_empty());
    let status = district.cli(&["status"]).exits(3).stdout;
    assert!(status.contains("(push-archived)"), "{status}");
}

/// A file that a push would never write is found before the night.
#[test]
fn check_names_a_place_that_a_push_may_not_write() {
    for (to, what) in [
        ("sis/users.csv", "`to` in [platform.push]: that would overwrite what the sync reads or keeps"),
        ("rostersync.db", "`to` in [platform.push]: that would overwrite what the sync reads or keeps"),
        ("out", "`to` in [platform.push]: a folder cannot be written as a file"),
    ] {
        let district = District::new().with("platform.push.to", &format!("{to:?}"));
        district.sis(&people(["a@x.example", "b@x.example", "c@x.example"]));
        fs::create_dir(district.path("out")).unwrap();
        let checked = district.cli(&["check"]).exits(1);
        assert!(checked.stderr.contains(what), "{to}: {}", checked.stderr);
    }
}

/// No push says that a person was erased: the platform still has the person.
#[test]
fn an_erasure_names_what_was_pushed() {
    let mut district = District::new().without_limits().with("platform.push.to", "\"pushed.csv\"");
    night(&mut district, 23, ["a@x.example", "b@x.example", "c@x.example"]).ok();
    let place = district.path("pushed.csv").display().to_string();
    let erased = district.cli(&["users", "erase", "tea-1", "--yes"]).ok().stdout;
    let said = format!(
        "Stays:     {place}: the file is there and may have the user; close the account on the platform too\n"
    );
    assert!(erased.contains(&said), "{erased}");
}

/// A program that ends with 0 and has read nothing has probably taken nothing.
#[test]
fn a_program_that_does_not_read_its_input_is_told_of() {
    let district =
        District::new().without_limits().with("platform.push.command", "[\"/bin/sh\", \"-c\", \"exit 0\"]");
    district.sis(&people(["a@x.example", "b@x.example", "c@x.example"]));
    let done = district.cli(&["run", "--format", "json"]).exits(3).json();
    let attention = &done["attention"][0];
    assert_eq!(attention["code"], "push-unread");
    let said = attention["message"].as_str().unwrap();
    let begins =
        "/bin/sh ended with 0 and has not read all of its input: look whether the platform has the users; ";
    assert!(said.starts_with(begins), "{said}");
    assert_eq!(done["result"], "attention");
    let status = district.cli(&["status"]).exits(3).stdout;
    assert!(status.contains("(push-unread)"), "{status}");
}

#[test]
fn a_number_in_the_name_and_the_whole_list() {
    let mut district = District::new()
        .without_limits()
        .with("platform.push.to", "\"users-{run}.csv\"")
        .with("platform.columns.email", "\"Email Address\"");
    let first = ["a@x.example", "b@x.example", "c@x.example"];
    district.sis(&people(first));
    let preview = district.preview().ok();
    assert!(preview.stdout.contains("Push: all users would go to "), "{}", preview.stdout);
    district.run().ok();
    let text = fs::read_to_string(district.path("users-000001.csv")).unwrap();
    assert!(
        text.starts_with(&HEADER.replace("email,", "Email Address,")) && text.lines().count() == 4,
        "{text}"
    );
    night(&mut district, 24, ["a@x.example", "b@x.example", "d@x.example"]).ok();
    let text = fs::read_to_string(district.path("users-000002.csv")).unwrap();
    assert_eq!(
        text.lines().skip(1).collect::<Vec<_>>(),
        ["tea-3,pending,Rosa,Diaz,d@x.example,,,false,false"]
    );
    // What is exported can be imported again: no export is read by runs, and its columns hold.
    let exported = district.cli(&["users", "export"]).ok().stdout;
    district.file(
        "joined.csv",
        exported.replace("tea-1,pending", "tea-1,active").replace("a@x.example", "own@x.example"),
    );
    district.cli(&["users", "import", "joined.csv"]).ok();
    let own =
        district.cli(&["users", "list", "--where", "email=own@x.example", "--format", "csv"]).ok().stdout;
    assert!(own.contains("\ntea-1,active,"), "{own}");
    // Another place has nothing yet.
    district.set("platform.push.to", "\"elsewhere.csv\"");
    district.set("platform.push.what", "\"all\"");
    district.settings_without("platform.columns", "email");
    district.run().ok();
    assert_eq!(pushed(&district, "elsewhere.csv").len(), 3);
    night(&mut district, 25, ["a@x.example", "e@x.example", "d@x.example"]).ok();
    assert_eq!(
        pushed(&district, "elsewhere.csv"),
        ["tea-1 own@x.example", "tea-2 e@x.example", "tea-3 d@x.example"]
    );
}

/// A push that failed ends the run with 8 and comes with the next one; what the program says is not repeated.
#[test]
fn a_program_that_fails_gets_it_again() {
    let script = "cat > got.csv; cat got.csv >&2; test ! -e fail";
    let mut district = District::new()
        .without_limits()
        .with("platform.push.command", &format!("[\"sh\", \"-c\", {script:?}]"));
    let path = |command: &mut std::process::Command| {
        command.env("PATH", std::env::var_os("PATH").unwrap());
    };
    let run = |district: &District| {
        let mut command = district.command(&["run"]);
        path(&mut command);
        district.done(&mut command)
    };
    district.file("fail", "");
    district.sis(&people(["a@x.example", "b@x.example", "c@x.example"]));
    let done = run(&district).exits(8);
    assert!(
        done.stdout.contains("Push: FAILED, and comes with the next run: the command of [platform.push] ended with exit status 1, at sh\n"),
        "{}",
        done.stdout
    );
    assert!(
        !done.stderr.contains("a@x.example") && done.stderr.contains("result=\"undelivered\" exit=8"),
        "{}",
        done.stderr
    );
    assert_eq!(pushed(&district, "got.csv").len(), 3);
    let status = district.cli(&["status"]).exits(8).stdout;
    assert!(status.contains("Push:           FAILED at 2026-11-23 02:15: the command of [platform.push] ended with exit status 1"), "{status}");
    let json = district.cli(&["status", "--json"]).exits(8).json();
    assert_eq!(
        (&json["push"]["pushed"], &json["push"]["failed"]),
        (&serde_json::Value::Null, &"2026-11-23T08:15:00Z".into())
    );

    // The next run changes nothing, and pushes.
    fs::remove_file(district.path("got.csv")).unwrap();
    fs::remove_file(district.path("fail")).unwrap();
    district.at("2026-11-24T08:15:00Z");
    let done = run(&district).ok();
    assert!(done.stdout.contains("Push: 3 users (changes) went to sh\n"), "{}", done.stdout);
    assert_eq!(pushed(&district, "got.csv").len(), 3);
    assert_eq!(district.cli(&["status", "--json"]).ok().json()["push"]["failed"], serde_json::Value::Null);
    fs::remove_file(district.path("got.csv")).unwrap();
    run(&district).ok();
    assert!(!district.path("got.csv").exists());
}

/// A day without a sync pushes what a push before it could not, and `check` says what stands in its way.
#[test]
fn a_failed_push_also_comes_in_a_pause() {
    let mut district = District::new().without_limits().with("platform.push.to", "\"out/users.csv\"");
    district.sis(&people(["a@x.example", "b@x.example", "c@x.example"]));
    let checked = district.cli(&["check"]).exits(1);
    let said = format!("{}{}", checked.stdout, checked.stderr);
    assert!(said.contains("the folder of `to` in [platform.push] is not there"), "{said}");
    district.run().exits(8);
    fs::create_dir(district.path("out")).unwrap();
    district.at("2026-11-24T18:00:00Z");
    let pause = "[[pause]]\nfrom = 2026-11-24\nuntil = 2026-11-26\n";
    district.file("paused.toml", format!("{pause}{}", district.config()));
    let done = district.cli(&["-c", "paused.toml", "run"]).ok();
    assert!(done.stdout.contains("Push: 3 users (changes) went to "), "{}", done.stdout);
    assert_eq!(pushed(&district, "out/users.csv").len(), 3);
}

/// The run is killed after the platform has everything, and before that is noted.
#[test]
fn a_kill_between_push_and_note_pushes_again() {
    let mut district = District::new().without_limits();
    let script = "cat > got.csv; test ! -e kill || kill -9 $PPID";
    district.set("platform.push.command", &format!("[\"/bin/sh\", \"-c\", {script:?}]"));
    district.file("kill", "");
    district.sis(&people(["a@x.example", "b@x.example", "c@x.example"]));
    let mut command = district.command(&["run"]);
    let path = std::env::var_os("PATH").unwrap();
    let killed = command.env("PATH", &path).output().unwrap();
    assert_eq!(killed.status.code(), None, "{killed:?}");
    assert_eq!(pushed(&district, "got.csv").len(), 3);
    fs::remove_file(district.path("got.csv")).unwrap();
    fs::remove_file(district.path("kill")).unwrap();
    district.done(district.command(&["run"]).env("PATH", &path)).any();
    assert_eq!(pushed(&district, "got.csv").len(), 3);
}

#[test]
fn mistakes_are_refused_with_their_line() {
    let mut district = District::new();
    district.sis(&people(["a@x.example", "b@x.example", "c@x.example"]));
    for (keys, said) in [
        (&[("to", "\"a.csv\""), ("command", "[\"x\"]")][..], "[platform.push] has both `to` and `command`"),
        (&[("what", "\"all\"")], "[platform.push] has neither `to` nor `command`"),
        (&[("to", "\"out/\"")], "`out/` is a folder, not a file"),
        (&[("to", "\"{day}.csv\"")], "`{day}.csv` has braces that mean nothing here"),
        (&[("to", "\"sftp://host/x.csv\"")], "`to` is not the address of a file on an SFTP server"),
        (
            &[("to", "\"a.csv\""), ("key_file", "\"k\"")],
            "`key_file` in [platform.push] is for `to = \"sftp://…\"`",
        ),
        (&[("command", "[]")], "`command` names no program"),
        (&[("too", "\"a.csv\"")], "`too`"),
    ] {
        for (key, value) in keys {
            district.set(&format!("platform.push.{key}"), value);
        }
        district.cli(&["run"]).exits(2).complains(&[said, "\n  help: "]);
        keys.iter().for_each(|(key, _)| district.unset(&format!("platform.push.{key}")));
    }
    // The store is no place for it; the run is applied all the same.
    district.set("platform.push.to", "\"rostersync.db\"");
    let done = district.run().exits(8);
    assert!(
        done.stdout.contains(
            "Push: FAILED, and comes with the next run: that would overwrite what the sync reads or keeps"
        ),
        "{}",
        done.stdout
    );
    // Paths are shown from the root.
    district.set("platform.push.to", "\"out/users.csv\"");
    let shown = district.cli(&["config", "show"]).ok().stdout;
    let path = district.path("out/users.csv").display().to_string();
    assert!(shown.contains(&format!("\nto = \"{path}\" ")), "{shown}");
    // Switched off; the keys of the server can stay.
    district.set("platform.push.to", "\"\"");
    district.set("platform.push.key_file", "\"k\"");
    district.run().ok();
}

#[test]
fn a_server_gets_whole_files_under_their_name() {
    let Some(server) = Server::start() else { return };
    let mut district = server.district();
    for key in ["key_file", "host_key"] {
        let setting = district.config().lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        district.set(&format!("platform.push.{key}"), setting.split_once(" = ").unwrap().1);
        district.unset(&format!("source.sftp.{key}"));
    }
    district.set("source.path", "\"sis\"");
    district.set("platform.push.to", &format!("{:?}", server.url("drop/users of lincoln.csv")));
    let got = || {
        let text = fs::read_to_string(server.at("drop/users of lincoln.csv")).unwrap();
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let run = |district: &District| server.cli(district, &["run"]);
    district.sis(&people(["a@x.example", "b@x.example", "c@x.example"]));
    let done = run(&district).ok();
    assert!(done.stdout.contains("Push: 3 users (changes) went to sftp://"), "{}", done.stdout);
    assert_eq!(got(), ["tea-1", "tea-2", "tea-3"]);
    assert_eq!(fs::read_dir(server.at("drop")).unwrap().count(), 1, "no temporary file is left");
    assert_eq!(server.leftovers(), 0);

    // Picked up; and a server that renames no file over another one.
    fs::remove_file(server.at("drop/users of lincoln.csv")).unwrap();
    district.sis(&people(["a@x.example", "new@x.example", "c@x.example"]));
    run(&district).ok();
    assert_eq!(got(), ["tea-2"]);
    server.wrap(
        "cat > batch\nif grep -q '^rename' batch && ! grep -q '^-rm' batch; then\n\
         grep -v '^rename' batch | real_sftp \"$@\"; echo 'remote rename: Failure' >&2; exit 1\nfi\n\
         real_sftp \"$@\" < batch",
    );
    district.sis(&people(["a@x.example", "new@x.example", "new@x.example"]));
    run(&district).ok();
    assert_eq!(got(), ["tea-2", "tea-3"], "the file of before was still there");

    district.set("platform.push.to", &format!("{:?}", server.url("nowhere/users.csv")));
    let done = run(&district).exits(8);
    assert!(done.stdout.contains("there is no such folder on the server, at sftp://"), "{}", done.stdout);
    assert!(done.stderr.contains("check the path in [platform.push]"), "{}", done.stderr);
}
