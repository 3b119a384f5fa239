use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Another AWS account, or another role in the same: AWS task kinds that name it take its role first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its name.
    pub name: Name,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The ARN of the role to take. Its trust policy names the role of investigate.
    pub role: String,
    /// The external id that its trust policy asks for. AWS does not treat it as a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The region of tasks that name none; default: that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}
