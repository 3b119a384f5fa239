//! The checks of task kinds, a module each, and the types of their results.

pub(super) mod github;
pub(super) mod kubernetes;
pub(super) mod loki;
pub(super) mod pagerduty;
