//! The account `demo`, set up through the API as an operator would.
use crate::{Stack, TokenError, tokens::audience};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

/// The account's name.
pub const ACCOUNT: &str = "demo";
/// Where the folder of `--data` keeps what cannot be asked for again.
const FILE: &str = "demo.json";

/// What the account has that a newcomer needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Demo {
    /// The API client's id.
    pub client_id: String,
    /// The API client's secret.
    pub client_secret: String,
    /// The handoff's id.
    pub handoff_id: String,
    /// Where a webhook can be that takes everything.
    pub webhook_url: String,
}

/// The account could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The API refused something.
    #[error("{call} answered {status}: {body}")]
    Refused {
        /// The call.
        call: String,
        /// Its status.
        status: u16,
        /// Its body.
        body: String,
    },
    /// The API cannot be reached.
    #[error("the API cannot be reached")]
    Unreachable(#[from] reqwest::Error),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An answer lacks something.
    #[error("{0} is not in the answer")]
    Missing(&'static str),
    /// A push credential cannot be kept.
    #[error(transparent)]
    Secret(#[from] crate::Error),
    /// What was made cannot be kept.
    #[error("{FILE} cannot be kept")]
    Keep(#[from] std::io::Error),
    /// What was kept cannot be read.
    #[error("{FILE} cannot be read")]
    Kept(#[from] serde_json::Error),
}

struct Api<'a> {
    client: reqwest::Client,
    base: String,
    stack: &'a Stack,
}

impl Api<'_> {
    async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Result<Value, DemoError> {
        let url = format!("{}/{path}", self.base);
        let request = self.client.request(method.clone(), &url).bearer_auth(token);
        let answer = request
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await?;
        let (status, body) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(DemoError::Refused {
                call: format!("{method} {path}"),
                status: status.as_u16(),
                body,
            });
        }
        Ok(serde_json::from_str(&body).unwrap_or_default())
    }

    async fn put(&self, path: &str, token: &str, body: Value) -> Result<Value, DemoError> {
        self.call(reqwest::Method::PUT, path, token, &body).await
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Result<Value, DemoError> {
        self.call(reqwest::Method::POST, path, token, &body).await
    }
}

/// Sets the account up. What is there already stays as it is.
pub(crate) async fn seed(stack: &Stack, data: Option<&Path>) -> Result<Demo, DemoError> {
    let api = Api {
        client: reqwest::Client::builder().no_proxy().build()?,
        base: format!("{}/api/v2/account/{ACCOUNT}", stack.url()),
        stack,
    };
    let operator = stack.token("operator", ACCOUNT, "local", &[])?;
    let settings = json!({"defaultSkill": "support", "welcomeMessage": "Hello! How can we help?"});
    for (skill, description) in [
        ("sales", "Questions before buying"),
        ("support", "Questions after buying"),
    ] {
        api.put(
            &format!("skills/{skill}"),
            &operator,
            json!({"description": description}),
        )
        .await?;
    }
    api.put("settings", &operator, settings).await?;
    app(&api, &operator).await?;

    let file = data.map(|data| data.join(FILE));
    let kept = file.as_deref().filter(|file| file.exists());
    let demo = if let Some(file) = kept {
        serde_json::from_slice(&std::fs::read(file)?)?
    } else {
        let demo = create(&api, &operator).await?;
        if let Some(file) = &file {
            crate::keep::write(file, &serde_json::to_vec_pretty(&demo)?)?;
        }
        demo
    };
    device(&api, "ana", "ana-phone", &json!({
        "appName": "com.example.shop", "platform": "ios", "environment": "production",
        "pushToken": "a0a0a0a0b1b1b1b1c2c2c2c2d3d3d3d3e4e4e4e4f5f5f5f5a6a6a6a6b7b7b7b7",
        "locale": "en-GB", "os": "iOS 19.1", "device": "iPhone 17", "country": "GB", "city": "London",
    })).await?;
    device(&api, "ben", "ben-phone", &json!({
        "appName": "com.example.shop", "platform": "android",
        "pushToken": "ben-phone:APA91bF-local-demo-registration-token-0123456789",
        "locale": "de-DE", "os": "Android 16", "device": "Pixel 10", "country": "DE", "city": "Berlin",
    })).await?;
    Ok(demo)
}

async fn app(api: &Api<'_>, operator: &str) -> Result<(), DemoError> {
    let sandbox = api.stack.sandbox();
    let key = sandbox.apns_key();
    let apns = api.stack.put_secret("overture/demo/apns", &key.pem)?;
    let account = sandbox.service_account();
    let fcm = api
        .stack
        .put_secret("overture/demo/fcm", &account.to_string())?;
    let app = json!({
        "ios": {"route": "apns", "teamId": key.team_id, "keyId": key.key_id, "topic": "com.example.shop", "credential": apns},
        "android": {"route": "fcm", "projectId": account["project_id"], "credential": fcm},
        "identity": {"issuer": sandbox.issuer(), "audience": audience(ACCOUNT), "jwksUri": sandbox.jwks_url()},
    });
    api.put("apps/com.example.shop", operator, app)
        .await
        .map(drop)
}

async fn create(api: &Api<'_>, operator: &str) -> Result<Demo, DemoError> {
    let handoff = json!({
        "name": "Back in stock",
        "lookbackPeriodDay": 7,
        "lookbackPeriodHour": 0,
        "channels": [{
            "type": "inapp",
            "appNames": ["com.example.shop"],
            "language": "en-US",
            "messageComponents": [{
                "type": "text",
                "messageText": "Hi! What you were looking for is back in stock. May we help you choose? \u{1f45f}",
                "notificationTitle": "Back in stock",
                "notificationMessage": "",
                "isSameMessageForNotification": true,
                "variables": [],
            }],
        }],
    });
    let handoff = api.post("handoffs", operator, handoff).await?;
    let client = api
        .post(
            "clients",
            operator,
            json!({"name": "demo", "roles": ["admin"]}),
        )
        .await?;
    let text = |answer: &Value, name: &'static str| {
        answer[name]
            .as_str()
            .map(str::to_owned)
            .ok_or(DemoError::Missing(name))
    };
    Ok(Demo {
        client_id: text(&client, "clientId")?,
        client_secret: text(&client, "clientSecret")?,
        handoff_id: text(&handoff, "id")?,
        webhook_url: api.stack.sandbox().webhook_url("crm"),
    })
}

async fn device(api: &Api<'_>, consumer: &str, id: &str, device: &Value) -> Result<(), DemoError> {
    let token = api.stack.token("consumer", ACCOUNT, consumer, &[])?;
    api.put(&format!("me/devices/{id}"), &token, device.clone())
        .await
        .map(drop)
}

impl Demo {
    /// What to try first, ready to be copied.
    #[must_use]
    pub fn text(&self, url: &str) -> String {
        let Self {
            client_id,
            client_secret,
            handoff_id,
            webhook_url,
        } = self;
        format!(
            r#"Overture is ready on {url}

  account    {ACCOUNT} (skills sales and support, app com.example.shop)
  consumers  ana (iOS), ben (Android)
  handoff    {handoff_id}
  client     id {client_id}
             secret {client_secret}
  webhook    {webhook_url} takes what it is told; {url}/_local/webhooks shows it

Send a first campaign:

  TOKEN=$(curl -s '{url}/sentinel/api/account/{ACCOUNT}/app/token?v=1.0&grant_type=client_credentials' \
    -d client_id={client_id} -d client_secret={client_secret} \
    | sed -E 's/.*"access_token" *: *"([^"]+)".*/\1/')

  curl -s {url}/api/v2/account/{ACCOUNT}/campaign \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{{"campaignName":"First","skill":"sales","templateId":"{handoff_id}","consent":true,"consumers":[{{"consumerContent":{{"inapp":"ana"}},"variables":{{}}}},{{"consumerContent":{{"inapp":"ben"}},"variables":{{}}}}]}}'

  curl -s '{url}/_local/pushes?account={ACCOUNT}'

Tokens for trying the rest: curl -s {url}/_local/tokens -H 'Content-Type: application/json' \
    -d '{{"role":"consumer","account":"{ACCOUNT}","subject":"ana"}}'
Stop with Ctrl-C.
"#
        )
    }
}
