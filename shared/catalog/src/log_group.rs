//! Names of log groups.

/// Whether this is the name or the ARN of a log group (docs.aws.amazon.com, API_CreateLogGroup).
#[must_use]
pub fn is_log_group(text: &str) -> bool {
    let name = if text.starts_with("arn:") {
        let parts: Vec<&str> = text.splitn(7, ':').collect();
        match parts.as_slice() {
            [_, _, "logs", _, _, "log-group", name] => *name,
            _ => return false,
        }
    } else {
        text
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '#');
    (1..=512).contains(&name.len()) && name.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_are_log_groups_and_nothing_else_is() {
        for good in ["/aws/lambda/orders", "a", "x.y_z#1-2", "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/shop"]
        {
            assert!(is_log_group(good), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a:*",
            "arn:aws:s3:::bucket",
            "arn:aws:logs:eu-west-1:1:log-group:",
            "arn:aws:logs:eu-west-1:1:log-group:a:*",
        ] {
            assert!(!is_log_group(bad), "{bad}");
        }
        assert!(!is_log_group(&"a".repeat(513)));
    }
}
