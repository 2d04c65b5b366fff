//! rostersync keeps the contact details on a school district's family-communication platform equal
//! to those of its Student Information System, where one policy allows it. A preview shows the
//! changes before a run, a report after it.
//!
//! The modules, in the order in which data meets them. `ARCHITECTURE.md` shows the walk and the
//! rules.
//!
//! The command, and what it needs first:
//! * [`cli`]: the commands; the only module that prints
//! * [`config`]: the configuration file, as typed settings
//! * [`secret`], [`tls`]: passwords and tokens, which are never shown; the certificates that are
//!   trusted
//! * [`run`]: one run, from the inputs to the report
//! * [`lock`], [`attempt`]: one run at a time; the record of every run that was started
//!
//! The inputs:
//! * [`source`]: rosters, from files or over the network
//! * [`value`]: the meaning of one cell, the same in every source
//! * [`contact`], [`roles`]: emails, phones and names in their normal form; OneRoster's roles
//! * [`roster`], [`roster_index`]: one user of the SIS; the roster, read once, with its families
//!   and schools
//! * [`platform`]: the platform's export: which people have joined, with which details
//! * [`history`]: a roster in numbers, by school and role, for the next thirty nights
//! * [`last_night`]: facts about the inputs of the last applied run, for the next run to compare with
//!
//! The decision:
//! * [`account`]: one person on the platform, as the store has it
//! * [`rules`]: the configuration and the day, as plain values
//! * [`rights`]: which adults may be contacted. Pure
//! * [`policy`]: the table of the setting, and which person may edit an account. Pure
//! * [`plan`]: each record beside its account; rows, writes, counts and limits
//!
//! The results:
//! * [`store`]: accounts, history and outbox in one SQLite file; the only module with SQL
//! * [`report`]: the Users report: columns, writer, reader, filters
//! * [`message`], [`notify`]: a notification as plain data; composing it and handing it over
//! * [`people`]: changes besides the sync: joining, editing, imports, permissions, rekey, reused ids
//!
//! Used by all:
//! * [`failure`], [`findings`]: the one error type; oddities that stop nothing
//! * [`codes`]: what every note, finding and exit status means, and what to do. Pure
//! * [`spool`], [`lanes`], [`scratch`], [`cache`]: data beyond memory; threads that keep the order;
//!   temporary folders; computed values that are used again
//! * [`anonymise`]: a roster without personal data, for support
//! * [`output`], [`owner`]: files that are complete or not there, and their owner
//! * [`mailbox`], [`near`], [`plural`]: mail addresses with a name; the nearest name; numbers in
//!   sentences

pub mod account;
pub mod anonymise;
pub mod attempt;
pub mod cache;
pub mod cli;
pub mod codes;
pub mod config;
pub mod contact;
pub mod erased;
pub mod failure;
pub mod findings;
pub mod fleet;
pub mod history;
pub mod lanes;
pub mod last_night;
pub mod lock;
pub mod mailbox;
pub mod message;
pub mod near;
pub mod notify;
pub mod output;
pub mod owner;
pub mod people;
pub mod plan;
pub mod platform;
pub mod plural;
pub mod policy;
pub mod report;
pub mod rights;
pub mod roles;
pub mod roster;
pub mod roster_index;
pub mod rules;
pub mod run;
pub mod scratch;
pub mod secret;
pub mod sent;
pub mod source;
pub mod spool;
pub mod store;
pub mod suppressed;
pub mod tls;
pub mod value;
