//! Checking recipients, one by one: a bad one never stops another.

use crate::{
    handoff::Content,
    id::ConsumerId,
    text::{self, MAX_VARIABLE_CHARS, Placeholder, Variables},
};
use std::collections::{BTreeMap, BTreeSet};

/// A recipient as the caller wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The `inapp` address, if there was one.
    pub consumer: Option<String>,
    /// The variables; `None` for a value that is no string.
    pub variables: BTreeMap<String, Option<String>>,
}

/// Why a recipient was not accepted. Shown in LivePerson's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `inapp` address.
    #[error("MISSING_CONSUMER_INFORMATION==INAPP")]
    NoConsumer,
    /// The address cannot be a consumer's id.
    #[error("INVALID_CONSUMER_ID")]
    InvalidConsumer,
    /// The same consumer stands earlier in the campaign.
    #[error("DUPLICATE_NUMBER")]
    Duplicate,
    /// A value is no string.
    #[error("VARIABLE_NOT_STRING={0}")]
    NotString(String),
    /// A placeholder has no value.
    #[error("MISSING_VARIABLE={0}")]
    Missing(Placeholder),
    /// There is a value without a placeholder.
    #[error("TOO_MANY_VARIABLES")]
    TooMany,
    /// A value is longer than 1,550 characters.
    #[error("VARIABLE_TOO_LONG={0}")]
    TooLong(Placeholder),
    /// A value holds control characters.
    #[error("INVALID_VARIABLE={0}")]
    Unprintable(Placeholder),
    /// No gateway could take the message.
    #[error("MESSAGE_TOO_LARGE")]
    TooLarge,
    /// There would be nothing to show.
    #[error("MESSAGE_EMPTY")]
    Empty,
}

/// Checks a recipient against the texts.
pub(crate) fn check(
    draft: &Draft,
    content: &Content,
    seen: &mut BTreeSet<ConsumerId>,
) -> Result<(ConsumerId, Variables), Refusal> {
    let raw = draft
        .consumer
        .as_deref()
        .filter(|raw| !raw.is_empty())
        .ok_or(Refusal::NoConsumer)?;
    let consumer: ConsumerId = raw.parse().map_err(|_| Refusal::InvalidConsumer)?;
    if seen.contains(&consumer) {
        return Err(Refusal::Duplicate);
    }
    if let Some((name, _)) = draft.variables.iter().find(|(_, value)| value.is_none()) {
        return Err(Refusal::NotString(name.chars().take(32).collect()));
    }
    let mut variables = Variables::new();
    for placeholder in content.placeholders() {
        let value = draft
            .variables
            .get(&placeholder.to_string())
            .and_then(Option::as_ref)
            .ok_or(Refusal::Missing(placeholder))?;
        if value.chars().count() > MAX_VARIABLE_CHARS {
            return Err(Refusal::TooLong(placeholder));
        }
        text::printable(value).map_err(|_| Refusal::Unprintable(placeholder))?;
        variables.insert(placeholder, value.clone());
    }
    if draft.variables.len() > variables.len() {
        return Err(Refusal::TooMany);
    }
    let rendered = content.render(&variables);
    if rendered.is_blank() {
        return Err(Refusal::Empty);
    }
    if !rendered.fits() {
        return Err(Refusal::TooLarge);
    }
    seen.insert(consumer.clone());
    Ok((consumer, variables))
}

/// A recipient that can be sent to, and why another cannot.
pub(super) type Checked = (Vec<(ConsumerId, Variables)>, Vec<(usize, Refusal)>);

/// Sorts recipients into those that can be sent to and those that cannot. A bad one never
/// stops another.
pub(super) fn sort_out(drafts: &[Draft], content: &Content) -> Checked {
    let mut seen = BTreeSet::new();
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for (index, draft) in drafts.iter().enumerate() {
        match check(draft, content, &mut seen) {
            Ok(recipient) => good.push(recipient),
            Err(refusal) => refused.push((index, refusal)),
        }
    }
    (good, refused)
}
