//! Handoffs: the saved configuration of an outbound message.

use crate::{
    audit::Author,
    id::{AccountId, AppName, CampaignId, HandoffId},
    lookback::Lookback,
    store::Unavailable,
    text::{InvalidText, Placeholder, Template, Variables},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, future::Future};

/// A handoff's title: 1 to 255 characters, unique in its account, without `<` and `>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HandoffName(String);

/// Why a title was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing was left once trimmed.
    #[error("a name must not be blank")]
    Blank,
    /// Longer than a name may be.
    #[error("a name has at most {max} characters, this one has {len}")]
    TooLong {
        /// The most allowed.
        max: usize,
        /// What was given.
        len: usize,
    },
    /// A character that a name must not hold.
    #[error("a name must not hold {0:?}")]
    Character(char),
}

impl HandoffName {
    /// The most characters a title may have.
    pub const MAX: usize = 255;

    /// Parses a title, trimming it.
    ///
    /// # Errors
    /// When it is blank, too long, or holds `<`, `>` or a control character.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        name(raw, Self::MAX).map(Self)
    }

    /// The title itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Parses a name that people gave: trimmed, 1 to `max` characters, no markup, no control
/// characters.
pub(crate) fn name(raw: &str, max: usize) -> Result<String, InvalidName> {
    let name = raw.trim();
    if let Some(c) = name
        .chars()
        .find(|c| c.is_control() || matches!(c, '<' | '>'))
    {
        return Err(InvalidName::Character(c));
    }
    match name.chars().count() {
        0 => Err(InvalidName::Blank),
        len if len > max => Err(InvalidName::TooLong { max, len }),
        _ => Ok(name.to_owned()),
    }
}

impl TryFrom<String> for HandoffName {
    type Error = InvalidName;

    fn try_from(raw: String) -> Result<Self, InvalidName> {
        Self::parse(&raw)
    }
}

impl From<HandoffName> for String {
    fn from(name: HandoffName) -> Self {
        name.0
    }
}

/// What starts the messages of a handoff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Source {
    /// The brand's campaigns.
    #[default]
    Proactive,
    /// Calls that are deflected into the app.
    Ivr,
}

impl Source {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proactive => "PROACTIVE",
            Self::Ivr => "IVR",
        }
    }

    /// The reporting application that has its messages, in LivePerson's words.
    #[must_use]
    pub const fn app(self) -> &'static str {
        match self {
            Self::Proactive => "prmsg",
            Self::Ivr => "c2m",
        }
    }
}

/// 1 to 4 different apps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<AppName>", into = "Vec<AppName>")]
pub struct Apps(Vec<AppName>);

/// Why a list of apps was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApps {
    /// None, or more than [`Apps::MAX`].
    #[error("a handoff names 1 to 4 apps, this one names {0}")]
    Count(usize),
    /// The same one twice.
    #[error("the app `{0}` is named twice")]
    Twice(AppName),
}

impl Apps {
    /// The most apps a handoff may name.
    pub const MAX: usize = 4;

    /// The apps, in the handoff's order.
    #[must_use]
    pub fn as_slice(&self) -> &[AppName] {
        &self.0
    }
}

impl TryFrom<Vec<AppName>> for Apps {
    type Error = InvalidApps;

    fn try_from(apps: Vec<AppName>) -> Result<Self, InvalidApps> {
        if !(1..=Self::MAX).contains(&apps.len()) {
            return Err(InvalidApps::Count(apps.len()));
        }
        let mut seen = BTreeSet::new();
        for app in &apps {
            if !seen.insert(app) {
                return Err(InvalidApps::Twice(app.clone()));
            }
        }
        Ok(Self(apps))
    }
}

impl From<Apps> for Vec<AppName> {
    fn from(apps: Apps) -> Self {
        apps.0
    }
}

/// The three texts of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What stands in the chat.
    pub message: Template,
    /// The line above the notification, if any.
    pub title: Option<Template>,
    /// What the notification says, if it was given a text of its own.
    pub notification: Option<Template>,
    /// Whether the notification says what the chat says, even where it was given a text of
    /// its own. Such a text is kept, and its placeholders count.
    #[serde(default)]
    pub same: bool,
}

