//! `template.yaml` and what it stands for: binaries, folders, settings, routes, the table, rights.

use crate::world::World;
use local::template::{Event, Template};
use reqwest::Method;
use serde_json::{Value, json};
use serde_norway::Value as Yaml;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

pub(crate) fn template() -> Template {
    Template::parse(
        &read("template.yaml"),
        &BTreeMap::new(),
        "http://127.0.0.1:1",
    )
    .unwrap()
}

/// A statement of a function's policies.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) actions: Vec<String>,
    /// The resources, as they are written.
    resource: String,
}

/// YAML as JSON; `!Sub x` is `{"!Sub": x}`.
pub(crate) fn json_of(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => json!({tagged.tag.to_string(): json_of(&tagged.value)}),
        Yaml::Sequence(all) => all.iter().map(json_of).collect(),
        Yaml::Mapping(map) => {
            let pair = |(key, value): (&Yaml, &Yaml)| {
                (key.as_str().unwrap_or_default().to_owned(), json_of(value))
            };
            Value::Object(map.iter().map(pair).collect())
        }
        plain => serde_json::to_value(plain).unwrap(),
    }
}

/// One value, or a list of them.
pub(crate) fn each(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    }
}

/// The template, as it is written.
pub(crate) fn document() -> Value {
    let yaml: Yaml = serde_norway::from_str(&read("template.yaml")).unwrap();
    json_of(&yaml)
}

/// The properties of all alarms, by their names.
pub(crate) fn alarms() -> BTreeMap<String, Value> {
    let document = document();
    let resources = document["Resources"].as_object().unwrap().iter();
    resources
        .filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm")
        .map(|(name, resource)| (name.clone(), resource["Properties"].clone()))
        .collect()
}

/// The statements of each function's policies, by its binary.
pub(crate) fn policies() -> BTreeMap<String, Vec<Statement>> {
    let document = document();
    let mut all = BTreeMap::new();
    for function in template().functions {
        let policies = &document["Resources"][&function.id]["Properties"]["Policies"];
        let statements = each(policies)
            .into_iter()
            .flat_map(|p| each(&p["Statement"]));
        let statement = |s: Value| Statement {
            actions: each(&s["Action"])
                .iter()
                .map(|a| a.as_str().unwrap().to_owned())
                .collect(),
            resource: s["Resource"].to_string(),
        };
        all.insert(function.binary, statements.map(statement).collect());
    }
    all
}

/// The values of a line's key in a manifest's sections of that name.
pub(crate) fn values(manifest: &str, section: &str, key: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == section;
        } else if let Some((name, value)) = line.split_once('=')
            && inside
            && name.trim() == key
        {
            found.insert(value.trim().trim_matches('"').to_owned());
        }
    }
    found
}

#[test]
fn every_function_is_a_binary_with_a_folder_and_nothing_else_is() {
    let functions: BTreeSet<_> = template().functions.into_iter().map(|f| f.binary).collect();
    let binaries = values(&read("Cargo.toml"), "[[bin]]", "name");
    let folders: BTreeSet<_> = fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("main.rs").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(functions, binaries, "template.yaml and Cargo.toml");
    assert_eq!(binaries, folders, "Cargo.toml and functions/");
}

