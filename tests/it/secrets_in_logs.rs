//! What must never stand in a log, and what each line of it must have.

use crate::{
    metrics::{lines, spanned},
    story::{FEW, play},
    template::template,
    world::World,
};
use local::template::Event;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_holds_a_secret_or_what_people_wrote() {
    // As much as operators ever ask for: the libraries' own lines, too.
    let world = World::start_with(&[("AWS_LAMBDA_LOG_LEVEL", "DEBUG")]).await;
    let story = play(&world, &FEW).await;
    let sandbox = world.stack.sandbox();
    let mut secrets = vec![
        story.brand.token.clone(),
        story.brand.operator.token.clone(),
        story.brand.consumer("iphone-0").token.clone(),
        story.brand.client_secret.clone(),
        sandbox.service_account()["private_key_id"]
            .as_str()
            .unwrap()
            .to_owned(),
        "BEGIN PRIVATE KEY".to_owned(),
        // What the campaign, the consumers and the agent wrote.
        "off for the family".to_owned(),
        "👨‍👩‍👧‍👦".to_owned(),
        "Yes, please!".to_owned(),
        "Is anybody there".to_owned(),
        "Gladly".to_owned(),
    ];
    let key = sandbox.apns_key().pem;
    secrets.extend(
        key.lines()
            .filter(|line| !line.starts_with("---"))
            .map(str::to_owned),
    );
    secrets.extend(story.tokens);

    let lines = world.stack.logs();
    assert!(lines.len() > 1000, "there is something to look at");
    for line in lines {
        let leaked = secrets
            .iter()
            .find(|secret| line.text.contains(secret.as_str()));
        assert_eq!(leaked, None, "{}: {}", line.function, line.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_is_json_and_says_of_which_call_and_account_it_is() {
    let world = World::start().await;
    let acme = world.session("acme", "no token");
    for function in template().functions {
        let mut routes = function.events.iter().filter_map(|event| match event {
            // Some that only read are open to everybody.
            Event::Http(route) if route.method != "GET" => Some(route),
            _ => None,
        });
        let Some(route) = routes.next() else {
            continue;
        };
        let path = route.path.replace("{accountId}", "acme");
        let path: Vec<_> = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect();
        let method = route.method.parse().unwrap();
        let answer = acme.send(method, &path.join("/"), &[], None).await;
        assert!(answer.status >= 400, "{}: {answer:?}", function.id);
        let trace = answer.body["requestTraceId"].clone();
        let says = |line: &(String, Value)| line.1["fields"]["request.trace"] == trace;
        let said = |stack: &local::Stack| lines(stack).into_iter().find(says);
        let told = world
            .stack
            .until(crate::world::PATIENCE, |s| said(s).is_some());
        assert!(told.await, "{} says what it answered", function.id);
        let (name, line) = said(&world.stack).unwrap();
        assert_eq!(name, function.binary);
        assert_eq!(spanned(&line, "account"), "acme", "{line}");
        assert!(spanned(&line, "requestId").is_string(), "{line}");
    }
    for line in world.stack.logs() {
        let json: Result<Value, _> = serde_json::from_str(&line.text);
        assert!(json.is_ok(), "{}: {}", line.function, line.text);
    }
}
