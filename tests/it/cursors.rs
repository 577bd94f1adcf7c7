//! Cursors that were edited, or are another's: refused, and never a page of another account.

use crate::{
    parts::{app, campaign},
    walk::{Call, calls},
    world::{Answer, Brand, CLUB, Session, World, text},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A brand that has more than a page of everything that comes in pages.
struct Paged<'w> {
    brand: Brand<'w>,
    operator: Session<'w>,
    campaigns: [String; 2],
}

impl<'w> Paged<'w> {
    /// Everything that is only this brand's has its name in it.
    async fn open(world: &'w World, name: &str) -> Self {
        let brand = world.brand(name).await;
        for skill in ["sales", "support"] {
            brand
                .put("settings", json!({"defaultSkill": skill}))
                .await
                .ok(200);
            // It keeps the default skill for a minute.
            world.stack.kill("reply").unwrap();
            for n in 0..2 {
                brand
                    .consumer(&format!("{name}-{skill}-{n}"))
                    .write("Hello?")
                    .await;
            }
        }
        let handoff = brand.greeting().await;
        let crowd: Vec<_> = (0..3).map(|n| format!("{name}-{n}")).collect();
        let mut campaigns = Vec::new();
        for _ in 0..2 {
            let made = brand.launch(campaign(&handoff, &crowd)).await;
            campaigns.push(text(&made["proactiveCampaignId"]));
        }
        let club = app(&world.stack, name, CLUB);
        brand
            .put(&format!("apps/com.{name}.club"), club)
            .await
            .ok(200);
        Self {
            operator: brand.operator.clone(),
            campaigns: campaigns.try_into().unwrap(),
            brand,
        }
    }

    /// The listings of a call, each with more than one page.
    fn listings(&self, call: &Call) -> Vec<String> {
        let [one, two] = &self.campaigns;
        match call.name.as_str() {
            "listRecipients" => [one, two]
                .map(|id| format!("campaign/{id}/recipients?"))
                .to_vec(),
            "listCampaignConversations" => vec![format!("campaign/{one}/conversations?")],
            "getCampaignReport" => {
                let of = &self.brand.account;
                vec![format!("/api/account/{of}/app/prmsg/campaigns/{two}/?")]
            }
            "listAudit" => vec!["audit?".to_owned()],
            "listConversations" => ["sales", "support"]
                .map(|skill| format!("conversations?skill={skill}&"))
                .to_vec(),
            new => panic!("{new} has pages: give it more than one here"),
        }
    }

    /// Whether both are of the recipients of one campaign, in which a cursor is a place.
    fn is_of_one_campaign(&self, one: &str, other: &str) -> bool {
        let mut campaigns = self.campaigns.iter();
        campaigns.any(|id| one.contains(id) && other.contains(id))
    }

    async fn read(&self, listing: &str, cursor: &str) -> Answer {
        self.operator
            .get(&format!("{listing}limit=1&cursor={cursor}"))
            .await
    }

    /// The cursor to the second page.
    async fn cursor(&self, listing: &str) -> String {
        let first = self
            .operator
            .get(&format!("{listing}limit=1"))
            .await
            .ok(200);
        assert!(first["cursor"].is_string(), "{listing}: {first:#}");
        text(&first["cursor"])
    }
}

/// The cursor, edited in every way that is one step away, as it can stand in a query.
fn edited(cursor: &str) -> Vec<String> {
    let mut all = Vec::new();
    for at in 0..cursor.len() {
        let was = ALPHABET
            .iter()
            .position(|c| *c == cursor.as_bytes()[at])
            .unwrap();
        for step in [1, 32] {
            let other = char::from(ALPHABET[(was + step) % 64]);
            all.push(format!("{}{other}{}", &cursor[..at], &cursor[at + 1..]));
        }
        all.push(cursor[..at].to_owned());
    }
    for more in ["A", "=", "==", "AAAA", "%00", "%20", "%2B"] {
        all.push(format!("{cursor}{more}"));
        all.push(format!("{more}{cursor}"));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_cursor_is_refused_or_leads_to_a_page_of_the_same_account() {
    let world = World::start().await;
    let own = Paged::open(&world, "acme").await;
    let other = Paged::open(&world, "zebra").await;
    world.stack.settled().await.unwrap();
    let paged = calls()
        .into_iter()
        .filter(|call| call.query.contains(&"cursor".to_owned()));
    let paged: Vec<_> = paged.collect();
    assert!(paged.len() >= 3, "{}", paged.len());

    let mut cursors = Vec::new();
    for call in &paged {
        for listing in own.listings(call) {
            let cursor = own.cursor(&listing).await;
            let second = own.read(&listing, &cursor).await.ok(200);
            assert_ne!(
                text(&second.get("cursor").cloned().unwrap_or("none".into())),
                cursor
            );
            cursors.push((listing, cursor));
        }
    }
    for call in &paged {
        for listing in other.listings(call) {
            cursors.push((format!("zebra {listing}"), other.cursor(&listing).await));
        }
    }
    for call in &paged {
        for listing in own.listings(call) {
            // Those of other listings, campaigns, queues and accounts.
            for (of, cursor) in &cursors {
                let answer = own.read(&listing, cursor).await;
                if *of == listing || own.is_of_one_campaign(of, &listing) {
                    answer.ok(200);
                } else {
                    answer.problem(400, "INVALID_CURSOR");
                }
            }
        }
        let listing = &own.listings(call)[0];
        let (_, cursor) = cursors.iter().find(|(of, _)| of == listing).unwrap();
        let all = edited(cursor);
        let mut refused = 0;
        for some in all.chunks(16) {
            let answers = join_all(some.iter().map(|cursor| own.read(listing, cursor))).await;
            for (cursor, answer) in some.iter().zip(answers) {
                let what = format!("{listing} {cursor}: {answer:?}");
                assert!(!answer.body.to_string().contains("zebra"), "{what}");
                if answer.status != 200 {
                    answer.problem(400, "INVALID_CURSOR");
                    refused += 1;
                }
            }
        }
        assert!(
            refused * 2 > all.len(),
            "{}: {refused} of {}",
            call.name,
            all.len()
        );
    }
    let none: Vec<Value> = Vec::new();
    assert_eq!(
        other.brand.world.stack.pushes(),
        none,
        "nobody has a device"
    );
}
