//! What every sender is told: where the gateway is, with which key, and what to send.

use sandbox::{Environment, Sandbox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The gateway and the message, as a file that senders in any language read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Target {
    /// The gateway.
    pub(crate) url: String,
    pub(crate) port: u16,
    /// The control API.
    pub(crate) control: String,
    /// The file of the authority to trust.
    pub(crate) ca: PathBuf,
    /// The file of the signing key, and its names.
    pub(crate) key: PathBuf,
    pub(crate) key_id: String,
    pub(crate) team_id: String,
    pub(crate) topic: String,
    /// The alert's texts.
    pub(crate) title: String,
    pub(crate) body: String,
    /// Seconds since 1970.
    pub(crate) expiration: i64,
    /// What stands beside `aps`; each message has a `transactionId` of its own besides.
    pub(crate) custom: Value,
}

impl Target {
    /// Writes into `folder` what is needed to send to `sandbox`.
    pub(crate) fn write(sandbox: &Sandbox, folder: &Path) -> Self {
        let key = sandbox.apns_key();
        let url = sandbox.apns_url(Environment::Production);
        let (ca, p8) = (folder.join("ca.pem"), folder.join("key.p8"));
        fs::write(&ca, sandbox.ca_pem()).unwrap();
        fs::write(&p8, &key.pem).unwrap();
        let expires = sandbox.now() + jiff::SignedDuration::from_hours(24);
        let target = Self {
            port: url.rsplit_once(':').unwrap().1.parse().unwrap(),
            url,
            control: format!("http://{}/control", sandbox.control_address().unwrap()),
            ca,
            key: p8,
            key_id: key.key_id,
            team_id: key.team_id,
            topic: "com.example.shop".to_owned(),
            title: "Back in stock".to_owned(),
            body: "Hi Ana! What you were looking for is back in stock. May we help you choose?"
                .to_owned(),
            expiration: expires.as_second(),
            custom: json!({
                "brandId": "demo",
                "backendService": "prmsg",
                "lookBackPeriod": 86_400_000,
                "expirationEpochTime": expires.as_millisecond(),
                "leCampaignId": "2579096264",
                "leEngagementId": "7054589225",
                "externalConsumerId": "ana",
            }),
        };
        fs::write(
            folder.join("target.json"),
            serde_json::to_vec_pretty(&target).unwrap(),
        )
        .unwrap();
        target
    }

    /// What [`Self::write`] wrote.
    pub(crate) fn read(file: &Path) -> Self {
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    }

    /// The `n`th device.
    pub(crate) fn device(n: u64) -> String {
        format!("{n:064x}")
    }
}
