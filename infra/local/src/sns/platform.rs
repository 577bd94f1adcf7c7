//! Platform applications and their endpoints.
//!
//! An application needs credentials of Apple or Google, which nobody has here: each is there as
//! soon as it is named, until it is deleted.

use super::{Form, escape, invalid, not_found, of};
use crate::{
    services::ServiceError,
    template::{ACCOUNT, REGION},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An endpoint of a platform application: a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The application's ARN.
    pub application: String,
    /// Its push token.
    pub token: String,
    /// Whether it takes messages.
    pub enabled: bool,
    /// What its owner keeps with it.
    pub user_data: String,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Platforms {
    endpoints: BTreeMap<String, Endpoint>,
    deleted: BTreeSet<String>,
    disabled: BTreeSet<String>,
}

/// Whether the operation is one of platform applications.
pub(super) fn knows(operation: &str) -> bool {
    [
        "CreatePlatformApplication",
        "CreatePlatformEndpoint",
        "DeleteEndpoint",
        "DeletePlatformApplication",
        "GetEndpointAttributes",
        "SetEndpointAttributes",
        "SetPlatformApplicationAttributes",
    ]
    .contains(&operation)
}

/// The platform in the ARN of an application or endpoint.
fn platform(arn: &str) -> Option<&str> {
    let resource = arn.split(':').nth(5)?;
    let mut parts = resource.split('/');
    let kind = parts.next()?;
    parts.next().filter(|_| matches!(kind, "app" | "endpoint"))
}

/// The attributes in a request.
fn attributes(form: &Form) -> impl Iterator<Item = (&str, String)> {
    (1..).map_while(|n| {
        let name = form.get(&format!("Attributes.entry.{n}.key"))?;
        let value = of(form, &format!("Attributes.entry.{n}.value"));
        Some((name.as_str(), value))
    })
}

impl Platforms {
    pub(super) fn call(&mut self, operation: &str, form: &Form) -> Result<String, ServiceError> {
        match operation {
            "CreatePlatformApplication" => {
                let (platform, name) = (of(form, "Platform"), of(form, "Name"));
                if platform.is_empty() || name.is_empty() {
                    return Err(invalid("Platform and Name"));
                }
                let arn = format!("arn:aws:sns:{REGION}:{ACCOUNT}:app/{platform}/{name}");
                self.deleted.remove(&arn);
                self.disabled.remove(&arn);
                Ok(format!(
                    "<PlatformApplicationArn>{}</PlatformApplicationArn>",
                    escape(&arn)
                ))
            }
            "DeletePlatformApplication" => {
                let arn = of(form, "PlatformApplicationArn");
                self.endpoints.retain(|_, e| e.application != arn);
                self.deleted.insert(arn);
                Ok(String::new())
            }
            "SetPlatformApplicationAttributes" => {
                let arn = of(form, "PlatformApplicationArn");
                for (name, value) in attributes(form) {
                    if name == "Enabled" && value == "false" {
                        self.disabled.insert(arn.clone());
                    } else if name == "Enabled" {
                        self.disabled.remove(&arn);
                    }
                }
                Ok(String::new())
            }
            "CreatePlatformEndpoint" => self.create(form),
            "DeleteEndpoint" => {
                self.endpoints.remove(&of(form, "EndpointArn"));
                Ok(String::new())
            }
            "GetEndpointAttributes" => self.read(form),
            _ => self.change(form),
        }
    }

    /// The push token of the endpoint that a message is for, when it takes messages.
    pub(super) fn addressee(&self, target: &str, form: &Form) -> Result<String, ServiceError> {
        let endpoint = self.endpoints.get(target).ok_or_else(|| {
            invalid("TargetArn Reason: No endpoint found for the target arn specified")
        })?;
        if self.disabled.contains(&endpoint.application) {
            return Err(ServiceError::new(
                "PlatformApplicationDisabled",
                "Platform application is disabled",
            ));
        }
        if !endpoint.enabled {
            return Err(ServiceError::new(
                "EndpointDisabled",
                "Endpoint is disabled",
            ));
        }
        if form.get("MessageStructure").is_some_and(|s| s == "json") {
            let message: Option<Value> = serde_json::from_str(&of(form, "Message")).ok();
            let message = message.unwrap_or_default();
            let has = |name: &str| message[name].is_string();
            if !has("default") && !platform(target).is_some_and(has) {
                return Err(invalid(
                    "Message Structure - No default entry in JSON message body",
                ));
            }
        }
        Ok(endpoint.token.clone())
    }

    pub(super) fn set_enabled(&mut self, token: &str, enabled: bool) {
        for endpoint in self.endpoints.values_mut().filter(|e| e.token == token) {
            endpoint.enabled = enabled;
        }
    }

    fn create(&mut self, form: &Form) -> Result<String, ServiceError> {
        let (application, token) = (of(form, "PlatformApplicationArn"), of(form, "Token"));
        if token.is_empty() {
            return Err(invalid("Token Reason: cannot be empty"));
        }
        let platform = platform(&application)
            .ok_or_else(|| invalid("PlatformApplicationArn Reason: An ARN is expected"))?;
        if self.deleted.contains(&application) {
            return Err(ServiceError {
                message: "PlatformApplication does not exist".to_owned(),
                ..not_found()
            });
        }
        let hexadecimal = token.bytes().all(|b| b.is_ascii_hexdigit()) && token.len() <= 400;
        if platform.starts_with("APNS") && !hexadecimal {
            return Err(invalid(
                "Token Reason: iOS device tokens must be no more than 400 hexadecimal characters",
            ));
        }
        let user_data = of(form, "CustomUserData");
        let mut there = self.endpoints.iter();
        let there = there.find(|(_, e)| e.application == application && e.token == token);
        let arn = match there {
            Some((arn, endpoint)) if endpoint.user_data == user_data => arn.clone(),
            Some((arn, _)) => {
                return Err(invalid(&format!(
                    "Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
                )));
            }
            None => {
                let id = uuid::Uuid::new_v4();
                let arn = format!("{}/{id}", application.replacen(":app/", ":endpoint/", 1));
                let endpoint = Endpoint {
                    application,
                    token,
                    enabled: true,
                    user_data,
                };
                self.endpoints.insert(arn.clone(), endpoint);
                arn
            }
        };
        Ok(format!("<EndpointArn>{}</EndpointArn>", escape(&arn)))
    }

    fn read(&self, form: &Form) -> Result<String, ServiceError> {
        let endpoint = self.endpoints.get(&of(form, "EndpointArn"));
        let endpoint = endpoint.ok_or_else(no_endpoint)?;
        let enabled = endpoint.enabled.to_string();
        let all = [
            ("Enabled", &enabled),
            ("Token", &endpoint.token),
            ("CustomUserData", &endpoint.user_data),
        ];
        let entry = |(key, value): (&str, &String)| {
            format!(
                "<entry><key>{key}</key><value>{}</value></entry>",
                escape(value)
            )
        };
        Ok(format!(
            "<Attributes>{}</Attributes>",
            all.map(entry).concat()
        ))
    }

    fn change(&mut self, form: &Form) -> Result<String, ServiceError> {
        let endpoint = self.endpoints.get_mut(&of(form, "EndpointArn"));
        let endpoint = endpoint.ok_or_else(no_endpoint)?;
        for (name, value) in attributes(form) {
            match name {
                "Token" => endpoint.token = value,
                "Enabled" => endpoint.enabled = value == "true",
                "CustomUserData" => endpoint.user_data = value,
                _ => return Err(invalid("Attributes")),
            }
        }
        Ok(String::new())
    }
}

fn no_endpoint() -> ServiceError {
    ServiceError {
        message: "Endpoint does not exist".to_owned(),
        ..not_found()
    }
}
