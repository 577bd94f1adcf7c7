//! What a handoff would say to one consumer, on each gateway.

use domain::{
    campaign::{Draft, Refusal},
    device::{InvalidPushToken, PushToken},
    handoff::{Handoff, Rendered},
    push::Notification,
};
use jiff::Timestamp;
use lambda::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Who the handoff would speak to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PreviewRequest {
    /// What fills the texts' placeholders: exactly those, each a string of at most 1,550
    /// characters.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"1": "Ana"}))]
    variables: BTreeMap<String, Value>,
    /// The brand's own id of the consumer, which travels in the notification; `consumer` by
    /// default.
    #[schema(example = "user-0001")]
    consumer_id: Option<String>,
}

/// What the consumer would be shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HandoffPreview)]
pub(super) struct PreviewAnswer {
    /// The one component.
    components: Vec<ComponentPreview>,
}

/// What a component would show.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComponentPreview {
    /// `text`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What stands in the chat and in the inbox, never shortened.
    #[schema(example = "Hi Ana, your card is on its way. 🎉")]
    message_text: String,
    /// Its bytes (UTF-8).
    #[schema(example = 37)]
    message_bytes: usize,
    /// The notification on each gateway.
    gateways: Vec<GatewayPreview>,
}

/// A notification on one gateway.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GatewayPreview {
    /// The route: `apns`, `fcm`, `sns` or `proxy`.
    #[schema(example = "apns")]
    gateway: &'static str,
    /// The platform of the devices behind it: `ios` or `android`.
    #[schema(example = "ios")]
    platform: &'static str,
    /// The line above the notification, as the device gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Hello Ana")]
    title: Option<String>,
    /// What the notification says, as the device gets it.
    #[schema(example = "Hi Ana, your card is on its way. 🎉")]
    text: String,
    /// How many bytes of the payload count towards the gateway's limit. A device's token does
    /// not.
    #[schema(example = 389)]
    bytes: usize,
    /// The gateway's limit.
    #[schema(example = 4096)]
    max_bytes: usize,
    /// Whether a text had to be shortened, on a grapheme boundary and ended with `…`.
    shortened: bool,
}

impl PreviewRequest {
    /// What `handoff` would say in a campaign that is accepted `now`.
    ///
    /// # Errors
    /// When a campaign would not accept this recipient.
    pub(super) fn answer(
        self,
        handoff: &Handoff,
        now: Timestamp,
    ) -> Result<PreviewAnswer, Problem> {
        let draft = Draft {
            consumer: Some(self.consumer_id.unwrap_or_else(|| "consumer".to_owned())),
            variables: self
                .variables
                .into_iter()
                .map(|(name, value)| (name, value.as_str().map(ToOwned::to_owned)))
                .collect(),
        };
        let (rendered, notification) =
            domain::preview::preview(handoff, &draft, now).map_err(|e| refused(&e))?;
        PreviewAnswer::new(rendered, &notification, now)
    }
}

/// A refusal of a recipient, in LivePerson's words, where its reason stands.
fn refused(refusal: &Refusal) -> Problem {
    let place = match refusal {
        Refusal::NoConsumer | Refusal::InvalidConsumer | Refusal::Duplicate => {
            "/consumerId".to_owned()
        }
        Refusal::NotString(name) => {
            format!("/variables/{}", name.replace('~', "~0").replace('/', "~1"))
        }
        Refusal::Missing(n) | Refusal::TooLong(n) | Refusal::Unprintable(n) => {
            format!("/variables/{n}")
        }
        Refusal::TooMany | Refusal::TooLarge | Refusal::Empty => "/variables".to_owned(),
    };
    Problem::invalid(place, refusal)
}

impl PreviewAnswer {
    fn new(
        rendered: Rendered,
        notification: &Notification,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let ttl = notification.expires_at.duration_since(now);
        let ttl = ttl.try_into().unwrap_or_default();
        // Any will do: its bytes do not count.
        let token: PushToken = "token"
            .parse()
            .map_err(|e: InvalidPushToken| Problem::internal(&e))?;
        let gateways =
            push::preview(notification, &token, ttl).map_err(|_| refused(&Refusal::TooLarge))?;
        Ok(Self {
            components: vec![ComponentPreview {
                kind: "text",
                message_bytes: rendered.text.len(),
                message_text: rendered.text,
                gateways: gateways.into_iter().map(GatewayPreview::from).collect(),
            }],
        })
    }
}

impl From<push::Preview> for GatewayPreview {
    fn from(preview: push::Preview) -> Self {
        Self {
            gateway: preview.gateway,
            platform: preview.platform.as_str(),
            title: preview.title,
            text: preview.body,
            bytes: preview.bytes,
            max_bytes: preview.most,
            shortened: preview.shortened,
        }
    }
}
