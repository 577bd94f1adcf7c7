//! The routes of agents and bots.

use super::body::{Context, Queue, QueueQuery};
use crate::chat::{After, ConversationBody, EntryBody};
use crate::{Ports, routes::routes};
use axum::{extract::State, http::StatusCode};
use domain::{
    access::{Permission, Staff},
    agent::{self, ReadQueues},
    conversation::{Conversation, MAX_ENTRY_CHARS, ReadConversation},
    id::{ConversationId, SkillName},
    store::Cursor,
    text,
};
use lambda::{Allowed, At as _, Json, Kind, Path, Problem, Query, may, problem::Refusals};
use serde::Deserialize;
use utoipa::ToSchema;

routes! {
    /// All routes of the function.
    pub fn routes() -> Ports {
        queue, read, accept, answer, transfer, close,
    }
}

/// The skill that is asked for; by default the caller's only one.
fn skill_of(staff: &Staff, asked: Option<&str>) -> Result<SkillName, Problem> {
    let skill = match (asked, staff.skills.as_slice()) {
        (Some(name), _) => name
            .parse()
            .map_err(|e| Problem::new(Kind::InvalidQuery, format_args!("`skill` is {e}")))?,
        (None, [only]) => only.clone(),
        (None, _) => {
            let detail = "`skill` must say whose queue is wanted";
            return Err(Problem::new(Kind::InvalidQuery, detail));
        }
    };
    if staff.may_on(Permission::ReadConversations, &skill) {
        Ok(skill)
    } else {
        let detail = "the token's skills do not hold the one that is asked for";
        Err(Problem::new(Kind::Forbidden, detail))
    }
}

/// A page of a skill's conversations, oldest first.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/conversations", tag = "Agents",
    operation_id = "listConversations",
    params(("accountId" = String, Path), QueueQuery),
    responses((status = 200, description = "A page.", body = Queue), Refusals))]
async fn queue(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConversations>,
    Query(query): Query<QueueQuery>,
) -> Result<Json<Queue>, Problem> {
    let skill = skill_of(&caller, query.skill.as_deref())?;
    let (state, limit) = (query.state(), query.limit()?);
    let from = query.cursor.map(Cursor);
    let page = ports
        .table
        .queue(&caller.account, &skill, state, from.as_ref(), limit)
        .await?;
    let page = page.ok_or_else(|| {
        Problem::new(
            Kind::InvalidCursor,
            "the cursor must be one that this listing gave: leave it out to start anew",
        )
    })?;
    Ok(Json(page.into()))
}

/// A conversation: what the consumer saw, who they are, and all that was written.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/conversations/{conversationId}",
    tag = "Agents", operation_id = "getConversation",
    params(("accountId" = String, Path), ("conversationId" = String, Path), After),
    responses((status = 200, description = "The conversation.", body = Context), Refusals))]
async fn read(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConversations>,
    Path(id): Path<ConversationId>,
    Query(after): Query<After>,
) -> Result<Json<Context>, Problem> {
    let conversation = agent::read(&ports.table, &caller, id).await?;
    let transcript = ports
        .table
        .transcript(&caller.account, id, after.after, After::limit())
        .await?;
    Ok(Json(Context::new(conversation, transcript)))
}

fn shown(conversation: &Conversation) -> Json<ConversationBody> {
    Json(conversation.into())
}

/// Takes a waiting conversation.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/conversations/{conversationId}/accept",
    tag = "Agents", operation_id = "acceptConversation",
    params(("accountId" = String, Path), ("conversationId" = String, Path)),
    responses((status = 200, description = "The conversation, open.", body = ConversationBody), Refusals))]
async fn accept(
    State(ports): State<Ports>,
    caller: Allowed<may::ServeConversations>,
    Path(id): Path<ConversationId>,
) -> Result<Json<ConversationBody>, Problem> {
    Ok(shown(&agent::accept(&ports.table, &caller, id).await?))
}

/// What an agent writes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnswerRequest {
    /// The text: 1 to 5,000 characters.
    #[schema(example = "Of course: it ships today.")]
    text: String,
}

/// Answers the consumer.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/conversations/{conversationId}/messages",
    tag = "Agents", operation_id = "answerConsumer",
    params(("accountId" = String, Path), ("conversationId" = String, Path)),
    request_body = AnswerRequest,
    responses((status = 201, description = "What stands in the transcript.", body = EntryBody), Refusals))]
async fn answer(
    State(ports): State<Ports>,
    caller: Allowed<may::ServeConversations>,
    Path(id): Path<ConversationId>,
    Json(request): Json<AnswerRequest>,
) -> Result<(StatusCode, Json<EntryBody>), Problem> {
    text::written(&request.text, MAX_ENTRY_CHARS).at("/text")?;
    let (table, clock) = (&ports.table, &ports.clock);
    let entry = agent::answer(table, clock, &caller, id, request.text, trace::here()).await?;
    Ok((StatusCode::CREATED, Json(entry.into())))
}

/// Where a conversation goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TransferRequest {
    /// A skill of the account.
    #[schema(example = "support")]
    skill: String,
}

/// Gives a conversation to another skill, where it waits again.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/conversations/{conversationId}/transfer",
    tag = "Agents", operation_id = "transferConversation",
    params(("accountId" = String, Path), ("conversationId" = String, Path)),
    request_body = TransferRequest,
    responses((status = 200, description = "The conversation, waiting.", body = ConversationBody), Refusals))]
async fn transfer(
    State(ports): State<Ports>,
    caller: Allowed<may::ServeConversations>,
    Path(id): Path<ConversationId>,
    Json(request): Json<TransferRequest>,
) -> Result<Json<ConversationBody>, Problem> {
    let skill: SkillName = request.skill.parse().at("/skill")?;
    let moved = agent::transfer(&ports.table, &caller, id, &skill).await?;
    Ok(shown(&moved))
}

/// Closes a conversation.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/conversations/{conversationId}/close",
    tag = "Agents", operation_id = "closeConversation",
    params(("accountId" = String, Path), ("conversationId" = String, Path)),
    responses((status = 200, description = "The conversation, closed.", body = ConversationBody), Refusals))]
async fn close(
    State(ports): State<Ports>,
    caller: Allowed<may::ServeConversations>,
    Path(id): Path<ConversationId>,
) -> Result<Json<ConversationBody>, Problem> {
    let closed = agent::close(&ports.table, &ports.clock, &caller, id).await?;
    Ok(shown(&closed))
}
