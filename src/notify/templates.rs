//! The templates of messages, for each language: built in, or from the district's own folder.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chrono::{Datelike, NaiveDateTime, Timelike};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;

use super::built_in::{self, NAMES, Words};
use super::language;
use crate::config::Notify;
use crate::failure::{Failure, Kind, Result};

#[derive(Clone, Serialize)]
pub(super) struct ChangeText {
    /// `name`, `email`, `phone` or `home_phone`.
    pub field: &'static str,
    /// Empty if it was removed.
    pub new: String,
    /// The new value, with most of it masked.
    pub masked: String,
}

#[derive(Clone, Serialize)]
pub(super) struct Variables {
    /// Who changed it: `sync`, `person`, `staff` or `undo`.
    pub by: &'static str,
    /// The person's given name; never for an old address or number.
    pub given: String,
    /// The given name or, without one, the whole name.
    pub who: String,
    /// Another person has this number too.
    pub shared: bool,
    pub changes: Vec<ChangeText>,
    pub date: String,
    pub time: String,
    pub contact: String,
    /// Empty if the configuration does not name it, and the sender has no name either.
    pub district: String,
    pub platform: String,
    /// The names of the person's schools; never for an old address or number.
    pub school: String,
    /// A text is to leave out what it can do without.
    pub brief: bool,
}

impl Variables {
    /// For a text from right to left: names, addresses and numbers keep their own direction, and do
    /// not turn the words around them.
    pub(super) fn isolated(&self) -> Self {
        let by_first_letter = |text: &str| isolated('\u{2068}', text);
        let left_to_right = |text: &str| isolated('\u{2066}', text);
        let mut own = self.clone();
        for text in [
            &mut own.given,
            &mut own.who,
            &mut own.contact,
            &mut own.district,
            &mut own.platform,
            &mut own.school,
        ] {
            *text = by_first_letter(text);
        }
        for change in &mut own.changes {
            let isolate: &dyn Fn(&str) -> String =
                if change.field == "name" { &by_first_letter } else { &left_to_right };
            (change.new, change.masked) = (isolate(&change.new), isolate(&change.masked));
        }
        own
    }
}

/// The text between the sign that begins an isolate and the sign that ends it.
fn isolated(begin: char, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{begin}{text}\u{2069}") }
}

/// The templates of one language, compiled.
struct Language {
    environment: Environment<'static>,
    /// None for a language that is not built in.
    words: Option<Words>,
}

pub struct Templates {
    /// A built-in language is compiled when the first message in it is composed.
    languages: BTreeMap<String, OnceCell<Language>>,
    /// For people whose language is unknown.
    default: String,
}

impl Templates {
    /// The built-in templates, replaced by those of the configured folder. Each template of the
    /// folder is tested with sample values, so that a mistake shows before anything is changed.
    ///
    /// # Errors
    /// `Usage`, with the file and its line.
    pub fn load(notify: &Notify) -> Result<Self> {
        let mut languages: BTreeMap<String, OnceCell<Language>> =
            built_in::tags().map(|tag| (tag.to_owned(), OnceCell::new())).collect();
        if let Some(folder) = &notify.templates {
            for (tag, (path, own)) in read_folder(folder)? {
                let language = Language::of_district(&tag, &path, own)?;
                languages.insert(tag, OnceCell::from(language));
            }
        }
        let templates = Self { languages, default: language::tag(&notify.language) };
        let mut named = std::iter::once(&notify.language).chain(notify.contacts.keys());
        if let Some(unknown) = named.find(|language| !templates.knows(language)) {
            let what = format!("[notify] names the language `{unknown}`, which has no templates");
            let languages = templates.languages();
            let cure = format!("write one of: {languages}; or add a folder for it to `templates`");
            return Err(Failure::new(Kind::Usage, what).cure(cure));
        }
        Ok(templates)
    }

    /// The language of messages to a person that speaks this one.
    pub fn choose(&self, spoken: Option<&str>) -> &str {
        let wanted = spoken.map(language::tag);
        let known = wanted.and_then(|wanted| self.languages.get_key_value(&wanted));
        known.map_or(self.default.as_str(), |(language, _)| language.as_str())
    }

    /// Whether there are templates for a language, by any of its names.
    pub(super) fn knows(&self, language: &str) -> bool {
        self.languages.contains_key(&language::tag(language))
    }

