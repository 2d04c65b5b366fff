//! What the text of one cell means, whatever the source.
#[expect(dead_code, reason = "sources use it in the next commit")]
mod words;
pub use words::{WordCounts, is_no_id, null_word};
