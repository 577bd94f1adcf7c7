//! The routes of the consumer's side of the chat.

use crate::chat::{After, ConversationBody, EntryBody};
use crate::{Ports, routes::routes};
use axum::{extract::State, http::StatusCode};
use domain::{
    conversation::{MAX_ENTRY_CHARS, ReadConversation, ReadStanding},
    id::TransactionId,
    reply::{self, Reply},
    text,
};
use lambda::{At as _, Json, LoggedIn, Problem, Query, problem::Refusals};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

routes! {
    /// All routes of the function.
    pub fn routes() -> Ports {
        read, write,
    }
}

/// What a consumer writes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ChatRequest)]
struct Request {
    /// The text: 1 to 5,000 characters.
    #[schema(example = "Yes, please!")]
    text: String,
    /// The message it answers: the push's `transactionId`. Without it, the newest one that
    /// lives counts.
    #[schema(format = "uuid")]
    proactive_message_id: Option<String>,
    /// The app's own id for it, which makes a retry safe for 24 hours: 1 to 128 visible
    /// ASCII characters.
    client_message_id: Option<String>,
}

impl Request {
    fn parse(self) -> Result<Reply, Problem> {
        text::written(&self.text, MAX_ENTRY_CHARS).at("/text")?;
        let message: Option<TransactionId> = self
            .proactive_message_id
            .map(|id| id.parse().at("/proactiveMessageId"))
            .transpose()?;
        if let Some(id) = &self.client_message_id
            && !((1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()))
        {
            let detail = "must be 1 to 128 visible ASCII characters";
            return Err(Problem::invalid("/clientMessageId", detail));
        }
        Ok(Reply {
            text: self.text,
            message,
            client_message: self.client_message_id,
        })
    }
}

/// Where it went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChatAnswer)]
struct Answer {
    #[schema(format = "uuid")]
    conversation_id: String,
    #[schema(format = "uuid")]
    message_id: String,
    /// Whose queue the conversation is in.
    skill: String,
    /// `waiting` or `open`.
    #[schema(example = "waiting")]
    state: &'static str,
}

/// Takes what the consumer writes: into the open conversation, or into a new one, which
/// goes to the campaign's skill within a message's lookback, else to the default skill.
#[utoipa::path(post, path = "/api/v2/account/{accountId}/me/conversation/messages", tag = "Consumer",
    operation_id = "writeMessage",
    params(("accountId" = String, Path)), request_body = Request,
    responses((status = 201, description = "Where it went.", body = Answer), Refusals))]
async fn write(
    State(ports): State<Ports>,
    consumer: LoggedIn,
    Json(request): Json<Request>,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    let said = request.parse()?;
    let replied = reply::reply(&ports.table, &ports.clock, &consumer, &said).await?;
    if let Some(origin) = &replied.follows {
        // A conversation is a trace of its own, which begins with an answer.
        trace::link(origin);
    }
    let answer = Answer {
        conversation_id: replied.conversation.to_string(),
        message_id: replied.entry.to_string(),
        skill: replied.skill.to_string(),
        state: replied.state.as_str(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The consumer's open conversation.
#[derive(Debug, Serialize, ToSchema)]
struct Chat {
    /// The conversation; null when none is open.
    conversation: Option<ConversationBody>,
    /// Its transcript, at most 200 entries: read on with `after`.
    messages: Vec<EntryBody>,
}

/// The consumer's open conversation.
#[utoipa::path(get, path = "/api/v2/account/{accountId}/me/conversation", tag = "Consumer",
    operation_id = "getChat",
    params(("accountId" = String, Path), After),
    responses((status = 200, description = "The chat.", body = Chat), Refusals))]
async fn read(
    State(ports): State<Ports>,
    consumer: LoggedIn,
    Query(after): Query<After>,
) -> Result<Json<Chat>, Problem> {
    let (table, account) = (&ports.table, &consumer.account);
    let standing = table.standing(account, &consumer.id).await?;
    let Some(id) = standing.conversation else {
        return Ok(Json(Chat {
            conversation: None,
            messages: Vec::new(),
        }));
    };
    let conversation = if let Some((skill, state)) = standing.queue {
        Some(ConversationBody::open(id, &skill, state))
    } else {
        let found = table.conversation(account, id).await?;
        found.as_ref().map(ConversationBody::from)
    };
    let messages = table
        .transcript(account, id, after.after, After::limit())
        .await?;
    Ok(Json(Chat {
        conversation,
        messages: messages.into_iter().map(EntryBody::from).collect(),
    }))
}