#[test]
fn every_variable_is_documented_and_every_documented_one_is_set() {
    let set: BTreeSet<_> = template()
        .functions
        .into_iter()
        .flat_map(|function| function.environment.into_keys())
        .collect();
    let mut documented: BTreeSet<_> = read("shared/crates/lambda/src/settings.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    // What only tests set. Deployed, brands' endpoints are never private addresses.
    for of_tests in ["CLOCK_OFFSET_SECONDS", "OUTBOUND_PRIVATE", "SSL_CERT_FILE"] {
        assert!(documented.remove(of_tests), "{documented:?}");
        assert!(!read("template.yaml").contains(of_tests), "{of_tests}");
    }
    // Lambda sets its own: by the template's LoggingConfig.
    documented.retain(|name| !name.starts_with("AWS_LAMBDA_LOG_"));
    assert_eq!(set, documented);
}

#[test]
fn a_function_has_the_variables_that_its_main_asks_for() {
    let asks = [
        (".table()", "TABLE_NAME"),
        ("lambda::serve", "METRICS_NAMESPACE"),
        (".retention()", "RETENTION_DAYS"),
        (".send_queue()", "SEND_QUEUE_URL"),
        (".webhook_queue()", "WEBHOOK_QUEUE_URL"),
        (".webhook_secret()", "WEBHOOK_SECRET_ARN"),
        (".events_topic()", "EVENTS_TOPIC_ARN"),
        (".token_secret()", "TOKEN_SECRET_ARN"),
        ("Guard::from_env(", "TOKEN_SECRET_ARN"),
        (".operator_secret()", "OPERATOR_SECRET_ARN"),
        (".gateways()", "APNS_PRODUCTION_URL"),
        (".gateways()", "APNS_SANDBOX_URL"),
        (".gateways()", "FCM_URL"),
        (".gateways()", "FCM_TOKEN_URL"),
        ("lambda::serve", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("lambda::serve", "OTEL_TRACES_SAMPLER_ARG"),
    ];
    for function in template().functions {
        let main = read(&format!("functions/{}/main.rs", function.binary));
        let wanted: BTreeSet<_> = asks
            .iter()
            .filter(|(call, _)| main.contains(call))
            .map(|(_, name)| (*name).to_owned())
            .collect();
        let given: BTreeSet<_> = function.environment.into_keys().collect();
        assert_eq!(wanted, given, "{}", function.id);
    }
}

#[test]
fn the_table_is_the_one_that_the_stores_are_tested_on() {
    let template = template();
    let [table] = template.tables.as_slice() else {
        panic!("one table");
    };
    let tested = read("shared/crates/testkit/src/dynamodb.rs");
    let (_, tested) = tested.split_once("let table = json!(").unwrap();
    let (tested, _) = tested.split_once(");").unwrap();
    let tested = tested.replace("Self::TABLE", "\"overture\"");
    // A trailing comma is all that the macro allows beyond JSON, and YAML takes it.
    let tested: Value = serde_norway::from_str(&tested).unwrap();
    for property in [
        "KeySchema",
        "AttributeDefinitions",
        "GlobalSecondaryIndexes",
        "StreamSpecification",
    ] {
        assert_eq!(table.create[property], tested[property], "{property}");
    }
    assert_eq!(table.ttl.as_deref(), Some("ttl"));
}

#[test]
fn no_function_may_do_everything_or_read_the_whole_table() {
    for (function, statements) in policies() {
        assert!(!statements.is_empty(), "{function} has no policy");
        for statement in statements {
            for action in &statement.actions {
                assert!(!action.contains('*'), "{function}: {action}");
                assert_ne!(action, "dynamodb:Scan", "{function}");
            }
            assert_ne!(statement.resource, "\"*\"", "{function}: {statement:?}");
        }
    }
}

#[test]
fn p9_every_dead_letter_queue_has_an_alarm() {
    let document = document();
    let resources = document["Resources"].as_object().unwrap();
    let mut targets = Vec::new();
    find(&document, "deadLetterTargetArn", &mut targets);
    find(&document, "OnFailure", &mut targets);
    let dead: BTreeSet<_> = targets
        .iter()
        .map(|target| target.get("Destination").unwrap_or(target)["!GetAtt"].clone())
        .map(|arn| arn.as_str().unwrap().trim_end_matches(".Arn").to_owned())
        .collect();
    assert_eq!(dead.len(), 3, "{dead:?}");
    let mut watched = BTreeSet::new();
    for alarm in alarms().into_values() {
        assert_eq!(alarm["AlarmActions"], json!([{"!Ref": "AlarmTopic"}]));
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible" {
            assert_eq!(alarm["Threshold"], 1);
            let queue = alarm["Dimensions"][0]["Value"]["!GetAtt"].as_str().unwrap();
            watched.insert(queue.trim_end_matches(".QueueName").to_owned());
        }
    }
    assert_eq!(watched, dead);

    // CloudWatch cannot use the key that AWS manages for SNS: it would tell nobody.
    let topic = &resources["AlarmTopic"]["Properties"];
    assert_eq!(topic["KmsMasterKeyId"], json!({"!Ref": "AlarmKey"}));
    let uses = resources["AlarmKey"].to_string();
    assert!(uses.contains("cloudwatch.amazonaws.com"), "{uses}");
    assert_eq!(document["Parameters"]["AlarmEmail"]["Default"], "");
}

#[test]
fn every_kind_that_a_stream_filter_names_is_stored() {
    let kinds: BTreeSet<_> = rust_files(&root().join("shared/crates/dynamodb/src"))
        .iter()
        .flat_map(|path| {
            let source = fs::read_to_string(path).unwrap();
            let kinds = source.split("const KIND: &").skip(1);
            let name = |rest: &str| rest.split('"').nth(1).unwrap().to_owned();
            kinds.map(name).collect::<Vec<_>>()
        })
        .collect();
    assert!(kinds.len() >= 4, "{kinds:?}");
    let document = document();
    let mut patterns = Vec::new();
    find(&document, "Pattern", &mut patterns);
    assert!(!patterns.is_empty());
    for pattern in patterns {
        let pattern: Value = serde_json::from_str(pattern.as_str().unwrap()).unwrap();
        for kind in each(&pattern["dynamodb"]["NewImage"]["kind"]["S"]) {
            assert!(
                kinds.contains(kind.as_str().unwrap()),
                "{kind} is none of {kinds:?}"
            );
        }
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// Every value of that name.
fn find(value: &Value, name: &str, found: &mut Vec<Value>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if key == name {
                    found.push(inner.clone());
                }
                find(inner, name, found);
            }
        }
        Value::Array(all) => all.iter().for_each(|inner| find(inner, name, found)),
        _ => {}
    }
}

