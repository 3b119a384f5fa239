//! The handler over the real table of the local world, with task kinds and queues that do as a test says.

mod counted;
mod lasting;
mod pressed;
mod scheduled;
mod support;
mod taken_in;
mod troubled;
