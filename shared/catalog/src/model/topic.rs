use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The ARN of a standard SNS topic: `arn:aws:sns:eu-central-1:111122223333:alarms`. FIFO topics cannot deliver to HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String", extend(
    "pattern" = "^arn:aws(-cn|-us-gov)?:sns:[a-z]{2}(-[a-z]+)+-[0-9]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$",
    "examples" = ["arn:aws:sns:eu-central-1:111122223333:alarms"]
))]
pub struct TopicArn {
    text: String,
    region: String,
    china: bool,
}

impl TopicArn {
    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The only host that speaks for SNS where the topic is: `sns.<region>.amazonaws.com`, in China with `.cn` behind it
    /// (AWS General Reference, Amazon SNS endpoints).
    #[must_use]
    pub fn host(&self) -> String {
        format!("sns.{}.amazonaws.com{}", self.region, if self.china { ".cn" } else { "" })
    }
}

impl FromStr for TopicArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "this is not the ARN of a standard SNS topic: arn:aws:sns:<region>:<account>:<name>".to_owned();
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition @ ("aws" | "aws-cn" | "aws-us-gov"), "sns", region, account, name] = parts.as_slice()
        else {
            return Err(wrong());
        };
        let account_fits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let name_fits = (1..=256).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !(is_region(region) && account_fits && name_fits) {
            return Err(wrong());
        }
        Ok(Self { text: text.to_owned(), region: (*region).to_owned(), china: *partition == "aws-cn" })
    }
}

/// `eu-central-1`, `us-gov-west-1`. Strict, since a host is made of it: a bucket's host, such as
/// `sns.s3-us-west-2.amazonaws.com`, is anybody's, and `s3-us-west-2` must not pass for a region.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.as_slice() {
        [area, words @ .., number] => {
            area.len() == 2
                && word(area)
                && !words.is_empty()
                && words.iter().all(word)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<TopicArn> for String {
    fn from(topic: TopicArn) -> String {
        topic.text
    }
}

impl TryFrom<String> for TopicArn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_the_one_host_that_speaks_for_it() {
        for (arn, host) in [
            ("arn:aws:sns:eu-central-1:111122223333:alarms", "sns.eu-central-1.amazonaws.com"),
            ("arn:aws-cn:sns:cn-north-1:111122223333:a_b-C", "sns.cn-north-1.amazonaws.com.cn"),
            ("arn:aws-us-gov:sns:us-gov-west-1:111122223333:x", "sns.us-gov-west-1.amazonaws.com"),
        ] {
            assert_eq!(arn.parse::<TopicArn>().unwrap().host(), host);
        }
    }

    #[test]
    fn i1_what_could_make_another_host_is_no_topic() {
        for wrong in [
            "",
            "alarms",
            "arn:aws:sqs:eu-central-1:111122223333:alarms",
            "arn:aws:sns:s3-us-west-2:111122223333:alarms",
            "arn:aws:sns:eu:111122223333:alarms",
            "arn:aws:sns:eu-1:111122223333:alarms",
            "arn:aws:sns:eu-central-1.evil.example/:111122223333:alarms",
            "arn:aws:sns:eu-central-1:1111:alarms",
            "arn:aws:sns:eu-central-1:111122223333:alarms.fifo",
            "arn:aws:sns:eu-central-1:111122223333:alarms:0a1b2c3d",
            "arn:aws:sns:eu-central-1:111122223333:*",
            "arn:other:sns:eu-central-1:111122223333:alarms",
            " arn:aws:sns:eu-central-1:111122223333:alarms",
        ] {
            assert!(wrong.parse::<TopicArn>().is_err(), "{wrong}");
        }
    }
}
