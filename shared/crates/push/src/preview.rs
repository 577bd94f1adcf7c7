//! What each gateway would be given, by the code that gives it.

use crate::payload::{self, MOST, Payload};
use domain::{
    device::{Platform, PushToken},
    push::{Notification, Undelivered},
};
use std::time::Duration;

/// A notification as one gateway would be given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The route: `apns`, `fcm`, `sns` or `proxy`.
    pub gateway: &'static str,
    /// The platform of the devices behind it.
    pub platform: Platform,
    /// The line above the body, as the device shows it.
    pub title: Option<String>,
    /// The body, as the device shows it.
    pub body: String,
    /// How many bytes count towards the gateway's limit.
    pub bytes: usize,
    /// The gateway's limit.
    pub most: usize,
    /// Whether the title or the body had to be shortened.
    pub shortened: bool,
}

/// The notification on every gateway, for a device of that `token`, which does not count; its
/// time to live ends `ttl` from now.
///
/// # Errors
/// When a gateway could not be given it at all.
pub fn preview(
    notification: &Notification,
    token: &PushToken,
    ttl: Duration,
) -> Result<Vec<Preview>, Undelivered> {
    let proxy = |platform| payload::proxy(notification, platform, token);
    Ok(vec![
        of("apns", Platform::Ios, payload::apns(notification)?),
        of(
            "fcm",
            Platform::Android,
            payload::fcm(notification, token, ttl)?,
        ),
        of("sns", Platform::Ios, payload::apns(notification)?),
        of(
            "sns",
            Platform::Android,
            payload::fcm_by_sns(notification, ttl)?,
        ),
        of("proxy", Platform::Ios, proxy(Platform::Ios)?),
        of("proxy", Platform::Android, proxy(Platform::Android)?),
    ])
}

fn of(gateway: &'static str, platform: Platform, payload: Payload) -> Preview {
    Preview {
        gateway,
        platform,
        title: payload.texts.title,
        body: payload.texts.body,
        bytes: payload.bytes,
        most: MOST,
        shortened: payload.shortened,
    }
}
