//! The integration tests: the scenarios in both worlds, the contract of the ports, and what holds for the project as a
//! whole.

mod aws_kinds;
mod aws_world;
mod contract;
mod layers;
mod mail;
mod pictures;
mod scenarios;
mod support;
