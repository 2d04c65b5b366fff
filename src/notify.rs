//! Telling people what the sync changed: what is said ([`compose`]), and handing it over ([`deliver`]).
//!
//! Who is told is the plan's business. A message is composed when it is queued, in the transaction of the change, so
//! that what was promised is what is sent, whenever that is.

mod compose;
mod email;

pub use compose::{Occasion, compose};
pub use email::{Delivery, deliver};
