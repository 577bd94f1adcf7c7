//! What IVRs ask and are answered, in LivePerson's field names.

use super::refusal::{Refusal, number};
use domain::{
    id::{CallId, ConsumerId},
    ivr::{Call, Caller},
};
use lambda::{At as _, Kind, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// The only channel there is.
const CHANNEL: &str = "inapp";
/// The most characters of an IVR's number.
const MAX_IVR_NUMBER: usize = 32;

/// The version of the calls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Version {
    /// The call's version: `2.0`.
    #[param(required = true, example = "2.0")]
    v: Option<String>,
}

impl Version {
    /// Refuses all but the one.
    ///
    /// # Errors
    /// When it is another, or none.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.v.as_deref() == Some("2.0") {
            return Ok(());
        }
        let problem = Problem::new(Kind::InvalidQuery, "`v` must be 2.0");
        Err(Refusal::new(number::VERSION, problem))
    }
}

/// A caller, and what they would be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EligibilityRequest {
    /// The skill that replies go to.
    #[schema(example = "support")]
    skill: String,
    /// The number that the caller calls from (E.164). It is checked, and not kept.
    #[schema(example = "+12061234567", pattern = r"^\+[1-9][0-9]{1,14}$")]
    consumer_phone_number: String,
    /// A handoff whose source is `IVR`.
    #[schema(example = "H123456789")]
    handoff_id: String,
    /// The consumer, by the brand's own id.
    #[schema(example = "james")]
    consumer_id: String,
    /// The number that was called, for reports: at most 32 characters.
    #[schema(example = "180000")]
    ivr_number: Option<String>,
    /// What fills the texts' placeholders, as a campaign's `variables` (not in LivePerson's API
    /// for In-App).
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({}))]
    template_variables: Option<BTreeMap<String, Value>>,
    /// Refused unless empty: In-App has no consumer SDEs.
    #[serde(default)]
    #[schema(ignore)]
    sdes: Option<Vec<Value>>,
}

/// Whether a number is one as E.164 has them.
fn is_phone_number(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (2..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

impl EligibilityRequest {
    /// What the IVR tells of the caller.
    ///
    /// # Errors
    /// When a value is not of its form.
    pub(super) fn parse(self) -> Result<Caller, Refusal> {
        if !is_phone_number(&self.consumer_phone_number) {
            let detail = "must be a number of E.164: `+` and at most 15 digits";
            let problem = Problem::invalid("/consumerPhoneNumber", detail);
            return Err(Refusal::new(number::PHONE, problem));
        }
        if self.sdes.is_some_and(|sdes| !sdes.is_empty()) {
            let detail = "In-App has no consumer SDEs: leave `sdes` out";
            return Err(Problem::new(Kind::NotSupported, detail).at("/sdes").into());
        }
        let ivr_number = self.ivr_number.unwrap_or_default();
        if ivr_number.chars().count() > MAX_IVR_NUMBER || ivr_number.chars().any(char::is_control) {
            let detail = "must be at most 32 characters";
            return Err(Problem::invalid("/ivrNumber", detail).into());
        }
        let consumer: ConsumerId = self.consumer_id.parse().at("/consumerId")?;
        Ok(Caller {
            consumer,
            skill: self.skill,
            handoff: self.handoff_id,
            variables: self
                .template_variables
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| (name, value.as_str().map(ToOwned::to_owned)))
                .collect(),
            ivr_number,
        })
    }
}

/// Whether a caller can go on in the app.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EligibilityAnswer {
    /// `inapp`, or nothing.
    #[schema(example = json!(["inapp"]))]
    available_channels: Vec<&'static str>,
    /// `inapp`, or empty.
    #[schema(example = "inapp")]
    recommended_channel_name: &'static str,
    /// Whether they can.
    eligible: bool,
    /// Names the call, for `inviteCaller`.
    #[schema(format = "uuid")]
    call_id: String,
    /// Why they cannot: `CONSUMER_NOT_REGISTERED`, `NO_DEVICE` or `OPEN_CONVERSATION` (not in
    /// LivePerson's API).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "NO_DEVICE")]
    reason: Option<&'static str>,
}

impl From<Call> for EligibilityAnswer {
    fn from(call: Call) -> Self {
        let eligible = call.obstacle.is_none();
        Self {
            available_channels: eligible.then_some(CHANNEL).into_iter().collect(),
            recommended_channel_name: if eligible { CHANNEL } else { "" },
            eligible,
            call_id: call.id.to_string(),
            reason: call.obstacle.map(domain::failure::Failure::as_str),
        }
    }
}

/// A caller to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InviteRequest {
    /// The call, as `checkEligibility` named it.
    #[schema(format = "uuid")]
    call_id: String,
    /// The channel: `inapp`.
    #[schema(example = "inapp")]
    override_channel: Option<String>,
    /// A skill that replies go to in the place of the call's.
    #[schema(example = "sales")]
    override_skill: Option<String>,
    /// Refused: it is for SMS alone.
    #[schema(ignore)]
    override_message: Option<Value>,
}

impl InviteRequest {
    /// The call, and another skill for it.
    ///
    /// # Errors
    /// When a value is not of its form, or for another channel.
    pub(super) fn parse(self) -> Result<(CallId, Option<String>), Refusal> {
        if let Some(channel) = self.override_channel
            && !channel.eq_ignore_ascii_case(CHANNEL)
        {
            let problem = Problem::new(Kind::NotSupported, "the only channel is `inapp`");
            return Err(Refusal::new(
                number::OTHER_CHANNEL,
                problem.at("/overrideChannel"),
            ));
        }
        if self.override_message.is_some() {
            let detail = "In-App says what the handoff says: leave it out";
            let problem = Problem::new(Kind::NotSupported, detail);
            return Err(problem.at("/overrideMessage").into());
        }
        let id: CallId = self.call_id.parse().at("/callId")?;
        Ok((id, self.override_skill))
    }
}

/// A call whose caller was invited.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InviteAnswer {
    /// The call.
    #[schema(format = "uuid")]
    call_id: String,
}

impl From<CallId> for InviteAnswer {
    fn from(id: CallId) -> Self {
        Self {
            call_id: id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_phone_number;

    #[test]
    fn phone_numbers_are_those_of_e_164() {
        for good in ["+12061234567", "+351211234567", "+123456789012345"] {
            assert!(is_phone_number(good), "{good}");
        }
        for bad in [
            "12061234567",
            "+1",
            "+0123456",
            "+1234567890123456",
            "+1 206 1",
            "",
        ] {
            assert!(!is_phone_number(bad), "{bad}");
        }
    }
}
