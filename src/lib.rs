//! rostersync keeps the contact details on a school district's family-communication platform in step with its
//! Student Information System, by one policy, with a preview before and a report after.
//!
//! The modules, in the order in which data meets them:
//!
//! * [`failure`], [`findings`]: what goes wrong, and what is only odd, said so that a person can act on it
//! * [`contact`]: emails, phones and names, and when two of them are the same
//! * [`roster`]: a user as the SIS describes it, whatever the source
//! * [`source`]: where rosters come from

pub mod account;
pub mod cli;
pub mod config;
pub mod contact;
pub mod failure;
pub mod findings;
pub mod lock;
pub mod notify;
pub mod output;
pub mod plan;
pub mod platform;
pub mod policy;
pub mod report;
pub mod roles;
pub mod roster;
pub mod run;
pub mod source;
pub mod store;
