//! How a release takes over: behind an alias, while an alarm watches.

use crate::{
    story::{FEW, play},
    template::{document, read},
    world::World,
};
use local::faults::{Fault, Rule};
use serde_json::{Value, json};

/// Lines that the alarm's filter counts.
fn counted(world: &World) -> Vec<String> {
    let filter = &document()["Resources"]["FunctionFaults"]["Properties"]["FilterPattern"];
    assert!(
        filter.as_str().unwrap().contains(r#"($.level = "ERROR")"#),
        "the filter that this imitates"
    );
    let lines = world.stack.logs().into_iter().map(|line| line.text);
    let is_error = |line: &String| {
        let line = serde_json::from_str::<Value>(line);
        line.is_ok_and(|line| line["level"] == "ERROR")
    };
    lines.filter(is_error).collect()
}

#[test]
fn traffic_moves_to_a_version_of_whatever_changed_and_the_alarm_takes_it_back() {
    let document = document();
    let function = &document["Globals"]["Function"];
    assert_eq!(function["AutoPublishAlias"], "live");
    assert_eq!(function["AutoPublishAliasAllProperties"], true);
    let preference = &function["DeploymentPreference"];
    assert_eq!(preference["Type"], json!({"!Ref": "DeploymentType"}));
    let [gradual, alarms, none] = preference["Alarms"]["!If"].as_array().unwrap().as_slice() else {
        panic!("{preference}");
    };
    assert_eq!(gradual, "IsGradual");
    assert_eq!(none, &json!([{"!Ref": "AWS::NoValue"}]));
    let alarms = alarms.as_array().unwrap();
    assert!(!alarms.is_empty());
    for alarm in alarms {
        let resource = &document["Resources"][alarm["!Ref"].as_str().unwrap()];
        assert_eq!(resource["Type"], "AWS::CloudWatch::Alarm", "{alarm}");
        // What names the API needs the aliases, which need the alarm: nothing could be deployed.
        assert!(!resource.to_string().contains(r#""!Ref":"Api""#), "{alarm}");
    }
    let production = read("samconfig.toml");
    let (_, production) = production.split_once("[prod.deploy.parameters]").unwrap();
    assert!(production.contains("DeploymentType=Canary"), "{production}");
    let types = &document["Parameters"]["DeploymentType"];
    assert_eq!(types["Default"], "AllAtOnce");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_release_is_not_taken_back_and_one_that_fails_is() {
    let world = World::start().await;
    // Phones that are gone, strangers, the busy, wrong skills: none of it is a fault.
    let story = play(&world, &FEW).await;
    assert_eq!(counted(&world), Vec::<String>::new());
    world.stack.faults().add(Rule {
        action: "dynamodb:".to_owned(),
        function: Some("account".to_owned()),
        after: 0,
        times: 20,
        fault: Fault::Failed,
    });
    story.brand.get("skills").await.ok(503);
    assert!(!counted(&world).is_empty());
}
