//! What a stack says of itself: `DescribeStacks` of CloudFormation, one signed call. The SDK has a crate for it, which is
//! the largest of those that would be linked here, for one action.
//!
//! Facts: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>.

use std::{collections::BTreeMap, error::Error};

use firstlook_aws::AwsEnv;

use super::signed;

const TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Why there are no outputs.
#[derive(Debug, thiserror::Error)]
pub enum OutputsError {
    /// CloudFormation did not give them.
    #[error("AWS answered {status} {code}: {message}")]
    Refused {
        /// HTTP's.
        status: u16,
        /// AWS's, such as `ValidationError`: there is no such stack.
        code: String,
        /// What AWS says of it.
        message: String,
    },
    /// The stack is not one of Firstlook's.
    #[error("it has no output `{output}`")]
    NotThere {
        /// Its name.
        output: &'static str,
    },
    /// CloudFormation cannot be asked.
    #[error("CloudFormation cannot be asked")]
    Call(#[source] Box<dyn Error + Send + Sync>),
}

/// The outputs of `stack`. Needs `cloudformation:DescribeStacks`.
///
/// # Errors
/// [`OutputsError::Refused`] and [`OutputsError::Call`].
pub async fn of_stack(env: &AwsEnv, stack: &str) -> Result<BTreeMap<String, String>, OutputsError> {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "DescribeStacks")
        .append_pair("Version", "2010-05-15")
        .append_pair("StackName", stack)
        .finish();
    let headers = [("content-type", TYPE)];
    let asked = signed::post(env, "cloudformation", "/", &headers, form.into_bytes()).await;
    let (status, text) = asked.map_err(OutputsError::Call)?;
    if status == 200 {
        return Ok(outputs(&text));
    }
    let said = |tag| first(&text, tag).unwrap_or_else(|| "nothing".to_owned());
    Err(OutputsError::Refused { status, code: said("Code"), message: said("Message") })
}

/// The output `name`.
///
/// # Errors
/// [`OutputsError::NotThere`].
pub fn one(outputs: &BTreeMap<String, String>, name: &'static str) -> Result<String, OutputsError> {
    outputs.get(name).cloned().ok_or(OutputsError::NotThere { output: name })
}

/// The pairs of `<OutputKey>` and `<OutputValue>`. Inside a `<member>` they stand in any order, and beside others.
fn outputs(xml: &str) -> BTreeMap<String, String> {
    let Some(list) = element(xml, "Outputs") else { return BTreeMap::new() };
    list.split("</member>")
        .filter_map(|member| Some((first(member, "OutputKey")?, first(member, "OutputValue")?)))
        .collect()
}

/// The text of the first `<tag>`.
fn first(xml: &str, tag: &str) -> Option<String> {
    let text = element(xml, tag)?;
    // `&amp;` is last, since it makes what the others are made of.
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(entities.iter().fold(text.trim().to_owned(), |text, (entity, letter)| text.replace(entity, letter)))
}

fn element<'a>(xml: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
    rest.split_once(&format!("</{tag}>")).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_in_any_order_and_unescaped() {
        let answer = r#"<?xml version="1.0"?>
<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member>
  <Parameters><member><ParameterKey>ConsoleUrl</ParameterKey><ParameterValue></ParameterValue></member></Parameters>
  <Outputs>
    <member><Description>x</Description><OutputKey>HooksUrl</OutputKey><OutputValue>https://a.example/hooks</OutputValue></member>
    <member><OutputValue>https://b.example/?a=1&amp;b=&amp;lt;</OutputValue><OutputKey>ConsoleUrl</OutputKey></member>
  </Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"#;
        let outputs = outputs(answer);
        assert_eq!(outputs.len(), 2, "{outputs:?}");
        assert_eq!(one(&outputs, "HooksUrl").unwrap(), "https://a.example/hooks");
        assert_eq!(one(&outputs, "ConsoleUrl").unwrap(), "https://b.example/?a=1&b=&lt;");
        assert!(matches!(one(&outputs, "SecretArn"), Err(OutputsError::NotThere { output: "SecretArn" })));
        assert!(super::outputs("<Stacks/>").is_empty() && super::outputs("no XML").is_empty());
    }
}
