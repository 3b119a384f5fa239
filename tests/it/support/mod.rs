//! What the scenarios stand on.

pub mod catalog;
pub mod pages;
pub mod proxy;
pub mod shop;
pub mod slack;
pub mod stage;
pub mod world;
