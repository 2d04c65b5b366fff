//! An independent model of the policy. [`person`] is one person, [`night`] a whole district.

pub(crate) mod night;
pub(crate) mod person;
