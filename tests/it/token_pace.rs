//! The pace of the token call: exact for each client, and nobody else's to use up.

use crate::world::{Answer, World, text};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// The token call's buckets that are in the table.
fn buckets(world: &World) -> Vec<String> {
    let is_bucket = |item: &Value| {
        let pk = item["pk"]["S"].as_str()?;
        let (_, bucket) = pk.split_once("#LIMIT#")?;
        bucket.starts_with("token").then(|| pk.to_owned())
    };
    let mut found: Vec<_> = world.table().iter().filter_map(is_bucket).collect();
    found.sort();
    found
}

/// How many were answered with that status.
fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|a| a.status == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_gets_ten_tokens_a_second_and_wrong_secrets_take_none_of_them() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let wanted = json!({"name": "crm", "roles": ["bot"]});
    let client = brand.post("clients", wanted).await.ok(201);
    let (id, secret) = (text(&client["clientId"]), text(&client["clientSecret"]));
    let first = world.token_call("acme", &id, &secret).await;
    for (header, value) in [
        ("ratelimit-limit", "10"),
        ("ratelimit-policy", "10;w=1"),
        ("ratelimit-remaining", "9"),
        ("ratelimit-reset", "1"),
    ] {
        assert_eq!(first.header(header), value, "{header}");
    }
    first.ok(200);

    // Far more at once than there are: some of each kind get through, all others are told when
    // to come again.
    let clock = world.stack.clock();
    let began = clock.now_ms();
    let both = async |n: usize| {
        let given = if n.is_multiple_of(2) {
            &secret
        } else {
            "guess"
        };
        (n % 2, world.token_call("acme", &id, given).await)
    };
    let answers = join_all((0..160).map(both)).await;
    let took = clock.now_ms() - began;
    let (right, wrong): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(odd, _)| *odd == 0);
    let answers = |of: Vec<(usize, Answer)>| of.into_iter().map(|(_, a)| a).collect::<Vec<_>>();
    let (right, wrong) = (answers(right), answers(wrong));
    // A second's worth at once, and one more for each tenth of a second since.
    let most = 10 + usize::try_from(took / 100).unwrap() + 1;
    let (given, told) = (count(&right, 200), count(&wrong, 401));
    assert_eq!(given + count(&right, 429), 80);
    assert_eq!(told + count(&wrong, 429), 80);
    assert!((9..=most).contains(&given), "{given} of at most {most}");
    assert!((10..=most).contains(&told), "{told} of at most {most}");
    for answer in right.into_iter().chain(wrong) {
        assert_eq!(answer.header("ratelimit-limit"), "10");
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "1");
            answer.problem(429, "TOO_MANY_REQUESTS");
        }
    }
    world.stack.advance(Duration::from_secs(1)).await;
    world.token_call("acme", &id, &secret).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_names_leave_nothing_behind_and_keep_nobody_out() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let clients = brand.get("clients").await.ok(200);
    let id = text(&clients["clients"][0]["clientId"]);
    let before = buckets(&world);
    assert_eq!(before, [format!("A#acme#LIMIT#token:{id}")]);
    for n in 0..30 {
        for (account, client) in [
            (format!("none-{n}"), "operator".to_owned()),
            (format!("none-{n}"), id.clone()),
            ("acme".to_owned(), format!("none-{n}")),
        ] {
            let answer = world.token_call(&account, &client, "guess").await;
            answer.problem(401, "INVALID_CLIENT");
        }
    }
    assert_eq!(buckets(&world), before, "nothing is kept of them");
    for _ in 0..12 {
        let answer = world.token_call("acme", &id, "guess").await;
        assert!(matches!(answer.status, 401 | 429));
    }
    let answer = world.token_call("acme", &id, &brand.client_secret).await;
    answer.ok(200);
    let path = "/api/account/acme/service/sentinel/baseURI.json?version=1.0";
    let open = world.call(Method::GET, path, None, &[], None).await;
    assert_eq!(open.header("ratelimit-limit"), "", "it costs nothing");
    open.ok(200);
}
