//! What may be asked for a handoff, in LivePerson's field names.

use crate::lookback;
use domain::{
    handoff::{Apps, Content, Design, HandoffName, Source},
    id::AppName,
    text::{Placeholder, Template},
};
use lambda::{At as _, Kind, Problem};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

/// A handoff to make, or what to change one into.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = HandoffRequest)]
pub(super) struct Request {
    /// The title: 1 to 255 characters, unique in the account, without `<` and `>`.
    #[schema(example = "Renewal")]
    name: String,
    /// Days of the lookback, 0 to 30. With hours and minutes 60 minutes to 30 days; 30 days
    /// when none of the three is given.
    lookback_period_day: Option<u32>,
    /// Hours of the lookback, 0 to 23.
    lookback_period_hour: Option<u32>,
    /// Minutes of the lookback, 0 to 59 (not in LivePerson's API).
    lookback_period_minute: Option<u32>,
    /// Whether conversations started anew within the lookback go to the campaign's skill.
    #[serde(default)]
    route_all_within_lookback: bool,
    /// What starts its messages.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "PROACTIVE")]
    source: Source,
    /// The one channel, `inapp`.
    channels: Vec<ChannelRequest>,
}

impl Request {
    /// What the caller decided of the handoff.
    ///
    /// # Errors
    /// When something of it is refused.
    pub(super) fn parse(self) -> Result<Design, Problem> {
        let name = HandoffName::parse(&self.name).at("/name")?;
        let lookback = lookback::parse(
            self.lookback_period_day,
            self.lookback_period_hour,
            self.lookback_period_minute,
        )?
        .unwrap_or_default();
        if let Some(at) = self.channels.iter().position(|c| c.kind != "inapp") {
            return Err(not_supported(
                format!("/channels/{at}/type"),
                "the channel is `inapp`, alone: In-App does not mix with other channels",
            ));
        }
        let [channel]: [ChannelRequest; 1] = self.channels.try_into().map_err(|_| {
            Problem::invalid("/channels", "a handoff has one channel, of type `inapp`")
        })?;
        let (apps, language, content) = channel.parse()?;
        Ok(Design {
            name,
            lookback,
            route_all: self.route_all_within_lookback,
            source: self.source,
            apps,
            language,
            content,
        })
    }
}

/// A channel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChannelRequest {
    /// `inapp`.
    #[serde(rename = "type")]
    #[schema(example = "inapp")]
    kind: String,
    /// 1 to 4 apps of the account.
    #[serde(default)]
    app_names: Vec<String>,
    /// The texts' language, as BCP 47; `en` by default.
    language: Option<String>,
    /// The one component, `text`.
    #[serde(default)]
    message_components: Vec<ComponentRequest>,
    #[schema(ignore)]
    outboundnumber: Option<Value>,
    #[schema(ignore)]
    namespace: Option<Value>,
    #[schema(ignore)]
    templatename: Option<Value>,
}

