//! The handler over a real table and the inbox. Only its queue is a list, so that a test says what is received when.

mod afresh;
mod buttons;
mod given_up;
mod hands;
mod lasting;
mod lost;
mod mail;
mod outcome;
mod pace;
mod replies;
mod suite;
mod support;
mod taken;
mod threads;
mod troubled;
mod wanted;
