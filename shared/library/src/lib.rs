//! Ready Tasks and Commands for common failures, which a catalog uses by naming them. What each is and takes stands in
//! `docs/library.md`.
//!
//! Only the command line links this: what a catalog uses is compiled into it, so no function does.

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// The documents: path and text of each file, by name.
        pub const FILES: &[(&str, &str)] = &[
            $((concat!("library/", $name, ".yaml"), include_str!(concat!("../docs/", $name, ".yaml")))),*
        ];
    };
}

/// What the documents name and every catalog has of its own, in the place of which this stands where the library is read
/// alone: the Cluster `main`.
pub const BESIDE: (&str, &str) = (
    "library/beside.yaml",
    "kind: Cluster\nname: main\nurl: https://kubernetes.invalid:6443\nauth: { bearer: kubernetes-token }\n",
);

// By name, so that two who add files do not meet.
files![
    "aws-alb",
    "aws-apigateway",
    "aws-certificates",
    "aws-changes",
    "aws-delivery",
    "aws-dynamodb",
    "aws-ecs",
    "aws-ecs-triage",
    "aws-elasticache",
    "aws-kinesis",
    "aws-lambda",
    "aws-lambda-triage",
    "aws-logs",
    "aws-rds",
    "aws-rds-metrics",
    "aws-rds-triage",
    "aws-sqs",
    "aws-stepfunctions",
    "changes",
    "http",
    "http-errors",
    "k8s-cluster",
    "k8s-logs",
    "k8s-pods",
    "k8s-triage",
    "k8s-workloads",
    "net",
    "slo",
    "slo-triage",
];

#[cfg(test)]
mod tests;
