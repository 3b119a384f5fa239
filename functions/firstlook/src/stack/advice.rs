//! What a person can do about an error of AWS.

use std::error::Error;

use firstlook_aws::{AwsError, NoSuchSecret};

use super::{OutputsError, StackError};

const CREDENTIALS: &str = "this puts your profile's credentials into the environment: \
                           eval \"$(aws configure export-credentials --format env)\"";

const NO_SECRET: &str = "is the stack's name (or `--secret-id`) right, and does AWS_REGION say where it is?";

/// What to do about `error`, where that is known: by what AWS calls it, or by what the environment lacks.
#[must_use]
pub fn advice(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(StackError::Environment(lacks)) = error.downcast_ref() {
            return Some(match lacks.missing.as_slice() {
                ["AWS_REGION"] => "export AWS_REGION, the region of the stack".to_owned(),
                missing if missing.contains(&"AWS_REGION") => format!("{CREDENTIALS}; and export AWS_REGION"),
                _ => CREDENTIALS.to_owned(),
            });
        }
        if error.is::<NoSuchSecret>() {
            return Some(NO_SECRET.to_owned());
        }
        let code = match (error.downcast_ref::<AwsError>(), error.downcast_ref()) {
            (Some(aws), _) => aws.code(),
            (None, Some(OutputsError::Refused { code, .. })) => Some(code.as_str()),
            (None, Some(OutputsError::NotThere { .. })) => Some("ValidationError"),
            (None, _) => None,
        };
        if let Some(code) = code {
            return of(code).map(str::to_owned);
        }
        next = error.source();
    }
    None
}

/// By AWS's code. The services do not agree on one word for one thing.
fn of(code: &str) -> Option<&'static str> {
    match code {
        // Of CloudFormation: no such stack. Nothing else of ours calls a service that says it.
        "ResourceNotFoundException" | "NonExistentQueue" | "QueueDoesNotExist" | "ValidationError" => {
            Some("is the stack's name right, and does AWS_REGION say where it is?")
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException" => Some(CREDENTIALS),
        "AccessDenied" | "AccessDeniedException" => Some("docs/cli.md lists the rights that each verb needs"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use firstlook_aws::AwsEnv;
    use ports::{PortError, SecretError};

    use super::*;

    #[test]
    fn what_is_missing_is_what_is_advised() {
        let lacking = |lacking: &'static [&'static str]| {
            let env = AwsEnv::read(|name| (!lacking.contains(&name)).then(|| "x".to_owned())).unwrap_err();
            advice(&StackError::Environment(env)).unwrap()
        };
        assert_eq!(lacking(&["AWS_REGION", "AWS_DEFAULT_REGION"]), "export AWS_REGION, the region of the stack");
        assert_eq!(lacking(&["AWS_ACCESS_KEY_ID"]), CREDENTIALS);
        let both = lacking(&["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SECRET_ACCESS_KEY"]);
        assert!(both.contains("export-credentials") && both.contains("export AWS_REGION"), "{both}");
    }

    #[test]
    fn a_secret_that_is_not_there_is_looked_for_by_its_name() {
        let error = SecretError::Port(PortError::permanent("read the secret", NoSuchSecret));
        assert_eq!(advice(&error).as_deref(), Some(NO_SECRET));
        assert_eq!(advice(&PortError::permanent("read the secret", "its value is not a JSON object")), None);
    }

    #[test]
    fn an_error_that_aws_has_no_part_in_gets_no_advice() {
        assert_eq!(advice(&std::io::Error::other("no")), None);
        assert_eq!(of("ThrottlingException"), None);
    }
}