#[test]
fn the_domain_stands_on_nothing_but_these_crates() {
    let manifest = read("shared/Cargo.toml");
    let (_, rest) = manifest.split_once("[dependencies]").unwrap();
    let normal = rest
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let crates: Vec<_> = normal
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .collect();
    let allowed = [
        "futures-util",
        "jiff",
        "serde",
        "thiserror",
        "unicode-segmentation",
        "uuid",
    ];
    assert_eq!(crates, allowed);
}

#[tokio::test]
async fn every_route_leads_to_a_handler_that_wants_a_token() {
    let world = World::start().await;
    for function in template().functions {
        for event in &function.events {
            let Event::Http(route) = event else { continue };
            // Of the right form, whatever the parameter is.
            let path: Vec<_> = route
                .path
                .split('/')
                .map(|part| match part {
                    "{accountId}" => "nobody",
                    "{app}" => "prmsg",
                    "{messageId}" | "{conversationId}" => "01900000-0000-7000-8000-000000000001",
                    "{handoffId}" => "H1",
                    part if part.starts_with('{') => "x",
                    part => part,
                })
                .collect();
            let path = path.join("/");
            let method: Method = route.method.parse().unwrap();
            let body = (method != Method::GET).then(|| ("application/json", "{}".to_owned()));
            let answer = world.call(method, &path, None, &[], body).await;
            let what = format!("{} {} of {}", route.method, route.path, function.id);
            if function.binary == "token" {
                assert!(
                    [200, 400, 401, 415, 422].contains(&answer.status),
                    "{what}: {answer:?}"
                );
            } else {
                assert_eq!(answer.status, 401, "{what}: {answer:?}");
                answer.problem(401, "UNAUTHORIZED");
            }
        }
    }
}