    /// The languages that messages can have, in a list.
    pub fn languages(&self) -> String {
        self.languages.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// The tags of all languages: the built-in ones first, in the order of the samples.
    pub(super) fn tags(&self) -> Vec<&str> {
        let mut tags: Vec<&str> = built_in::tags().collect();
        tags.extend(
            self.languages.keys().map(String::as_str).filter(|own| !built_in::tags().any(|tag| tag == *own)),
        );
        tags
    }

    /// The name of a language in itself; of one that is not built in, the name of its folder.
    ///
    /// # Errors
    /// As for [`Templates::render`].
    pub(super) fn name<'a>(&'a self, language: &'a str) -> Result<&'a str> {
        Ok(self.language(language)?.words.as_ref().map_or(language, |words| words.name.as_str()))
    }

    /// What a message calls the school if the configuration names no contact.
    pub(super) fn your_school(&self, language: &str) -> Result<&str> {
        Ok(self.language(language)?.words.as_ref().map_or("your school", |words| words.your_school.as_str()))
    }

    /// A day and a time as people write them in a built-in language; in other languages
    /// `2026-11-23` and `02:15`.
    pub(super) fn moment(&self, language: &str, at: NaiveDateTime) -> Result<[String; 2]> {
        let language = self.language(language)?;
        let Some(words) = &language.words else {
            return Ok([at.date().to_string(), at.format("%H:%M").to_string()]);
        };
        let moment = context! {
            day => at.day(),
            month => words.months.get(at.month0() as usize),
            year => at.year().to_string(),
            hour => format!("{:02}", at.hour()),
            hour12 => at.hour12().1,
            minute => format!("{:02}", at.minute()),
            morning => !at.hour12().0,
        };
        let render = |text: &str| {
            language.environment.render_str(text, &moment).map_err(|error| unusable(&error, "a date".into()))
        };
        Ok([render(&words.date)?, render(&words.time)?])
    }

    /// One part of a message.
    ///
    /// # Errors
    /// `Usage`, if a template fails with real values although it passed its test.
    pub(super) fn render(&self, language: &str, name: &str, variables: &Variables) -> Result<String> {
        let is_isolated = language::is_right_to_left(language) && !name.ends_with(".subject.txt");
        let isolated = is_isolated.then(|| variables.isolated());
        let environment = &self.language(language)?.environment;
        render(environment, name, isolated.as_ref().unwrap_or(variables))
            .map_err(|error| unusable(&error, format!("{language}/{name}")))
    }

    fn language(&self, tag: &str) -> Result<&Language> {
        let internal =
            || Failure::new(Kind::Failed, "internal error: there are no templates for the language");
        let cell = self.languages.get(tag).ok_or_else(internal)?;
        if cell.get().is_none() {
            let _ = cell.set(Language::built_in(tag)?);
        }
        cell.get().ok_or_else(internal)
    }
}

impl Language {
    fn built_in(tag: &str) -> Result<Self> {
        Self::compile(tag, BTreeMap::new(), &|name| format!("{tag}/{name}"))
    }

    /// With the templates of a folder of the district, each of them tested.
    fn of_district(tag: &str, folder: &Path, own: BTreeMap<&'static str, String>) -> Result<Self> {
        let place = |name: &str| folder.join(name).display().to_string();
        let names: Vec<&'static str> = own.keys().copied().collect();
        let language = Self::compile(tag, own, &place)?;
        for name in names {
            for sample in samples(name) {
                let text = render(&language.environment, name, &sample)
                    .map_err(|error| unusable(&error, place(name)))?;
                if name.ends_with(".subject.txt") && text.trim().is_empty() {
                    return Err(Failure::new(Kind::Usage, "a template of a subject gives an empty one")
                        .at(place(name))
                        .cure("write what the mail is about, or remove the file: then the built-in words are used"));
                }
            }
        }
        Ok(language)
    }

    fn compile(
        tag: &str,
        mut texts: BTreeMap<&'static str, String>,
        place: &dyn Fn(&str) -> String,
    ) -> Result<Self> {
        let words = built_in::words(tag)?;
        for (name, text) in words.iter().flat_map(|words| &words.templates) {
            texts.entry(name).or_insert_with(|| text.clone());
        }
        if let Some(missing) = NAMES.into_iter().find(|name| !texts.contains_key(name)) {
            let what = format!("the language `{tag}` is not built in and lacks a template");
            let cure = format!("a language of your own needs all of: {}", NAMES.join(", "));
            return Err(Failure::new(Kind::Usage, what).at(place(missing)).cure(cure));
        }
        let mut environment = environment().map_err(|error| unusable(&error, tag.to_owned()))?;
        for (name, text) in texts {
            environment.add_template_owned(name, text).map_err(|error| unusable(&error, place(name)))?;
        }
        Ok(Self { environment, words })
    }
}

fn environment() -> std::result::Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    Ok(environment)
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    variables: &Variables,
) -> std::result::Result<String, minijinja::Error> {
    environment.get_template(name)?.render(Serde(variables))
}

