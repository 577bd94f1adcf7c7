//! Creating a campaign, in LivePerson's field names.

use crate::lookback;
use domain::campaign::{
    Accepted, CampaignName, Draft, Idempotency, OpenConversation, Order, Refusal,
};
use domain::origin::Trace;
use lambda::{At as _, Kind, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A campaign to post.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CampaignRequest)]
pub(super) struct Request {
    /// Its name, 1 to 255 characters; agents see it.
    #[schema(example = "Renewal-Nov")]
    campaign_name: String,
    /// The skill that replies go to.
    #[schema(example = "sales")]
    skill: String,
    /// The handoff's id.
    #[schema(example = "H1234567890")]
    template_id: String,
    /// That the recipients have consented: must be `true`.
    consent: bool,
    /// The recipients: 1 to 100, or to the account's limit.
    consumers: Vec<Consumer>,
    /// Days of another lookback than the handoff's (not in LivePerson's API).
    lookback_period_day: Option<u32>,
    /// Hours of another lookback than the handoff's (not in LivePerson's API).
    lookback_period_hour: Option<u32>,
    /// Minutes of another lookback than the handoff's (not in LivePerson's API).
    lookback_period_minute: Option<u32>,
    /// What to do with a consumer who has an open conversation: `fail` (by default),
    /// `append` or `hold` (not in LivePerson's API).
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "fail")]
    open_conversation: OpenConversation,
    /// Whether all of its recipients are test ones: they are sent to as any others and count
    /// among the day's, but are in no report (not in LivePerson's API).
    #[serde(default)]
    #[schema(example = false)]
    test: bool,
    /// Refused: In-App is sent at once.
    #[schema(ignore)]
    scheduling_metrics: Option<Value>,
    /// Refused: In-App has no number.
    #[schema(ignore)]
    outbound_number: Option<Value>,
}

/// A recipient.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CampaignConsumer)]
pub(super) struct Consumer {
    /// Their address: `inapp`, the brand's own id of the consumer.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"inapp": "user-0001"}))]
    consumer_content: BTreeMap<String, Value>,
    /// What fills the texts' placeholders: exactly those, each a string of at most 1,550
    /// characters.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"1": "Ana"}))]
    variables: BTreeMap<String, Value>,
    #[schema(ignore)]
    header_variables: Option<Value>,
    #[schema(ignore)]
    button_variables: Option<Value>,
    #[schema(ignore)]
    customer_info: Option<Value>,
    #[schema(ignore)]
    personal_info: Option<Value>,
    #[schema(ignore)]
    consumer_country_code: Option<Value>,
    #[schema(ignore)]
    consumer_phone_number: Option<Value>,
}

/// How a campaign is posted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Flags {
    /// Check everything, store and send nothing.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    pub validate: bool,
}

impl Request {
    /// What the caller asks for.
    ///
    /// # Errors
    /// When the whole call is refused.
    pub(super) fn order(
        &self,
        idempotency: Option<Idempotency>,
        trace: Trace,
    ) -> Result<Order, Problem> {
        if self.scheduling_metrics.is_some() {
            return Err(Problem::new(
                Kind::NotSupported,
                "In-App has no scheduling: leave it out, sending starts at once",
            )
            .at("/schedulingMetrics"));
        }
        if self.outbound_number.is_some() {
            return Err(
                Problem::new(Kind::NotSupported, "In-App has no number: leave it out")
                    .at("/outboundNumber"),
            );
        }
        if !self.consent {
            return Err(Problem::new(
                Kind::ConsentRequired,
                "`consent` must be true: post only to consumers who agreed to be messaged",
            )
            .at("/consent"));
        }
        for (index, consumer) in self.consumers.iter().enumerate() {
            consumer.check(index)?;
        }
        Ok(Order {
            name: CampaignName::parse(&self.campaign_name).at("/campaignName")?,
            skill: self.skill.clone(),
            handoff: self.template_id.clone(),
            lookback: lookback::parse(
                self.lookback_period_day,
                self.lookback_period_hour,
                self.lookback_period_minute,
            )?,
            open_conversation: self.open_conversation,
            test: self.test,
            deflection: None,
            recipients: self.consumers.iter().map(Consumer::draft).collect(),
            idempotency,
            trace,
        })
    }
}

