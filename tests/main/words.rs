//! The words of messages to families: whom they name, in which languages, how simple they are, how
//! long a text is; the page of all samples, and templates of the district.

use std::os::unix::fs::PermissionsExt;

use crate::http_server::{HttpServer, Reply};
use crate::support::{District, Mail, Person, person};

const DISTRICT: &str = "Lincoln Unified School District";
const LANGUAGES: [&str; 12] =
    ["en", "es", "zh-Hans", "zh-Hant", "vi", "ar", "ru", "pt", "ht", "ko", "fr", "tl"];

fn named() -> District {
    District::new()
        .update_contacts(true)
        .without_limits()
        .with("notify.district", &format!("\"{DISTRICT}\""))
        .with("notify.contact", "\"the school office, (217) 555-0100\"")
}

/// A student at a school with a name, and a guardian who has no school but the student's. Both have
/// joined, and their emails change.
fn night(mut district: District) -> (District, Vec<Mail>) {
    let people = |at: &str| -> [Person; 2] {
        [
            person("stu-1").email(&format!("student@{at}.example")),
            person("gua-1").agents("stu-1").email(&format!("guardian@{at}.example")).schools(""),
        ]
    };
    district.file("sis/orgs.csv", "sourcedId,name,type\nsch-1,Lincoln Elementary School,school\n");
    district.platform(&people("old"));
    district.sis(&people("old"));
    district.run().ok();
    district.sis(&people("new"));
    district.run().ok();
    let mails = district.mails();
    (district, mails)
}

#[test]
fn a_mail_names_district_platform_and_school_and_says_why_it_came_and_whom_to_call() {
    let (district, mails) = night(named());
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(
        to,
        ["student@new.example", "student@old.example", "guardian@new.example", "guardian@old.example"]
    );
    for mail in &mails {
        assert!(mail.subject.starts_with(&format!("{DISTRICT}: ")), "{}", mail.subject);
        for part in [
            "November 23, 2026",
            "on ClassTag",
            "records",
            "please contact the school office, (217) 555-0100.",
            "It does not ask you for anything: no link to open, no reply, no password.",
            "You g",
        ] {
            assert!(mail.body.contains(part), "`{part}` in {}", mail.body);
        }
        assert!(mail.body.trim_end().lines().any(|line| line == DISTRICT), "{}", mail.body);
    }
    // The school is the guardian's by the student alone. An old address never learns it.
    for (mail, is_current) in mails.iter().zip([true, false, true, false]) {
        assert_eq!(
            mail.body.contains("the records of Lincoln Elementary School."),
            is_current,
            "{}",
            mail.body
        );
        assert_eq!(mail.body.contains("Lincoln Elementary"), is_current, "{}", mail.body);
        for secret in ["Rosa", "new.example"] {
            assert!(
                is_current || !format!("{}{}", mail.subject, mail.body).contains(secret),
                "{}",
                mail.body
            );
        }
    }
    // An edit by hand names the school too.
    let mut district = district;
    district.set("sync.update_contacts", "false");
    district.cli(&["users", "edit", "stu-1", "--email", "own@new.example", "--as", "stu-1"]).ok();
    district.cli(&["outbox", "send"]).ok();
    let mails = district.mails();
    let own = mails.iter().find(|mail| mail.to == "own@new.example").unwrap();
    assert!(own.body.contains("at 2:15 AM, your contact details on ClassTag were changed from your account"));
    assert!(own.body.contains("\nLincoln Elementary School"), "{}", own.body);
}

#[test]
fn without_a_district_the_sender_is_named_and_check_warns() {
    let mut district = named();
    for key in ["notify.district", "notify.platform"] {
        district.unset(key);
    }
    let (mut district, mails) = night(district);
    assert_eq!(mails[0].subject, "Lincoln District: Your contact details were updated");
    assert!(
        mails[0].body.contains("Lincoln District updated your contact details. The"),
        "{}",
        mails[0].body
    );
    let check = district.cli(&["check"]).ok();
    let said = format!("{}{}", check.stdout, check.stderr);
    assert!(said.contains("messages-unnamed"), "{said}");
    assert!(said.contains("`district` and `platform`"), "{said}");
    district.set("notify.district", "\"Lincoln\"");
    district.set("notify.platform", "\"ClassTag\"");
    let check = district.cli(&["check"]).ok();
    assert!(!format!("{}{}", check.stdout, check.stderr).contains("messages-unnamed"));
}