impl Content {
    /// The placeholders of all texts together: what a recipient's variables must match.
    #[must_use]
    pub fn placeholders(&self) -> BTreeSet<Placeholder> {
        [
            Some(&self.message),
            self.title.as_ref(),
            self.notification.as_ref(),
        ]
        .into_iter()
        .flatten()
        .flat_map(Template::placeholders)
        .collect()
    }

    /// The texts with their placeholders filled.
    #[must_use]
    pub fn render(&self, variables: &Variables) -> Rendered {
        Rendered {
            text: self.message.render(variables),
            title: self.title.as_ref().map(|t| t.render(variables)),
            notification: self
                .notification
                .as_ref()
                .filter(|_| !self.same)
                .map(|t| t.render(variables)),
        }
    }
}

/// What one consumer is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// What stands in the chat.
    pub text: String,
    /// The line above the notification.
    pub title: Option<String>,
    /// What the notification says, where that differs from the chat.
    pub notification: Option<String>,
}

impl Rendered {
    /// The most bytes (UTF-8) of the chat text, and of the notification's.
    pub const MAX_TEXT_BYTES: usize = 128 * 1024;
    /// The most bytes (as JSON) of a title: it is never shortened, and with it the
    /// notification must fit the gateways' 4,096 bytes.
    pub const MAX_TITLE_BYTES: usize = 1_024;

    /// What the notification says.
    #[must_use]
    pub fn body(&self) -> &str {
        self.notification.as_deref().unwrap_or(&self.text)
    }

    /// Whether a gateway can take it, shortened or not.
    #[must_use]
    pub fn fits(&self) -> bool {
        let json = |s: &str| {
            s.chars()
                .map(|c| match c {
                    '"' | '\\' | '\n' | '\t' => 2,
                    c => c.len_utf8(),
                })
                .sum::<usize>()
        };
        self.text.len() <= Self::MAX_TEXT_BYTES
            && self.body().len() <= Self::MAX_TEXT_BYTES
            && self
                .title
                .as_ref()
                .is_none_or(|t| json(t) <= Self::MAX_TITLE_BYTES)
    }

    /// Whether there is anything to show.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty() || self.body().trim().is_empty()
    }
}

/// What a brand decides of a handoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Design {
    /// What people call it; unique in its account, whatever its case.
    pub name: HandoffName,
    /// How long its messages live.
    pub lookback: Lookback,
    /// Whether a conversation that is started anew within the lookback, after an earlier
    /// one was closed, goes to the campaign's skill too.
    pub route_all: bool,
    /// What starts its messages.
    pub source: Source,
    /// The apps whose devices are notified.
    pub apps: Apps,
    /// The texts' language, as BCP 47.
    pub language: String,
    /// The texts.
    pub content: Content,
}

/// The saved configuration of an outbound message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handoff {
    /// Whose it is.
    pub account: AccountId,
    /// Which one.
    pub id: HandoffId,
    /// What it says.
    pub design: Design,
    /// Which state of it this is, from 1.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Handoff {
    /// What tells this state of it from others.
    #[must_use]
    pub fn tag(&self) -> Tag {
        Tag {
            id: self.id.clone(),
            name: self.design.name.clone(),
            version: self.version,
        }
    }
}

/// A state of a handoff: what removing it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Which handoff.
    pub id: HandoffId,
    /// What people call it.
    pub name: HandoffName,
    /// Which state of it this is.
    pub version: u32,
}

/// What making a handoff depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf {
    /// The account's apps.
    pub apps: Vec<AppName>,
    /// How many handoffs it has.
    pub handoffs: usize,
}

/// What changing a handoff depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The handoff, if the account has it.
    pub handoff: Option<Handoff>,
    /// Those of the apps asked for that the account has.
    pub apps: Vec<AppName>,
}

/// Keeps handoffs.
pub trait HandoffStore: Send + Sync {
    /// Adds a handoff.
    ///
    /// MUST return [`InsertError::NameTaken`] if the account has one of that name,
    /// whatever its case, and [`InsertError::IdTaken`] if it has one of that id.
    fn insert(
        &self,
        by: &Author,
        handoff: &Handoff,
    ) -> impl Future<Output = Result<(), InsertError>> + Send;

    /// The handoff, if the account has it.
    fn find(
        &self,
        account: &AccountId,
        id: &HandoffId,
    ) -> impl Future<Output = Result<Option<Handoff>, Unavailable>> + Send;

