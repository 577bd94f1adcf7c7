//! What must never stand in a log.

use crate::{
    story::{FEW, play},
    world::World,
};

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