/// The grade of the Flesch-Kincaid formula.
fn grade(text: &str) -> f64 {
    let sentences =
        text.split(['.', '?', '!', '\n']).filter(|part| part.split_whitespace().count() > 1).count();
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    let syllables: usize = words.iter().map(|word| syllables(word)).sum();
    0.39 * words.len() as f64 / sentences as f64 + 11.8 * syllables as f64 / words.len() as f64 - 15.59
}

/// Groups of vowels, without a silent `e` or `ed` at the end.
fn syllables(word: &str) -> usize {
    let is_vowel = |c: char| "aeiouy".contains(c);
    let silent = word.ends_with('e') && !word.ends_with("le")
        || word.ends_with("ed") && !word.ends_with("ted") && !word.ends_with("ded");
    let mut groups = 0;
    let mut before = false;
    for c in word.chars() {
        groups += usize::from(is_vowel(c) && !before);
        before = is_vowel(c);
    }
    (groups - usize::from(silent && groups > 1)).max(1)
}

/// What stands between two texts on the page of samples, without HTML.
fn between<'a>(page: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    page.split(begin).skip(1).map(|rest| rest.split(end).next().unwrap()).collect()
}

fn plain(html: &str) -> String {
    html.replace("&#x2f;", "/").replace("&#x27;", "'").replace("&quot;", "\"").replace("&amp;", "&")
}

#[test]
fn the_samples_are_one_page_with_every_text_in_every_language() {
    let district = named();
    district.write_config();
    let before = district.everything();
    let done = district.cli(&["notify", "preview", "--samples", "-o", "samples"]).ok();
    assert_eq!(done.stdout, "All messages in all languages: samples/index.html\n");
    let mode = district.path("samples/index.html").metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let page = std::fs::read_to_string(district.path("samples/index.html")).unwrap();
    std::fs::remove_dir_all(district.path("samples")).unwrap();
    assert_eq!(district.everything(), before, "nothing else is written");
    let order: Vec<&str> = between(&page, "<article data-language=\"", "\"");
    assert_eq!(order, LANGUAGES.repeat(6), "six kinds of message, each in every language");
    assert!(!page.contains("src=") && !page.contains("https:"), "the page needs no network");
    // The subject of each begins with the district, and none has a link.
    let subjects = between(&page, "<p class=\"subject\" ", "</p>");
    assert!(subjects.iter().all(|subject| subject.contains(&format!(">{DISTRICT}"))), "{subjects:?}");
    let texts: Vec<String> = between(&page, "<pre ", "</pre>")
        .into_iter()
        .map(|text| plain(text.split_once('>').unwrap().1))
        .collect();
    assert_eq!(texts.len(), 72);
    assert!(texts.iter().all(|text| !text.contains("http") && text.contains("the school office, (217)")));
    // Arabic is right to left, in the mail too.
    assert_eq!(page.matches("<pre lang=\"ar\" dir=\"rtl\">").count(), 6);
    assert_eq!(page.matches("&lt;html lang=&quot;ar&quot; dir=&quot;rtl&quot;&gt;").count(), 6);
    // The English texts are for a sixth grade at most.
    for (text, language) in texts.iter().zip(&order).filter(|(_, language)| **language == "en") {
        let prose: String =
            text.lines().filter(|line| !line.starts_with("  ")).map(|line| format!("{line}\n")).collect();
        assert!(grade(&prose) <= 6.9, "grade {:.1}, {language}: {prose}", grade(&prose));
    }
    // One segment where GSM-7 has the letters, three at most where it has not.
    let lengths = between(&page, "<p>Text message: ", "</p>");
    for (length, language) in lengths.iter().zip(&order) {
        let fits = match ["en", "es", "pt", "ht", "fr", "tl"].contains(language) {
            true => length.starts_with("1 segment, ") && length.ends_with("GSM-7"),
            false => {
                (length.starts_with("2 segments") || length.starts_with("3 segments"))
                    && length.ends_with("UCS-2")
            }
        };
        assert!(fits, "{language}: {length}");
    }
    let readable: String = texts
        .iter()
        .zip(between(&page, "<p class=\"sms\" ", "</p>"))
        .zip(subjects.iter().zip(&order))
        .map(|((text, sms), (subject, language))| {
            let after_tag = |html: &str| plain(html.split_once('>').unwrap().1);
            format!("=== {language}: {}\n{text}\n--- text\n{}\n\n", after_tag(subject), after_tag(sms))
        })
        .collect();
    insta::assert_snapshot!("messages", readable);
}

