//! The templates of messages, for each language: built in, or from the district's own folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use chrono::{DateTime, Datelike, Utc};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::config::{Notify, Zone};
use crate::failure::{Failure, Kind, Result};

/// The templates of a language, and their built-in texts.
macro_rules! templates {
    ($($name:literal)*) => {
        const NAMES: [&str; 12] = [$($name),*];
        const BUILT_IN: [(&str, [&str; 12]); 2] = [
            ("en", [$(include_str!(concat!("templates/en/", $name))),*]),
            ("es", [$(include_str!(concat!("templates/es/", $name))),*]),
        ];
    };
}

templates! {
    "updated.subject.txt" "updated.txt" "updated.html" "updated.sms.txt"
    "edited.subject.txt" "edited.txt" "edited.html" "edited.sms.txt"
    "former.subject.txt" "former.txt" "former.html" "former.sms.txt"
}

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
}

pub struct Templates {
    languages: BTreeMap<String, Environment<'static>>,
    /// For people whose language is unknown.
    default: String,
}

impl Templates {
    /// The built-in templates, replaced by those of the configured folder. Each template is tested
    /// with sample values, so that a mistake shows before anything is changed.
    ///
    /// # Errors
    /// `Usage`, with the file and its line.
    pub fn load(notify: &Notify) -> Result<Self> {
        let mut texts: BTreeMap<String, BTreeMap<&'static str, String>> = BTreeMap::new();
        for (language, built_in) in BUILT_IN {
            let all = NAMES.into_iter().zip(built_in.map(str::to_owned)).collect();
            texts.insert(language.to_owned(), all);
        }
        if let Some(folder) = &notify.templates {
            read_folder(folder, &mut texts)?;
        }
        let mut languages = BTreeMap::new();
        for (language, own) in texts {
            let place = |name: &str| match &notify.templates {
                Some(folder) => folder.join(&language).join(name).display().to_string(),
                None => name.to_owned(),
            };
            if let Some(missing) = NAMES.into_iter().find(|name| !own.contains_key(name)) {
                let what = format!("the language `{language}` is not built in and lacks a template");
                let cure = format!("a language of your own needs all of: {}", NAMES.join(", "));
                return Err(Failure::new(Kind::Usage, what).at(place(missing)).cure(cure));
            }
            let mut environment = environment().map_err(|error| unusable(&error, language.clone()))?;
            for (name, text) in own {
                environment.add_template_owned(name, text).map_err(|error| unusable(&error, place(name)))?;
            }
            for name in NAMES {
                for sample in samples(name) {
                    let text =
                        render(&environment, name, &sample).map_err(|error| unusable(&error, place(name)))?;
                    if name.ends_with(".subject.txt") && text.trim().is_empty() {
                        return Err(Failure::new(Kind::Usage, "a template of a subject gives an empty one")
                            .at(place(name))
                            .cure("write what the mail is about, or remove the file: then the built-in words are used"));
                    }
                }
            }
            languages.insert(language, environment);
        }
        let templates = Self { languages, default: normal(&notify.language) };
        let mut named = std::iter::once(&templates.default).chain(notify.contacts.keys());
        if let Some(unknown) = named.find(|language| !templates.languages.contains_key(*language)) {
            let what = format!("[notify] names the language `{unknown}`, which has no templates");
            let languages = templates.languages();
            let cure = format!("write one of: {languages}; or add a folder for it to `templates`");
            return Err(Failure::new(Kind::Usage, what).cure(cure));
        }
        Ok(templates)
    }

    /// The language of messages to a person that speaks this one.
    pub fn choose(&self, spoken: Option<&str>) -> &str {
        let wanted = spoken.map(normal);
        let known = wanted.and_then(|wanted| self.languages.get_key_value(&wanted));
        known.map_or(self.default.as_str(), |(language, _)| language.as_str())
    }

    /// Whether there are templates for a language, by any of its names.
    pub(super) fn knows(&self, language: &str) -> bool {
        self.languages.contains_key(&normal(language))
    }

    pub(super) fn languages(&self) -> String {
        self.languages.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// One part of a message.
    ///
    /// # Errors
    /// `Usage`, if a template fails with real values although it passed its test.
    pub(super) fn render(&self, language: &str, name: &str, variables: &Variables) -> Result<String> {
        let environment = self.languages.get(language).or_else(|| self.languages.get(&self.default));
        let environment = environment
            .ok_or_else(|| Failure::new(Kind::Failed, "there are no templates for the default language"))?;
        render(environment, name, variables).map_err(|error| unusable(&error, format!("{language}/{name}")))
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
        "templates know by, given, who, shared, changes (field, new, masked), date, time and contact; docs/notifications.md shows them",
    )
}

fn read_folder(folder: &Path, texts: &mut BTreeMap<String, BTreeMap<&'static str, String>>) -> Result<()> {
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
        let language = normal(&path.file_name().unwrap_or_default().to_string_lossy());
        let own = texts.entry(language).or_default();
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
    Ok(())
}

/// `es` for `es-MX`, `ES`, `spa`, `Spanish`, `01 Spanish` and `Spanish; Castilian`, by the first
/// word.
fn normal(language: &str) -> String {
    let mut words = language.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_lowercase();
    match first.as_str() {
        "eng" | "english" | "inglés" | "ingles" => "en".into(),
        "spa" | "sp" | "spanish" | "español" | "espanol" | "castilian" | "castellano" => "es".into(),
        _ => first,
    }
}

/// The day as people write it in the built-in languages; in other languages `2026-11-23`.
pub(super) fn day(language: &str, zone: Zone, at: DateTime<Utc>) -> String {
    const SPANISH: &str =
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre";
    let day = zone.day(at);
    match language {
        "en" => day.format("%B %-d, %Y").to_string(),
        "es" => {
            let month = SPANISH.split(' ').nth(day.month0() as usize).unwrap_or_default();
            format!("{} de {month} de {}", day.day(), day.year())
        }
        _ => day.to_string(),
    }
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
    };
    let bare = Variables {
        by: "staff",
        given: String::new(),
        who: String::new(),
        shared: false,
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
    fn a_language_is_known_by_its_many_names() {
        let words = Templates::load(&Notify::default()).unwrap();
        for spoken in
            ["es", "ES", "es-MX", "spa", "Spanish", "Español", " es_US ", "Spanish; Castilian", "01 Spanish"]
        {
            assert_eq!(words.choose(Some(spoken)), "es", "{spoken}");
        }
        for spoken in [None, Some(""), Some("en"), Some("zh"), Some("English")] {
            assert_eq!(words.choose(spoken), "en", "{spoken:?}");
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
        let said = mistake(&[("fr/updated.txt", "Bonjour")]);
        assert!(said.contains("`fr`") && said.contains("needs all of"), "{said}");
        let notify = Notify { language: "fr".into(), ..Notify::default() };
        assert!(Templates::load(&notify).err().unwrap().to_string().contains("en, es"));
    }
}