    /// The handoff, and which of `apps` the account has, as of this instant, in one request.
    fn find_with(
        &self,
        account: &AccountId,
        id: &HandoffId,
        apps: &Apps,
    ) -> impl Future<Output = Result<Found, Unavailable>> + Send;

    /// The account's apps and how many handoffs it has, in one request for each MB of them.
    fn shelf(&self, account: &AccountId)
    -> impl Future<Output = Result<Shelf, Unavailable>> + Send;

    /// All handoffs of the account, oldest first; at most [`MAX_HANDOFFS`].
    fn list(
        &self,
        account: &AccountId,
    ) -> impl Future<Output = Result<Vec<Handoff>, Unavailable>> + Send;

    /// Puts `new` in the place of `old`, if `old` is still what is stored.
    ///
    /// MUST return [`ReplaceError::Changed`] if it is not, and
    /// [`ReplaceError::NameTaken`] if another handoff has the new name.
    fn replace(
        &self,
        by: &Author,
        old: &Handoff,
        new: &Handoff,
    ) -> impl Future<Output = Result<(), ReplaceError>> + Send;

    /// Removes the handoff and frees its name. From then on no campaign of it is accepted.
    ///
    /// MUST return [`RemoveError::Changed`] if the handoff is not what is stored any more,
    /// and [`RemoveError::Live`] if the lookback of a message of it ends after the change.
    fn remove(
        &self,
        by: &Author,
        handoff: &Handoff,
    ) -> impl Future<Output = Result<(), RemoveError>> + Send;

    /// The handoff's campaigns whose lookback ends after `now`, as of this instant, and the
    /// handoff's state, but of some that are older than this release.
    fn running(
        &self,
        account: &AccountId,
        id: &HandoffId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Running, Unavailable>> + Send;

    /// Cancels the `running` campaigns, those that were not yet, and removes the handoff as
    /// [`Self::remove`] does, whatever lives: in one request for up to 96 of them.
    ///
    /// MUST return [`RemoveError::Live`], with the handoff not removed, if a campaign was
    /// accepted since `running` was read.
    fn stop(
        &self,
        by: &Author,
        handoff: &Tag,
        running: &Running,
    ) -> impl Future<Output = Result<(), RemoveError>> + Send;
}

/// What still goes on of a handoff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// The handoff's state, if it is known.
    pub handoff: Option<Tag>,
    /// How many campaigns of it were ever accepted.
    pub accepted: u64,
    /// The campaigns that go on, in the order in which their lookbacks end.
    pub campaigns: Vec<CampaignId>,
}

/// Why a handoff was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// Somebody changed or deleted it meanwhile.
    #[error("the handoff was changed meanwhile")]
    Changed,
    /// Messages of it live.
    #[error("messages of the handoff live")]
    Live,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// The most handoffs an account can have: a listing reads them all.
pub const MAX_HANDOFFS: usize = 1_000;

/// Why a handoff was not added.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// The account has a handoff of that name.
    #[error("the account has a handoff of that name")]
    NameTaken,
    /// The account has a handoff of that id.
    #[error("the account has a handoff of that id")]
    IdTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

/// Why a handoff was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// Another handoff has the name.
    #[error("the account has another handoff of that name")]
    NameTaken,
    /// Somebody changed or deleted it meanwhile.
    #[error("the handoff was changed meanwhile")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

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

/// Why a text of a handoff was refused, and which one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidContent {
    /// The text's field.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: InvalidText,
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

/// Why a handoff was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// There is no such handoff.
    #[error("the account has no such handoff")]
    NotFound,
    /// Somebody changed it meanwhile.
    #[error("the handoff was changed meanwhile: read it again")]
    Changed,
    /// Messages of it live.
    #[error(
        "messages of the handoff live, on devices, in inboxes or on their way: wait until their lookback ends, or delete it with `stop=true`, which cancels its campaigns"
    )]
    Live,
    /// Campaigns were accepted as fast as they were cancelled.
    #[error("campaigns of the handoff are being posted")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Unavailable),
}

impl From<RemoveError> for DeleteError {
    fn from(e: RemoveError) -> Self {
        match e {
            RemoveError::Changed => Self::Changed,
            RemoveError::Live => Self::Live,
            RemoveError::Store(e) => Self::Store(e),
        }
    }
}

