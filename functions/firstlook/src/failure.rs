use std::{error::Error, io, process::ExitCode};

/// Why a verb did not do what it was asked for.
#[derive(Debug)]
pub enum Failure {
    /// It has said why already.
    Told,
    /// It was asked in a way that cannot be.
    Usage(String),
    /// It went wrong.
    Wrong(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// It went wrong for this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::Wrong(reason.into().into())
    }

    /// Says it on stderr, and gives the exit code: 1 for what is wrong, 2 for wrong usage.
    pub fn exit(self) -> ExitCode {
        match self {
            Self::Told => ExitCode::from(1),
            Self::Usage(reason) => {
                crate::out::say(&format!("error: {reason}"));
                ExitCode::from(2)
            }
            // Whoever reads stdout has enough, as `head` does.
            Self::Wrong(error) if broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
            Self::Wrong(error) => {
                crate::out::say(&format!("error: {}", ports::chain(error.as_ref())));
                if let Some(advice) = crate::stack::advice(error.as_ref()) {
                    crate::out::say(&format!("help: {advice}"));
                }
                ExitCode::from(1)
            }
        }
    }
}

fn broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Wrong(Box::new(error))
    }
}