impl Consumer {
    /// Refuses what In-App does not have: the caller means another channel.
    fn check(&self, index: usize) -> Result<(), Problem> {
        let place = format!("/consumers/{index}");
        for (field, given, what) in [
            (
                "headerVariables",
                &self.header_variables,
                "rich content: text and emoji only",
            ),
            (
                "buttonVariables",
                &self.button_variables,
                "rich content: text and emoji only",
            ),
            ("customerInfo", &self.customer_info, "consumer SDEs"),
            ("personalInfo", &self.personal_info, "consumer SDEs"),
            (
                "consumerCountryCode",
                &self.consumer_country_code,
                "phone numbers",
            ),
            (
                "consumerPhoneNumber",
                &self.consumer_phone_number,
                "phone numbers",
            ),
        ] {
            if given.is_some() {
                let detail = format!("In-App has no {what}: leave `{field}` out");
                let pointer = format!("{place}/{field}");
                return Err(Problem::new(Kind::NotSupported, detail).at(pointer));
            }
        }
        if let Some(channel) = self.consumer_content.keys().find(|key| *key != "inapp") {
            let channel: String = channel.chars().take(32).collect();
            let pointer = format!("{place}/consumerContent/{}", channel.replace('/', "~1"));
            let detail = "the handoff's channel is `inapp`: In-App does not mix with others";
            return Err(Problem::new(Kind::NotSupported, detail).at(pointer));
        }
        Ok(())
    }

    fn draft(&self) -> Draft {
        Draft {
            consumer: self
                .consumer_content
                .get("inapp")
                .map(|v| v.as_str().unwrap_or_default().to_owned()),
            variables: self
                .variables
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().map(ToOwned::to_owned)))
                .collect(),
        }
    }
}

/// What became of a call for a campaign.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignAnswer)]
pub(super) struct Answer {
    /// The campaign's id; not there when all was only checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "a9cRASfbQ0")]
    proactive_campaign_id: Option<String>,
    /// The campaign object for routing; it travels in the push.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1239032370")]
    le_campaign_id: Option<String>,
    /// The engagement object for routing; it travels in the push.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1244018070")]
    le_engagement_id: Option<String>,
    /// Names the call, for support.
    #[schema(format = "uuid")]
    request_trace_id: String,
    /// The recipients that were refused, as they came, with why.
    failed_consumers: Vec<FailedConsumer>,
    /// The recipients that were accepted.
    accepted_consumers: Vec<AcceptedConsumer>,
}

/// A recipient that was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcceptedConsumer {
    /// The message's id: the push's `transactionId`. Not there when all was only checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    id: Option<String>,
    /// Their address.
    consumer_content: Address,
}

/// A consumer's address.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Address {
    /// The brand's own id of the consumer.
    #[schema(example = "user-0001")]
    inapp: String,
}

/// A recipient that was refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailedConsumer {
    /// Their address, as it came.
    #[schema(value_type = Object)]
    consumer_content: BTreeMap<String, Value>,
    /// The variables, as they came.
    #[schema(value_type = Object)]
    variables: BTreeMap<String, Value>,
    /// Why, in LivePerson's words.
    #[schema(example = "MISSING_VARIABLE=1")]
    error_message: String,
}

impl Answer {
    /// The answer to `request`.
    #[must_use]
    pub(super) fn new(accepted: Accepted, request: &Request, dry_run: bool) -> Self {
        let campaign = accepted.campaign;
        let made = |id: String| (!dry_run).then_some(id);
        let failed = |(index, refusal): (usize, Refusal)| {
            let consumer = request.consumers.get(index)?;
            Some(FailedConsumer {
                consumer_content: consumer.consumer_content.clone(),
                variables: consumer.variables.clone(),
                error_message: refusal.to_string(),
            })
        };
        Self {
            proactive_campaign_id: made(campaign.id.to_string()),
            le_campaign_id: made(campaign.le_campaign),
            le_engagement_id: made(campaign.le_engagement),
            request_trace_id: campaign.trace,
            failed_consumers: accepted.refused.into_iter().filter_map(failed).collect(),
            accepted_consumers: accepted
                .recipients
                .into_iter()
                .map(|recipient| AcceptedConsumer {
                    id: made(recipient.transaction.to_string()),
                    consumer_content: Address {
                        inapp: recipient.consumer.to_string(),
                    },
                })
                .collect(),
        }
    }
}
