use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Secret;
use net::AddressPolicy;
use ports::{Clock, Entropy};
use reqwest::{Client, Method, header::HeaderMap};
use tokio::time::Instant;
use url::Url;

use crate::{
    AwsAnswer, AwsError, AwsRequest, Credentials, Keys, Place, Presign, Role, answer,
    endpoint::{Located, locate},
    error::{Judged, Said},
    presign,
    role::{self, Roles},
    sign,
};

/// The first wait between two tries, doubled each time, each a random part of it.
const BACKOFF: Duration = Duration::from_millis(200);
/// The longest such wait.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// How often a call is tried at most: what is throttled this often is throttled for minutes.
const MAX_ATTEMPTS: u32 = 8;
/// How long a token for an EKS cluster's signature holds; the cluster takes the token for 15 minutes from its signature.
const EKS_EXPIRES: Duration = Duration::from_secs(60);

/// What [`Aws`] needs.
#[derive(Clone)]
pub struct AwsOptions {
    /// The region of calls that name none.
    pub region: String,
    /// `AWS_ENDPOINT_URL`: every service is called here instead. It may be on loopback, since the operator set it.
    pub endpoint: Option<Url>,
    /// A PEM file of authorities to trust besides the public ones (`AWS_CA_BUNDLE`).
    pub extra_ca: Option<PathBuf>,
    /// What is signed with.
    pub credentials: Arc<dyn Credentials>,
    /// The time, for signatures and the ends of keys.
    pub clock: Arc<dyn Clock>,
    /// Spreads the waits between tries.
    pub entropy: Arc<dyn Entropy>,
    /// The most bytes that are read of an answer. Default: 4 MiB.
    pub max_answer: usize,
}

impl AwsOptions {
    /// The options of a region, with defaults.
    pub fn new(
        region: impl Into<String>,
        credentials: Arc<dyn Credentials>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            region: region.into(),
            endpoint: None,
            extra_ca: None,
            credentials,
            clock,
            entropy,
            max_answer: 4 * 1024 * 1024,
        }
    }
}

/// Calls AWS. Cheap to clone.
#[derive(Clone)]
pub struct Aws {
    shared: Arc<Shared>,
}

struct Shared {
    options: AwsOptions,
    http: Client,
    policy: AddressPolicy,
    roles: Roles,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.shared.options.region).finish_non_exhaustive()
    }
}

/// A request as it goes out.
struct Wire {
    method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Aws {
    /// Builds the way to AWS. Opens no connection.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(options: AwsOptions) -> Result<Self, net::ClientError> {
        // The operator's own endpoint may be anywhere; AWS's hosts need no leave.
        let named = options.endpoint.iter().filter_map(Url::host_str).map(str::to_owned);
        let policy = AddressPolicy::new(named);
        let http = net::client(&net::Options {
            policy: policy.clone(),
            extra_ca: options.extra_ca.clone(),
            ..net::Options::default()
        })?;
        Ok(Self { shared: Arc::new(Shared { options, http, policy, roles: Roles::default() }) })
    }

    /// The region of a call at `place`.
    #[must_use]
    pub fn region<'a>(&'a self, place: &'a Place) -> &'a str {
        let of_role = || place.role.as_ref().and_then(|role| role.region.as_deref());
        place.region.as_deref().or_else(of_role).unwrap_or(&self.shared.options.region)
    }

