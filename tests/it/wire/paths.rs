//! Paths and queries: every parameter of every call, given what it is not.

use super::is_sound;
use crate::{
    parts::{Device, campaign},
    walk::{Callers, calls, harmless},
    world::{World, list, text},
};
use futures_util::future::join_all;

/// What a parameter of a path is not, as it is sent.
const IN_PATHS: &[&str] = &[
    "%00",
    "%ff",
    "%c0%af",
    "%ed%a0%80",
    "%",
    "%zz",
    "%2",
    "..",
    ".",
    "%2e%2e",
    "%2F",
    "a%2Fb",
    "%5c..%5c",
    "%23",
    "%3F",
    "a%3Fb=c",
    "%25",
    "%2541",
    "%0d%0aX-A:%20b",
    "%F0%9F%98%80",
    "%20",
    "+",
    "*",
    "{}",
    "%7B%7D",
    "%22",
    "'",
    ";",
    "a,b",
    "%E2%80%AE",
    "-1",
    "null",
    "undefined",
    "99999999999999999999",
];

/// What a parameter of a query is not, as it is sent.
const IN_QUERIES: &[&str] = &[
    "",
    "%00",
    "%ff",
    "%c0%af",
    "%",
    "%zz",
    "%2",
    "-1",
    "-0",
    "0",
    "1.5",
    "1e400",
    "1e3",
    "+1",
    "0x10",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "99999999999999999999",
    "NaN",
    "true",
    "null",
    "%5B%5D",
    "%7B%7D",
    "a%26b",
    "%0d%0a",
    "%F0%9F%98%80",
    "..",
    "'",
    "AAAA",
    "-9223372036854775808",
    "9223372036854775807",
    "253402207200000",
    "-377705116800000",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_parameter_of_every_call_takes_whatever_comes() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let callers = Callers::of(&brand);
    let long = "a".repeat(5_000);
    for call in calls() {
        let body = || {
            call.body
                .as_ref()
                .map(|body| ("application/json", body.to_string()))
        };
        let mut paths = Vec::new();
        for given in call.parameters() {
            for value in IN_PATHS.iter().chain([&long.as_str()]) {
                let instead = |name: &str| {
                    if name == given {
                        (*value).to_owned()
                    } else {
                        harmless(name)
                    }
                };
                paths.push(call.at(instead));
            }
        }
        let path = call.at(harmless);
        for name in &call.query {
            for value in IN_QUERIES.iter().chain([&long.as_str()]) {
                paths.push(format!("{path}?{name}={value}"));
            }
            paths.push(format!("{path}?{name}=1&{name}=2"));
            paths.push(format!("{path}?{name}[]=1"));
            paths.push(format!("{path}?{name}"));
        }
        paths.push(format!("{path}?{}", "&".repeat(5_000)));
        paths.push(format!("{path}?unknown=1&=&=%00"));
        for some in paths.chunks(16) {
            let answers = some.iter().map(|path| callers.make(&call, path, body()));
            for (path, answer) in some.iter().zip(join_all(answers).await) {
                is_sound(&answer, &format!("{}: {} {path}", call.name, call.method));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_what_was_sent_whatever_it_is_made_of() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    // Each but the first one's beginning, or what is made of it by decoding it twice.
    let ids = [
        "ana#b",
        "ana",
        "ana%23b",
        "50%",
        "a%41",
        "aA",
        "a b",
        "a+b",
        "ä-ñ-🎉",
        "a&b=c",
        "{id}",
    ];
    for id in ids {
        brand.consumer(id).log_in(&Device::android("x")).await;
    }
    let made = brand.launch(campaign(&brand.greeting().await, &ids)).await;
    assert_eq!(list(&made["acceptedConsumers"]).len(), ids.len());
    world.stack.settled().await.unwrap();
    let campaign = text(&made["proactiveCampaignId"]);
    for id in ids {
        let part = percent(id);
        let path = format!("campaign/{campaign}/recipients/{part}");
        let seen = brand.get(&path).await.ok(200);
        assert_eq!(seen["consumerId"], id);
    }
    // Who logs out what only begins like a device's name does not log that one out.
    let ana = brand.consumer("ana");
    let mut phone = Device::android("phone");
    phone.id = "phone".to_owned();
    ana.log_in(&phone).await;
    let before = world.items()["device"];
    for name in [
        "phone%23two",
        "phone%3Ftwo",
        "phone%2F..%2Fphone",
        "x%2F..%2Fphone",
    ] {
        let gone = ana.delete(&format!("me/devices/{name}")).await;
        is_sound(&gone, name);
        assert_eq!(world.items()["device"], before, "{name}");
    }
    ana.delete("me/devices/%70hone").await.ok(204);
    assert_eq!(world.items()["device"], before - 1);
}

/// Every byte written as three.
fn percent(text: &str) -> String {
    let write = |written: String, byte| written + &format!("%{byte:02x}");
    text.bytes().fold(String::new(), write)
}
