//! The calls that read.

use super::{Stage, Who, call};
use crate::{Call, world::SHOP};
use reqwest::Method;
use serde_json::json;

/// How often each call is made.
const READS: usize = 400;

impl Stage<'_> {
    #[expect(clippy::too_many_lines, reason = "a row for each call")]
    pub(super) fn reads(&self) -> Vec<Call> {
        let (id, greeting) = (&self.campaign, &self.greeting);
        let report = "/api/account/acme/app/prmsg";
        let now = self.brand.world.stack.clock().now().as_millisecond();
        let day = format!(
            "attemptedStartTime={}&attemptedEndTime={}",
            now - 3_600_000,
            now + 3_600_000
        );
        let conversation = &self.waiting[0];
        let mut calls: Vec<_> = [
            (
                "tellBaseUri",
                "token",
                "/api/account/acme/service/sentinel/baseURI.json?version=1.0".to_owned(),
            ),
            ("listApps", "account", "apps".to_owned()),
            ("getApp", "account", format!("apps/{SHOP}")),
            ("listSkills", "account", "skills".to_owned()),
            ("getSkill", "account", "skills/sales".to_owned()),
            ("getSettings", "account", "settings".to_owned()),
            ("listClients", "account", "clients".to_owned()),
            ("listWebhooks", "webhook", "webhooks".to_owned()),
            ("getWebhook", "webhook", "webhooks/late".to_owned()),
            ("listAudit", "account", "audit".to_owned()),
            ("listHandoffs", "create-handoff", "handoffs".to_owned()),
            (
                "listAllHandoffs",
                "create-handoff",
                "/api/account/acme/app/prmsg/handoffs/list".to_owned(),
            ),
            (
                "listChannelHandoffs",
                "create-handoff",
                "/api/account/acme/app/prmsg/handoffs/list/channel/inapp".to_owned(),
            ),
            (
                "getHandoff",
                "create-handoff",
                format!("handoffs/{greeting}"),
            ),
            ("getCampaign", "create-campaign", format!("campaign/{id}")),
            (
                "listCampaignConversations",
                "create-campaign",
                format!("campaign/{id}/conversations"),
            ),
            (
                "listRecipients",
                "create-campaign",
                format!("campaign/{id}/recipients"),
            ),
            (
                "getRecipient",
                "create-campaign",
                format!("campaign/{id}/recipients/c-7"),
            ),
            (
                "getAnalytics",
                "report",
                format!("{report}/analytics/?{day}"),
            ),
            (
                "getCampaignReport",
                "report",
                format!("{report}/campaigns/{id}/"),
            ),
            (
                "getCampaignAnalytics",
                "report",
                format!("{report}/campaigns/{id}/analytics/"),
            ),
        ]
        .into_iter()
        .map(|(name, function, path)| read(name, function, Who::Brand, path))
        .collect();
        calls.push(read(
            "listConversations",
            "agent",
            Who::Agent,
            "conversations?skill=support".into(),
        ));
        calls.push(read(
            "getConversation",
            "agent",
            Who::Agent,
            format!("conversations/{conversation}"),
        ));
        calls.push(read(
            "getInbox",
            "consumer",
            Who::Consumer,
            "me/messages".into(),
        ));
        calls.push(read(
            "getChat",
            "reply",
            Who::Consumer,
            "me/conversation".into(),
        ));
        let filters = [
            ("filterAnalytics", "analytics", json!({"skills": ["sales"]})),
            ("listTransactions", "transactions", json!({"limit": 100})),
        ];
        for (name, what, body) in filters {
            let path = format!("{report}/{what}/?{day}");
            let made = move |_| (path.clone(), None, Some(body.clone()));
            calls.push(call(name, "report", Who::Brand, Method::POST, READS, made));
        }
        let path = format!("handoffs/{greeting}/preview");
        let variables = json!({"variables": {"1": "Ana"}});
        let made = move |_| (path.clone(), None, Some(variables.clone()));
        calls.push(call(
            "previewHandoff",
            "create-handoff",
            Who::Brand,
            Method::POST,
            READS,
            made,
        ));
        let asked = json!({
            "consumerPhoneNumber": "+12061234567", "handoffId": self.for_calls, "skill": "support",
            "consumerId": "c-1",
        });
        let made = move |_| {
            let path = "/api/account/acme/eligibility?v=2.0".to_owned();
            (path, None, Some(asked.clone()))
        };
        calls.push(call(
            "checkEligibility",
            "ivr",
            Who::Brand,
            Method::POST,
            READS,
            made,
        ));
        calls
    }
}

fn read(name: &'static str, function: &'static str, who: Who, path: String) -> Call {
    call(name, function, who, Method::GET, READS, move |_| {
        (path.clone(), None, None)
    })
}
