//! Requests that two readers could read in two ways, or that are no HTTP: as raw bytes to the local
//! stack's gateway.

use crate::world::{Brand, World};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What comes of such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// It is refused.
    Refused,
    /// It is read in the one way that RFC 9112 allows, and done.
    Done,
}
use Read::{Done, Refused};

/// What stands between the request line and the body of a call that names a skill, and the body.
const REQUESTS: &[(&str, &str, &str, Read)] = &[
    ("plain", "Content-Length: 2\r\n", "{}", Done),
    (
        "chunked",
        "Transfer-Encoding: chunked\r\n",
        "2\r\n{}\r\n0\r\n\r\n",
        Done,
    ),
    (
        "two lengths",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "{} ",
        Refused,
    ),
    (
        "a list of lengths",
        "Content-Length: 2, 3\r\n",
        "{} ",
        Refused,
    ),
    ("a signed length", "Content-Length: +2\r\n", "{}", Refused),
    ("a negative length", "Content-Length: -2\r\n", "{}", Refused),
    (
        "a length in hexadecimal",
        "Content-Length: 0x2\r\n",
        "{}",
        Refused,
    ),
    (
        "a length without end",
        "Content-Length: 99999999999999999999999\r\n",
        "{}",
        Refused,
    ),
    (
        "an unknown encoding",
        "Transfer-Encoding: xchunked\r\n",
        "2\r\n{}\r\n0\r\n\r\n",
        Refused,
    ),
    (
        "an encoding over chunks",
        "Transfer-Encoding: chunked, gzip\r\n",
        "2\r\n{}\r\n0\r\n\r\n",
        Refused,
    ),
    (
        "identity",
        "Transfer-Encoding: identity\r\nContent-Length: 2\r\n",
        "{}",
        Refused,
    ),
    (
        "a bad chunk size",
        "Transfer-Encoding: chunked\r\n",
        "zz\r\n{}\r\n0\r\n\r\n",
        Refused,
    ),
    (
        "a chunk size without end",
        "Transfer-Encoding: chunked\r\n",
        "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        Refused,
    ),
    (
        "a chunk longer than told",
        "Transfer-Encoding: chunked\r\n",
        "1\r\n{}\r\n0\r\n\r\n",
        Refused,
    ),
    (
        "a folded line",
        "X-Folded: a\r\n b\r\nContent-Length: 2\r\n",
        "{}",
        Refused,
    ),
    (
        "a space before the colon",
        "Content-Length : 2\r\n",
        "{}",
        Refused,
    ),
    (
        "a space in a name",
        "X Y: 1\r\nContent-Length: 2\r\n",
        "{}",
        Refused,
    ),
    (
        "a name of nothing",
        ": 1\r\nContent-Length: 2\r\n",
        "{}",
        Refused,
    ),
    ("no colon", "Content-Length\r\n", "{}", Refused),
    (
        "a carriage return in a value",
        "X-A: a\rb\r\nContent-Length: 2\r\n",
        "{}",
        Refused,
    ),
    (
        "a NUL in a value",
        "X-A: a\0b\r\nContent-Length: 2\r\n",
        "{}",
        Refused,
    ),
    (
        "a NUL in a name",
        "X\0A: a\r\nContent-Length: 2\r\n",
        "{}",
        Refused,
    ),
    (
        "two hosts",
        "Host: other.example\r\nContent-Length: 2\r\n",
        "{}",
        Refused,
    ),
];

/// Sends the bytes, and reads until the other side closes: the status of each answer.
async fn send(world: &World, bytes: &[u8]) -> Vec<u16> {
    let address = world.stack.url().trim_start_matches("http://");
    let mut line = TcpStream::connect(address).await.unwrap();
    // Who refuses early may have closed by then.
    line.write_all(bytes).await.ok();
    let mut read = Vec::new();
    let all = tokio::time::timeout(Duration::from_mins(1), line.read_to_end(&mut read));
    let what = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    all.await
        .unwrap_or_else(|_| panic!("no answer to {what:?}"))
        .ok();
    let read = String::from_utf8_lossy(&read);
    let answers = read.split("HTTP/1.1 ").skip(1);
    answers.map(|answer| answer[..3].parse().unwrap()).collect()
}

