//! Where in the configuration a mistake stands, whichever section it is in.

use std::path::Path;

use crate::config::keys;
use crate::failure::{Failure, Kind, Result};
use crate::near::nearest;
use crate::source::http::{self, Url};

/// Where a mistake stands.
pub(super) struct Places<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a Path,
}

impl Places<'_> {
    pub(super) fn mistake(&self, section: &str, key: &str, what: String, cure: impl Into<String>) -> Failure {
        Failure::new(Kind::Usage, format!("the configuration is not valid: {what}"))
            .at(keys::place_in(self.text, self.file, section, key))
            .showing(keys::line_of(self.text, section, key))
            .cure(cure)
    }

    /// Refuses keys that mean nothing here, rather than ignore them.
    pub(super) fn only(
        &self,
        section: &str,
        of: &str,
        written: &toml::Table,
        allowed: &[&str],
    ) -> Result<()> {
        match written.keys().find(|key| !allowed.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.mistake(
                section,
                key,
                format!("`{key}` in [{section}] is not used with type = \"{of}\""),
                match nearest(key, allowed.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("remove it; the keys are: {}", allowed.join(", ")),
                },
            )),
        }
    }

    /// An address, and where it stands if it is none that may be asked.
    pub(super) fn url(&self, text: &str, section: &str, key: &str, allow_http: bool) -> Result<Url> {
        http::base(text, allow_http)
            .map_err(|failure| self.mistake(section, key, format!("`{key}`: {}", failure.what), failure.cure))
    }
}
