use serde_json::Value;

/// In which account and region a call is made. The default is the account and the region that [`Aws`](crate::Aws) has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The region; else the role's, else the default one.
    pub region: Option<String>,
    /// The role to take first.
    pub role: Option<Role>,
}

/// A role of another account, or of the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What its trust policy asks for besides. AWS does not treat it as a secret.
    pub external_id: Option<String>,
    /// The region of calls that name none.
    pub region: Option<String>,
}

/// The version of the JSON protocol; it is in the content type and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonVersion {
    /// `application/x-amz-json-1.0`
    V1_0,
    /// `application/x-amz-json-1.1`
    V1_1,
}

impl JsonVersion {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::V1_0 => "application/x-amz-json-1.0",
            Self::V1_1 => "application/x-amz-json-1.1",
        }
    }
}

/// One request, in one of AWS's protocols. `service` is the endpoint prefix (`api.ecr`), `signing` the name that is
/// signed (`ecr`).
#[derive(Debug, Clone, Copy)]
pub enum AwsRequest<'a> {
    /// JSON 1.0 or 1.1: one path, the operation in a header.
    Json {
        /// The endpoint prefix.
        service: &'a str,
        /// The name that is signed.
        signing: &'a str,
        /// `X-Amz-Target`, such as `Logs_20140328.StartQuery`.
        target: &'a str,
        /// Which version.
        version: JsonVersion,
        /// The parameters, an object.
        body: &'a Value,
    },
    /// REST-JSON: a method and a path.
    Rest {
        /// The endpoint prefix.
        service: &'a str,
        /// The name that is signed.
        signing: &'a str,
        /// `GET`, `POST`, ...
        method: &'a str,
        /// The path, from `/` on; each piece that is a value is already encoded, and none of them is `.` or `..`.
        path: &'a str,
        /// The query, not encoded.
        query: &'a [(&'a str, &'a str)],
        /// The body, if it has one.
        body: Option<&'a Value>,
    },
    /// Query: a form goes out, XML comes back and is read into a [`Value`]. There is no type in such XML: what is not
    /// a list or a structure is a string, numbers and truth values too.
    Query {
        /// The endpoint prefix.
        service: &'a str,
        /// The name that is signed.
        signing: &'a str,
        /// The operation.
        action: &'a str,
        /// The API's version, a date.
        version: &'a str,
        /// The parameters, as the protocol flattens them (`Filters.member.1.Name`).
        params: &'a [(String, String)],
    },
}

impl AwsRequest<'_> {
    pub(crate) fn service(&self) -> &str {
        match self {
            Self::Json { service, .. } | Self::Rest { service, .. } | Self::Query { service, .. } => service,
        }
    }

    pub(crate) fn signing(&self) -> &str {
        match self {
            Self::Json { signing, .. } | Self::Rest { signing, .. } | Self::Query { signing, .. } => signing,
        }
    }

    /// What IAM calls this: the service's prefix in policies and the operation. For REST the operation is not known, so it is the
    /// method and path; AWS's own message nearly always names the action itself.
    pub(crate) fn action(&self) -> String {
        let prefix = match self.signing() {
            "monitoring" => "cloudwatch",
            "email" => "ses",
            "tagging" => "tag",
            other => other,
        };
        match self {
            Self::Json { target, .. } => format!("{prefix}:{}", target.rsplit('.').next().unwrap_or(target)),
            Self::Query { action, .. } => format!("{prefix}:{action}"),
            Self::Rest { method, path, .. } => format!("{prefix}: {method} {path}"),
        }
    }
}
