//! What `template.yaml` says against loss, eavesdroppers and slips of the hand.

use crate::template::{each, json_of, read, values};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn a_panic_does_not_end_the_process_of_what_is_deployed() {
    // cargo-lambda builds with "abort" where the manifest says nothing.
    let said = values(&read("Cargo.toml"), "[profile.release]", "panic");
    assert_eq!(said, BTreeSet::from(["unwind".to_owned()]));
}

/// The template as it is written.
fn document() -> Value {
    json_of(&serde_norway::from_str(&read("template.yaml")).unwrap())
}

/// Its resources of that type, by their ids.
fn resources(kind: &str) -> Vec<(String, Value)> {
    let document = document();
    let resources = document["Resources"].as_object().unwrap();
    let found: Vec<_> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.clone(), resource.clone()))
        .collect();
    assert!(!found.is_empty(), "{kind}");
    found
}

#[test]
fn queues_and_topics_are_encrypted_and_take_tls_alone() {
    for (kind, policies, listed) in [
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics"),
    ] {
        let mut guarded = BTreeSet::new();
        for (name, policy) in resources(policies) {
            let properties = &policy["Properties"];
            let statements = each(&properties["PolicyDocument"]["Statement"]);
            let denies = statements.iter().find(|s| s["Effect"] == "Deny");
            let denies = denies.unwrap_or_else(|| panic!("{name} denies nothing"));
            let plain = json!({"Bool": {"aws:SecureTransport": "false"}});
            assert_eq!(denies["Condition"], plain, "{name}");
            assert_eq!(denies["Principal"], "*", "{name}");
            let to: Vec<_> = each(&properties[listed]);
            assert_eq!(to.len(), each(&denies["Resource"]).len(), "{name}");
            guarded.extend(to.iter().map(|id| id["!Ref"].as_str().unwrap().to_owned()));
        }
        for (name, resource) in resources(kind) {
            assert!(
                !resource["Properties"]["KmsMasterKeyId"].is_null(),
                "{name}"
            );
            assert!(guarded.contains(&name), "{name} takes calls without TLS");
        }
    }
}

#[test]
fn what_cannot_be_made_again_outlives_the_stack() {
    for kind in ["AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"] {
        for (name, resource) in resources(kind) {
            assert_eq!(resource["DeletionPolicy"], "Retain", "{name}");
            assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
        }
    }
    for (name, table) in resources("AWS::DynamoDB::Table") {
        let table = &table["Properties"];
        let recovery = &table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(
            (recovery, &table["SSESpecification"]["SSEEnabled"]),
            (&json!(true), &json!(true)),
            "{name}"
        );
        assert_eq!(
            table["DeletionProtectionEnabled"],
            json!({"!Ref": "DeletionProtection"})
        );
    }
    for line in read("samconfig.toml").lines() {
        if line.contains("Stage=prod") {
            assert!(line.contains("DeletionProtection=true"), "{line}");
        }
    }
}

#[test]
fn no_parameter_takes_whatever_it_is_given() {
    let document = document();
    for (name, parameter) in document["Parameters"].as_object().unwrap() {
        let has = |property: &str| !parameter[property].is_null();
        let bounded = match parameter["Type"].as_str() {
            Some("Number") => has("AllowedValues") || (has("MinValue") && has("MaxValue")),
            _ => has("AllowedValues") || has("AllowedPattern"),
        };
        assert!(bounded && has("Description") && has("Default"), "{name}");
    }
}
