//! The life of a handoff, and LivePerson's listings.

use crate::{
    parts::{campaign, crowd, handoff, proactive, pushes_to, shown},
    world::{CLUB, SHOP, World, list, text},
};
use local::mischief::Mischief;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handoff_is_made_read_changed_and_deleted() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    brand.with_iphone("ana").await;
    let wanted = handoff("Renewal", &[SHOP], "Hello ${{1}}");
    let made = brand.post("handoffs", wanted.clone()).await;
    let tag = made.header("etag").to_owned();
    let made = made.ok(201);
    let id = text(&made["id"]);
    assert!(
        id.starts_with('H') && id[1..].bytes().all(|b| b.is_ascii_digit()),
        "{id}"
    );
    assert_eq!(made["name"], "Renewal");
    assert_eq!(
        (&made["lookbackPeriodDay"], &made["lookbackPeriodHour"]),
        (&json!(1), &json!(0))
    );
    let component = &made["channels"][0]["messageComponents"][0];
    assert_eq!(component["messageText"], "Hello ${{1}}");
    assert_eq!(component["variables"], json!(["1"]));

    let path = format!("handoffs/{id}");
    let read = brand.get(&path).await;
    assert_eq!(read.header("etag"), tag);
    assert_eq!(read.ok(200), made);
    let before = brand.launch(campaign(&id, &["ana"])).await;

    let new = handoff("Renewal 2", &[SHOP, CLUB], "Good day ${{1}}");
    let put = async |tag: &str, body: &Value| {
        brand
            .send(Method::PUT, &path, &[("if-match", tag)], Some(body.clone()))
            .await
    };
    let changed = put(&tag, &new).await.ok(200);
    assert_eq!(changed["name"], "Renewal 2");
    assert_eq!(changed["createdAt"], made["createdAt"]);
    put(&tag, &wanted).await.problem(409, "CHANGED");
    put("nonsense", &wanted)
        .await
        .problem(400, "INVALID_HEADER");
    let after = brand.launch(campaign(&id, &["ana"])).await;
    world.stack.settled().await.unwrap();
    for (campaign, greeting) in [(&before, "Hello ana"), (&after, "Good day ana")] {
        assert_eq!(brand.recipient(campaign, "ana").await["text"], greeting);
    }
    let pushes = pushes_to(&world.stack, "ana");
    let mut texts: Vec<_> = pushes.iter().map(shown).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["Good day ana", "Hello ana"]);

    let other = world.brand("other").await;
    other.get(&path).await.problem(404, "NOT_FOUND");
    other.delete(&path).await.problem(404, "NOT_FOUND");
    brand.delete(&path).await.problem(409, "HANDOFF_IN_USE");
    brand.delete(&format!("{path}?stop=true")).await.ok(204);
    brand.get(&path).await.problem(404, "NOT_FOUND");
    brand.delete(&path).await.problem(404, "NOT_FOUND");
    let gone = brand.post("campaign", campaign(&id, &["ana"])).await;
    gone.problem(422, "UNKNOWN_HANDOFF");
    brand.look(&before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn titles_are_unique_whatever_their_case() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let named = |name: &str| handoff(name, &[SHOP], "Hello");
    let id = brand.handoff(named("Renewal")).await;
    let taken = brand
        .post("handoffs", named("rENEWAL"))
        .await
        .problem(409, "NAME_TAKEN");
    assert_eq!(taken["errors"][0]["pointer"], "/name");
    let other = brand.handoff(named("Other")).await;
    let taken = brand
        .put(&format!("handoffs/{other}"), named("Renewal"))
        .await;
    taken.problem(409, "NAME_TAKEN");
    let (a, b) = tokio::join!(
        brand.post("handoffs", named("At once")),
        brand.post("handoffs", named("At once"))
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);

    brand
        .put(&format!("handoffs/{id}"), named("Renamed"))
        .await
        .ok(200);
    brand.handoff(named("Renewal")).await;
    brand.delete(&format!("handoffs/{id}")).await.ok(204);
    brand.handoff(named("Renamed")).await;
    world.brand("other").await.handoff(named("Renamed")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_page_through_all_handoffs() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let other = world.brand("other").await;
    other.handoff(handoff("Theirs", &[SHOP], "Hello")).await;
    for n in 0..5 {
        brand
            .handoff(handoff(&format!("Offer {n}"), &[SHOP], "Hello"))
            .await;
    }
    let names = |answer: &Value, field: &str| -> Vec<String> {
        let all = if field.is_empty() {
            list(answer)
        } else {
            list(&answer[field])
        };
        all.iter().map(|handoff| text(&handoff["name"])).collect()
    };
    let listings = [
        "handoffs",
        "/api/account/acme/app/prmsg/handoffs/list",
        "/api/account/acme/app/prmsg/handoffs/list/channel/inapp",
    ];
    for listing in listings {
        let mut seen = Vec::new();
        for offset in [0, 2, 4] {
            let page = format!("{listing}?v=1&limit=2&offset={offset}");
            let page = brand.get(&page).await.ok(200);
            seen.extend(names(&page, "handoffs"));
        }
        seen.sort();
        let all: Vec<_> = (0..5).map(|n| format!("Offer {n}")).collect();
        assert_eq!(seen, all, "{listing}");
        let past = brand
            .get(&format!("{listing}?limit=2&offset=6"))
            .await
            .ok(200);
        assert_eq!(past["handoffs"], json!([]), "{listing}");
        let whole = brand.get(listing).await.ok(200);
        assert_eq!(names(&whole, "handoffs").len(), 5, "{listing}");
        for bad in ["limit=0", "limit=x", "offset=-1"] {
            let refused = brand.get(&format!("{listing}?{bad}")).await;
            refused.problem(400, "INVALID_QUERY");
        }
    }
    for (filter, found) in [
        ("name=OFFER", 5),
        ("name=offer%203", 1),
        ("name=Theirs", 0),
        ("channel=inapp", 5),
        ("channel=wa", 0),
        ("name=4&channel=inapp", 1),
    ] {
        let page = brand.get(&format!("handoffs?{filter}")).await.ok(200);
        assert_eq!(page["total"], found, "{filter}");
        assert_eq!(list(&page["handoffs"]).len(), found, "{filter}");
    }
    let channel = "/api/account/acme/app/prmsg/handoffs/list/channel/wa";
    assert_eq!(brand.get(channel).await.ok(200)["handoffs"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn titles_hold_no_markup() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    for name in ["a<b", "a>b", "<script>", " ", "a\u{0}b"] {
        let refused = brand
            .post("handoffs", handoff(name, &[SHOP], "Hello"))
            .await;
        let refused = refused.problem(422, "INVALID_NAME");
        assert_eq!(refused["errors"][0]["pointer"], "/name");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handoff_is_deleted_once_its_messages_are_over_or_stopped() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let crowd = crowd("c", 20);
    for id in &crowd {
        brand.with_iphone(id).await;
    }
    let id = brand.greeting().await;
    let path = format!("handoffs/{id}");
    // Some messages are on their way for up to an hour.
    let queue = world.stack.queue("SendQueue").unwrap();
    queue.faults(Mischief::seeded(7).delay(0.5, Duration::from_hours(1)));
    let made = brand.launch(campaign(&id, &crowd)).await;
    world.stack.quiet().await.unwrap();
    let sent = brand.look(&made).await["counts"]["sent"].as_u64().unwrap();
    assert!((1..20).contains(&sent), "{sent}");
    brand.delete(&path).await.problem(409, "HANDOFF_IN_USE");
    brand
        .delete(&format!("{path}?stop=maybe"))
        .await
        .problem(400, "INVALID_QUERY");

    world.stack.reset_usage();
    brand.delete(&format!("{path}?stop=true")).await.ok(204);
    let requests = world.stack.usage().of("create-handoff", "dynamodb:").calls;
    assert!(requests <= 4, "{requests} requests to DynamoDB");
    let seen = brand.look(&made).await;
    let counts = &seen["counts"];
    let (cancelled, left) = (&counts["cancelled"], &counts["sent"]);
    assert_eq!((cancelled, left), (&json!(20 - sent), &json!(sent)));
    assert_eq!(seen["state"], "CANCELLED");
    queue.faults(Mischief::seeded(7));
    world.stack.advance(Duration::from_hours(2)).await;
    world.stack.settled().await.unwrap();
    let brand = brand.refreshed();
    assert_eq!(brand.look(&made).await["counts"], seen["counts"]);
    assert_eq!(proactive(&world.stack).len() as u64, sent);

    // Another, whose day is over, goes as it is.
    let id = brand.greeting().await;
    brand.launch(campaign(&id, &crowd[..1])).await;
    world.stack.settled().await.unwrap();
    world.stack.advance(Duration::from_hours(24)).await;
    let brand = brand.refreshed();
    // The account's pace is read once a minute.
    brand.get("handoffs").await.ok(200);
    world.stack.reset_usage();
    brand.delete(&format!("handoffs/{id}")).await.ok(204);
    let requests = world.stack.usage().of("create-handoff", "dynamodb:").calls;
    assert!(requests <= 3, "{requests} requests to DynamoDB");
}
