//! `[report]`: what `rostersync report` is asked for again and again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::explain::wrong;
use super::values::kind_of_value;

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Report {
    /// Named sets of columns for the file of corrections.
    #[serde(deserialize_with = "sets")]
    pub corrections: BTreeMap<String, Vec<CorrectionColumn>>,
}

/// A column of the file of corrections: its header, and the column of the roster that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionColumn {
    pub header: String,
    pub column: String,
}

impl std::fmt::Display for CorrectionColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.header, self.column)
    }
}

kind_of_value!(CorrectionColumn, written, { "type": "string", "minLength": 1 });

impl CorrectionColumn {
    /// `Contact ID=metadata.contactid`; a column alone is its own header. None: a part is blank.
    pub fn parse(typed: &str) -> Option<Self> {
        let (header, column) = typed.split_once('=').unwrap_or((typed, typed));
        let (header, column) = (header.trim(), column.trim());
        let is_one = !header.is_empty() && !column.is_empty();
        is_one.then(|| Self { header: header.to_owned(), column: column.to_owned() })
    }
}

fn sets<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<CorrectionColumn>>, D::Error> {
    let sets = BTreeMap::<String, Vec<String>>::deserialize(deserializer)?;
    sets.into_iter().map(|(name, columns)| Ok((name.clone(), set(&name, &columns)?))).collect()
}

fn set<E: Error>(name: &str, columns: &[String]) -> Result<Vec<CorrectionColumn>, E> {
    const CURE: &str = "write for example [\"Contact ID=metadata.contactid\", \"Email=email\"]";
    if columns.is_empty() {
        return Err(wrong(format!("the set `{name}` has no columns"), CURE));
    }
    let mut set: Vec<CorrectionColumn> = Vec::new();
    for typed in columns {
        let column = CorrectionColumn::parse(typed)
            .ok_or_else(|| wrong(format!("`{typed}` is no HEADER=COLUMN"), CURE))?;
        if set.iter().any(|other| other.header == column.header) {
            return Err(wrong(
                format!("the set `{name}` has the header `{}` twice", column.header),
                "give each column a header of its own",
            ));
        }
        set.push(column);
    }
    Ok(set)
}
