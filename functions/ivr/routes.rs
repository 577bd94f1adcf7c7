//! The routes of IVR deflection, as LivePerson's Connect to Messaging has them.

use super::{
    body::{EligibilityAnswer, EligibilityRequest, InviteAnswer, InviteRequest, Version},
    refusal::{CallProblem, Refusal},
};
use crate::{Ports, measured, routes::routes};
use axum::extract::State;
use domain::{clock::Clock as _, ivr};
use lambda::{Allowed, Json, Query, may};

routes! {
    /// All routes of the function.
    pub fn routes() -> Ports {
        check, invite,
    }
}

/// Says whether a caller can go on in the app.
///
/// They can when they have a device that is sent to, with one of the handoff's apps, and no
/// open conversation. The handoff's source must be `IVR`. Nothing is sent.
#[utoipa::path(post, path = "/api/account/{accountId}/eligibility", tag = "IVR",
    operation_id = "checkEligibility",
    params(("accountId" = String, Path), Version), request_body = EligibilityRequest,
    responses((status = 200, description = "Whether they can.", body = EligibilityAnswer), CallProblem))]
async fn check(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteCampaigns>,
    Query(version): Query<Version>,
    Json(request): Json<EligibilityRequest>,
) -> Result<Json<EligibilityAnswer>, Refusal> {
    version.check()?;
    let asked = request.parse()?;
    let call = ivr::check(&ports.table, &ports.clock, &caller.account, asked).await?;
    Ok(Json(call.into()))
}

/// Invites a caller who was found to be eligible in the last 24 hours: sends them the handoff's
/// message as a campaign of one.
///
/// A call is invited once: sending the same again is answered the same, and sends nothing.
#[utoipa::path(post, path = "/api/account/{accountId}/invite", tag = "IVR",
    operation_id = "inviteCaller",
    params(("accountId" = String, Path), Version), request_body = InviteRequest,
    responses((status = 200, description = "The message is on its way.", body = InviteAnswer), CallProblem))]
async fn invite(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteCampaigns>,
    Query(version): Query<Version>,
    Json(request): Json<InviteRequest>,
) -> Result<Json<InviteAnswer>, Refusal> {
    version.check()?;
    let (id, skill) = request.parse()?;
    let by = caller.at(ports.clock.now());
    let trace = lambda::trace();
    let (table, clock) = (&ports.table, &ports.clock);
    let made = ivr::invite(table, clock, &by, &id, skill.as_deref(), trace).await?;
    if let Some(campaign) = made {
        measured::invited(&caller.account, &campaign);
    }
    Ok(Json(id.into()))
}
