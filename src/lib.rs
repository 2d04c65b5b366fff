//! rostersync keeps the contact details on a school district's family-communication platform in step with its
//! Student Information System, by one policy, with a preview before and a report after.
//!
//! The modules, in the order in which data meets them:
//!
//! * [`failure`], [`findings`]: what goes wrong, and what is only odd, said so that a person can act on it
//! * [`near`]: which name was probably meant where one was misspelt
//! * [`tls`]: which servers are trusted
//! * [`secret`]: passwords and tokens, which are never shown
//! * [`config`]: the configuration file, as typed settings
//! * [`mailbox`]: a mail address with a name, as configurations hold it and headers show it
//! * [`contact`]: emails, phones and names, and when two of them are the same
//! * [`value`]: what one cell means: words for "no value", marks of spreadsheets, HTML escapes, what cannot be seen
//! * [`roster`], [`roles`]: a user as the SIS describes it, whatever the source
//! * [`source`]: where rosters come from
//! * [`last_night`]: what the last run saw of its inputs, for the next one to compare with
//! * [`scratch`]: temporary folders that only their owner may enter
//! * [`spool`], [`lanes`]: bytes that are too many for memory; threads that work side by side, in order
//! * [`account`]: a user as the platform has it
//! * [`platform`]: the platform's own export, who has joined and with which details
//! * [`policy`]: who may change what; one table, pure
//! * [`rules`]: the configuration and the day, as plain values
//! * [`roster_index`]: the roster read once, and what decisions about one person need to know of all the others
//! * [`plan`]: every record beside its account, what becomes of it, and the limits on that
//! * [`store`]: accounts, history and outbox, in one SQLite file
//! * [`message`]: a notification as plain data
//! * [`notify`]: what people are told, and handing it over
//! * [`people`]: what people do besides the sync: joining, editing, permissions
//! * [`report`]: the Users report, written, read, sorted and shown
//! * [`plural`]: numbers in sentences
//! * [`lock`], [`output`], [`owner`]: one run at a time; files that are complete or not there, and whose they are
//! * [`attempt`]: each time that a run was started, and how it ended
//! * [`run`]: the walk through all of it
//! * [`cli`]: the commands; the only part that prints

pub mod account;
pub mod attempt;
pub mod cache;
pub mod cli;
pub mod config;
pub mod contact;
pub mod failure;
pub mod findings;
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
pub mod roles;
pub mod roster;
pub mod roster_index;
pub mod rules;
pub mod run;
pub mod scratch;
pub mod secret;
pub mod source;
pub mod spool;
pub mod store;
pub mod tls;
pub mod value;
