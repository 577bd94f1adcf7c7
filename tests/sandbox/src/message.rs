//! The shape of an FCM message, as the reference draws it.
//!
//! Source: <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages>.

use crate::google::Refusal;
use serde_json::{Map, Value};

/// The most bytes of payload.
const MOST: usize = 4096;
/// The longest time to live: four weeks.
const LONGEST: f64 = 2_419_200.0;

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bool,
    Number,
    Texts,
    /// String to string.
    Map,
    /// `"3.5s"`.
    Duration,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Any object: not looked into.
    Free,
    Object(&'static [(&'static str, Kind)]),
}

use Kind::{Bool, Duration, Free, Number, Object, OneOf, Text, Texts};

const REQUEST: Kind = Object(&[("validate_only", Bool), ("message", MESSAGE)]);

const MESSAGE: Kind = Object(&[
    ("name", Text),
    ("data", Kind::Map),
    (
        "notification",
        Object(&[("title", Text), ("body", Text), ("image", Text)]),
    ),
    ("android", ANDROID),
    ("webpush", Free),
    ("apns", Free),
    ("fcm_options", Object(&[("analytics_label", Text)])),
    ("token", Text),
    ("topic", Text),
    ("condition", Text),
]);

const ANDROID: Kind = Object(&[
    ("collapse_key", Text),
    ("priority", OneOf(&["NORMAL", "HIGH", "normal", "high"])),
    ("ttl", Duration),
    ("restricted_package_name", Text),
    ("data", Kind::Map),
    ("notification", ANDROID_NOTIFICATION),
    ("fcm_options", Object(&[("analytics_label", Text)])),
    ("direct_boot_ok", Bool),
    ("bandwidth_constrained_ok", Bool),
    ("restricted_satellite_ok", Bool),
]);

const ANDROID_NOTIFICATION: Kind = Object(&[
    ("title", Text),
    ("body", Text),
    ("icon", Text),
    ("color", Text),
    ("sound", Text),
    ("tag", Text),
    ("click_action", Text),
    ("body_loc_key", Text),
    ("body_loc_args", Texts),
    ("title_loc_key", Text),
    ("title_loc_args", Texts),
    ("channel_id", Text),
    ("ticker", Text),
    ("sticky", Bool),
    ("event_time", Text),
    ("local_only", Bool),
    (
        "notification_priority",
        OneOf(&[
            "PRIORITY_UNSPECIFIED",
            "PRIORITY_MIN",
            "PRIORITY_LOW",
            "PRIORITY_DEFAULT",
            "PRIORITY_HIGH",
            "PRIORITY_MAX",
        ]),
    ),
    ("default_sound", Bool),
    ("default_vibrate_timings", Bool),
    ("default_light_settings", Bool),
    ("vibrate_timings", Texts),
    (
        "visibility",
        OneOf(&["VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"]),
    ),
    ("notification_count", Number),
    ("light_settings", Free),
    ("image", Text),
    ("bypass_proxy_notification", Bool),
    (
        "proxy",
        OneOf(&["PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"]),
    ),
]);

/// Checks a request to send: the device token, or what Google finds wrong.
pub(crate) fn check(request: &Value) -> Result<&str, Refusal> {
    look(request, REQUEST, "")?;
    let Some(message) = request.get("message").and_then(Value::as_object) else {
        return Err(Refusal::field("message", "Message is required."));
    };
    let targets = ["token", "topic", "condition"];
    if targets
        .iter()
        .filter(|name| message.contains_key(**name))
        .count()
        > 1
    {
        return Err(Refusal::field(
            "message",
            "oneof field 'target' is already set.",
        ));
    }
    let Some(token) = message.get("token").and_then(Value::as_str) else {
        return Err(Refusal::field(
            "message",
            "Recipient of the message is not set.",
        ));
    };
    let well_formed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':' | b'.');
    if token.is_empty() || token.len() > 4096 || !token.bytes().all(well_formed) {
        return Err(Refusal::invalid(
            "The registration token is not a valid FCM registration token",
        ));
    }
    check_data(message)?;
    if size(message) > MOST {
        return Err(Refusal::invalid("Android message is too big"));
    }
    Ok(token)
}

fn check_data(message: &Map<String, Value>) -> Result<(), Refusal> {
    let data = [
        message.get("data"),
        message.get("android").and_then(|a| a.get("data")),
    ];
    let reserved = data
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
        .find(|key| {
            matches!(key.as_str(), "from" | "gcm" | "message_type")
                || key.starts_with("google")
                || key.starts_with("gcm.")
        });
    match reserved {
        Some(key) => Err(Refusal::invalid(format!("Invalid data payload key: {key}"))),
        None => Ok(()),
    }
}

/// How much of the 4,096 bytes a message takes: its JSON but for the token. Google does not say
/// how it counts beyond "keys and values"; this counts no less.
fn size(message: &Map<String, Value>) -> usize {
    let token = message.get("token").map_or(0, |t| t.to_string().len());
    serde_json::to_vec(message).map_or(usize::MAX, |json| json.len() - token)
}

fn look(value: &Value, kind: Kind, path: &str) -> Result<(), Refusal> {
    let wrong = |what: &str| {
        let message = format!("Invalid value at '{path}' ({what}), {value}");
        Err(Refusal::field(path, message))
    };
    match (kind, value) {
        (Object(fields), Value::Object(members)) => look_into(members, fields, path),
        (Object(_) | Free | Kind::Map, _) if !value.is_object() => wrong("TYPE_MESSAGE"),
        (Kind::Map, Value::Object(members)) => {
            for (n, member) in members.values().enumerate() {
                look(member, Text, &format!("{path}[{n}].value"))?;
            }
            Ok(())
        }
        (Text, _) if !value.is_string() => wrong("TYPE_STRING"),
        (Bool, _) if !value.is_boolean() => wrong("TYPE_BOOL"),
        (Number, _) if !value.is_i64() => wrong("TYPE_INT32"),
        (Texts, _)
            if !value
                .as_array()
                .is_some_and(|a| a.iter().all(Value::is_string)) =>
        {
            wrong("TYPE_STRING")
        }
        (OneOf(names), _) if !value.as_str().is_some_and(|v| names.contains(&v)) => {
            wrong("TYPE_ENUM")
        }
        (Duration, _) if !value.as_str().is_some_and(is_duration) => {
            let message =
                format!("Invalid value at '{path}' (type.googleapis.com/google.protobuf.Duration)");
            Err(Refusal::field(path, message))
        }
        _ => Ok(()),
    }
}

fn look_into(
    members: &Map<String, Value>,
    fields: &[(&str, Kind)],
    path: &str,
) -> Result<(), Refusal> {
    for (name, member) in members {
        let Some((_, kind)) = fields.iter().find(|(field, _)| snake(name) == *field) else {
            let at = if path.is_empty() {
                String::new()
            } else {
                format!(" at '{path}'")
            };
            let message = format!(
                "Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field."
            );
            return Err(Refusal::field(path, message));
        };
        let inner = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        look(member, *kind, &inner)?;
    }
    Ok(())
}

/// Google takes `collapseKey` for `collapse_key`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn is_duration(text: &str) -> bool {
    let number = text.strip_suffix('s').unwrap_or_default();
    number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && number
            .parse::<f64>()
            .is_ok_and(|seconds| (0.0..=LONGEST).contains(&seconds))
}
