//! Handoffs as the API shows them, in LivePerson's field names.

use domain::handoff;
use serde::Serialize;
use utoipa::ToSchema;

/// A handoff.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handoff {
    /// `H` and digits.
    #[schema(example = "H1234567890")]
    id: String,
    /// The title.
    name: String,
    /// Days of the lookback.
    lookback_period_day: u32,
    /// Hours of the lookback.
    lookback_period_hour: u32,
    /// Minutes of the lookback, when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookback_period_minute: Option<u32>,
    /// Whether conversations started anew within the lookback go to the campaign's skill.
    route_all_within_lookback: bool,
    /// `PROACTIVE` or `IVR`.
    source: &'static str,
    /// When it was made.
    #[schema(format = "date-time")]
    created_at: String,
    /// When it was last changed.
    #[schema(format = "date-time")]
    updated_at: String,
    /// The one channel.
    channels: Vec<Channel>,
}

/// A handoff's channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Channel {
    /// `inapp`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The apps, in order.
    app_names: Vec<String>,
    /// The texts' language.
    language: String,
    /// The one component.
    message_components: Vec<Component>,
}

/// A handoff's texts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    /// `text`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What stands in the chat.
    message_text: String,
    /// The line above the notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    notification_title: Option<String>,
    /// What the notification says.
    notification_message: String,
    /// Whether the notification says the same as the chat.
    is_same_message_for_notification: bool,
    /// The placeholders' numbers.
    variables: Vec<String>,
}

impl From<handoff::Handoff> for Handoff {
    fn from(handoff: handoff::Handoff) -> Self {
        let design = handoff.design;
        let content = design.content;
        let same = content.same || content.notification.is_none();
        let variables = content.placeholders();
        let notification = content.notification.as_ref().unwrap_or(&content.message);
        Self {
            id: handoff.id.to_string(),
            name: design.name.as_str().to_owned(),
            lookback_period_day: design.lookback.days(),
            lookback_period_hour: design.lookback.hours(),
            lookback_period_minute: Some(design.lookback.minutes()).filter(|m| *m > 0),
            route_all_within_lookback: design.route_all,
            source: design.source.as_str(),
            created_at: handoff.created_at.to_string(),
            updated_at: handoff.updated_at.to_string(),
            channels: vec![Channel {
                kind: "inapp",
                app_names: design
                    .apps
                    .as_slice()
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                language: design.language,
                message_components: vec![Component {
                    kind: "text",
                    message_text: content.message.as_str().to_owned(),
                    notification_title: content.title.map(|t| t.as_str().to_owned()),
                    notification_message: notification.as_str().to_owned(),
                    is_same_message_for_notification: same,
                    variables: variables.iter().map(ToString::to_string).collect(),
                }],
            }],
        }
    }
}
