//! Models: who reads for an Assistant, where it is asked, and what it costs.

use std::{fmt, str::FromStr};

use domain::{Money, Name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose API a model is asked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Anthropic's Messages API, or a gateway that speaks it.
    Anthropic,
    /// OpenAI's Chat Completions API and whatever speaks it: vLLM, llama.cpp, Ollama, gateways.
    Openai,
    /// Amazon Bedrock's Converse API, signed with the role of investigate.
    Bedrock,
}

impl Provider {
    /// The word for it in a document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
            Self::Bedrock => "bedrock",
        }
    }
}

/// An amount of US dollars as users write it: `3`, `0.25`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "f64", try_from = "f64")]
#[schemars(with = "f64", extend("minimum" = 0, "maximum" = 1_000_000))]
pub struct Usd(pub Money);

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<Usd> for f64 {
    fn from(usd: Usd) -> f64 {
        usd.0.usd()
    }
}

impl TryFrom<f64> for Usd {
    type Error = String;
    fn try_from(dollars: f64) -> Result<Self, String> {
        let money = Money::from_usd(dollars).filter(|_| dollars <= 1_000_000.0);
        money.map(Self).ok_or_else(|| format!("{dollars} is not an amount from 0 to 1000000 dollars"))
    }
}

/// What a million tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// US dollars for a million tokens read.
    pub input: Usd,
    /// US dollars for a million tokens written.
    pub output: Usd,
    /// US dollars for a million tokens read from the provider's cache; default: as `input`, which is never too little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Usd>,
    /// US dollars for a million tokens written into the provider's cache; default: a quarter more than `input`, which is what
    /// Anthropic's models cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Usd>,
}

/// How many tokens of each sort were used; no token is in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Read, neither from nor into the cache.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written into the cache.
    pub cache_write: u64,
}

impl Price {
    /// What `tokens` cost, rounded up to a nano-dollar once, at the end (I12).
    #[must_use]
    pub fn cost(&self, tokens: Tokens) -> Money {
        const MILLION: u128 = 1_000_000;
        let input = u128::from(self.input.0.nanos());
        let cache_read = self.cache_read.map_or(input, |usd| u128::from(usd.0.nanos()));
        let cache_write = self.cache_write.map_or_else(|| (input * 5).div_ceil(4), |usd| u128::from(usd.0.nanos()));
        // A price is at most 10^15 nano-dollars, so four products with a u64 fit by far.
        let sum = u128::from(tokens.input) * input
            + u128::from(tokens.output) * u128::from(self.output.0.nanos())
            + u128::from(tokens.cache_read) * cache_read
            + u128::from(tokens.cache_write) * cache_write;
        Money::from_nanos(u64::try_from(sum.div_ceil(MILLION)).unwrap_or(u64::MAX))
    }
}

/// What a Chat Completions server calls the limit of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitKey {
    /// `max_tokens`: the older word, which the servers that imitate OpenAI know.
    MaxTokens,
    /// `max_completion_tokens`: the only one that OpenAI's reasoning models take.
    MaxCompletionTokens,
}

/// A model that Assistants can read with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name; not `none`.
    pub name: Name,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whose API it is asked through.
    pub provider: Provider,
    /// What the provider calls it: a model's id, or with `bedrock` an inference profile's id or ARN.
    #[schemars(extend("pattern" = "^[!-~]{1,512}$"))]
    pub id: String,
    /// Where the API is. `openai` needs it (`https://api.openai.com/v1`); with `anthropic` it is a gateway's, default:
    /// `https://api.anthropic.com`; `bedrock` has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The key within the secret that holds the API key. `anthropic` needs it where no `url` stands; `bedrock` has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The AWS region; `bedrock` needs it, and only that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = "^[a-z]{2}(-[a-z]+)+-[0-9]$", "examples" = ["eu-central-1"]))]
    pub region: Option<String>,
    /// What its tokens cost; a limit in money needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The most tokens that it can write in one answer; default: as many as the engine asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_output_tokens: Option<u32>,
    /// Whether the provider is asked to keep what it has read for the next turn; default: where the model is known to take
    /// that. `openai` does so by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<bool>,
    /// Only `openai`: what the server calls the limit of an answer; default: `max_completion_tokens` at OpenAI and Azure,
    /// `max_tokens` elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_key: Option<LimitKey>,
}

