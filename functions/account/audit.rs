//! Who changed what of the account, and when.

use crate::Ports;
use axum::extract::State;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{
    access::Role,
    audit::{Entry, ReadAudit as _},
    id::{AccountId, AuditId},
};
use jiff::Timestamp;
use lambda::{Allowed, Json, Kind, Problem, Query, may, problem::Refusals};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which page of the log is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Window {
    /// Where the page starts: the `cursor` of the page before.
    cursor: Option<String>,
    /// The most of a page, 1 to 100; 100 by default.
    limit: Option<u32>,
}

/// A page of the audit log, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditLog {
    entries: Vec<AuditEntry>,
    /// Where the next page starts; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// A change that was made. It holds no secret and no text.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditEntry {
    /// Which one.
    #[schema(value_type = String, format = "uuid")]
    id: AuditId,
    /// When.
    #[schema(value_type = String, format = "date-time", example = "2026-11-23T09:00:00Z")]
    at: Timestamp,
    /// Who: the subject of the token. Of a client it is the client's id.
    #[schema(example = "5c1e0f7d9a4b4f0e8d3c2b1a09f8e7d6")]
    by: String,
    /// What they were allowed to do.
    #[schema(value_type = Vec<String>, example = json!(["admin"]))]
    roles: Vec<Role>,
    /// What was done.
    #[schema(example = "HANDOFF_CHANGED")]
    action: &'static str,
    /// To what: an id or a name.
    #[schema(example = "H5402045627")]
    target: String,
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            at: entry.by.at,
            by: entry.by.subject,
            roles: entry.by.roles,
            action: entry.action.as_str(),
            target: entry.target,
        }
    }
}

/// A place in an account's log, as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct Position {
    account: AccountId,
    before: AuditId,
}

impl Position {
    fn cursor(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Where `cursor` goes on.
    fn resume(cursor: &str, account: &AccountId) -> Result<AuditId, Problem> {
        BASE64_URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|json| serde_json::from_slice::<Self>(&json).ok())
            .filter(|position| position.account == *account)
            .map(|position| position.before)
            .ok_or_else(|| {
                let detail =
                    "the cursor must be one that this listing gave: leave it out to start anew";
                Problem::new(Kind::InvalidCursor, detail)
            })
    }
}

/// Who changed what of the account's configuration, handoffs and campaigns, newest first.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/audit", tag = "Account",
    operation_id = "listAudit",
    params(("accountId" = String, Path, description = "The account."), Window),
    responses((status = 200, description = "A page.", body = AuditLog), Refusals)
)]
pub(super) async fn list(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadAudit>,
    Query(window): Query<Window>,
) -> Result<Json<AuditLog>, Problem> {
    let limit = window.limit.unwrap_or(100);
    if !(1..=100).contains(&limit) {
        return Err(Problem::new(Kind::InvalidQuery, "`limit` must be 1 to 100"));
    }
    let account = &caller.account;
    let before = window
        .cursor
        .map(|cursor| Position::resume(&cursor, account))
        .transpose()?;
    // One more tells whether there is a next page.
    let mut entries = ports.table.audit(account, before, limit + 1).await?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let cursor = entries.last().filter(|_| more).map(|last| {
        let position = Position {
            account: account.clone(),
            before: last.id,
        };
        position.cursor()
    });
    Ok(Json(AuditLog {
        entries: entries.into_iter().map(AuditEntry::from).collect(),
        cursor,
    }))
}