    /// Makes one call and reads its answer. What is throttled, fails with 5xx or cannot be connected to is tried
    /// again within `within`, with waits that double; a call that may have arrived and got no answer is not.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn call(&self, place: &Place, request: &AwsRequest<'_>, within: Duration) -> Result<AwsAnswer, AwsError> {
        self.call_up_to(MAX_ATTEMPTS, place, request, within).await
    }

    /// The same for a call that costs money or must not be done twice: it is made once. Who has the budget tries again; who gets
    /// [`AwsError::Failed`], [`AwsError::TimedOut`], or [`AwsError::Unreachable`] of a request that was sent does not know whether it
    /// was done.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn call_once(
        &self,
        place: &Place,
        request: &AwsRequest<'_>,
        within: Duration,
    ) -> Result<AwsAnswer, AwsError> {
        self.call_up_to(1, place, request, within).await
    }

    async fn call_up_to(
        &self,
        most: u32,
        place: &Place,
        request: &AwsRequest<'_>,
        within: Duration,
    ) -> Result<AwsAnswer, AwsError> {
        let deadline = Instant::now() + within;
        let located = locate(request.service(), self.region(place))?;
        let keys = self.keys(place, deadline).await?;
        let answer = self.try_until(most, &located, &keys, request, deadline, within).await;
        match (&answer, &place.role) {
            // Its keys can end early: the role's sessions were revoked, or the clock was wrong.
            (Err(AwsError::Expired { .. }), Some(role)) => {
                *self.shared.roles.slot(role).lock().await = None;
                let keys = self.keys(place, deadline).await?;
                self.try_until(most, &located, &keys, request, deadline, within).await
            }
            _ => answer,
        }
    }

    /// A token for the API of the EKS cluster `cluster`, as `aws eks get-token` makes it: a signed URL that asks STS who the
    /// caller is. It opens the cluster as this caller for 15 minutes.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn eks_token(&self, place: &Place, cluster: &str, within: Duration) -> Result<Secret, AwsError> {
        let keys = self.keys(place, Instant::now() + within).await?;
        // The cluster asks AWS's STS itself, so an endpoint of ours has no say in it.
        let Located { host, region } = locate("sts", self.region(place))?;
        let url = parse(&format!("https://{host}/?Action=GetCallerIdentity&Version=2011-06-15"))?;
        let options = Presign {
            region: &region,
            service: "sts",
            now: self.shared.options.clock.now(),
            expires: EKS_EXPIRES,
            headers: &[("x-k8s-aws-id", cluster)],
        };
        let signed = presign(&keys, &url, &options)?;
        Ok(Secret::new(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(signed.as_str()))))
    }

    /// The keys for `place`: our own, or those of its role.
    async fn keys(&self, place: &Place, deadline: Instant) -> Result<Keys, AwsError> {
        let own = self.shared.options.credentials.now().await?;
        let Some(role) = &place.role else { return Ok(own) };
        self.assume(role, self.region(place), &own, deadline)
            .await
            .map_err(|source| AwsError::Role { arn: role.arn.clone(), source: Box::new(source) })
    }

    async fn assume(&self, role: &Role, region: &str, own: &Keys, deadline: Instant) -> Result<Keys, AwsError> {
        let slot = self.shared.roles.slot(role);
        let mut kept = slot.lock().await;
        let now = self.shared.options.clock.now();
        if let Some(keys) = kept.as_ref().filter(|keys| role::is_live(keys, now)) {
            return Ok(keys.clone());
        }
        let located = locate("sts", region)?;
        let params = role::parameters(role);
        let within = deadline.saturating_duration_since(Instant::now());
        let answer = self.try_until(MAX_ATTEMPTS, &located, own, &role::request(&params), deadline, within).await?;
        let keys = role::keys(&answer.body)?;
        *kept = Some(keys.clone());
        Ok(keys)
    }

    /// Tries until there is an answer, or it would be the same again, or the time is up, `most` times.
    async fn try_until(
        &self,
        most: u32,
        located: &Located,
        keys: &Keys,
        request: &AwsRequest<'_>,
        deadline: Instant,
        within: Duration,
    ) -> Result<AwsAnswer, AwsError> {
        let mut attempts = 0;
        let mut wait = BACKOFF;
        // For people: no more digits than they need.
        let within = Duration::from_millis(u64::try_from(within.as_micros().div_ceil(1000)).unwrap_or(u64::MAX));
        loop {
            attempts += 1;
            let timed_out = || AwsError::TimedOut { host: located.host.clone(), within };
            let tried = tokio::time::timeout_at(deadline, self.once(located, keys, request)).await;
            let (again, error) = match tried.map_err(|_| timed_out())? {
                Ok(answer) => return Ok(answer),
                Err(Tried::Final(error)) => return Err(error),
                Err(Tried::Again(again)) => (again.clone(), again.into_error(attempts)),
            };
            let unreachable = matches!(again, Again::Unreachable(_));
            // Full jitter: as many callers as there are do not come back in step.
            let part = self.shared.options.entropy.random() % 1000;
            let pause = wait.mul_f64(0.5 + u32::try_from(part).map_or(0.5, f64::from) / 2000.0);
            let late = Instant::now() + pause >= deadline;
            if late || attempts >= if unreachable { most.min(2) } else { most } {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            wait = MAX_BACKOFF.min(wait * 2);
        }
    }

    async fn once(&self, located: &Located, keys: &Keys, request: &AwsRequest<'_>) -> Result<AwsAnswer, Tried> {
        let wire = self.wire(located, keys, request).map_err(Tried::Final)?;
        let refused =
            |why: net::Refused| Tried::Final(AwsError::Unreachable { reason: why.to_string(), is_sent: false });
        self.shared.policy.check_url(&wire.url).map_err(refused)?;
        let mut builder = self.shared.http.request(wire.method, wire.url.clone());
        for (name, value) in &wire.headers {
            builder = builder.header(*name, value.as_str());
        }
        // The deadline stands around all tries.
        let sent = builder.body(wire.body).timeout(Duration::from_secs(900)).send().await;
        let response = sent.map_err(|error| {
            let reason = net::request_reason(&error, &wire.url);
            if error.is_connect() {
                Tried::Again(Again::Unreachable(reason))
            } else {
                Tried::Final(AwsError::Unreachable { reason, is_sent: true })
            }
        })?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let cap = self.shared.options.max_answer;
        let body = net::read_capped(response, cap).await.map_err(|error| {
            Tried::Final(AwsError::Unreachable { reason: net::request_reason(&error, &wire.url), is_sent: true })
        })?;
        if (200..300).contains(&status) {
            if body.more {
                return Err(Tried::Final(AwsError::TooLarge { cap }));
            }
            let read = answer::read(request, &body.bytes).map_err(Tried::Final)?;
            return Ok(AwsAnswer { status, body: read, request_id: answer::request_id(&headers), headers });
        }
        Err(judge(request, status, &headers, &body.bytes))
    }

    /// The request as it goes out, signed.
    fn wire(&self, located: &Located, keys: &Keys, request: &AwsRequest<'_>) -> Result<Wire, AwsError> {
        let (method, path, query, mut headers, body) = match request {
            AwsRequest::Json { target, version, body, .. } => {
                let headers =
                    vec![("content-type", version.content_type().to_owned()), ("x-amz-target", (*target).to_owned())];
                ("POST", "/", String::new(), headers, body.to_string().into_bytes())
            }
            AwsRequest::Rest { method, path, query, body, .. } => {
                let headers = match body {
                    Some(_) => vec![("content-type", "application/json".to_owned())],
                    None => Vec::new(),
                };
                let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
                (*method, *path, sign::query(query.iter().copied()), headers, body)
            }
            AwsRequest::Query { action, version, params, .. } => {
                let fixed = [("Action", *action), ("Version", *version)];
                let params = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let form = sign::query(fixed.into_iter().chain(params));
                let headers = vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
                ("POST", "/", String::new(), headers, form.into_bytes())
            }
        };
        let base = match &self.shared.options.endpoint {
            Some(endpoint) => endpoint.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://{}", located.host),
        };
        let mut url = parse(&format!("{base}{path}"))?;
        // The URL parser would walk `..` and drop what stands behind `?` and `#`: such a path is a mistake.
        if !path.starts_with('/') || !url.path().ends_with(path) {
            return Err(AwsError::BadRequest { why: format!("`{path}` is not a path") });
        }
        if !query.is_empty() {
            url.set_query(Some(&query));
        }
        let scope = sign::Scope {
            keys,
            region: &located.region,
            service: request.signing(),
            now: self.shared.options.clock.now(),
        };
        let plain: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signed = sign::headers(&scope, method, &url, &plain, &body)?;
        headers.extend(signed);
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| AwsError::BadRequest { why: format!("`{method}` is not a method") })?;
        Ok(Wire { method, url, headers, body })
    }
}

fn parse(text: &str) -> Result<Url, AwsError> {
    text.parse().map_err(|error: url::ParseError| AwsError::BadRequest { why: error.to_string() })
}

/// Why one try gave no answer.
enum Tried {
    Again(Again),
    Final(AwsError),
}

/// What is tried again.
#[derive(Clone)]
enum Again {
    Throttled(Said),
    Failed { code: String, message: String, status: u16 },
    Unreachable(String),
}

impl Again {
    fn into_error(self, attempts: u32) -> AwsError {
        match self {
            Self::Throttled(Said { code, message }) => AwsError::Throttled { code, message, attempts },
            Self::Failed { code, message, status } => AwsError::Failed { code, message, status, attempts },
            Self::Unreachable(reason) => AwsError::Unreachable { reason, is_sent: false },
        }
    }
}

fn judge(request: &AwsRequest<'_>, status: u16, headers: &HeaderMap, body: &[u8]) -> Tried {
    match Said::read(headers, body).judge(status, request) {
        Judged::Throttled(said) => Tried::Again(Again::Throttled(said)),
        Judged::Failed(Said { code, message }, status) => Tried::Again(Again::Failed { code, message, status }),
        Judged::Final(error) => Tried::Final(error),
    }
}
