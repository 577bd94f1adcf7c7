//! The API's document, walked: every call with all that it takes, so that a new one is covered by
//! the tests that go over all of them.

use crate::{
    openapi::{document, operations},
    world::{Answer, Brand, SHOP, World},
};
use local::Stack;
use reqwest::Method;
use serde_json::{Map, Value, json};

/// Whose token a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Nobody,
    Brand,
    Consumer,
}

/// A call of the document.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its operation's name.
    pub(crate) name: String,
    pub(crate) method: Method,
    /// With its parameters' names in braces.
    pub(crate) path: String,
    pub(crate) caller: Caller,
    /// The names of its parameters in the query.
    pub(crate) query: Vec<String>,
    /// Those that it must have, with the document's examples: nothing, or `?` and what follows it.
    pub(crate) must: String,
    /// A JSON body of the document's own examples, where it takes one.
    pub(crate) body: Option<Value>,
    /// Each place in the body, and the types that the document allows there; none where anything
    /// goes.
    pub(crate) places: Vec<(String, Vec<String>)>,
}

impl Call {
    /// Its path's parameters.
    pub(crate) fn parameters(&self) -> Vec<&str> {
        let names = self.path.split('{').skip(1);
        names.filter_map(|rest| rest.split('}').next()).collect()
    }

    /// Its path, each parameter replaced.
    pub(crate) fn at(&self, value: impl Fn(&str) -> String) -> String {
        let mut path = self.path.clone();
        for name in self.parameters() {
            path = path.replace(&format!("{{{name}}}"), &value(name));
        }
        path
    }
}

/// All calls.
pub(crate) fn calls() -> Vec<Call> {
    let document = document();
    let call = |(route, operation): (String, Value)| {
        let (method, path) = route.split_once(' ').unwrap();
        let caller = operation["security"][0].as_object();
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let in_query = parameters.filter(|p| p["in"] == "query");
        let must = in_query.clone().filter(|p| p["required"] == true).map(|p| {
            let name = p["name"].as_str().unwrap();
            let example = [&p["example"], &p["schema"]["example"]];
            let example = example.into_iter().find(|e| !e.is_null()).unwrap();
            format!("{name}={}", example.to_string().trim_matches('"'))
        });
        let must: Vec<_> = must.collect();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut places = Vec::new();
        let body = schema.is_object().then(|| {
            visit(&document, schema, String::new(), &mut places);
            sample(&document, schema)
        });
        Call {
            name: operation["operationId"].as_str().unwrap().to_owned(),
            method: method.parse().unwrap(),
            path: path.to_owned(),
            caller: match caller.and_then(|c| c.keys().next()).map(String::as_str) {
                Some("brand") => Caller::Brand,
                Some("consumer") => Caller::Consumer,
                _ => Caller::Nobody,
            },
            query: in_query
                .map(|p| p["name"].as_str().unwrap().to_owned())
                .collect(),
            must: if must.is_empty() {
                String::new()
            } else {
                format!("?{}", must.join("&"))
            },
            body,
            places,
        }
    };
    operations(&document).into_iter().map(call).collect()
}

/// The schema itself: references followed, and of several the first that is no null.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    if let Some(place) = schema["$ref"].as_str() {
        let place = place.trim_start_matches('#');
        return resolved(document, document.pointer(place).unwrap());
    }
    let one_of = schema["oneOf"].as_array().into_iter().flatten();
    match one_of.clone().find(|one| one["type"] != "null") {
        Some(one) => resolved(document, one),
        None => schema,
    }
}

/// The types that a schema names; none when anything goes.
fn types(document: &Value, schema: &Value) -> Vec<String> {
    let named = |value: &Value| match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().map(|v| v.as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    };
    let mut types = named(&resolved(document, schema)["type"]);
    let one_of = schema["oneOf"].as_array().into_iter().flatten();
    types.extend(one_of.flat_map(|one| named(&one["type"])));
    types
}

/// A value that the schema allows, of its examples.
fn sample(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(several) => &several[0],
        one => one,
    };
    match kind.as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let member = |(name, of): (&String, &Value)| (name.clone(), sample(document, of));
            Value::Object(properties.map(member).collect::<Map<_, _>>())
        }
        Some("array") => json!([sample(document, &schema["items"])]),
        Some("boolean") => true.into(),
        Some("integer" | "number") => 1.into(),
        _ if schema["enum"].is_array() => schema["enum"][0].clone(),
        _ => match schema["format"].as_str() {
            Some("date-time") => "2026-11-23T09:00:00Z".into(),
            Some("uuid") => "0190163d-8694-739b-aea5-966c26f8ad91".into(),
            _ => "x".into(),
        },
    }
}

/// Each place below a schema, in the sample of it.
fn visit(document: &Value, schema: &Value, at: String, places: &mut Vec<(String, Vec<String>)>) {
    let of = resolved(document, schema);
    for (name, property) in of["properties"].as_object().into_iter().flatten() {
        visit(document, property, format!("{at}/{name}"), places);
    }
    if of["items"].is_object() && of["example"].is_null() {
        visit(document, &of["items"], format!("{at}/0"), places);
    }
    places.push((at, types(document, schema)));
}

/// Those who make the calls, in the account `acme`.
pub(crate) struct Callers<'w> {
    world: &'w World,
    operator: String,
}

impl<'w> Callers<'w> {
    pub(crate) fn of(brand: &Brand<'w>) -> Self {
        Self {
            world: brand.world,
            operator: token(&brand.world.stack, "operator", "ops"),
        }
    }

    /// The token for the call; consumers are held to a pace, so each time it is another one's.
    pub(crate) fn token(&self, call: &Call) -> Option<String> {
        match call.caller {
            Caller::Nobody => None,
            Caller::Brand => Some(self.operator.clone()),
            Caller::Consumer => {
                let one = uuid::Uuid::new_v4().simple().to_string();
                Some(token(&self.world.stack, "consumer", &one))
            }
        }
    }

    /// Makes the call, as it is.
    pub(crate) async fn make(
        &self,
        call: &Call,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Answer {
        let token = self.token(call);
        let method = call.method.clone();
        self.world
            .call(method, path, token.as_deref(), &[], body)
            .await
    }
}

fn token(stack: &Stack, role: &str, subject: &str) -> String {
    stack.token(role, "acme", subject, &["sales"]).unwrap()
}

/// A parameter of the account `acme` that names what is there, or what nobody misses.
pub(crate) fn harmless(name: &str) -> String {
    match name {
        "accountId" => "acme",
        "app" => "prmsg",
        "channel" => "inapp",
        "appName" => SHOP,
        "handoffId" => "H1",
        "conversationId" | "messageId" => "0190163d-8694-739b-aea5-966c26f8ad91",
        _ => "none",
    }
    .to_owned()
}
