//! A local stack of one's own, and brands, consumers and agents that call it over HTTP.

pub(crate) use crate::brand::{Brand, Consumer};

use crate::parts::app;
use local::{Options, Stack, logs::Line};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, time::Duration};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

/// As many stacks as two cores can take run at once.
static TURNS: Semaphore = Semaphore::const_new(2);

/// The keys of the first stack's gateways; those after it need not make new ones.
static KEYS: OnceCell<sandbox::Keys> = OnceCell::const_new();

/// Everything has its end within this, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The app that every brand has.
pub(crate) const SHOP: &str = "com.example.shop";
/// Another one.
pub(crate) const CLUB: &str = "com.example.club";

/// A whole system that nobody else uses.
pub(crate) struct World {
    pub(crate) stack: Stack,
    http: reqwest::Client,
    _turn: SemaphorePermit<'static>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Whose functions have these variables, too.
    pub(crate) async fn start_with(env: &[(&str, &str)]) -> Self {
        Self::start_as(Options {
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Options::default()
        })
        .await
    }

    /// Started so, but with the binaries under test.
    pub(crate) async fn start_as(options: Options) -> Self {
        let turn = TURNS.acquire().await.unwrap();
        let binaries = Path::new(env!("CARGO_BIN_EXE_send")).parent().unwrap();
        let options = Options {
            binaries: binaries.to_owned(),
            keys: KEYS.get().cloned(),
            ..options
        };
        let stack = Stack::start(options).await.unwrap();
        // Another may have been first.
        KEYS.set(stack.sandbox().keys()).ok();
        Self {
            stack,
            http: reqwest::Client::builder()
                .no_proxy()
                .tls_certs_only([])
                .build()
                .unwrap(),
            _turn: turn,
        }
    }

    /// One call, as it is: `path` begins with `/`.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<(&str, String)>,
    ) -> Answer {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.stack.url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Answer {
            call: format!("{method} {path}"),
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    /// What a function answers to an event of API Gateway, past the gateway.
    pub(crate) async fn event(&self, function: &str, event: Value) -> Answer {
        let http = &event["requestContext"]["http"];
        let call = format!("{} {}", http["method"], http["path"]);
        let answer = self.stack.invoke(function, event).await.unwrap();
        let status = answer["statusCode"].as_u64().unwrap().try_into().unwrap();
        let headers = answer["headers"].as_object().unwrap().iter();
        let headers = headers.map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, text(value).parse().unwrap())
        });
        let body = answer["body"].as_str().unwrap_or_default();
        Answer::of(&call, status, headers.collect(), body.as_bytes())
    }

    /// Someone's calls to an account.
    pub(crate) fn session(&self, account: &str, token: impl Into<String>) -> Session<'_> {
        Session {
            world: self,
            account: account.to_owned(),
            token: token.into(),
        }
    }

    /// A session of the brand's staff, with a token of `/_local/tokens`.
    pub(crate) async fn staff(&self, account: &str, role: &str, skills: &[&str]) -> Session<'_> {
        let wanted = json!({"role": role, "account": account, "subject": format!("{role}-1"), "skills": skills});
        let body = Some(("application/json", wanted.to_string()));
        let answer = self
            .call(Method::POST, "/_local/tokens", None, &[], body)
            .await;
        self.session(account, text(&answer.ok(200)["access_token"]))
    }

    /// A brand that is ready to send, without its calls or messages being held to a pace.
    pub(crate) async fn brand(&self, account: &str) -> Brand<'_> {
        self.brand_sending(account, 4000).await
    }

    /// A brand that is ready to send so many messages per second.
    pub(crate) async fn brand_sending(&self, account: &str, per_second: u32) -> Brand<'_> {
        let token = self.stack.token("operator", account, "ops", &[]).unwrap();
        let operator = self.session(account, token);
        for skill in ["sales", "support"] {
            operator
                .put(&format!("skills/{skill}"), json!({}))
                .await
                .ok(200);
        }
        let settings = json!({
            "defaultSkill": "support",
            "welcomeMessage": "Welcome!",
            "limits": {"recipientsPerCampaign": 100, "sendsPerSecond": per_second, "requestsPerSecond": 4000},
        });
        operator.put("settings", settings).await.ok(200);
        // It keeps an account's pace for a minute; a new process reads the new one.
        self.stack.kill("account").unwrap();
        for name in [SHOP, CLUB] {
            let app = app(&self.stack, account, name);
            operator.put(&format!("apps/{name}"), app).await.ok(200);
        }
        let wanted = json!({"name": "crm", "roles": ["admin"]});
        let client = operator.post("clients", wanted).await.ok(201);
        let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
        let token = self.token_call(account, &id, &secret).await.ok(200);
        assert_eq!(token["token_type"], "Bearer");
        Brand {
            session: self.session(account, text(&token["access_token"])),
            operator,
            client_secret: secret,
        }
    }

    /// LivePerson's token call.
    pub(crate) async fn token_call(&self, account: &str, id: &str, secret: &str) -> Answer {
        let path = format!(
            "/sentinel/api/account/{account}/app/token?v=1.0&grant_type=client_credentials"
        );
        let form = format!("client_id={id}&client_secret={secret}");
        let body = Some(("application/x-www-form-urlencoded", form));
        self.call(Method::POST, &path, None, &[], body).await
    }

    /// How many items of each kind are in the table.
    pub(crate) fn items(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for item in self.table() {
            let kind = item["kind"]["S"].as_str().unwrap_or("?").to_owned();
            // Buckets of call limits come and go with any call.
            if !item["pk"]["S"]
                .as_str()
                .unwrap_or_default()
                .contains("#LIMIT#")
            {
                *kinds.entry(kind).or_default() += 1;
            }
        }
        kinds
    }

    /// Puts an item into the table, past every function.
    pub(crate) fn put_item(&self, item: &Value) {
        let put = json!({"TableName": "overture-Table", "Item": item});
        let put = serde_json::from_value(put).unwrap();
        self.stack.database().put_item(put).unwrap();
    }

    /// Takes an item out of the table, past every function.
    pub(crate) fn delete_item(&self, item: &Value) {
        let key = json!({"pk": item["pk"], "sk": item["sk"]});
        let delete = json!({"TableName": "overture-Table", "Key": key});
        let delete = serde_json::from_value(delete).unwrap();
        self.stack.database().delete_item(delete).unwrap();
    }

    /// Everything in the table.
    pub(crate) fn table(&self) -> Vec<Value> {
        let (mut all, mut from) = (Vec::new(), Value::Null);
        loop {
            let mut scan = json!({"TableName": "overture-Table"});
            if !from.is_null() {
                scan["ExclusiveStartKey"] = from;
            }
            let scan = serde_json::from_value(scan).unwrap();
            let page = serde_json::to_value(self.stack.database().scan(scan).unwrap()).unwrap();
            all.extend(page["Items"].as_array().into_iter().flatten().cloned());
            from = page["LastEvaluatedKey"].clone();
            if from.is_null() {
                return all;
            }
        }
    }
}

