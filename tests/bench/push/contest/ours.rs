//! The sender of this repository, as the contest drives it: the `push` crate's gateways, without
//! what the function does around them.

use crate::target::Target;
use domain::{
    account::Route,
    clock::Clock,
    device::{Environment, Platform},
    id::TransactionId,
    push::{Backend, Custom, Notification, Push as _, Target as Device},
};
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use push::{CannotRead, Gateways, Secrets, Settings};
use secrecy::SecretString;
use serde_json::json;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

struct Key(String);

impl Secrets for Key {
    async fn secret(&self, _: &str) -> Result<SecretString, CannotRead> {
        Ok(self.0.clone().into())
    }
}

#[derive(Clone, Copy)]
struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Sends when told to on standard input: `<in flight> <milliseconds> <first device>`.
pub(crate) async fn run(target: &Path) {
    let target = Target::read(target);
    let settings = Settings {
        apns: target.url.clone(),
        authorities: Some(fs::read_to_string(&target.ca).unwrap()),
        ..Settings::default()
    };
    let key = fs::read_to_string(&target.key).unwrap();
    let gateways = Gateways::new(&settings, Key(key), Now).unwrap();
    let route = Route::Apns {
        team_id: target.team_id.clone(),
        key_id: target.key_id.clone(),
        topic: target.topic.clone(),
        credential: "key".to_owned(),
    };
    println!("ready");
    while let Some(line) = next_line().await {
        let mut words = line.split(' ').map(|word| word.parse::<u64>().unwrap());
        let mut word = || words.next().unwrap();
        let (in_flight, millis, first) = (word(), word(), word());
        let began = Instant::now();
        let until = began + Duration::from_millis(millis);
        let (gateways, route, target) = (&gateways, &route, &target);
        let devices = (first..).take_while(|_| Instant::now() < until);
        let sent = stream::iter(devices)
            .map(|n| async move { send(gateways, route, target, n).await })
            .buffer_unordered(in_flight.try_into().unwrap());
        let (accepted, failed) = sent
            .fold((0, 0), async |(accepted, failed), ok| {
                if ok {
                    (accepted + 1, failed)
                } else {
                    (accepted, failed + 1)
                }
            })
            .await;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{}",
            json!({"accepted": accepted, "failed": failed, "seconds": seconds})
        );
    }
}

/// The next line of standard input, without keeping the connection from its work.
async fn next_line() -> Option<String> {
    let line = || std::io::stdin().lines().next();
    tokio::task::spawn_blocking(line).await.unwrap()?.ok()
}

async fn send(gateways: &Gateways<Key, Now>, route: &Route, target: &Target, n: u64) -> bool {
    let transaction = TransactionId::at(Timestamp::now());
    let text = |key: &str| target.custom[key].as_str().unwrap().to_owned();
    let notification = Notification {
        account: text("brandId").parse().unwrap(),
        title: Some(target.title.clone()),
        body: target.body.clone(),
        collapse_id: transaction.to_string(),
        expires_at: Timestamp::from_second(target.expiration).unwrap(),
        custom: Custom::Proactive {
            transaction,
            backend: Backend::Prmsg,
            lookback: SignedDuration::from_hours(24),
            le_campaign: text("leCampaignId"),
            le_engagement: text("leEngagementId"),
            consumer: text("externalConsumerId").parse().unwrap(),
        },
    };
    let token = Target::device(n).parse().unwrap();
    let device = Device {
        route,
        platform: Platform::Ios,
        environment: Environment::Production,
        token: &token,
        registered_at: Timestamp::UNIX_EPOCH,
    };
    gateways.push(device, &notification).await.is_ok()
}
