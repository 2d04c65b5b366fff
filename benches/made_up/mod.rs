//! A district of any size, made up the same way each time: its users, and the files that its
//! systems would export.
//!
//! Shared by the benchmarks. Everything about a user follows from a number, so that no program has
//! to keep a million of them to know what must become of each.

pub(crate) mod files;
pub(crate) mod people;
