//! `aws-api`.

use std::collections::BTreeMap;

use domain::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AwsPlace, Slot, nothing, ten_seconds};
use crate::model::Span;

/// A value of a call's parameters, as deep as the operation asks for. Values of inputs fill texts only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Nested<T> {
    Bool(bool),
    Number(serde_json::Number),
    Text(T),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

impl<T> Nested<T> {
    fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<Nested<U>, E> {
        Ok(match self {
            Self::Bool(flag) => Nested::Bool(*flag),
            Self::Number(number) => Nested::Number(number.clone()),
            Self::Text(text) => Nested::Text(change(Slot::Text, text)?),
            Self::List(list) => Nested::List(list.iter().map(|item| item.try_map(change)).collect::<Result<_, _>>()?),
            Self::Map(map) => Nested::Map(try_map(map, change)?),
        })
    }
}

/// The parameters of an operation.
pub type Parameters<T> = BTreeMap<String, Nested<T>>;

fn try_map<T, U, E>(
    map: &Parameters<T>,
    change: &mut impl FnMut(Slot, &T) -> Result<U, E>,
) -> Result<Parameters<U>, E> {
    map.iter().map(|(name, value)| Ok((name.clone(), value.try_map(change)?))).collect()
}

/// One read-only operation of AWS. `result`: `body` (the answer; with several pages, their lists joined), `status`,
/// `pages` (how many were read), `truncated` (whether there are more), `elapsed_ms`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsApiRun<T> {
    /// The service, as the AWS command line calls it: `logs`, `rds`, `elbv2`.
    pub service: String,
    /// The operation, as AWS's API reference calls it: `DescribeDBInstances`.
    pub operation: String,
    /// Its parameters, as AWS's API reference names them.
    #[serde(default = "no_parameters::<T>", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub parameters: Parameters<T>,
    /// The Account to ask; default: that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Name>,
    /// The region; default: the Account's, else that of the functions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How many pages of the answer to read, at most 10; default: 1.
    #[serde(default = "nothing::<u32>", skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// How long to wait; default 10 s, at most 30 s.
    #[serde(default = "ten_seconds")]
    pub timeout: Span,
}

fn no_parameters<T>() -> Parameters<T> {
    Parameters::new()
}

impl<T> AwsApiRun<T> {
    pub(super) fn try_map<U, E>(&self, change: &mut impl FnMut(Slot, &T) -> Result<U, E>) -> Result<AwsApiRun<U>, E> {
        Ok(AwsApiRun {
            service: self.service.clone(),
            operation: self.operation.clone(),
            parameters: try_map(&self.parameters, change)?,
            account: self.account.clone(),
            region: self.region.clone(),
            pages: self.pages,
            timeout: self.timeout,
        })
    }

    pub(super) fn place(&self) -> AwsPlace<'_> {
        AwsPlace { account: self.account.as_ref(), region: self.region.as_deref() }
    }
}
