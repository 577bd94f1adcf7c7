//! What the sandbox takes at most, by `h2load`: a load generator in C that builds no message.

use crate::{SENDERS, process::on_core, target::Target};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// So many devices, again and again.
const DEVICES: u64 = 10_000;

pub(crate) struct Ceiling {
    headers: Vec<String>,
    payload: PathBuf,
    devices: PathBuf,
}

impl Ceiling {
    /// None without `h2load`.
    pub(crate) fn new(target: &Target, folder: &Path) -> Option<Self> {
        Command::new("h2load").arg("--version").output().ok()?;
        let header = Header {
            kid: Some(target.key_id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        let claims = json!({"iss": target.team_id, "iat": jiff::Timestamp::now().as_second()});
        let key = EncodingKey::from_ec_pem(&fs::read(&target.key).unwrap()).unwrap();
        let token = encode(&header, &claims, &key).unwrap();
        let id = "01a20659-33c4-75c9-a74c-f8ad82f4550d";
        let mut payload = target.custom.clone();
        payload["transactionId"] = id.into();
        payload["aps"] = json!({
            "alert": {"title": target.title, "body": target.body},
            "sound": "default",
        });
        let (file, devices) = (folder.join("payload.json"), folder.join("devices"));
        fs::write(&file, payload.to_string()).unwrap();
        let url = |n| format!("{}/3/device/{}", target.url, Target::device(n));
        let urls: Vec<_> = (0..DEVICES).map(url).collect();
        fs::write(&devices, urls.join("\n") + "\n").unwrap();
        Some(Self {
            headers: vec![
                format!("authorization: bearer {token}"),
                format!("apns-topic: {}", target.topic),
                "apns-push-type: alert".to_owned(),
                "apns-priority: 10".to_owned(),
                format!("apns-expiration: {}", target.expiration),
                format!("apns-collapse-id: {id}"),
                format!("apns-id: {id}"),
            ],
            payload: file,
            devices,
        })
    }

    /// How many messages were taken, in how many seconds.
    pub(crate) fn send(&self, in_flight: u64, millis: u64) -> (u64, f64) {
        let millis = format!("{millis}ms");
        let mut command = on_core(SENDERS, Path::new("h2load"));
        command
            .args(["--threads", "1", "--clients", "1", "--duration", &millis])
            .args(["--max-concurrent-streams", &in_flight.to_string()])
            .arg("--data")
            .arg(&self.payload)
            .arg("--input-file")
            .arg(&self.devices);
        for header in &self.headers {
            command.args(["--header", header]);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let number = |before: &str, after: &str| -> f64 {
            let (rest, _) = said.split_once(after).expect(&said);
            let (_, number) = rest.rsplit_once(before).expect(&said);
            number.trim().parse().expect(&said)
        };
        let accepted = number("status codes:", " 2xx");
        let per_second = number("s,", " req/s");
        assert!(
            said.contains(" 0 4xx, 0 5xx"),
            "the sandbox refuses: {said}"
        );
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count"
        )]
        (accepted as u64, accepted / per_second)
    }
}