impl Drop for World {
    /// What the functions said helps to find out why a test failed. No test passes in which a
    /// function wanted more than its policies allow.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.stack.logs();
            // What is no JSON is the last word of a process.
            let told = |line: &&Line| {
                let text = &line.text;
                text.contains("ERROR") || text.contains("WARN") || !text.starts_with('{')
            };
            let lines: Vec<_> = lines.iter().filter(told).collect();
            for line in &lines[lines.len().saturating_sub(40)..] {
                eprintln!("{}: {}", line.function, line.text);
            }
        }
        let refused = self.stack.refused_rights();
        if std::thread::panicking() && !refused.is_empty() {
            eprintln!("no right to: {refused:#?}");
        } else {
            assert!(refused.is_empty(), "no right to: {refused:#?}");
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    call: String,
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer that has this status.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        let Self { call, body, .. } = self;
        assert_eq!(self.status, status, "{call}: {body:#}");
        body
    }

    /// An answer that was not got over HTTP.
    pub(crate) fn of(call: &str, status: u16, headers: HeaderMap, body: &[u8]) -> Self {
        Self {
            call: call.to_owned(),
            status,
            headers,
            body: serde_json::from_slice(body)
                .unwrap_or_else(|_| String::from_utf8_lossy(body).into()),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The body of a problem, whole and clear.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let what = format!("{}: {:#}", self.call, self.body);
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{what}"
        );
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{what}"
        );
        let page = format!("/problems/{}", code.to_lowercase().replace('_', "-"));
        assert_eq!(self.body["type"], page, "{what}");
        assert_eq!(self.body["status"], status, "{what}");
        for name in ["title", "detail", "message", "requestTraceId"] {
            assert!(
                self.body[name].as_str().is_some_and(|s| !s.is_empty()),
                "{name} of {what}"
            );
        }
        for name in ["retryable", "safeToResend"] {
            assert!(self.body[name].is_boolean(), "{name} of {what}");
        }
        self.body
    }
}

/// Someone's calls to an account.
#[derive(Clone)]
pub(crate) struct Session<'w> {
    pub(crate) world: &'w World,
    pub(crate) account: String,
    pub(crate) token: String,
}

impl Session<'_> {
    /// A call below the account, or anywhere when `path` begins with `/`.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let path = match path.strip_prefix('/') {
            Some(_) => path.to_owned(),
            None => format!("/api/v2/account/{}/{path}", self.account),
        };
        let body = body.map(|body| ("application/json", body.to_string()));
        let token = Some(self.token.as_str());
        self.world.call(method, &path, token, headers, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &[], Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], None).await
    }
}

/// A JSON string's text.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// A JSON list's values.
#[track_caller]
pub(crate) fn list(value: &Value) -> Vec<Value> {
    value.as_array().expect("a list").clone()
}

/// Entries of a transcript: who wrote what.
#[track_caller]
pub(crate) fn lines(entries: &Value) -> Vec<(String, String)> {
    let line = |entry: &Value| (text(&entry["kind"]), text(&entry["text"]));
    list(entries).iter().map(line).collect()
}
