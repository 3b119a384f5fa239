//! The way out: the one HTTP client, which addresses may be connected to, and what a failed connection is called.
//!
//! Whoever makes a request asks the same [`AddressPolicy`] twice: [`AddressPolicy::check_url`] for the URL, since an
//! address in it is never resolved, and through the [`client`], whose resolver drops what a name must not lead to. That
//! holds for each redirect too, because the client follows none by itself.

mod client;
mod guard;
mod reach;
mod reason;
#[cfg(test)]
mod tests;

pub use client::{Body, ClientError, Options, client, read_capped, retry_after, roots, tls_config};
pub use guard::{AddressPolicy, Refused, ResolveError};
pub use reach::{NotReached, reach};
pub use reason::{reason, request_reason, tls_reason, where_to};