#[test]
fn every_built_in_language_is_sent_by_its_names() {
    let mut district = named();
    let spoken = ["Spanish", "zh-TW", "pt-BR", "fil", "Haitian Creole", "ara", "Vietnamese", "Hmong"];
    let rows = |at: &str| -> Vec<Person> {
        (0..spoken.len()).map(|n| person(&format!("tea-{n}")).email(&format!("{n}@{at}.example"))).collect()
    };
    let mut export = "sourced_id,given_name,family_name,email,language\n".to_owned();
    for (n, language) in spoken.iter().enumerate() {
        export.push_str(&format!("tea-{n},Rosa,Diaz,{n}@old.example,{language}\n"));
    }
    district.platform_file(&export);
    district.sis(&rows("old"));
    district.run().ok();
    district.sis(&rows("new"));
    district.run().ok();
    let subjects: Vec<String> = district
        .mails()
        .into_iter()
        .filter(|mail| mail.to.ends_with("@new.example"))
        .map(|mail| mail.subject.replace(DISTRICT, "").trim_start_matches([':', '：', ' ']).to_owned())
        .collect();
    assert_eq!(
        subjects,
        [
            "Se actualizaron sus datos de contacto",
            "您的聯絡資料已更新",
            "Seus dados de contato foram atualizados",
            "Na-update ang inyong contact information",
            "Enfòmasyon kontak ou yo mete ajou",
            "تم تحديث بيانات الاتصال الخاصة بكم",
            "Thông tin liên lạc của quý vị đã được cập nhật",
            "Your contact details were updated",
        ]
    );
}

#[test]
fn a_preview_counts_the_segments_of_texts() {
    let gateway = HttpServer::start(|_| Reply::Is(200, "{}".into()));
    let mut district = named()
        .with("notify.sms.provider", "\"http\"")
        .with("notify.sms.url", &format!("\"{}\"", gateway.url("/").trim_matches('"')))
        .with("notify.sms.fields", "{ to = \"{to}\", text = \"{body}\" }");
    let people = |shift: usize| -> Vec<Person> {
        (1..3)
            .map(|n| person(&format!("tea-{n}")).email("").mobile(&crate::texts::mobile(n + shift)))
            .collect()
    };
    district.platform(&people(0));
    district.sis(&people(0));
    district.run().ok();
    district.sis(&[people(4)[0].clone(), people(0)[1].clone()]);
    let shown = district.cli(&["notify", "preview", "--all"]).ok().stdout;
    assert!(shown.contains("(1 segment, 153 characters in GSM-7)\n"), "{shown}");
    assert!(shown.ends_with("2 messages; 2 texts in 2 segments\n"), "{shown}");
    let done = district.cli(&["notify", "preview", "tea-1", "-o", "shown"]).ok();
    assert_eq!(done.stdout, "2 messages are in shown; 2 texts in 2 segments\n");
    let file = std::fs::read_to_string(district.path("shown/000001-tea-1-current-sms.txt")).unwrap();
    assert!(file.starts_with("To: +17185550105\nLength: 1 segment, 153 characters in GSM-7\n\n"), "{file}");
}

#[test]
fn the_built_in_templates_are_a_start_for_own_ones() {
    let mut district = named();
    let done = district.cli(&["notify", "templates", "--language", "Spanish", "-o", "words"]).ok();
    assert_eq!(done.stdout, "12 templates are in words/es\n");
    let again = district.cli(&["notify", "templates", "--language", "es", "-o", "words"]).exits(2);
    again.complains(&["there are templates of this language already", "not overwritten"]);
    let unknown = district.cli(&["notify", "templates", "--language", "hmn", "-o", "words"]).exits(2);
    unknown.complains(&["`hmn` is not built in", "write one of: en, es"]);
    // Unchanged, they say what the built-in ones say.
    let page = |district: &District| {
        district.cli(&["notify", "preview", "--samples", "-o", "samples"]).ok();
        std::fs::read_to_string(district.path("samples/index.html")).unwrap()
    };
    district.set("notify.language", "\"es\"");
    let built_in = page(&district);
    district.set("notify.templates", "\"words\"");
    assert!(page(&district) == built_in, "the same page");
    district
        .file("words/es/former.sms.txt", "{{ district }} | {{ platform }} | {{ school }} | {{ contact }}");
    let own = page(&district);
    let line = format!(">{DISTRICT} | ClassTag | | the school office, (217) 555-0100</p>");
    assert_eq!(own.matches(&line).count(), 2, "both kinds of message to an old number");
}
