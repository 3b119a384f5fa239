//! Signed calls to AWS by name, without a client crate for each service: what an investigation asks is a handful of reads
//! of many services, and an SDK crate for each would cost megabytes and minutes of building.
//!
//! Three of AWS's protocols are spoken: JSON 1.0 and 1.1, REST-JSON, and Query (the answer's XML is read into JSON).
//! Requests are signed by `aws-sigv4`, AWS's own crate, and go out through the one HTTP client. The host is made
//! here of service and region, never taken from a document or an answer (I8); `AWS_ENDPOINT_URL` replaces it for
//! emulators.

mod answer;
mod aws;
mod credentials;
mod endpoint;
mod error;
mod request;
mod role;
mod sign;
#[cfg(test)]
mod tests;
mod xml;

pub use answer::AwsAnswer;
pub use aws::{Aws, AwsOptions};
pub use credentials::{Credentials, Keys, NoKeys};
pub use endpoint::partition;
pub use error::AwsError;
pub use request::{AwsRequest, JsonVersion, Place, Role};
pub use sign::{Presign, presign};
