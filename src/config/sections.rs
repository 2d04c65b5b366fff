//! Every section with its keys, read off the structs that serde fills, and with the values that config.example.toml shows.

use std::fmt;
use std::mem;
use std::sync::LazyLock;

use serde::de::{Deserialize, Deserializer, Visitor, value};
use serde::forward_to_deserialize_any;

use super::contacts::{ContactsKeys, RuleKeys};
use super::notify::{Admins, GatewaySms, Monitor, Notify, NotifyEmail, TwilioSms};
use super::pause::PauseKeys;
use super::source::auth::{CleverKeys as CleverLogin, OAuth1Keys, OAuth2Keys, TokenKeys};
use super::source::{CleverKeys, CsvKeys, HttpKeys, OneRosterKeys, SftpKeys};
use super::{Guardians, Identity, Limits, PlatformKeys, PushKeys, Report, School, Sync, Typed};

pub(super) struct Section {
    /// `source.auth`; empty is the top of the file.
    pub(super) name: &'static str,
    /// The types that have these keys; none where the keys depend on no type.
    pub(super) types: &'static [&'static str],
    pub(super) keys: &'static [&'static str],
}

pub(super) fn all() -> Vec<Section> {
    fn of<T: for<'de> Deserialize<'de>>(name: &'static str, types: &'static [&'static str]) -> Section {
        Section { name, types, keys: keys_of::<T>() }
    }
    vec![
        of::<Typed>("", &[]),
        of::<Sync>("sync", &[]),
        of::<School>("school", &[]),
        of::<PauseKeys>("pause", &[]),
        of::<CsvKeys>("source", &["oneroster-csv"]),
        of::<OneRosterKeys>("source", &["oneroster-api", "classlink"]),
        of::<CleverKeys>("source", &["clever"]),
        of::<TokenKeys>("source.auth", &["bearer"]),
        of::<OAuth2Keys>("source.auth", &["oauth2"]),
        of::<OAuth1Keys>("source.auth", &["oauth1"]),
        of::<CleverLogin>("source.auth", &["clever"]),
        of::<HttpKeys>("source.http", &[]),
        of::<SftpKeys>("source.sftp", &[]),
        of::<Guardians>("guardians", &[]),
        of::<PlatformKeys>("platform", &[]),
        of::<PushKeys>("platform.push", &[]),
        of::<Report>("report", &[]),
        of::<Limits>("limits", &[]),
        of::<Identity>("identity", &[]),
        of::<ContactsKeys>("contacts", &[]),
        of::<RuleKeys>("contacts.rule", &[]),
        of::<Notify>("notify", &[]),
        of::<NotifyEmail>("notify.email", &[]),
        of::<TwilioSms>("notify.sms", &["twilio"]),
        of::<GatewaySms>("notify.sms", &["http"]),
        of::<Admins>("notify.admins", &[]),
        of::<Monitor>("monitor", &[]),
    ]
}

fn keys_of<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    // Nothing is read: the fields are all that is wanted of it.
    drop(T::deserialize(Fields(&mut keys)));
    keys
}

struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom(fmt::Error))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The example as a whole.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");

/// The line of the example with this key, without its comment.
pub(super) fn example_of(section: &str, key: &str) -> Option<&'static str> {
    example_lines().find(|(of, name, _)| *of == section && *name == key).map(|(_, _, line)| line)
}

/// What the example says above a key; or above the header of a section, whose key is "".
struct Comment {
    section: &'static str,
    key: &'static str,
    lines: Vec<&'static str>,
    /// In one line.
    words: String,
}

static COMMENTS: LazyLock<Vec<Comment>> = LazyLock::new(|| {
    let (mut all, mut section, mut lines): (Vec<Comment>, &str, Vec<&str>) = (Vec::new(), "", Vec::new());
    for line in EXAMPLE.lines() {
        let plain = line.trim_start_matches(['#', ' ']);
        let key = match key_of(plain) {
            Some((key, _)) => key,
            None if plain.starts_with('[') && plain.ends_with(']') => {
                section = plain.trim_matches(['[', ']']);
                ""
            }
            None if line.starts_with("# ") => {
                lines.push(line);
                continue;
            }
            None => {
                lines.clear();
                continue;
            }
        };
        let lines = mem::take(&mut lines);
        let plain = |line: &&'static str| line.trim_start_matches(['#', ' ']);
        let words = lines.iter().map(plain).collect::<Vec<_>>().join(" ");
        all.push(Comment { section, key, lines, words });
    }
    all.retain(|comment| !comment.lines.is_empty());
    all
});

/// The same as lines, each with its `#`.
pub(super) fn comment_lines_of(section: &str, key: &str) -> &'static [&'static str] {
    COMMENTS.iter().find(|one| one.section == section && one.key == key).map_or(&[], |one| &one.lines)
}

/// What config.example.toml says about a key.
pub(super) fn comment_of(section: &str, key: &str) -> Option<&'static str> {
    COMMENTS.iter().find(|one| one.section == section && one.key == key).map(|one| one.words.as_str())
}

/// The same, where two sections of the example have the name: from the last one.
pub(super) fn last_comment_of(section: &str, key: &str) -> Option<&'static str> {
    COMMENTS.iter().rfind(|one| one.section == section && one.key == key).map(|one| one.words.as_str())
}

/// Section, key, and `key = value` of each line of the example, also of those that are switched off by `#`.
pub(super) fn example_lines() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let mut section = "";
    EXAMPLE.lines().filter_map(move |line| {
        let line = line.trim_start_matches(['#', ' ']);
        let line = line.split(" #").next().unwrap_or(line).trim_end();
        if line.starts_with('[') && line.ends_with(']') {
            section = line.trim_matches(['[', ']']);
            return None;
        }
        key_of(line).map(|(key, line)| (section, key, line))
    })
}

/// The key of a line `key = value`, and the line without the comment behind it.
fn key_of(line: &'static str) -> Option<(&'static str, &'static str)> {
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let key = line.split_once(" = ")?.0;
    let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_key && toml::from_str::<toml::Table>(line).is_ok()).then_some((key, line))
}