/// What stands before the provider in the id of a profile that spans regions. An id that begins otherwise names a model.
const GROUPS: [&str; 12] = ["us", "us-gov", "eu", "apac", "ap", "jp", "au", "ca", "sa", "in", "me", "global"];

impl Model {
    /// Whether the id is that of a Bedrock profile that spans regions, or of an application's.
    #[must_use]
    pub fn is_profile(&self) -> bool {
        let of_group = || self.id.split_once('.').is_some_and(|(group, _)| GROUPS.contains(&group));
        if self.id.starts_with("arn:") { self.id.contains("inference-profile/") } else { of_group() }
    }

    /// On what `bedrock:InvokeModel` must be allowed for it to be asked, as ARNs in CloudFormation's notation of `!Sub`; none
    /// where the provider is another. A profile needs the profile and the model behind it in every region that it may use; an
    /// application's profile does not say which model that is.
    /// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html>.
    #[must_use]
    pub fn invokes(&self) -> Vec<String> {
        if self.provider != Provider::Bedrock {
            return Vec::new();
        }
        const ARN: &str = "arn:${AWS::Partition}:bedrock";
        let region = self.region.as_deref().unwrap_or("${AWS::Region}");
        let anywhere = |id: &str| format!("{ARN}:*::foundation-model/{id}");
        // What a group's profile is called: the group, a dot, and the model's own id.
        let behind =
            |id: &str| id.split_once('.').filter(|(group, _)| GROUPS.contains(group)).map(|(_, id)| id.to_owned());
        let last = self.id.rsplit_once('/').map_or(self.id.as_str(), |(_, last)| last);
        if !self.id.starts_with("arn:") {
            return match behind(&self.id) {
                Some(id) => {
                    let profile = format!("{ARN}:{region}:${{AWS::AccountId}}:inference-profile/{}", self.id);
                    vec![profile, anywhere(&id)]
                }
                None => vec![format!("{ARN}:{region}::foundation-model/{}", self.id)],
            };
        }
        let mut all = vec![self.id.clone()];
        if self.id.contains(":application-inference-profile/") {
            all.push(anywhere("*"));
        } else if self.id.contains(":inference-profile/") {
            all.push(anywhere(&behind(last).unwrap_or_else(|| "*".to_owned())));
        }
        all
    }
}

/// The model of an Assistant: `none`, or the name of a Model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9][a-z0-9-]{0,62}$"))]
pub enum ModelRef {
    /// None: the report is the deterministic one.
    None,
    /// The Model of that name.
    Named(Name),
}

impl ModelRef {
    /// The word that names no Model.
    pub const NONE: &'static str = "none";

    /// The Model's name, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::None => None,
            Self::Named(name) => Some(name),
        }
    }
}

impl From<ModelRef> for String {
    fn from(model: ModelRef) -> String {
        match model {
            ModelRef::None => ModelRef::NONE.to_owned(),
            ModelRef::Named(name) => name.into(),
        }
    }
}

