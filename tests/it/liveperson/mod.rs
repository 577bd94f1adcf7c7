//! LivePerson's documented calls, as its documents print them, answered field by field as its
//! clients read them.
//!
//! Only values are put into what is printed: ids, and the times of a report.

mod campaigns;
mod handoffs;
mod reports;
mod tokens;

use crate::{
    parts::handoff,
    world::{Answer, Brand, SHOP, text},
};
use reqwest::Method;
use serde_json::Value;

/// The campaign of the documents.
const CAMPAIGN: &str = r#"{
  "campaignName": "Renewal-Nov",
  "skill": "sales",
  "templateId": "H1234567890",
  "consent": true,
  "consumers": [
    { "consumerContent": { "inapp": "user-0001" },
      "variables": { "1": "Hi Ana, your card is on its way." } }
  ]
}"#;

async fn send(brand: &Brand<'_>, method: Method, path: &str, body: Option<String>) -> Answer {
    let body = body.map(|body| ("application/json", body));
    let token = Some(brand.token.as_str());
    brand.world.call(method, path, token, &[], body).await
}

async fn create(brand: &Brand<'_>, body: String) -> Answer {
    let path = format!("/api/v2/account/{}/campaign", brand.account);
    send(brand, Method::POST, &path, Some(body)).await
}

/// A handoff whose text is its first variable, as the documents' campaign needs it.
async fn card(brand: &Brand<'_>) -> String {
    brand.handoff(handoff("Card", &[SHOP], "${{1}}")).await
}

/// The names of an object's fields, in the order of the alphabet.
#[track_caller]
fn fields(object: &Value) -> Vec<&str> {
    let object = object.as_object().expect("an object");
    let mut names: Vec<_> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// What is checked by its form: it differs from call to call.
#[track_caller]
fn is_uuid(value: &Value) {
    let id: uuid::Uuid = text(value).parse().expect("a UUID");
    assert_eq!(id.to_string(), text(value));
}

#[track_caller]
fn is_number(value: &Value) {
    let id = text(value);
    assert!(
        id.len() == 10 && id.bytes().all(|b| b.is_ascii_digit()),
        "{id}"
    );
}

#[track_caller]
fn is_time(value: &Value) {
    let _: jiff::Timestamp = text(value).parse().expect("a time in UTC");
}
