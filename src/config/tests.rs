use std::sync::LazyLock;

use super::*;

const SMALLEST: &str = "[sync]\n[source]\ntype = \"oneroster-csv\"\npath = \"district/\"\n";

/// What the program accepts, the schema accepts as well.
fn parse(text: &str) -> Result<Config> {
    let config = Config::parse(text, Path::new("/etc/rs/rostersync.toml"))?;
    assert_eq!(refused(text), Vec::<String>::new(), "{text}");
    Ok(config)
}

/// What the schema has against a configuration that is TOML.
fn refused(text: &str) -> Vec<String> {
    static VALIDATOR: LazyLock<jsonschema::Validator> =
        LazyLock::new(|| jsonschema::draft7::new(&schema()).unwrap());
    let value: toml::Table = toml::from_str(text).unwrap();
    let value = as_json(&toml::Value::Table(value));
    VALIDATOR.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// As an editor's schema sees TOML: dates are texts.
fn as_json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(list) => list.iter().map(as_json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// The mistake's message as the user sees it.
fn mistake(text: &str) -> String {
    parse(text).expect_err("a mistake").to_string()
}

#[test]
fn the_smallest_configuration_has_the_documented_defaults() {
    let config = parse(SMALLEST).unwrap();
    assert!(!config.sync.update_contacts && !config.on_anywhere());
    assert_eq!(config.sync.store, Path::new("/etc/rs/rostersync.db"));
    assert_eq!(config.source.local_path(), Some(Path::new("/etc/rs/district/")));
    assert_eq!(config.sync.keep_reports, 90);
    assert_eq!(config.sync.roles.len(), 9);
    assert_eq!(config.limits.archive, Limit::Share(10.0));
    assert_eq!(config.limits.notifications, Limit::Count(500));
}

#[test]
fn an_absolute_path_stays() {
    let config =
        parse("[sync]\nstore = \"/var/lib/rs.db\"\n[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n")
            .unwrap();
    assert_eq!(config.sync.store, Path::new("/var/lib/rs.db"));
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_right_one() {
    let said = mistake("[sync]\nupdate_contact = true\n[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n");
    assert!(said.contains("unknown key `update_contact`"), "{said}");
    assert!(said.contains("/etc/rs/rostersync.toml:2:1"), "{said}");
    assert!(said.contains("did you mean `update_contacts`?"), "{said}");
}

/// One mistake each: what is written, and what is said of it with the line and a mark below it.
#[test]
fn every_kind_of_mistake_names_key_value_and_what_is_wanted() {
    for (written, said, marked, cure) in [
        (
            "update_contacts = \"yes\"",
            "`update_contacts` in [sync] is the text \"yes\", but has to be true or false",
            "2 | update_contacts = \"yes\"\n  |                   ^^^^^",
            "write for example `update_contacts = false`",
        ),
        (
            "keep_reports = -1",
            "is the number -1, but has to be a whole number from 0 on",
            "^^",
            "`keep_reports = 90`",
        ),
        (
            "keep_reports = 1.5",
            "is the number 1.5, but has to be a whole number from 0 on",
            "^^^",
            "`keep_reports = 90`",
        ),
        ("store = 5", "`store` in [sync] is the number 5, but has to be text in quotes", "^", "`store = \""),
        (
            "schools = \"sch-1\"",
            "is the text \"sch-1\", but has to be a list in brackets",
            "^^^^^^^",
            "schools = [",
        ),
        ("roles = [\"student\", 5]", "entry 2 of `roles` in [sync] is the number 5", "^", "roles = ["),
        (
            "blank_values = \"keeep\"",
            "`blank_values` in [sync] cannot be the text \"keeep\"",
            "^^^^^^^",
            "did you mean \"keep\"?",
        ),
        (
            "keep_report = 9",
            "unknown key `keep_report` in [sync]",
            "^^^^^^^^^^^",
            "did you mean `keep_reports`?",
        ),
        ("path = \"x\"", "unknown key `path` in [sync]", "^^^^", "`path` belongs in [source]"),
        ("banana = 1", "unknown key `banana` in [sync]", "^^^^^^", "remove it; there are: update_contacts, "),
        (
            "store = \"a\"\nstore = \"b\"",
            "`store` in [sync] is there twice, first in line 2",
            "^^^^^",
            "keep one of them",
        ),
        ("[sync]", "[sync] is there twice, first in line 1", "^^^^", "keep one of them"),
        ("store = a.db", "this line is not TOML", "^^^^", "write text in quotes: store = \"…\""),
        ("store = \"a.db", "this line is not TOML", "^", "close the quotes"),
        ("store = “a.db”", "this line is not TOML", "^", "straight quotes"),
        ("store = \"C:\\data\"", "this line is not TOML", "^", "write the text in single quotes"),
        ("store = \"C:\\Users\\sync\"", "this line is not TOML", "^", "or double every backslash"),
        ("store = \"\\xyz\"", "this line is not TOML", "^", "write the text in single quotes"),
        (
            "update_contacts = True",
            "this line is not TOML",
            "^^^^",
            "write `update_contacts = true` in small letters",
        ),
        ("store: \"a\"", "this line is not TOML", "^", "with `=` in place of `:`"),
        ("store =", "this line is not TOML", "^", "write a value after `store =`"),
        ("[limits", "this line is not TOML", "^", "write a section as [name]"),
        ("limits = 5", "unknown key `limits` in [sync]", "^^^^^^", "write it as a section: [limits]"),
        ("[limit]", "`limit` is neither a section nor a key", "^^^^^", "did you mean [limits]?"),
    ] {
        let failure =
            parse(&SMALLEST.replace("[sync]\n", &format!("[sync]\n{written}\n"))).expect_err(written);
        let whole = format!("{}\n{}\n{}", failure.what, failure.excerpt(), failure.cure);
        assert!(failure.what.contains(said), "{written}: {whole}");
        assert!(failure.excerpt().contains(marked) && failure.excerpt().contains('|'), "{written}: {whole}");
        assert!(failure.cure.contains(cure), "{written}: {whole}");
        assert!(failure.place.starts_with("/etc/rs/rostersync.toml:"), "{written}: {}", failure.place);
    }
    for (text, said) in [
        ("[sync]\n", "there is no section [source]"),
        ("[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n", "there is no section [sync]"),
        (
            "[sync]\n[source]\ntype = \"oneroster-csv\"\n",
            "`path` is missing in [source], at /etc/rs/rostersync.toml:2:1",
        ),
        ("[sync]\n[source]\npath = \"x\"\n", "`type` is missing in [source], at /etc/rs/rostersync.toml:2:1"),
        (&format!("{SMALLEST}[[school]]\nid = \"a\"\n"), "`update_contacts` is missing in [[school]]"),
    ] {
        let message = mistake(text);
        assert!(message.contains(said), "{message}");
    }
}

/// The same key is in several sections: the one that is wrong is shown.
#[test]
fn a_mistake_is_shown_in_its_own_section() {
    let text = "[sync]\n[source]\ntype = \"oneroster-api\"\nurl = \"https://sis.example/x\"\n[source.auth]\ntype = \"bearer\"\ntoken_env = \"T\"\n\
                [notify.sms]\nprovider = \"http\"\nurl = \"http://gateway.example\"\n[notify.sms.fields]\nto = \"{to}\"\ntext = \"{body}\"\n";
    let failure = parse(text).unwrap_err();
    assert_eq!(failure.place, "/etc/rs/rostersync.toml:10:1", "{failure}");
    assert!(failure.excerpt().contains("10 | url = \"http://gateway.example\""), "{}", failure.excerpt());
    for (section, lines, place) in [
        ("notify.email", "server = \"file:m\"\nfrom = \"a@b.example\"\nper_day = 0", "7:1"),
        ("notify.email", "server = \"file:m\"\nfrom = \"a@b.example\"\nuser = \"u\"", "4:1"),
        ("notify.admins", "to = [\"a@b.example\"]", "4:1"),
        ("monitor", "ping_url = \"x\"", "5:1"),
        ("platform", "users = \"\"", "5:9"),
    ] {
        let text = format!(
            "[sync]\nstore = \"x\"\n[{section}]\n{lines}\n[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n"
        );
        let text = text.replacen(&format!("[{section}]"), &format!("\n[{section}]"), 1);
        let failure = parse(&text).unwrap_err();
        assert_eq!(failure.place, format!("/etc/rs/rostersync.toml:{place}"), "{section}: {failure}");
    }
}

#[test]
fn the_line_that_is_shown_holds_no_secret() {
    for line in [
        "password = hunter2",
        "password = \"hunter2",
        "auth = { type = \"bearer\", token = 20061, x = \"hunter2\" }",
        "client_secret = \"\"\"\nhunter2\nx",
        "server = \"smtp://u:hunter2@x\"",
        "token hunter2",
        "proxy = \"http://u:hunter2@proxy:1\" x",
    ] {
        for section in ["source", "notify.email", "notify.sms"] {
            let failure = parse(&format!("[sync]\n[{section}]\n{line}\n")).unwrap_err();
            let whole = format!("{failure}{}", failure.excerpt());
            assert!(!whole.contains("hunter2") && !whole.contains("20061"), "{line}: {whole}");
        }
    }
}

#[test]
fn secrets_in_the_file_are_found_whatever_they_are_called() {
    let text = "[source.auth]\ntoken = \"a\"\ntoken_file = \"b\"\nclient_secret = \"c\"\n[notify]\nemail = { password = \"d\" }\n\
                [notify.sms]\npassword_env = \"E\"\ntoken = \"f\"\n[notify.sms.fields]\nto = \"{to}\"\napikey = \"g\"\n[monitor]\nping_url = \"h\"\n";
    let document = Document::parse(text, Path::new("rs.toml")).unwrap();
    let found: Vec<String> = document
        .inline_secrets(|_| true)
        .into_iter()
        .map(|found| format!("{} {}", found.line, found.key))
        .collect();
    assert_eq!(
        found,
        [
            "2 `token` in [source.auth]",
            "4 `client_secret` in [source.auth]",
            "6 `password` in [notify.email]",
            "9 `token` in [notify.sms]",
            "12 `apikey` in [notify.sms.fields]",
            "14 `ping_url` in [monitor]"
        ]
    );
}

const MAIL: &str = "[notify.email]\nfrom = \"a@b.example\"\n";

#[test]
fn a_mail_server_is_an_address_without_a_password() {
    let server = |text: &str| {
        let config = parse(&format!("{SMALLEST}{MAIL}server = \"{text}\"\n"))?;
        Ok::<_, Failure>(config.notify.email.unwrap().server)
    };
    let smtp = |host: &str, port, implicit_tls| MailServer::Smtp { host: host.into(), port, implicit_tls };
    assert_eq!(server("smtp://relay.example").unwrap(), smtp("relay.example", 587, false));
    assert_eq!(server("smtps://relay.example:4650/").unwrap(), smtp("relay.example", 4650, true));
    assert_eq!(server("smtp://[::1]:25").unwrap(), smtp("::1", 25, false));
    assert_eq!(server("file:mail").unwrap(), MailServer::Folder("/etc/rs/mail".into()));
    for wrong in
        ["smtp://me:hunter2@relay.example", "relay.example:25", "smtp://", "smtp://x:port", "http://x"]
    {
        let said = server(wrong).unwrap_err().to_string();
        assert!(said.contains("smtp://relay.lincoln.example:587") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn what_does_not_fit_together_for_mail_is_said() {
    for (lines, part) in [
        ("server = \"smtp://x.example\"\nuser = \"u\"", "a user without a password"),
        ("server = \"smtp://x.example\"\npassword_file = \"p\"", "a user without a password"),
        (
            "server = \"smtp://x.example\"\nuser = \"u\"\npassword_file = \"p\"\ntoken_command = \"t\"",
            "more than one",
        ),
        (
            "server = \"smtp://x.example\"\nuser = \"u\"\npassword_file = \"p\"\nstarttls = \"never\"",
            "unencrypted",
        ),
        ("server = \"smtps://x.example\"\nstarttls = \"never\"", "encrypted from the start"),
        ("server = \"file:mail\"\nca_file = \"x\"", "`ca_file`"),
        ("server = \"file:mail\"\nquiet_hours = \"22-7\"", "21:00-07:00"),
        ("server = \"file:mail\"\ntimeout = \"none\"", "60s"),
        ("server = \"file:mail\"\nper_day = 0", "nothing would ever be sent"),
        ("server = \"file:mail\"\nmax_per_run = 0", "nothing would ever be sent"),
    ] {
        let said = mistake(&format!("{SMALLEST}{MAIL}{lines}\n"));
        assert!(said.contains(part), "{lines}: {said}");
        assert!(said.contains("rostersync.toml:"), "{said}");
    }
    let said = mistake(&format!("{SMALLEST}[notify.admins]\nto = [\"it@b.example\"]\n"));
    assert!(said.contains("add [notify.email]"), "{said}");
}

#[test]
fn what_does_not_fit_together_for_texts_is_said() {
    let twilio =
        "provider = \"twilio\"\naccount_sid = \"AC1\"\npassword_env = \"T\"\nfrom = \"+12175550100\"\n";
    let http = "provider = \"http\"\nurl = \"https://g.example\"\n";
    let fields = "[notify.sms.fields]\nto = \"{to}\"\ntext = \"{body}\"\n";
    let sms = |lines: &str| format!("{SMALLEST}[notify.sms]\n{lines}");
    assert!(parse(&sms(twilio)).is_ok());
    assert!(parse(&sms(&format!("{http}{fields}"))).is_ok());
    // Without a pointer to codes, statuses are meant.
    assert!(parse(&sms(&format!("{http}retry_codes = [\"503\"]\n{fields}"))).is_ok());
    for (lines, part) in [
        (twilio.replace("AC1", "x"), "begins with AC"),
        (twilio.replace("account_sid", "#"), "`account_sid` is missing in [notify.sms]"),
        (twilio.replace("password_env", "token_env"), "is for provider = \"http\""),
        (twilio.replace("from", "#"), "`from` or `messaging_service`"),
        (format!("{http}account_sid = \"AC1\"\n{fields}"), "is for provider = \"twilio\""),
        (http.to_owned(), "where number and text go"),
        (
            fields.replace("[notify.sms.fields]", "provider = \"http\"\n[notify.sms.fields]"),
            "`url` is missing in [notify.sms]",
        ),
        (format!("{}{fields}", http.replace("https", "http")), "not an https:// address"),
        (format!("{}{fields}", http.replace("g.ex", "u:hunter2@g.ex")), "has a user or password in it"),
        (format!("{http}permanent_codes = [\"1\"]\n{fields}"), "no code_pointer"),
        (format!("{http}success_pointer = \"/a\"\n{fields}"), "together"),
        (format!("{http}header = \"X-Key\"\n{fields}"), "no token"),
    ] {
        let said = mistake(&sms(&lines));
        assert!(said.contains(part) && !said.contains("hunter2"), "{lines}: {said}");
    }
}

#[test]
fn a_secret_in_the_file_is_never_shown() {
    let config = parse(&format!(
        "{SMALLEST}{MAIL}server = \"smtp://x.example\"\nuser = \"u\"\npassword = \"hunter2\"\n[monitor]\nping_url = \"https://hunter2\"\n"
    ))
    .unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(config.monitor.ping_url().unwrap().read().unwrap().reveal(), "https://hunter2");
    let said =
        mistake(&format!("{SMALLEST}{MAIL}server = \"smtp://x.example\"\nuser = \"u\"\npassword = 20061\n"));
    assert!(!said.contains("20061"), "{said}");
}

#[test]
fn quiet_hours_end_when_they_say_also_over_midnight_and_when_clocks_change() {
    let zone = Zone::Named(chrono_tz::America::Chicago);
    let until = |hours: &str, moment: &str| {
        let text = format!("{SMALLEST}{MAIL}server = \"file:mail\"\nquiet_hours = \"{hours}\"\n");
        let pace = parse(&text).unwrap().notify.email.unwrap().pace();
        let until = pace.quiet_hours.unwrap().until(zone, moment.parse().unwrap());
        until.map(|until| until.to_rfc3339())
    };
    // 02:15 and 22:00 in Chicago, then 12:00.
    let morning = Some("2026-11-23T13:00:00+00:00".to_owned());
    assert_eq!(until("21:00-07:00", "2026-11-23T08:15:00Z"), morning);
    assert_eq!(until("21:00-07:00", "2026-11-23T04:00:00Z"), morning);
    assert_eq!(until("21:00-07:00", "2026-11-23T18:00:00Z"), None);
    assert_eq!(until("21:00-07:00", "2026-11-23T13:00:00Z"), None);
    assert_eq!(until("01:00-03:00", "2026-11-23T08:15:00Z"), Some("2026-11-23T09:00:00+00:00".into()));
    // There is no 02:30 on that night.
    assert_eq!(until("01:00-02:30", "2026-03-08T07:30:00Z"), Some("2026-03-08T08:30:00+00:00".into()));
}

#[test]
fn a_bare_fraction_is_refused_with_the_share_that_was_meant() {
    let said = mistake(&format!("{SMALLEST}[limits]\narchive = 0.1\n"));
    assert!(said.contains("a bare fraction (0.1) is not a limit"), "{said}");
    assert!(said.contains("write \"10%\""), "{said}");
    assert!(parse(&format!("{SMALLEST}[limits]\narchive = 25\nrejected = \"2.5%\"\n")).is_ok());
    assert!(mistake(&format!("{SMALLEST}[limits]\narchive = \"110%\"\n")).contains("share such as"));
    for wrong in [
        "\"1e2%\"",
        "\"inf%\"",
        "\"nan%\"",
        "\"+5%\"",
        "\"-1%\"",
        "\".5%\"",
        "\"5.%\"",
        "\"1.2.3%\"",
        "\"%\"",
        "\"5\"",
        "inf",
        "nan",
        "-1.5",
    ] {
        let said = mistake(&format!("{SMALLEST}[limits]\nprotection = {wrong}\n"));
        assert!(said.contains("is not a limit") && said.contains("share such as"), "{wrong}: {said}");
    }
    assert!(mistake(&format!("{SMALLEST}[limits]\nexport = -1\n")).contains("a count such as"));
    for right in ["\"0%\"", "\"100%\"", "\" 2.5 %\"", "0"] {
        assert!(parse(&format!("{SMALLEST}[limits]\njoins = {right}\n")).is_ok(), "{right}");
    }
}

#[test]
fn wrong_values_say_what_would_be_right() {
    for (text, part) in [
        ("default_region = \"USA\"", "region code such as"),
        ("timezone = \"Chicago\"", "America/Chicago"),
        ("blank_values = \"wipe\"", "write one of \"keep\", \"clear\""),
        ("phone_credential = \"mobile\"", "sms-then-phone"),
        ("roles = [\"studnet\"]", "did you mean `student`?"),
        ("ignore_emails = [\"a[\"]", "is not a pattern"),
    ] {
        let said = mistake(&SMALLEST.replace("[sync]\n", &format!("[sync]\n{text}\n")));
        assert!(said.contains(part), "{text}: {said}");
        assert!(said.contains("rostersync.toml:2"), "{text}: {said}");
    }
    let said = mistake(&format!("{SMALLEST}[platform]\nusers = \"p.csv\"\nmax_age = \"2 weeks\"\n"));
    assert!(said.contains("48h"), "{said}");
    let said =
        mistake(&format!("{SMALLEST}[platform]\nusers = \"p.csv\"\n[platform.columns]\nmail = \"Email\"\n"));
    assert!(said.contains("`mail` is not a column"), "{said}");
    let said = mistake(&format!(
        "{SMALLEST}[[school]]\nid=\"a\"\nupdate_contacts=true\n[[school]]\nid=\"a\"\nupdate_contacts=false\n"
    ));
    assert!(said.contains("`a` has two [[school]] entries"), "{said}");
}

#[test]
fn the_example_is_complete_and_says_the_defaults() {
    let text = include_str!("../../config.example.toml");
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml"));
    let example = Config::parse(text, file).unwrap();
    let root = file.parent().unwrap();
    assert!(example.source.local_path().unwrap().starts_with(root.join("fixtures")));
    // A key that is at its default may be in a comment, but every key must be there. Those of texts are too many, and are
    // explained where they are needed; and of the three keys of a secret one is enough.
    let shown: Vec<(&str, &str)> =
        sections::example_lines().map(|(section, key, _)| (section, key)).collect();
    let explained = include_str!("../../docs/notifications.md");
    for section in sections::all() {
        for key in section.keys {
            let inner =
                if section.name.is_empty() { (*key).to_owned() } else { format!("{}.{key}", section.name) };
            let is_shown = shown.contains(&(section.name, key))
                || shown.iter().any(|(of, _)| *of == inner || of.starts_with(&format!("{inner}.")))
                || text.to_lowercase().contains(&format!("or {key}"))
                || text.contains(&format!("{key} = \"…\""))
                || text.contains(&format!(": {key} = "))
                || section.name == "notify.sms" && explained.contains(&format!("`{key}`"));
            assert!(is_shown, "`{key}` of [{}] is missing in config.example.toml", section.name);
        }
    }
    let long = |line: &&str| line.chars().count() > 100 && !line.contains(" = ");
    assert_eq!(text.lines().find(long), None);
    assert_eq!(refused(text), Vec::<String>::new());
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    // What it says in comments about defaults is true, unless the comment says another one.
    let mut looked = 0;
    each_key(&schema, "", &mut |section, key, property| {
        let Some(default) = property.get("default") else { return };
        let says_another = sections::comment_of(section, key).is_some_and(|words| words.contains("efault"));
        // The example has two sections [source], so a key can be there twice.
        let lines: Vec<&str> = sections::example_lines()
            .filter(|(of, name, line)| {
                *of == section && *name == key && text.contains(&format!("\n# {line}\n"))
            })
            .map(|(_, _, line)| line)
            .collect();
        if says_another || lines.is_empty() {
            return;
        }
        let is_shown = |line: &&&str| {
            let shown: toml::Table = toml::from_str(line).unwrap();
            as_json(&shown[key]) == *default
        };
        assert!(
            lines.iter().any(|line| is_shown(&line)),
            "{key} in [{section}] is {default}, and not {lines:?}"
        );
        looked += 1;
    });
    assert!(looked > 40, "only {looked} defaults were compared");
    // The example has too few people for a share, and says what the default is.
    assert_eq!(Limits::default().contact_updates.to_string(), "20%");
    assert!(text.contains("Default: \"20%\" of those whom the sync may change"));
}

/// Calls with section, key and schema of every key.
fn each_key(schema: &serde_json::Value, section: &str, look: &mut dyn FnMut(&str, &str, &serde_json::Value)) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let inner = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        look(section, key, property);
        each_key(property, &inner, look);
        each_key(&property["items"], &inner, look);
        for kind in property["oneOf"].as_array().into_iter().flatten() {
            each_key(kind, &inner, look);
        }
    }
}

/// The keys of the schema are those that the parser takes, section for section.
#[test]
fn the_schema_has_every_key() {
    let mut keys: HashSet<String> = HashSet::new();
    each_key(&schema(), "", &mut |section, key, _| {
        keys.insert(format!("{section}.{key}"));
    });
    for section in sections::all() {
        for key in section.keys {
            assert!(keys.contains(&format!("{}.{key}", section.name)), "{key} in [{}]", section.name);
        }
    }
}

/// Mistakes that an editor shows while they are typed.
#[test]
fn the_schema_refuses_what_is_wrong_by_itself() {
    let mail = format!("{SMALLEST}[notify.email]\nserver = \"file:mail\"\nfrom = \"a@b.example\"\n");
    let sync = |line: &str| SMALLEST.replace("[sync]\n", &format!("[sync]\n{line}\n"));
    let rule = |line: &str| format!("{SMALLEST}[[contacts.rule]]\n{line}\n");
    let after = |lines: &str| format!("{SMALLEST}{lines}\n");
    for (text, place) in [
        ("[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n".to_owned(), ""),
        ("[sync]\n".to_owned(), ""),
        (SMALLEST.replace("oneroster-csv", "csv"), "/source"),
        (SMALLEST.replace("path", "pth"), "/source"),
        (after("district = \"d\""), "/source"),
        (after("[source.http]\nretries = 2"), "/source"),
        (format!("banana = 1\n{SMALLEST}"), ""),
        (sync("banana = 1"), "/sync"),
        (sync("update_contacts = \"yes\""), "/sync/update_contacts"),
        (sync("keep_reports = -1"), "/sync/keep_reports"),
        (sync("keep_reports = 1.5"), "/sync/keep_reports"),
        (sync("store = \"\""), "/sync/store"),
        (sync("archive_after = 0"), "/sync/archive_after"),
        (sync("archive_after = \"3 days\""), "/sync/archive_after"),
        (sync("purge_after = \"1y\""), "/sync/purge_after"),
        (sync("timezone = \"Chicago\""), "/sync/timezone"),
        (sync("roles = [\"techer\"]"), "/sync/roles/0"),
        (sync("blank_values = \"keeep\""), "/sync/blank_values"),
        (sync("phone_credential = \"mobile\""), "/sync/phone_credential"),
        (sync("names = \"nick\""), "/sync/names"),
        (sync("default_region = \"USA\""), "/sync/default_region"),
        (after("[limits]\narchive = 0.1"), "/limits/archive"),
        (after("[limits]\narchive = \"110%\""), "/limits/archive"),
        (after("[limits]\non_limit = \"warn\""), "/limits/on_limit"),
        (after("[platform]\nusers = \"u\"\nmax_age = \"2 weeks\""), "/platform/max_age"),
        (after("[platform]\nusers = \"u\"\n[platform.columns]\nmail = \"x\""), "/platform/columns"),
        (after("[[school]]\nid = \"a\""), "/school/0"),
        (after("[[pause]]\nfrom = 2027-06-20\nuntil = \"June\""), "/pause/0/until"),
        (rule("where = {}\nclass = \"never\""), "/contacts/rule/0/where"),
        (rule("where = { a = \"b\" }\nclass = \"no\""), "/contacts/rule/0/class"),
        (mail.replace("file:mail", "http://x"), "/notify/email/server"),
        (mail.replace("a@b.example", "a"), "/notify/email/from"),
        (format!("{mail}quiet_hours = \"21-7\"\n"), "/notify/email/quiet_hours"),
        (format!("{mail}starttls = \"always\"\n"), "/notify/email/starttls"),
        (format!("{mail}[notify.admins]\nto = []\n"), "/notify/admins/to"),
        (after("[notify.sms]\nprovider = \"twilio\""), "/notify/sms"),
        (API.replace("bearer", "oauth3"), "/source"),
        (API.replace("url", "page_size = 0\nurl"), "/source"),
    ] {
        assert!(Config::parse(&text, Path::new("/etc/rs/rostersync.toml")).is_err(), "{text}");
        let places = refused(&text);
        assert!(places.iter().any(|said| said.starts_with(&format!("{place}: "))), "{text}{places:?}");
    }
}

const EXAMPLES: [&str; 6] = ["oneroster", "oneroster", "oneroster", "clever", "sftp", "csv"];

/// Every configuration that docs/api.md shows is one.
#[test]
fn the_examples_of_the_documentation_are_valid() {
    let text = include_str!("../../docs/api.md");
    let mut found = Vec::new();
    for block in text.split("```toml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let source = if block.contains("[source]") {
            ""
        } else {
            "[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n"
        };
        let config =
            parse(&format!("[sync]\n{source}{block}")).unwrap_or_else(|error| panic!("{error}\n{block}"));
        found.push(match config.source {
            Source::Csv { .. } => "csv",
            Source::Sftp(_) => "sftp",
            Source::OneRosterApi(_) => "oneroster",
            Source::Clever(_) => "clever",
        });
    }
    assert_eq!(found, EXAMPLES);
}

#[test]
fn what_the_example_says_of_the_defaults_of_a_pull_is_true() {
    let text = "[sync]\n[source]\ntype = \"clever\"\n[source.auth]\ntype = \"clever\"\nclient_id = \"a\"\nclient_secret = \"b\"\n";
    let Source::Clever(clever) = parse(text).unwrap().source else { panic!("not Clever") };
    assert_eq!(clever.url.as_str(), "https://api.clever.com/v3.1");
    assert_eq!((clever.page_size, clever.max_pages), (1000, 20_000));
    assert_eq!(clever.max_sync_age, Some(std::time::Duration::from_secs(3 * 86_400)));
    assert_eq!(
        (clever.http.timeout.as_secs(), clever.http.retries, clever.http.retry_wait.as_secs()),
        (120, 5, 1)
    );
    let text = "[sync]\n[source]\ntype = \"classlink\"\napplication = \"a%3D\"\n[source.auth]\ntype = \"bearer\"\ntoken = \"b\"\n";
    let Source::OneRosterApi(classlink) = parse(text).unwrap().source else { panic!("not OneRoster") };
    assert_eq!(classlink.url.as_str(), "https://oneroster-proxy.classlink.io/a%3D/ims/oneroster/v1p1");
    assert!(classlink.sort && classlink.check_totals && classlink.parallel == 1);
    assert_eq!((classlink.users_path.as_str(), classlink.orgs_path.as_deref()), ("users", Some("orgs")));
}

#[test]
fn a_secret_in_the_configuration_is_not_shown() {
    let text = "[sync]\n[source]\ntype = \"clever\"\n[source.auth]\ntype = \"bearer\"\ntoken = \"hunter2\"\n";
    assert!(!format!("{:?}", parse(text).unwrap()).contains("hunter2"));
    let said = mistake(&text.replace("\"hunter2\"", "hunter2"));
    assert!(!said.contains("hunter2"), "{said}");
}

/// The place and the marked text of a mistake.
fn marked(text: &str) -> (String, String) {
    let failure = parse(text).expect_err(text);
    let place = failure.place.trim_start_matches("/etc/rs/rostersync.toml:").to_owned();
    let lines: Vec<&str> = failure.excerpt().lines().collect();
    let [_, line, marks] = lines[..] else { return (place, String::new()) };
    let (start, length) = (marks.find('^').unwrap_or_default(), marks.matches('^').count());
    (place, line.chars().skip(start).take(length).collect())
}

const API: &str = "[sync]\n[source]\ntype = \"oneroster-api\"\nurl = \"https://sis.example/x\"\n[source.auth]\ntype = \"bearer\"\ntoken_env = \"T\"\n";

/// Names of keys that are in several tables, one of them wrong: the place is that of the wrong one.
#[test]
fn of_keys_with_one_name_the_wrong_one_is_marked() {
    let mail = "[notify.email]\nserver = \"file:m\"\nfrom = \"a@b.example\"\n";
    let sms = "[notify.sms]\nprovider = \"http\"\nurl = \"https://g.example\"\n[notify.sms.fields]\nto = \"{to}\"\ntext = \"{body}\"\n";
    for (text, place, mark) in [
        (format!("{API}{}", sms.replace("https", "http")), "10:1", "url"),
        (format!("{}{sms}", API.replace("https", "http")), "4:1", "url"),
        (format!("{API}{sms}").replace("provider = \"http\"", "provider = \"htp\""), "9:12", "\"htp\""),
        (API.replace("bearer", "bear"), "6:8", "\"bear\""),
        (API.replace("oneroster-api", "oneroster"), "3:8", "\"oneroster\""),
        (format!("{API}[source.http]\ntimeout = \"9s\"\n{mail}timeout = \"9\"\n"), "13:11", "\"9\""),
        (format!("{API}[source.http]\ntimeout = \"9\"\n{mail}timeout = \"9s\"\n"), "9:11", "\"9\""),
        (format!("{API}[source.http]\ntimeout = \"0s\"\n{mail}timeout = \"9s\"\n"), "9:11", "\"0s\""),
        (format!("{API}{mail}{}", sms.replace("url", "from = 5\nurl")), "13:8", "5"),
        (format!("{API}{}{sms}", mail.replace("a@b.example", "a")), "10:8", "\"a\""),
        (format!("{API}{mail}per_day = 5\n{}", sms.replace("url", "per_day = 0\nurl")), "14:1", "per_day"),
        (format!("{API}{mail}password_file = \"x\"\n{sms}"), "8:1", "[notify.email]"),
        (format!("{API}{mail}{}", sms.replace("url", "password_file = \"x\"\nurl")), "11:1", "[notify.sms]"),
    ] {
        assert_eq!(marked(&text), (place.to_owned(), mark.to_owned()), "{text}");
    }
}

/// The same, however TOML lets a table be written.
#[test]
fn a_mistake_is_marked_in_inline_tables_dotted_keys_and_lists() {
    let mut wrong = Vec::new();
    let csv = "type = \"oneroster-csv\"\npath = \"x\"\n";
    let sync = format!("[sync]\n[source]\n{csv}");
    for (text, place, mark) in [
        // A key of another type, or of none.
        ("[sync]\n[source]\ntype = \"clever\"\npath = \"x\"\n".to_owned(), "4:1", "path"),
        (
            "sync = {}\nsource = { type = \"clever\", url = \"https://c.example\", path = \"x\" }\n"
                .to_owned(),
            "2:56",
            "path",
        ),
        ("sync = {}\nsource.type = \"clever\"\nsource.path = \"x\"\n".to_owned(), "3:8", "path"),
        (
            format!("{sync}[notify]\nemail = {{ server = \"file:m\", from = \"a@b.example\", frm = 1 }}\n"),
            "6:52",
            "frm",
        ),
        (
            format!(
                "{sync}[notify]\nsms = {{ provider = \"twilio\", token_env = \"T\", account_sid = \"AC\" }}\n"
            ),
            "6:30",
            "token_env",
        ),
        (API.replace("[source.auth]", "http.retries = -1\n[source.auth]"), "5:16", "-1"),
        (format!("{sync}[notify]\nemail.server = \"file:m\"\nemail.from = \"a\"\n"), "7:14", "\"a\""),
        (
            format!(
                "{sync}[notify]\nemail.server = \"file:m\"\nemail.from = \"a@b.example\"\nemail.per_day = 0\n"
            ),
            "8:7",
            "per_day",
        ),
        // Entries of lists.
        (
            format!(
                "{sync}[[school]]\nid = \"a\"\nupdate_contacts = true\n[[school]]\nid = \"b\"\nupdate_contacts = \"no\"\n"
            ),
            "10:19",
            "\"no\"",
        ),
        (
            format!(
                "{sync}[[school]]\nid = \"a\"\nupdate_contacts = true\n[[school]]\nid = \"a\"\nupdate_contacts = true\n[[school]]\nid = \"b\"\nupdate_contacts = true\n"
            ),
            "9:1",
            "id",
        ),
        (
            format!(
                "{sync}[[school]]\nid = \" \"\nupdate_contacts = true\n[[school]]\nid = \"a\"\nupdate_contacts = true\n"
            ),
            "6:6",
            "\" \"",
        ),
        (format!("{sync}[[school]]\nid = \"a\"\nupdate_contact = true\n"), "7:1", "update_contact"),
        (
            format!(
                "school = [{{ id = \"a\", update_contacts = true }}, {{ id = \"a\", update_contacts = false }}]\n{sync}"
            ),
            "1:51",
            "id",
        ),
        ("[sync]\nroles = [\"student\", \"techer\"]\n[source]\n".to_owned() + csv, "2:21", "\"techer\""),
        ("[sync]\nignore_emails = [\n  \"a\",\n  \"b[\",\n]\n[source]\n".to_owned() + csv, "4:3", "\"b[\""),
        (
            format!("{sync}{MAIL}server = \"file:m\"\n[notify.admins]\nto = [\"a@b.example\", \"b\"]\n"),
            "9:22",
            "\"b\"",
        ),
        // Tables of words.
        (
            "[sync]\nrole_names = { Mother = \"guardian\", Coach = \"techer\" }\n[source]\n".to_owned() + csv,
            "2:45",
            "\"techer\"",
        ),
        (
            format!("{sync}[platform]\nusers = \"p.csv\"\n[platform.columns]\nemail = \"E\"\nmail = \"M\"\n"),
            "9:1",
            "mail",
        ),
        // A key twice.
        ("[sync]\nstore = \"a\"\n[source]\ntype = \"x\"\ntype = \"y\"\n".to_owned(), "5:1", "type"),
        ("[notify]\nemail = { from = \"a\", from = \"b\" }\n".to_owned(), "2:23", "from"),
        ("[notify]\nemail.from = \"a\"\nemail.from = \"b\"\n".to_owned(), "3:7", "from"),
    ] {
        if marked(&text) != (place.to_owned(), mark.to_owned()) {
            wrong.push(format!("{text}{:?} and not {place} {mark}: {}", marked(&text), mistake(&text)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let said = mistake("[notify]\nemail.from = \"a\"\nemail.from = \"b\"\n");
    assert!(said.contains("`from` in [notify.email] is there twice, first in line 2"), "{said}");
    let said = mistake("[notify]\nemail = { from = \"a\", from = \"b\" }\n");
    assert!(said.contains("`from` in [notify.email] is there twice, first in line 2"), "{said}");
}

#[test]
fn a_key_that_is_for_another_type_says_for_which() {
    let sms = |lines: &str| format!("{SMALLEST}[notify.sms]\n{lines}\n");
    let twilio = "provider = \"twilio\"\naccount_sid = \"AC1\"\npassword_env = \"T\"\nfrom = \"x\"\n";
    for (text, what, cure) in [
        (
            SMALLEST.to_owned() + "district = \"d\"\n",
            "`district` in [source] is for type = \"clever\"",
            "remove it; with type = \"oneroster-csv\" there are: path, mode, encoding, language_field, sftp",
        ),
        (
            API.replace("url", "application = \"a\"\nurl"),
            "`application` in [source] is for type = \"classlink\"",
            "remove it, or write that type",
        ),
        (
            SMALLEST.to_owned() + "page_size = 5\n",
            "`page_size` in [source] is for type = \"oneroster-api\" or \"classlink\" or \"clever\"",
            "remove it",
        ),
        (
            API.to_owned() + "signature = \"HMAC-SHA1\"\n",
            "`signature` in [source.auth] is for type = \"oauth1\"",
            "remove it; with type = \"bearer\" there are: token, token_file, token_env",
        ),
        (
            sms(&format!("{twilio}header = \"X\"")),
            "`header` in [notify.sms] is for provider = \"http\"",
            "remove it; with provider = \"twilio\" there are: account_sid, ",
        ),
        (
            API.replace("\"bearer\"\ntoken_env = \"T\"", "\"clever\""),
            "`type` in [source.auth] cannot be the text \"clever\"",
            "write one of \"bearer\", \"oauth2\", \"oauth1\"",
        ),
        (
            format!("{SMALLEST}{MAIL}username = \"u\"\n"),
            "unknown key `username` in [notify.email]",
            "did you mean `user`?",
        ),
        (
            SMALLEST.replace("[sync]", "[sync]\npath = 5"),
            "unknown key `path` in [sync]",
            "`path` belongs in [source]",
        ),
        (SMALLEST.replace("type", "#"), "`type` is missing in [source]", "write for example `type = "),
        (
            SMALLEST.replace("\"oneroster-csv\"", "5"),
            "`type` in [source] has to be text in quotes",
            "type = ",
        ),
    ] {
        let failure = parse(&text).expect_err(&text);
        assert_eq!(failure.what, format!("the configuration is not valid: {what}"), "{text}");
        assert!(failure.cure.starts_with(cure) || failure.cure.contains(cure), "{text}: {}", failure.cure);
    }
}
