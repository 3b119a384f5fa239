//! Which host answers for a service in a region, and in which region's name the request is signed.
//!
//! The rule is AWS's: `service.region.suffix`, with a suffix for each partition, and a few services that stand in one
//! region or have one name for all. Source: the partitions and endpoints that AWS publishes with its SDKs
//! (botocore's `partitions.json` and `endpoints.json`, 1.44).

use crate::AwsError;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    /// The host's name.
    pub(crate) host: String,
    /// The region that it is signed for.
    pub(crate) region: String,
}

/// The partition of a region, as ARNs name it: `aws`, `aws-cn`, `aws-us-gov`, ...
#[must_use]
pub fn partition(region: &str) -> &'static str {
    partition_of(region).0
}

/// Partition, the suffix of its hosts, and the region in which its services without a region stand.
fn partition_of(region: &str) -> (&'static str, &'static str, &'static str) {
    const BY_PREFIX: &[(&str, (&str, &str, &str))] = &[
        ("cn-", ("aws-cn", "amazonaws.com.cn", "cn-northwest-1")),
        ("us-gov-", ("aws-us-gov", "amazonaws.com", "us-gov-west-1")),
        ("us-iso-", ("aws-iso", "c2s.ic.gov", "us-iso-east-1")),
        ("us-isob-", ("aws-iso-b", "sc2s.sgov.gov", "us-isob-east-1")),
        ("us-isof-", ("aws-iso-f", "csp.hci.ic.gov", "us-isof-south-1")),
        ("eu-isoe-", ("aws-iso-e", "cloud.adc-e.uk", "eu-isoe-west-1")),
        ("eusc-", ("aws-eusc", "amazonaws.eu", "eusc-de-east-1")),
    ];
    let found = BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or(("aws", "amazonaws.com", "us-east-1"), |(_, partition)| *partition)
}

/// Finds the host of `service` (its endpoint prefix, such as `logs`) in `region`.
///
/// # Errors
/// [`AwsError::NoSuchPlace`]: one of them has characters that no such name has.
pub(crate) fn locate(service: &str, region: &str) -> Result<Located, AwsError> {
    let fits = |text: &str, also: &str| {
        let mut chars = text.chars();
        text.len() <= 63
            && chars.next().is_some_and(|first| first.is_ascii_lowercase())
            && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(c))
            && !text.contains("..")
            && !text.ends_with(['.', '-'])
    };
    if !fits(service, "-.") || !fits(region, "-") {
        return Err(AwsError::NoSuchPlace { service: service.to_owned(), region: region.to_owned() });
    }
    let (name, suffix, global) = partition_of(region);
    let located = |host: String, region: &str| Ok(Located { host, region: region.to_owned() });
    match (service, name) {
        // One host without a region.
        ("iam", "aws-us-gov") => located(format!("iam.us-gov.{suffix}"), global),
        ("iam", "aws-cn") => located(format!("iam.cn-north-1.{suffix}"), "cn-north-1"),
        ("iam" | "route53" | "budgets" | "cloudfront", "aws") => located(format!("{service}.{suffix}"), global),
        ("route53" | "budgets", "aws-cn") => located(format!("{service}.{suffix}"), global),
        ("route53", "aws-us-gov") => located(format!("route53.us-gov.{suffix}"), global),
        // In one region of each partition, whatever region is asked about.
        ("ce" | "health" | "support" | "organizations" | "shield", _) => {
            located(format!("{service}.{global}.{suffix}"), global)
        }
        ("globalaccelerator", "aws") => located(format!("{service}.us-west-2.{suffix}"), "us-west-2"),
        _ => located(format!("{service}.{region}.{suffix}"), region),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_made_of_service_region_and_the_partitions_suffix() {
        for (service, region, host, signed) in [
            ("logs", "eu-central-1", "logs.eu-central-1.amazonaws.com", "eu-central-1"),
            ("api.ecr", "us-east-2", "api.ecr.us-east-2.amazonaws.com", "us-east-2"),
            ("logs", "cn-north-1", "logs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("sts", "us-gov-east-1", "sts.us-gov-east-1.amazonaws.com", "us-gov-east-1"),
            ("logs", "eusc-de-east-1", "logs.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
            ("logs", "us-isob-east-1", "logs.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
            ("iam", "eu-west-1", "iam.amazonaws.com", "us-east-1"),
            ("iam", "cn-northwest-1", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("iam", "us-gov-east-1", "iam.us-gov.amazonaws.com", "us-gov-west-1"),
            ("ce", "eu-west-1", "ce.us-east-1.amazonaws.com", "us-east-1"),
            ("budgets", "eu-west-1", "budgets.amazonaws.com", "us-east-1"),
            ("health", "us-gov-east-1", "health.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ] {
            let expected = Located { host: host.to_owned(), region: signed.to_owned() };
            assert_eq!(locate(service, region).unwrap(), expected, "{service} {region}");
        }
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-east-1"), "aws-us-gov");
        assert_eq!(partition("mx-central-1"), "aws");
    }

    #[test]
    fn i8_a_host_cannot_be_led_elsewhere_by_the_name_of_a_region_or_service() {
        for (service, region) in [
            ("logs", "evil.example/"),
            ("logs", "eu-central-1.evil.example"),
            ("logs", ""),
            ("logs", "x@y"),
            ("logs", "eu-central-1-"),
            ("", "eu-central-1"),
            ("logs/..", "eu-central-1"),
            ("a..b", "eu-central-1"),
            (".logs", "eu-central-1"),
            ("LOGS", "eu-central-1"),
        ] {
            assert!(matches!(locate(service, region), Err(AwsError::NoSuchPlace { .. })), "{service} {region}");
        }
    }
}
