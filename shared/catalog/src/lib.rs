//! The user's documents: what they are, how they are read and checked, and which workflow an event gets.

pub mod aws;
mod bind;
mod catalog;
mod check;
mod compiled;
mod encode;
mod equality;
pub mod expr;
mod headers;
mod load;
mod matcher;
pub mod model;
mod node;
mod permissions;
mod problem;
mod promql;
mod rendered;
mod schema;
mod targets;
mod timetable;
mod tree;

pub use bind::{BindError, TEXT_LIMIT, bind};
pub use catalog::Catalog;
pub use compiled::{CompiledError, ReadError};
pub use encode::encoded;
pub use equality::{Conditions, Equality};
pub use headers::refused_header;
pub use load::{Loaded, load_dir, load_texts};
pub use matcher::{Choice, Matcher};
pub use permissions::{Needs, Permission};
pub use problem::{Code, Problem, ProblemSeverity};
pub use promql::{logql, query};
pub use rendered::MAX_SCHEDULES;
pub use schema::schemas;
pub use targets::targets;
pub use timetable::{Timetable, TimetableError};