/// How often a handoff's campaigns are cancelled anew because another was accepted meanwhile.
const STOPS: usize = 5;

/// Deletes a handoff of which no message lives.
///
/// With `stop` it is deleted all the same, and its campaigns are cancelled first: what no
/// sender has in hand at this instant is never sent. Messages that were sent stay.
///
/// # Errors
/// When there is no such handoff, it was changed meanwhile, messages of it live, or the
/// store fails.
pub async fn delete(
    store: &impl HandoffStore,
    by: &Author,
    id: &HandoffId,
    expected: Option<u32>,
    stop: bool,
) -> Result<(), DeleteError> {
    let is_meant = |version| expected.is_none_or(|expected| expected == version);
    let find = async || {
        let found = store.find(&by.account, id).await?;
        found.ok_or(DeleteError::NotFound)
    };
    if !stop {
        let handoff = find().await?;
        if !is_meant(handoff.version) {
            return Err(DeleteError::Changed);
        }
        return Ok(store.remove(by, &handoff).await?);
    }
    for _ in 0..STOPS {
        let running = store.running(&by.account, id, by.at).await?;
        let handoff = match &running.handoff {
            Some(handoff) => handoff.clone(),
            None => find().await?.tag(),
        };
        if !is_meant(handoff.version) {
            return Err(DeleteError::Changed);
        }
        match store.stop(by, &handoff, &running).await {
            Err(RemoveError::Live) => {}
            done => return Ok(done?),
        }
    }
    Err(DeleteError::Busy)
}

/// Whether the account has all of the apps that a handoff names.
fn check_apps(configured: &[AppName], apps: &Apps) -> Result<(), SaveError> {
    apps.as_slice()
        .iter()
        .find(|app| !configured.contains(app))
        .map_or(Ok(()), |app| Err(SaveError::UnknownApp(app.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apps(n: usize) -> Vec<AppName> {
        (0..n).map(|i| format!("app{i}").parse().unwrap()).collect()
    }

    #[test]
    fn a_handoff_names_1_to_4_apps() {
        assert_eq!(Apps::try_from(apps(0)), Err(InvalidApps::Count(0)));
        assert!(Apps::try_from(apps(1)).is_ok());
        assert!(Apps::try_from(apps(4)).is_ok());
        assert_eq!(Apps::try_from(apps(5)), Err(InvalidApps::Count(5)));
        let twice = vec![apps(1)[0].clone(), apps(1)[0].clone()];
        assert!(matches!(Apps::try_from(twice), Err(InvalidApps::Twice(_))));
    }

    #[test]
    fn a_title_holds_no_markup() {
        assert_eq!(HandoffName::parse("a<b"), Err(InvalidName::Character('<')));
        assert_eq!(HandoffName::parse("  "), Err(InvalidName::Blank));
        assert!(HandoffName::parse(&"x".repeat(256)).is_err());
        assert_eq!(HandoffName::parse(" Renewal ").unwrap().as_str(), "Renewal");
    }

    #[test]
    fn a_message_no_gateway_could_take_does_not_fit() {
        let rendered = |title: usize, text: usize| Rendered {
            text: "x".repeat(text),
            title: Some("x".repeat(title)),
            notification: None,
        };
        assert!(rendered(1_024, 10).fits());
        assert!(!rendered(1_025, 10).fits());
        assert!(!rendered(1, Rendered::MAX_TEXT_BYTES + 1).fits());
    }

    #[test]
    fn placeholders_of_all_texts_count() {
        let content = Content {
            message: Template::parse("a ${{3}}").unwrap(),
            title: Some(Template::parse("${{1}}").unwrap()),
            notification: Some(Template::parse("b ${{2}} ${{3}}").unwrap()),
            same: false,
        };
        assert_eq!(content.placeholders(), BTreeSet::from([1, 2, 3]));
        let variables = Variables::from([(1, "A".into()), (2, "B".into()), (3, "C".into())]);
        assert_eq!(content.render(&variables).body(), "b B C");
        let same = Content {
            same: true,
            ..content
        };
        assert_eq!(same.placeholders(), BTreeSet::from([1, 2, 3]));
        assert_eq!(same.render(&variables).body(), "a C");
    }
}
