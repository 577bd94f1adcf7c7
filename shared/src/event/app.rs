//! That an app's sends were paused, or go on.

use super::{Data, Event, Kind};
use crate::{
    breaker::{Cause, Pause},
    device::{Environment, Platform},
    id::{AccountId, AppName},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An app's sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfApp {
    /// The brand.
    pub account_id: AccountId,
    /// The app.
    pub app_name: AppName,
    /// The platform whose route it is about.
    pub platform: Platform,
    /// The world of the devices' tokens.
    pub environment: Environment,
    /// Why it was paused.
    pub cause: Cause,
    /// The gateway's word for it.
    pub reason: String,
    /// Since when it was paused.
    pub since: Timestamp,
}

/// That an app's sends were paused, or go on, and of which app. What prolongs a pause is no news.
pub(crate) fn news_of_pause(
    account: &AccountId,
    pause: &Pause,
    is_over: bool,
) -> Option<(Kind, OfApp)> {
    let kind = match (is_over, pause.turns) {
        (true, _) => Kind::AppResumed,
        (false, 0) => Kind::AppPaused,
        (false, _) => return None,
    };
    let circuit = &pause.circuit;
    let of = OfApp {
        account_id: account.clone(),
        app_name: circuit.app.clone(),
        platform: circuit.platform,
        environment: circuit.environment,
        cause: pause.cause,
        reason: pause.reason.clone(),
        since: pause.since,
    };
    Some((kind, of))
}

/// The event of that.
pub(crate) fn of_pause(
    account: &AccountId,
    pause: &Pause,
    is_over: bool,
    now: Timestamp,
) -> Option<Event> {
    let (kind, of) = news_of_pause(account, pause, is_over)?;
    let (word, at) = if is_over {
        ("resumed", now)
    } else {
        ("paused", pause.since)
    };
    let id = format!(
        "{}-{}-{}-{}-{word}",
        of.app_name.as_str().replace('.', "~"),
        of.platform.as_str(),
        of.environment.as_str(),
        of.since.as_millisecond(),
    );
    Some(Event {
        id,
        kind,
        timestamp: at,
        data: Data::App(of),
        origin: None,
    })
}
