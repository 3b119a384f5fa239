//! Ready Tasks and Commands for common failures, which a catalog uses by naming them. What each is and takes stands in
//! `docs/library.md`.
//!
//! Only the command line links this: what a catalog uses is compiled into it, so no function does.

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// The documents: path and text of each file, by name.
        pub const FILES: &[(&str, &str)] = &[
            $((concat!("library/", $name, ".yaml"), include_str!(concat!("../docs/", $name, ".yaml")))),*
        ];
    };
}

// By name, so that two who add files do not meet.
files!["http", "net"];

#[cfg(test)]
mod tests;
