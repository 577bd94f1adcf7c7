//! Making and changing a handoff.

use super::{
    Apps, Design, Handoff, HandoffName, HandoffStore, InsertError, MAX_HANDOFFS, ReplaceError,
};
use crate::{
    audit::Author,
    id::{AppName, HandoffId},
    store::Unavailable,
};

/// Why a handoff was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The account has a handoff of that name.
    #[error("the account has a handoff named `{}`", .0.as_str())]
    NameTaken(HandoffName),
    /// An app is not configured.
    #[error("the app `{0}` is not configured in this account: PUT …/apps/{0} first")]
    UnknownApp(AppName),
    /// The account has as many handoffs as it can have.
    #[error("an account has at most {MAX_HANDOFFS} handoffs")]
    TooMany,
    /// There is no such handoff.
    #[error("the account has no such handoff")]
    NotFound,
    /// Somebody changed it meanwhile.
    #[error("the handoff was changed meanwhile: read it again")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Makes a handoff.
///
/// # Errors
/// When the name is taken, an app is not configured, or the store fails.
pub async fn create(
    store: &impl HandoffStore,
    by: &Author,
    design: Design,
) -> Result<Handoff, SaveError> {
    let shelf = store.shelf(&by.account).await?;
    check_apps(&shelf.apps, &design.apps)?;
    if shelf.handoffs >= MAX_HANDOFFS {
        return Err(SaveError::TooMany);
    }
    let mut handoff = Handoff {
        account: by.account.clone(),
        id: HandoffId::random(),
        design,
        version: 1,
        created_at: by.at,
        updated_at: by.at,
    };
    loop {
        match store.insert(by, &handoff).await {
            Ok(()) => return Ok(handoff),
            Err(InsertError::IdTaken) => handoff.id = HandoffId::random(),
            Err(InsertError::NameTaken) => return Err(SaveError::NameTaken(handoff.design.name)),
            Err(InsertError::Store(e)) => return Err(e.into()),
        }
    }
}

/// Changes a handoff. Campaigns that run keep the texts they started with.
///
/// `expected` is the version that the caller read; `None` changes any.
///
/// # Errors
/// When there is no such handoff, it was changed meanwhile, the name is taken, an app is
/// not configured, or the store fails.
pub async fn change(
    store: &impl HandoffStore,
    by: &Author,
    id: &HandoffId,
    expected: Option<u32>,
    design: Design,
) -> Result<Handoff, SaveError> {
    let found = store.find_with(&by.account, id, &design.apps).await?;
    let old = found.handoff.ok_or(SaveError::NotFound)?;
    if expected.is_some_and(|version| version != old.version) {
        return Err(SaveError::Changed);
    }
    check_apps(&found.apps, &design.apps)?;
    let new = Handoff {
        design,
        version: old.version + 1,
        updated_at: by.at,
        ..old.clone()
    };
    match store.replace(by, &old, &new).await {
        Ok(()) => Ok(new),
        Err(ReplaceError::NameTaken) => Err(SaveError::NameTaken(new.design.name)),
        Err(ReplaceError::Changed) => Err(SaveError::Changed),
        Err(ReplaceError::Store(e)) => Err(e.into()),
    }
}

/// Whether the account has all of the apps that a handoff names.
fn check_apps(configured: &[AppName], apps: &Apps) -> Result<(), SaveError> {
    apps.as_slice()
        .iter()
        .find(|app| !configured.contains(app))
        .map_or(Ok(()), |app| Err(SaveError::UnknownApp(app.clone())))
}
