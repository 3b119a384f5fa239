//! What the scenarios stand on.

pub mod catalog;
pub mod pages;
pub mod shop;
pub mod stage;
pub mod world;