impl TryFrom<String> for ModelRef {
    type Error = domain::NameError;
    fn try_from(text: String) -> Result<Self, domain::NameError> {
        if text == Self::NONE { Ok(Self::None) } else { Name::from_str(&text).map(Self::Named) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(json: &str) -> Price {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn i12_a_cost_is_exact_and_no_token_is_free_by_rounding() {
        let sonnet = price(r#"{"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75}"#);
        let tokens = Tokens { input: 1_000, output: 200, cache_read: 10_000, cache_write: 4_000 };
        // 3000 + 3000 + 3000 + 15000 micro-dollars.
        assert_eq!(sonnet.cost(tokens), Money::from_nanos(24_000_000));
        let cheap = price(r#"{"input": 0.0375, "output": 0.15}"#);
        assert_eq!(cheap.cost(Tokens { input: 1, ..Tokens::default() }), Money::from_nanos(38));
        assert_eq!(cheap.cost(Tokens { input: 2, ..Tokens::default() }), Money::from_nanos(75));
        assert_eq!(cheap.cost(Tokens::default()), Money::ZERO);
        assert_eq!(
            sonnet.cost(Tokens { input: u64::MAX, output: u64::MAX, ..Tokens::default() }),
            Money::MAX,
            "what does not fit is the most there is, and never little"
        );
    }

    #[test]
    fn i12_a_cache_without_a_price_is_never_too_cheap() {
        let plain = price(r#"{"input": 4, "output": 20}"#);
        let of = |tokens| plain.cost(tokens).nanos();
        assert_eq!(of(Tokens { cache_read: 1_000, ..Tokens::default() }), 4_000_000);
        assert_eq!(of(Tokens { cache_write: 1_000, ..Tokens::default() }), 5_000_000);
    }

    #[test]
    fn a_price_is_written_as_it_was_read() {
        for text in ["0", "3", "0.25", "0.0375", "1000000"] {
            let json = format!(r#"{{"input":{text},"output":{text}}}"#);
            let read = price(&json);
            assert_eq!(price(&serde_json::to_string(&read).unwrap()), read, "{text}");
        }
        for bad in ["-1", "1000001", "\"3\"", "null"] {
            assert!(serde_json::from_str::<Usd>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn i12_the_cost_of_two_turns_is_what_they_cost_together_but_for_the_rounding(
            one in 0_u64..1_000_000, other in 0_u64..1_000_000, micros in 0_u32..100_000_000,
        ) {
            let usd = f64::from(micros) / 1e6;
            let price = Price { input: Usd::try_from(usd).unwrap(), output: Usd(Money::ZERO), cache_read: None, cache_write: None };
            let of = |input| price.cost(Tokens { input, ..Tokens::default() }).nanos();
            let apart = of(one) + of(other);
            prop_assert!(apart >= of(one + other) && apart - of(one + other) <= 1);
        }
    }

    #[test]
    fn i7_a_model_of_bedrock_needs_itself_and_what_is_behind_its_profile() {
        let invokes = |provider: &str, id: &str| {
            let model = serde_json::json!({"name": "m", "provider": provider, "id": id, "region": "eu-central-1"});
            serde_json::from_value::<Model>(model).unwrap().invokes()
        };
        let arn = "arn:${AWS::Partition}:bedrock";
        let claude = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        assert_eq!(
            invokes("bedrock", "amazon.nova-pro-v1:0"),
            [format!("{arn}:eu-central-1::foundation-model/amazon.nova-pro-v1:0")]
        );
        // Not a group, for all its dots.
        assert_eq!(
            invokes("bedrock", "minimax.minimax-m2.1"),
            [format!("{arn}:eu-central-1::foundation-model/minimax.minimax-m2.1")]
        );
        assert_eq!(
            invokes("bedrock", &format!("eu.{claude}")),
            [
                format!("{arn}:eu-central-1:${{AWS::AccountId}}:inference-profile/eu.{claude}"),
                format!("{arn}:*::foundation-model/{claude}"),
            ]
        );
        let profile = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.{claude}");
        assert_eq!(invokes("bedrock", &profile), [profile.clone(), format!("{arn}:*::foundation-model/{claude}")]);
        let own = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl";
        assert_eq!(invokes("bedrock", own), [own.to_owned(), format!("{arn}:*::foundation-model/*")]);
        let bought = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl";
        assert_eq!(invokes("bedrock", bought), [bought]);
        assert!(invokes("openai", "m").is_empty());
    }

    #[test]
    fn a_profile_is_told_from_a_model_by_its_id() {
        let is_profile = |id: &str| {
            let model = serde_json::json!({"name": "m", "provider": "bedrock", "id": id, "region": "eu-central-1"});
            serde_json::from_value::<Model>(model).unwrap().is_profile()
        };
        let arn = "arn:aws:bedrock:us-east-1:123456789012";
        for id in [
            "eu.anthropic.claude-x",
            &format!("{arn}:inference-profile/x"),
            &format!("{arn}:application-inference-profile/x"),
        ] {
            assert!(is_profile(id), "{id}");
        }
        for id in ["amazon.nova-pro-v1:0", "minimax.minimax-m2.1", &format!("{arn}:provisioned-model/x")] {
            assert!(!is_profile(id), "{id}");
        }
    }

    #[test]
    fn the_model_of_an_assistant_is_none_or_a_name() {
        let read = |text: &str| serde_json::from_value::<ModelRef>(text.into());
        assert_eq!(read("none").unwrap(), ModelRef::None);
        assert_eq!(read("sonnet").unwrap().name().unwrap().as_str(), "sonnet");
        assert_eq!(serde_json::to_string(&ModelRef::None).unwrap(), "\"none\"");
        assert!(read("Claude 4").is_err());
    }
}