/// Names only the kind and the place of the error: its own text could show the values.
fn unusable(error: &minijinja::Error, place: String) -> Failure {
    let mut at = place;
    if let Some(line) = error.line() {
        let _ = write!(at, ":{line}");
    }
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    Failure::new(Kind::Usage, format!("a template cannot be used: {}{detail}", error.kind())).at(at).cure(
        "templates know by, given, who, shared, changes (field, new, masked), date, time, contact, district, platform, school and brief; docs/notifications.md shows them",
    )
}

/// The templates in a folder of the district: for each language the folder that has them, and each
/// one by its name.
type Own = BTreeMap<String, (PathBuf, BTreeMap<&'static str, String>)>;

fn read_folder(folder: &Path) -> Result<Own> {
    let mut texts = Own::new();
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |cause| Failure::io(Kind::Usage, "the templates cannot be read", &path, cause)
    };
    for language in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = language.map_err(unreadable(folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || !path.is_dir() {
            continue;
        }
        let tag = language::tag(&path.file_name().unwrap_or_default().to_string_lossy());
        let (_, own) = texts.entry(tag).or_insert_with(|| (path.clone(), BTreeMap::new()));
        for file in std::fs::read_dir(&path).map_err(unreadable(&path))? {
            let file = file.map_err(unreadable(&path))?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || name.ends_with('~') {
                continue;
            }
            let Some(known) = NAMES.into_iter().find(|known| *known == name) else {
                let near = NAMES.into_iter().min_by_key(|known| strsim::levenshtein(known, &name));
                return Err(Failure::new(Kind::Usage, "there is no template of this name")
                    .at(file.display())
                    .cure(format!("did you mean `{}`?", near.unwrap_or_default())));
            };
            let text = std::fs::read_to_string(&file).map_err(unreadable(&file))?;
            // Some editors begin a file with a byte order mark.
            own.insert(known, text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned());
        }
    }
    Ok(texts)
}

/// Two sample sets of variables. Together they have everything that a real message of this template
/// can have: a message has at least one change, except to an old address.
fn samples(name: &str) -> [Variables; 2] {
    let change =
        |field, new: &str, masked: &str| ChangeText { field, new: new.into(), masked: masked.into() };
    let full = Variables {
        by: "sync",
        given: "Rosa".into(),
        who: "Rosa".into(),
        shared: true,
        changes: vec![
            change("name", "Rosa Diaz", "Rosa D"),
            change("email", "rosa@mail.example", "r***@mail.example"),
            change("phone", "(718) 555-0142", "***0142"),
            change("home_phone", "", ""),
        ],
        date: "November 23, 2026".into(),
        time: "02:15".into(),
        contact: "the school office, 555-0100".into(),
        district: "Lincoln District".into(),
        platform: "ClassTag".into(),
        school: "Lincoln Elementary".into(),
        brief: false,
    };
    let bare = Variables {
        by: "staff",
        given: String::new(),
        who: String::new(),
        shared: false,
        district: String::new(),
        platform: String::new(),
        school: String::new(),
        brief: true,
        changes: match name.starts_with("former.") {
            true => Vec::new(),
            false => full.changes[..1].to_vec(),
        },
        ..full.clone()
    };
    [full, bare]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_folder(files: &[(&str, &str)]) -> Result<Templates> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Templates::load(&Notify { templates: Some(folder.path().to_owned()), ..Notify::default() })
    }

    fn mistake(files: &[(&str, &str)]) -> String {
        with_folder(files).err().expect("a mistake").to_string()
    }

    #[test]
    fn a_language_without_templates_gets_the_default() {
        let words = Templates::load(&Notify::default()).unwrap();
        for (spoken, chosen) in
            [("es-MX", "es"), ("zh-HK", "zh-Hant"), ("fil", "tl"), ("hmn", "en"), ("", "en")]
        {
            assert_eq!(words.choose(Some(spoken)), chosen, "{spoken}");
        }
        assert_eq!(words.choose(None), "en");
    }

    #[test]
    fn dates_and_times_are_as_people_write_them() {
        let words = Templates::load(&Notify::default()).unwrap();
        let moment =
            |language: &str, at: &str| words.moment(language, at.parse().unwrap()).unwrap().join("; ");
        for (language, night, day) in [
            ("en", "November 23, 2026; 2:15 AM", "May 1, 2027; 12:05 PM"),
            ("es", "23 de noviembre de 2026; 2:15 a. m.", "1 de mayo de 2027; 12:05 p. m."),
            ("zh-Hans", "2026年11月23日; 02:15", "2027年5月1日; 12:05"),
            ("zh-Hant", "2026年11月23日; 02:15", "2027年5月1日; 12:05"),
            ("vi", "ngày 23 tháng 11 năm 2026; 02:15", "ngày 1 tháng 5 năm 2027; 12:05"),
            ("ar", "23 نوفمبر 2026; 2:15 صباحًا", "1 مايو 2027; 12:05 مساءً"),
            ("ru", "23 ноября 2026 г.; 02:15", "1 мая 2027 г.; 12:05"),
            ("pt", "23 de novembro de 2026; 02:15", "1º de maio de 2027; 12:05"),
            ("ht", "23 novanm 2026; 2:15 AM", "1 me 2027; 12:05 PM"),
            ("ko", "2026년 11월 23일; 오전 2:15", "2027년 5월 1일; 오후 12:05"),
            ("fr", "23 novembre 2026; 02 h 15", "1er mai 2027; 12 h 05"),
            ("tl", "Nobyembre 23, 2026; 2:15 AM", "Mayo 1, 2027; 12:05 PM"),
        ] {
            assert_eq!(moment(language, "2026-11-23T02:15:00"), night);
            assert_eq!(moment(language, "2027-05-01T12:05:00"), day);
        }
    }

    /// A built-in language is compiled late, so the test of a run does not see a mistake in it.
    #[test]
    fn every_built_in_template_works() {
        let words = Templates::load(&Notify::default()).unwrap();
        assert_eq!(words.tags().len(), 12);
        for tag in words.tags() {
            let built_in = built_in::words(tag).unwrap().unwrap();
            assert_eq!(built_in.months.len(), 12, "{tag}");
            for name in NAMES {
                for sample in samples(name) {
                    let text = words.render(tag, name, &sample).unwrap();
                    assert!(!text.trim().is_empty() && !text.contains("[["), "{tag} {name}: {text}");
                }
            }
        }
    }

    #[test]
    fn a_template_of_the_district_replaces_one_built_in_text() {
        let words = with_folder(&[("es/updated.subject.txt", "Aviso de {{ contact }}")]).unwrap();
        let [full, _] = samples("updated.txt");
        assert_eq!(
            words.render("es", "updated.subject.txt", &full).unwrap(),
            "Aviso de the school office, 555-0100"
        );
        assert!(words.render("es", "updated.txt", &full).unwrap().contains("Correo electrónico"));
    }

    #[test]
    fn hidden_files_and_byte_order_marks_are_skipped() {
        let words = with_folder(&[
            (".git/HEAD", "x"),
            ("en/.updated.txt.swp", "x"),
            ("en/updated.txt", "\u{feff}Hi {{ changes[0].field }}"),
        ]);
        let [_, bare] = samples("updated.txt");
        assert_eq!(words.unwrap().render("en", "updated.txt", &bare).unwrap(), "Hi name");
        assert!(mistake(&[("en/former.txt", "{{ changes[0].field }}")]).contains("former.txt:1"));
        assert!(mistake(&[("en/updated.subject.txt", "{{ given }}")]).contains("gives an empty one"));
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let words = Templates::load(&Notify::default()).unwrap();
        let [mut full, _] = samples("updated.txt");
        full.given = "<b>Rosa & Co</b>".into();
        assert!(words.render("en", "updated.html", &full).unwrap().contains("&lt;b&gt;Rosa &amp; Co"));
        assert!(words.render("en", "updated.txt", &full).unwrap().contains("<b>Rosa & Co</b>"));
    }

    #[test]
    fn mistakes_are_named_with_file_and_line() {
        let said = mistake(&[("en/updated.txt", "Hello\n{{ name }}\n")]);
        assert!(said.contains("en/updated.txt:2") && said.contains("undefined"), "{said}");
        let said = mistake(&[("en/updated.txt", "{% for %}")]);
        assert!(said.contains("en/updated.txt:1"), "{said}");
        let said = mistake(&[("en/update.txt", "x")]);
        assert!(said.contains("did you mean `updated.txt`?"), "{said}");
        let said = mistake(&[("hmn/updated.txt", "Nyob zoo")]);
        assert!(said.contains("`hmn`") && said.contains("needs all of"), "{said}");
        let notify = Notify { language: "hmn".into(), ..Notify::default() };
        assert!(Templates::load(&notify).err().unwrap().to_string().contains("ar, en, es, fr"));
    }
}