/// A request that names a skill, with these lines and this body.
fn request(brand: &Brand<'_>, skill: &str, lines: &str, body: &str) -> String {
    format!(
        "PUT /api/v2/account/acme/skills/{skill} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         {lines}\r\n{body}",
        brand.token
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_can_be_read_in_two_ways_is_refused() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    for (n, (what, lines, body, read)) in REQUESTS.iter().enumerate() {
        let skill = format!("s{n}");
        let statuses = send(&world, request(&brand, &skill, lines, body).as_bytes()).await;
        let is_there = brand.get(&format!("skills/{skill}")).await.status == 200;
        match read {
            Done => assert_eq!((&statuses[..], is_there), (&[200][..], true), "{what}"),
            Refused => {
                // Who has said what is wrong with a line closes it; no second answer comes.
                let refused =
                    statuses.len() <= 1 && statuses.iter().all(|s| (400..500).contains(s));
                assert!(refused && !is_there, "{what}: {statuses:?}, {is_there}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hides_behind_a_request_is_never_taken_for_another_ones_body_or_request() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let hidden = request(&brand, "hidden", "Content-Length: 2\r\n", "{}");
    let before = world.items();
    // By its length all of this is one body; by its chunks the body ends before what is hidden.
    let chunked = format!("0\r\n\r\n{hidden}");
    let lengths = [
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
            chunked.len()
        ),
        format!(
            "Transfer-Encoding: chunked\r\nContent-Length: {}\r\n",
            chunked.len()
        ),
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: chunked, chunked\r\n",
            chunked.len()
        ),
        format!(
            "Content-Length: {}\r\nTransfer-Encoding:\u{b}chunked\r\n",
            chunked.len()
        ),
        format!(
            "Content-Length: {}\r\nTransfer-Encoding: xchunked\r\n",
            chunked.len()
        ),
    ];
    for lines in lengths {
        let bytes = request(&brand, "open", &lines, &chunked);
        let statuses = send(&world, bytes.as_bytes()).await;
        assert!(statuses.len() <= 1, "{lines}: {statuses:?}");
        assert!(
            statuses.iter().all(|s| (400..500).contains(s)),
            "{lines}: {statuses:?}"
        );
    }
    assert_eq!(world.items(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_http_is_refused_or_cut_off() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    let long = "a".repeat(100_000);
    let many = "X-Many: 1\r\n".repeat(200);
    let path = "/api/v2/account/acme/skills";
    let auth = format!(
        "Host: localhost\r\nAuthorization: Bearer {}\r\nConnection: close\r\n",
        brand.token
    );
    for bytes in [
        "\r\n\r\n\r\nnothing\r\n\r\n".to_owned(),
        format!("GET {path} HTTP/9.9\r\n{auth}\r\n"),
        format!("GET {path}\r\n{auth}\r\n"),
        format!("GET  {path} HTTP/1.1\r\n{auth}\r\n"),
        format!("GET {path} x HTTP/1.1\r\n{auth}\r\n"),
        format!("G\0T {path} HTTP/1.1\r\n{auth}\r\n"),
        format!("BREW {path} HTTP/1.1\r\n{auth}\r\n"),
        format!("GET {path}\0 HTTP/1.1\r\n{auth}\r\n"),
        format!("GET {path}/\u{e4} HTTP/1.1\r\n{auth}\r\n"),
        format!("GET {path}/{long} HTTP/1.1\r\n{auth}\r\n"),
        format!("GET {path}?cursor={long} HTTP/1.1\r\n{auth}\r\n"),
        format!("GET {path} HTTP/1.1\r\nConnection: close\r\nHost: a b\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nConnection: close\r\nHost: [\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nConnection: close\r\nHost:\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n"),
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {long}\r\n\r\n"
        ),
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer \u{fc}\r\n\r\n"
        ),
        format!("GET {path} HTTP/1.1\r\n{many}{auth}\r\n"),
        format!("CONNECT localhost:443 HTTP/1.1\r\n{auth}\r\n"),
        format!("OPTIONS * HTTP/1.1\r\n{auth}\r\n"),
        "\u{16}\u{3}\u{1}\0\u{a5}\u{1}\0\0\u{a1}\u{3}\u{3}\r\n\r\n".to_owned(),
    ] {
        let what: String = bytes.chars().take(80).collect();
        let statuses = send(&world, bytes.as_bytes()).await;
        let refused = statuses.len() <= 1 && statuses.iter().all(|s| (400..500).contains(s));
        assert!(refused, "{what:?}: {statuses:?}");
    }
    brand.get("skills").await.ok(200);
}
