//! The user's documents: what they are, how they are read and checked, and which workflow an event gets.

mod catalog;
pub mod expr;
pub mod model;

pub use catalog::Catalog;
