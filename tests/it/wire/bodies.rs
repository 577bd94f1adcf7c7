//! Bodies: every field of every call given what it is not, and bodies that are no JSON.

use super::{is_sound, meet};
use crate::{
    walk::{Call, Callers, calls, harmless},
    world::World,
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;

const JSON: &str = "application/json";
const MIB: usize = 1024 * 1024;

/// Values, and the type of each as the API's document calls it.
const VALUES: &[(&str, &str)] = &[
    ("null", "null"),
    ("true", "boolean"),
    ("0", "integer"),
    ("-1", "integer"),
    ("-0", "number"),
    ("1.5", "number"),
    ("1e30", "number"),
    ("4294967296", "integer"),
    ("9223372036854775808", "integer"),
    ("99999999999999999999999", "number"),
    ("\"\"", "string"),
    ("\"\\u0000\"", "string"),
    ("\"1\"", "string"),
    ("[]", "array"),
    ("[[]]", "array"),
    ("[null]", "array"),
    ("{}", "object"),
    ("{\"\":1}", "object"),
];

/// The body with this JSON at that place.
fn with(body: &Value, place: &str, json: &str) -> String {
    const HERE: &str = "it stands here";
    let mut body = body.clone();
    *body.pointer_mut(place).unwrap() = HERE.into();
    body.to_string().replace(&format!("\"{HERE}\""), json)
}

/// Makes the call with each of the bodies; what `check` says of each answer.
async fn each(
    callers: &Callers<'_>,
    call: &Call,
    bodies: Vec<(String, String)>,
    check: impl Fn(&str, crate::world::Answer),
) {
    let path = call.at(harmless) + &call.must;
    for some in bodies.chunks(16) {
        let answers = some
            .iter()
            .map(|(_, body)| callers.make(call, &path, Some((JSON, body.clone()))));
        for ((what, _), answer) in some.iter().zip(join_all(answers).await) {
            let what = format!("{}: {what}", call.name);
            is_sound(&answer, &what);
            check(&what, answer);
        }
    }
}

/// The status as the call tells it: LivePerson's calls of IVRs know 400 alone for what is wrong
/// with a body.
fn as_told(call: &Call, status: u16) -> u16 {
    let is_ivrs = ["checkEligibility", "inviteCaller"].contains(&call.name.as_str());
    if is_ivrs && status == 422 {
        400
    } else {
        status
    }
}

/// The calls that take a body.
fn with_bodies() -> Vec<(Call, Value)> {
    let with = |call: Call| call.body.clone().map(|body| (call, body));
    let mut all: Vec<_> = calls().into_iter().filter_map(with).collect();
    assert!(all.len() >= 15, "{}", all.len());
    // It can take away the pace that all these calls need.
    all.sort_by_key(|(call, _)| call.name == "putSettings");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_every_body_given_another_type_is_refused_with_its_place() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let callers = Callers::of(&brand);
    for (call, body) in with_bodies() {
        for (place, types) in &call.places {
            let bodies = VALUES.iter().map(|(json, _)| {
                let what = format!("{place} {json}");
                (what, with(&body, place, json))
            });
            let fits = |json: &str| {
                let (_, kind) = VALUES.iter().find(|(value, _)| *value == json).unwrap();
                let is = |t: &String| t == kind || (t == "number" && *kind == "integer");
                types.is_empty() || types.iter().any(is)
            };
            each(&callers, &call, bodies.collect(), |what, answer| {
                let json = what.rsplit_once(' ').unwrap().1;
                if fits(json) {
                    return;
                }
                assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
                let at = &answer.body["errors"][0]["pointer"];
                assert!(meet(at, place), "{what}: {:#}", answer.body);
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_is_missing_unknown_or_comes_twice_is_named() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let callers = Callers::of(&brand);
    for (call, body) in with_bodies() {
        let mut cases = Vec::new();
        let objects = call.places.iter().filter(|(place, _)| {
            let at = body.pointer(place).unwrap();
            at.is_object() && (place.is_empty() || !at.as_object().unwrap().is_empty())
        });
        for (place, _) in objects {
            let object = body.pointer(place).unwrap();
            let text = object.to_string();
            let inner = &text[1..];
            let closed = if inner == "}" { "" } else { "," };
            let unknown = format!("{{\"noSuchField\": 1{closed}{inner}");
            cases.push((format!("{place}/noSuchField"), with(&body, place, &unknown)));
            for (name, value) in object.as_object().unwrap() {
                let field = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                let twice = format!("{{\"{name}\": {value},{inner}");
                cases.push((field, with(&body, place, &twice)));
            }
        }
        each(&callers, &call, cases, |what, answer| {
            let place = what.split_once(": ").unwrap().1.to_owned();
            if answer.status < 400 && place.ends_with("noSuchField") {
                // Where anything goes, as in variables, anything is a name.
                return;
            }
            assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
            let at = &answer.body["errors"][0]["pointer"];
            assert!(meet(at, &place), "{what}: {:#}", answer.body);
            if !place.ends_with("noSuchField") {
                let problem = answer.problem(as_told(&call, 422), "INVALID_BODY");
                let said = problem["detail"].as_str().unwrap();
                assert!(said.contains("duplicate field"), "{what}: {said}");
                assert_eq!(problem["errors"][0]["pointer"], place, "{what}");
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_json_is_refused_by_every_call_and_does_nothing() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let callers = Callers::of(&brand);
    let before = world.items();
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    for (call, body) in with_bodies() {
        let good = body.to_string();
        let inner = &good[1..];
        let broken = [
            ("nothing", String::new(), 400),
            ("a bracket", "{".to_owned(), 400),
            ("a mark", format!("\u{feff}{good}"), 400),
            ("NUL", "\0".to_owned(), 400),
            ("NUL in it", good.replacen(':', ":\0", 1), 400),
            ("more behind it", format!("{good}{good}"), 400),
            ("half of it", good[..good.len() - 1].to_owned(), 400),
            ("single quotes", good.replace('"', "'"), 400),
            ("a comment", format!("/* */{good}"), 400),
            ("a comma", format!("{}x,}}", &good[..good.len() - 1]), 400),
            ("deep lists", deep(10_000), 400),
            ("deep objects", objects(10_000), 400),
            (
                "a deep field",
                format!("{{\"deep\": {}, {inner}", deep(10_000)),
                400,
            ),
            (
                "a number without end",
                format!("{{\"big\": 1e400, {inner}"),
                400,
            ),
            (
                "half a pair",
                format!("{{\"half\": \"\\ud83d\", {inner}"),
                400,
            ),
            ("a list", format!("[{good}]"), 422),
            ("null", "null".to_owned(), 422),
            ("a number", "7".to_owned(), 422),
            ("a string", "\"text\"".to_owned(), 422),
            (
                "too much",
                format!("{good}{}", " ".repeat(MIB + 1 - good.len())),
                413,
            ),
        ];
        // An empty object has no half.
        let broken = broken
            .into_iter()
            .filter(|(what, ..)| inner != "}" || !what.contains(' '));
        let (bodies, statuses): (Vec<_>, Vec<_>) = broken
            .map(|(what, body, status)| ((what.to_owned(), body), (what, status)))
            .unzip();
        each(&callers, &call, bodies, |what, answer| {
            let case = what.split_once(": ").unwrap().1;
            let (_, status) = statuses.iter().find(|(name, _)| *name == case).unwrap();
            let told = as_told(&call, *status);
            assert_eq!(answer.status, told, "{what}: {answer:?}");
            let code = match status {
                400 => "MALFORMED_JSON",
                413 => "PAYLOAD_TOO_LARGE",
                _ => "INVALID_BODY",
            };
            let problem = answer.problem(told, code);
            if code == "MALFORMED_JSON" {
                let said = problem["detail"].as_str().unwrap();
                assert!(said.contains("line 1 column"), "{what}: {said}");
            }
        })
        .await;
    }
    assert_eq!(world.items(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_one_mebibyte_is_read_whatever_its_type_and_bytes_that_are_no_text_are_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let path = "/api/v2/account/acme/skills/vip";
    let token = Some(brand.token.as_str());
    let full = format!("{{\"description\": \"x\"{}}}", " ".repeat(MIB - 20));
    assert_eq!(full.len(), MIB);
    for kind in [
        JSON,
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "Application/JSON",
        "application/vnd.acme.v2+json",
        "text/plain",
        "application/json, text/plain",
        "application/x-www-form-urlencoded",
        "x",
        ";",
        "",
    ] {
        let put = Some((kind, full.clone()));
        let answer = world.call(Method::PUT, path, token, &[], put).await;
        assert_eq!(answer.ok(200)["description"], "x", "{kind}");
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [
        b"{\"description\": \"\xff\"}".to_vec(),
        b"{\"description\": \"\xc0\xaf\"}".to_vec(),
        b"{\"description\": \"\xed\xa0\x80\"}".to_vec(),
        b"{\"\xff\": 1}".to_vec(),
        b"\xff\xfe".to_vec(),
        utf16,
    ] {
        let url = format!("{}{path}", world.stack.url());
        let request = client.put(url).bearer_auth(&brand.token);
        let request = request.header("content-type", JSON).body(bytes.clone());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{bytes:?}");
        let problem: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(problem["code"], "MALFORMED_JSON", "{problem:#}");
    }
    assert_eq!(brand.get("skills/vip").await.ok(200)["description"], "x");
}
