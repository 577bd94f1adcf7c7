//! Skills: the queues of agents to which replies go.

use crate::Ports;
use axum::{extract::State, http::StatusCode};
use domain::{
    account::{Skill, SkillStore as _},
    clock::Clock as _,
    id::SkillName,
    text,
};
use lambda::{Allowed, At as _, Json, Named, Path, Problem, may, problem::Refusals};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most characters of a description.
const MAX_DESCRIPTION: usize = 1_000;

/// What a skill is for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SkillDescription {
    /// What it is for, in at most 1,000 characters.
    #[schema(example = "Questions before buying")]
    description: Option<String>,
}

/// A skill.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SkillAnswer {
    /// What it is called.
    #[schema(value_type = String, example = "sales")]
    name: SkillName,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Questions before buying")]
    description: Option<String>,
}

/// All skills of the account.
#[derive(Serialize, ToSchema)]
pub(super) struct SkillList {
    /// The skills, by name.
    skills: Vec<SkillAnswer>,
}

impl From<Skill> for SkillAnswer {
    fn from(skill: Skill) -> Self {
        Self {
            name: skill.name,
            description: skill.description,
        }
    }
}

/// Adds or describes a skill.
#[utoipa::path(
    put, path = "/api/v2/account/{accountId}/skills/{name}", tag = "Account",
    operation_id = "putSkill",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("name" = String, Path, description = "The skill's name."),
    ),
    request_body = SkillDescription,
    responses((status = 200, description = "The skill.", body = SkillAnswer), Refusals)
)]
pub(super) async fn put(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Named(name): Named<SkillName>,
    Json(request): Json<SkillDescription>,
) -> Result<Json<SkillAnswer>, Problem> {
    if let Some(description) = &request.description {
        text::written(description, MAX_DESCRIPTION).at("/description")?;
    }
    let skill = Skill {
        name,
        description: request.description,
    };
    let by = caller.at(ports.clock.now());
    ports.table.put_skill(&by, &skill).await?;
    Ok(Json(skill.into()))
}

/// A skill.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/skills/{name}", tag = "Account",
    operation_id = "getSkill",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("name" = String, Path, description = "The skill's name."),
    ),
    responses((status = 200, description = "The skill.", body = SkillAnswer), Refusals)
)]
pub(super) async fn get(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConfiguration>,
    Path(name): Path<SkillName>,
) -> Result<Json<SkillAnswer>, Problem> {
    let skill = ports.table.skill(&caller.account, &name).await?;
    skill
        .map(|skill| Json(skill.into()))
        .ok_or_else(Problem::not_found)
}

/// All skills.
#[utoipa::path(
    get, path = "/api/v2/account/{accountId}/skills", tag = "Account",
    operation_id = "listSkills",
    params(("accountId" = String, Path, description = "The account.")),
    responses((status = 200, description = "The skills.", body = SkillList), Refusals)
)]
pub(super) async fn list(
    State(ports): State<Ports>,
    caller: Allowed<may::ReadConfiguration>,
) -> Result<Json<SkillList>, Problem> {
    let skills = ports.table.skills(&caller.account).await?;
    let skills = skills.into_iter().map(SkillAnswer::from).collect();
    Ok(Json(SkillList { skills }))
}

/// Removes a skill. Conversations that wait in its queue stay there.
#[utoipa::path(
    delete, path = "/api/v2/account/{accountId}/skills/{name}", tag = "Account",
    operation_id = "deleteSkill",
    params(
        ("accountId" = String, Path, description = "The account."),
        ("name" = String, Path, description = "The skill's name."),
    ),
    responses((status = 204, description = "It is gone."), Refusals)
)]
pub(super) async fn delete(
    State(ports): State<Ports>,
    caller: Allowed<may::WriteConfiguration>,
    Path(name): Path<SkillName>,
) -> Result<StatusCode, Problem> {
    let by = caller.at(ports.clock.now());
    let was_there = ports.table.remove_skill(&by, &name).await?;
    was_there
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(Problem::not_found)
}
