//! What all reports have: a window of time, and what was asked; in LivePerson's field names.

use domain::{clock, handoff::Source, id::AccountId};
use jiff::{SignedDuration, Timestamp, civil::Date};
use lambda::{Kind, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Which time is wanted: when messages were accepted, in milliseconds since 1970.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct Window {
    /// From this instant.
    #[param(example = 1_800_000_000_000_i64)]
    attempted_start_time: i64,
    /// To before this instant.
    #[param(example = 1_800_086_400_000_i64)]
    attempted_end_time: i64,
    /// LivePerson's version parameter, which changes nothing.
    #[serde(rename = "v")]
    #[param(rename = "v")]
    _version: Option<String>,
}

impl Window {
    fn checked(&self, longest: SignedDuration) -> Result<(Timestamp, Timestamp), Problem> {
        let invalid = |detail: String| Problem::new(Kind::InvalidQuery, detail);
        let instant = |name, millis| {
            Timestamp::from_millisecond(millis)
                .map_err(|_| invalid(format!("`{name}` must be milliseconds since 1970")))
        };
        let from = instant("attemptedStartTime", self.attempted_start_time)?;
        let to = instant("attemptedEndTime", self.attempted_end_time)?;
        let length = to.duration_since(from);
        if length <= SignedDuration::ZERO {
            return Err(invalid(
                "`attemptedEndTime` must be after `attemptedStartTime`".to_owned(),
            ));
        }
        if length > longest {
            let hours = longest.as_hours();
            return Err(invalid(format!("a window is at most {hours} hours long")));
        }
        Ok((from, to))
    }

    /// The days (UTC) that it touches.
    ///
    /// # Errors
    /// When it is none, or longer than 60 days.
    pub(super) fn days(&self) -> Result<(Date, Date), Problem> {
        let (from, to) = self.checked(SignedDuration::from_hours(60 * 24))?;
        let last = to - SignedDuration::from_millis(1);
        Ok((clock::day(from), clock::day(last)))
    }

    /// The window itself.
    ///
    /// # Errors
    /// When it is none, or longer than 24 hours.
    pub(super) fn of_a_day(&self) -> Result<(Timestamp, Timestamp), Problem> {
        self.checked(SignedDuration::from_hours(24))
    }
}

/// What was asked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    account_id: String,
    app: String,
    attempted_start_time: i64,
    attempted_end_time: i64,
    #[schema(value_type = Object)]
    filters: Value,
}

impl Metadata {
    /// What was asked.
    ///
    /// # Errors
    /// Never, but by a fault of ours.
    pub(super) fn new(
        account: &AccountId,
        source: Source,
        window: &Window,
        filters: &impl Serialize,
    ) -> Result<Self, Problem> {
        Ok(Self {
            account_id: account.to_string(),
            app: source.app().to_owned(),
            attempted_start_time: window.attempted_start_time,
            attempted_end_time: window.attempted_end_time,
            filters: serde_json::to_value(filters).map_err(|e| Problem::internal(&e))?,
        })
    }
}

/// The channel of all our messages.
pub(super) const CHANNEL: &str = "inapp";

/// LivePerson's source of all our errors.
pub(super) const ERROR_SOURCE: &str = "proactive";

/// Whether a filter wants a value, whatever its case: an empty one wants all.
pub(super) fn wants(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|v| v.eq_ignore_ascii_case(value))
}
