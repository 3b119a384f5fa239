//! The environment of a function, read so that everything wrong with it is said at once.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    str::FromStr,
};

/// Named values from outside.
pub trait Vars: Send + Sync {
    /// The value of `name`, if there is one.
    fn get(&self, name: &str) -> Option<String>;
}

/// The variables of this process. A value that is not UTF-8 counts as absent.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessVars;

impl Vars for ProcessVars {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// Variables from a map, for tests and for the local world.
#[derive(Debug, Clone, Default)]
pub struct MapVars(pub BTreeMap<String, String>);

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for MapVars {
    fn from(pairs: [(K, V); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Vars for MapVars {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// What is wrong with the environment: each problem with the variable's name, never with its value, which may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment cannot be used: {}", .problems.join("; "))]
pub struct EnvError {
    /// One line for each problem.
    pub problems: Vec<String>,
}

/// Reads variables and collects what is wrong with them.
///
/// ```
/// use runtime::env::{EnvError, MapVars, Reader};
///
/// fn read(vars: &MapVars) -> Result<(String, u32), EnvError> {
///     let mut env = Reader::new(vars);
///     let table = env.required("FIRSTLOOK_TABLE");
///     let lease = env.parsed_or("FIRSTLOOK_LEASE_SECONDS", 30_u32);
///     match (table, lease) {
///         (Some(table), Some(lease)) => Ok((table, lease)),
///         _ => Err(env.problems()),
///     }
/// }
/// # use firstlook_runtime as runtime;
/// let problem = read(&MapVars::from([("FIRSTLOOK_LEASE_SECONDS", "soon")])).unwrap_err();
/// assert_eq!(problem.problems.len(), 2);
/// ```
pub struct Reader<'a> {
    vars: &'a dyn Vars,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Reads `vars`.
    #[must_use]
    pub fn new(vars: &'a dyn Vars) -> Self {
        Self { vars, problems: Vec::new() }
    }

    /// The text of `name`; an empty one counts as absent, as templates write them.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The text of `name`, or `default`.
    #[must_use]
    pub fn or(&self, name: &str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }

    /// The text of `name`. `None` when it is missing, which is then one of the problems.
    pub fn required(&mut self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.refuse(name, "is not set");
        }
        value
    }

    /// The value of `name`, or `default` when it is not set. `None` when it cannot be read, which is then one of the
    /// problems.
    pub fn parsed_or<T: FromStr<Err: Display>>(&mut self, name: &str, default: T) -> Option<T> {
        match self.optional(name).map(|text| text.parse()) {
            None => Some(default),
            Some(Ok(value)) => Some(value),
            Some(Err(error)) => {
                self.refuse(name, error);
                None
            }
        }
    }

    /// Notes a problem with `name` that the caller found. `what` must not hold the value.
    pub fn refuse(&mut self, name: &str, what: impl Display) {
        self.problems.push(format!("{name}: {what}"));
    }

    /// Everything that was wrong until now.
    #[must_use]
    pub fn problems(self) -> EnvError {
        EnvError { problems: self.problems }
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("problems", &self.problems).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_at_once_and_no_value_is_shown() {
        let vars = MapVars::from([("LEASE", "hunter2"), ("EMPTY", " "), ("TABLE", " runs ")]);
        let mut env = Reader::new(&vars);
        assert_eq!(env.required("TABLE"), Some("runs".to_owned()));
        assert_eq!(env.required("EMPTY"), None);
        assert_eq!(env.required("QUEUE"), None);
        assert_eq!(env.parsed_or("LEASE", 30_u32), None);
        assert_eq!(env.parsed_or("DAYS", 30_u32), Some(30));
        assert_eq!(env.or("CATALOG", "/opt/catalog.json"), "/opt/catalog.json");
        let error = env.problems();
        assert_eq!(error.problems, ["EMPTY: is not set", "QUEUE: is not set", "LEASE: invalid digit found in string"]);
        assert!(!error.to_string().contains("hunter2"));
    }
}