impl ChannelRequest {
    fn parse(self) -> Result<(Apps, String, Content), Problem> {
        for (field, given) in [
            ("outboundnumber", &self.outboundnumber),
            ("namespace", &self.namespace),
            ("templatename", &self.templatename),
        ] {
            if given.is_some() {
                let pointer = format!("/channels/0/{field}");
                return Err(not_supported(pointer, "In-App has none: leave it out"));
            }
        }
        let apps = (0..)
            .zip(&self.app_names)
            .map(|(i, app): (usize, _)| {
                app.parse::<AppName>()
                    .at(&format!("/channels/0/appNames/{i}"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let apps = Apps::try_from(apps).at("/channels/0/appNames")?;
        let language = self.language.unwrap_or_else(|| "en".to_owned());
        let is_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !(2..=35).contains(&language.len()) || !language.chars().all(is_tag) {
            let pointer = "/channels/0/language";
            return Err(Problem::invalid(pointer, "must be a language tag, as `en`"));
        }
        let components = "/channels/0/messageComponents";
        if let Some(at) = self
            .message_components
            .iter()
            .position(|c| c.kind != "text")
        {
            return Err(not_supported(
                format!("{components}/{at}/type"),
                "In-App carries text and emoji only: the component is `text`",
            ));
        }
        let [component]: [ComponentRequest; 1] =
            self.message_components.try_into().map_err(|_| {
                Problem::invalid(components, "a handoff has one component, of type `text`")
            })?;
        Ok((apps, language, component.parse()?))
    }
}

/// A part of the message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ComponentRequest {
    /// `text`.
    #[serde(rename = "type")]
    #[schema(example = "text")]
    kind: String,
    /// What stands in the chat, with placeholders `${{1}}` to `${{20}}`.
    #[schema(example = "Hi ${{1}}, your card is on its way. 🎉")]
    message_text: Option<String>,
    /// The line above the notification.
    #[schema(example = "Hello ${{1}}")]
    notification_title: Option<String>,
    /// What the notification says, unless it says the same as the chat.
    notification_message: Option<String>,
    /// Whether the notification says the same as the chat; by default it does when
    /// `notificationMessage` is not given.
    is_same_message_for_notification: Option<bool>,
    /// The placeholders' numbers; checked against the texts when given.
    #[serde(alias = "Variables")]
    variables: Option<Vec<String>>,
    #[schema(ignore)]
    url: Option<Value>,
    #[schema(ignore)]
    is_clickable: Option<Value>,
    #[schema(ignore)]
    destination_url: Option<Value>,
}

impl ComponentRequest {
    fn parse(self) -> Result<Content, Problem> {
        let place = "/channels/0/messageComponents/0";
        for (field, given) in [
            ("url", &self.url),
            ("isClickable", &self.is_clickable),
            ("destinationUrl", &self.destination_url),
        ] {
            if given.is_some() {
                return Err(not_supported(
                    format!("{place}/{field}"),
                    "In-App carries text and emoji only",
                ));
            }
        }
        let template = |field: &'static str, text: Option<String>| {
            text.map(|text| Template::parse(&text).at(&format!("{place}/{field}")))
                .transpose()
        };
        let message = template("messageText", self.message_text)?.ok_or_else(|| {
            Problem::invalid(
                format!("{place}/messageText"),
                "Fields missing in request: messageText",
            )
        })?;
        // LivePerson's own form sends what was left blank as blank.
        let given = |text: Option<String>| text.filter(|t| !t.trim().is_empty());
        let title = template("notificationTitle", given(self.notification_title))?;
        let notification = template("notificationMessage", given(self.notification_message))?;
        if self.is_same_message_for_notification == Some(false) && notification.is_none() {
            return Err(Problem::invalid(
                format!("{place}/notificationMessage"),
                "must be given when `isSameMessageForNotification` is false",
            ));
        }
        let content = Content {
            message,
            title,
            notification,
            // LivePerson's handoffs have both the mark and a text, whose placeholders count.
            same: self.is_same_message_for_notification == Some(true),
        };
        if let Some(variables) = self.variables {
            let used = content.placeholders();
            let listed: Option<BTreeSet<Placeholder>> =
                variables.iter().map(|v| v.parse().ok()).collect();
            if listed.as_ref() != Some(&used) {
                let used: Vec<_> = used.iter().map(ToString::to_string).collect();
                return Err(Problem::invalid(
                    format!("{place}/variables"),
                    format_args!("must list the texts' placeholders: {used:?}"),
                ));
            }
        }
        Ok(content)
    }
}

fn not_supported(pointer: impl Into<String>, detail: &str) -> Problem {
    Problem::new(Kind::NotSupported, detail).at(pointer)
}

/// Whether a handoff's campaigns are stopped.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Stop {
    /// Cancel the handoff's campaigns and delete it, though messages of it live.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    pub stop: bool,
}
