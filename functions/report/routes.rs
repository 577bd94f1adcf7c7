//! The routes of outbound reporting.

use super::{
    analytics::{Analytics, AnalyticsFilters, AnalyticsRow, CampaignAnalytics},
    body::{Metadata, Window},
    campaign::CampaignReport,
    transactions::{TransactionsAnswer, TransactionsRequest},
};
use crate::{Ports, page::Page, routes::routes};
use axum::{Router, extract::State};
use domain::{
    campaign::{self, ReadCampaigns},
    handoff::Source,
    id::{AccountId, CampaignId},
    report::{self, ReadDays},
};
use lambda::{Allowed, Json, Path, Problem, Query, may, problem::Refusals};

routes! {
    fn documented() -> Ports {
        analytics, filtered_analytics, campaign_report, campaign_analytics, transactions,
    }
}

/// All routes of the function, each with and without the slash that LivePerson's end in.
pub fn routes() -> Router<Ports> {
    documented()
        .route(
            "/api/account/{accountId}/app/{app}/analytics",
            axum::routing::get(analytics).post(filtered_analytics),
        )
        .route(
            "/api/account/{accountId}/app/{app}/campaigns/{campaignId}",
            axum::routing::get(campaign_report),
        )
        .route(
            "/api/account/{accountId}/app/{app}/campaigns/{campaignId}/analytics",
            axum::routing::get(campaign_analytics),
        )
        .route(
            "/api/account/{accountId}/app/{app}/transactions",
            axum::routing::post(transactions),
        )
}

/// Whose messages the reporting application of the path has: `prmsg` or `c2m`.
fn source(app: &str) -> Result<Source, Problem> {
    Source::of_app(app).ok_or_else(Problem::not_found)
}

/// Counts by skill and day.
#[utoipa::path(get, path = "/api/account/{accountId}/app/{app}/analytics/", tag = "Reports",
    operation_id = "getAnalytics",
    params(("accountId" = String, Path), ("app" = String, Path, example = "prmsg"), Window),
    responses((status = 200, description = "The counts.", body = Analytics), Refusals))]
async fn analytics(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadReports>,
    Path(app): Path<String>,
    Query(window): Query<Window>,
) -> Result<Json<Analytics>, Problem> {
    let filters = AnalyticsFilters::default();
    counted(&ports, &caller.account, source(&app)?, &window, filters).await
}

/// Counts by skill and day, and by handoff when handoffs are asked for.
#[utoipa::path(post, path = "/api/account/{accountId}/app/{app}/analytics/", tag = "Reports",
    operation_id = "filterAnalytics",
    params(("accountId" = String, Path), ("app" = String, Path, example = "prmsg"), Window),
    request_body = AnalyticsFilters,
    responses((status = 200, description = "The counts.", body = Analytics), Refusals))]
async fn filtered_analytics(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadReports>,
    Path(app): Path<String>,
    Query(window): Query<Window>,
    Json(filters): Json<AnalyticsFilters>,
) -> Result<Json<Analytics>, Problem> {
    counted(&ports, &caller.account, source(&app)?, &window, filters).await
}

async fn counted(
    ports: &Ports,
    account: &AccountId,
    source: Source,
    window: &Window,
    filters: AnalyticsFilters,
) -> Result<Json<Analytics>, Problem> {
    let (from, to) = window.days()?;
    let mut days = ports.table.days(account, from, to).await?;
    days.retain(|day| day.heads.app == source.app() && filters.admit(&day.heads));
    let analytics = AnalyticsRow::group(days, filters.by_handoff());
    let request_metadata = Metadata::new(account, source, window, &filters)?;
    Ok(Json(Analytics {
        request_metadata,
        analytics,
    }))
}

/// What became of each of a campaign's recipients; of one of more than 100, a page of them.
#[utoipa::path(get, path = "/api/account/{accountId}/app/{app}/campaigns/{campaignId}/",
    tag = "Reports", operation_id = "getCampaignReport",
    params(("accountId" = String, Path), ("app" = String, Path, example = "prmsg"),
        ("campaignId" = String, Path), Page),
    responses((status = 200, description = "The recipients.", body = CampaignReport), Refusals))]
async fn campaign_report(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadReports>,
    Path((app, id)): Path<(String, CampaignId)>,
    Query(page): Query<Page>,
) -> Result<Json<CampaignReport>, Problem> {
    source(&app)?;
    let (from, limit) = (page.start(&caller.account, &id)?, page.limit()?);
    let account = &caller.account;
    let found = campaign::recipients(&ports.table, account, &id, from, limit).await?;
    let page = found.filter(|found| !found.campaign.test);
    let page = page.ok_or_else(Problem::not_found)?;
    Ok(Json(CampaignReport::new(&page)))
}

/// A campaign's counts.
#[utoipa::path(get, path = "/api/account/{accountId}/app/{app}/campaigns/{campaignId}/analytics/",
    tag = "Reports", operation_id = "getCampaignAnalytics",
    params(("accountId" = String, Path), ("app" = String, Path, example = "prmsg"),
        ("campaignId" = String, Path)),
    responses((status = 200, description = "The counts.", body = CampaignAnalytics), Refusals))]
async fn campaign_analytics(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadReports>,
    Path((app, id)): Path<(String, CampaignId)>,
) -> Result<Json<CampaignAnalytics>, Problem> {
    source(&app)?;
    let found = ports.table.overview(&caller.account, &id).await?;
    let found = found.filter(|(campaign, _)| !campaign.test);
    let (campaign, boards) = found.ok_or_else(Problem::not_found)?;
    Ok(Json(CampaignAnalytics::new(&campaign, &boards)))
}

/// A row for each message accepted in a window of at most 24 hours.
#[utoipa::path(post, path = "/api/account/{accountId}/app/{app}/transactions/", tag = "Reports",
    operation_id = "listTransactions",
    params(("accountId" = String, Path), ("app" = String, Path, example = "prmsg"), Window),
    request_body = TransactionsRequest,
    responses((status = 200, description = "A page.", body = TransactionsAnswer), Refusals))]
async fn transactions(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadReports>,
    Path(app): Path<String>,
    Query(window): Query<Window>,
    Json(request): Json<TransactionsRequest>,
) -> Result<Json<TransactionsAnswer>, Problem> {
    let source = source(&app)?;
    let times = window.of_a_day()?;
    let (offset, limit) = request.page()?;
    let filters = request.filters.parse(source)?;
    let rows = match filters {
        Some(filters) => {
            report::transactions(
                &ports.table,
                &caller.account,
                times,
                &filters,
                offset,
                limit,
            )
            .await?
        }
        None => Vec::new(),
    };
    let metadata = Metadata::new(&caller.account, source, &window, &request.filters)?;
    Ok(Json(TransactionsAnswer::new(
        metadata, offset, limit, &rows,
    )))
}
