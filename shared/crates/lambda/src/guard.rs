//! The way in: nobody passes without a token, nobody faster than they may, and a handler
//! has its account from its caller alone.
//!
//! [`Guard::over`] puts it before a function's routes. A handler says whom it is for with
//! [`Allowed`] or [`LoggedIn`]; without a guard these refuse, so that neither can be
//! forgotten.

use crate::{
    Environment, Error,
    auth::{BrandTokens, ConsumerTokens, FetchJwks, HttpsJwks, bearer, claims_to_be_ours},
    cache::Cache,
    extract::params::{ACCOUNT, raw},
    may::Grant,
    pace,
    problem::{Kind, Problem},
    secrets::{ReadSecrets, Secrets},
};
use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::request::Parts,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use domain::{
    access::{Consumer, Staff},
    account::{ReadApps, ReadSettings, Service},
    clock::{Clock, SystemClock},
    id::AccountId,
    limit::{Decision, Limiter, Pace},
    store::Unavailable,
};
use jiff::{SignedDuration, Timestamp};
use std::{marker::PhantomData, ops::Deref, sync::Arc};

/// Calls that share a pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Campaigns, handoffs and the configuration.
    Campaigns,
    /// Reports.
    Reports,
    /// Agents' and bots' calls.
    Agents,
    /// IVRs' calls.
    Calls,
}

impl Group {
    const fn bucket(self) -> &'static str {
        match self {
            Self::Campaigns => "campaigns",
            Self::Reports => "reports",
            Self::Agents => "agents",
            Self::Calls => "calls",
        }
    }
}

/// A consumer's pace.
const CONSUMERS: Pace = Pace { per_second: 10 };
/// How long an account's pace is used before it is read again, and that it is served.
const KEPT: SignedDuration = SignedDuration::from_secs(60);

/// Knows callers and holds them to their pace.
pub struct Guard<S, R = Secrets, F = HttpsJwks, C = SystemClock>(Arc<Inner<S, R, F, C>>);

impl<S, R, F, C> Clone for Guard<S, R, F, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<S, R, F, C> {
    store: S,
    group: Group,
    clock: C,
    /// `None` where only consumers call: such a function has no right to the key.
    brand: Option<BrandTokens<R>>,
    consumers: ConsumerTokens<F>,
    /// Of accounts that are served.
    paces: Cache<AccountId, Pace>,
}

/// Who was let in.
#[derive(Clone)]
enum Caller {
    Staff(Staff),
    Consumer(Consumer),
}

impl Caller {
    const fn account(&self) -> &AccountId {
        match self {
            Self::Staff(staff) => &staff.account,
            Self::Consumer(consumer) => &consumer.account,
        }
    }
}

impl<S> Guard<S>
where
    S: ReadApps + ReadSettings + Limiter + 'static,
{
    /// The guard of a function: needs `TOKEN_SECRET_ARN`.
    ///
    /// # Errors
    /// When the environment lacks something, or the secret cannot be read.
    pub async fn from_env(env: &Environment, store: S, group: Group) -> Result<Self, Error> {
        env.telemetry()?;
        let clock = env.clock()?;
        let name = env.token_secret()?;
        let consumers = of_providers(env)?;
        let brand = BrandTokens::new(Secrets::from_env(), name, clock.now()).await?;
        Ok(Self::new(store, group, clock, Some(brand), consumers))
    }

    /// The guard of a function that only consumers call: it needs no secret.
    ///
    /// # Errors
    /// When the environment is malformed.
    pub fn of_consumers(env: &Environment, store: S) -> Result<Self, Error> {
        let consumers = of_providers(env)?;
        let clock = env.clock()?;
        Ok(Self::new(store, Group::Campaigns, clock, None, consumers))
    }
}

/// Consumers' tokens, by the keys that their providers have.
fn of_providers(env: &Environment) -> Result<ConsumerTokens<HttpsJwks>, Error> {
    let authorities = env.authorities()?;
    Ok(ConsumerTokens::new(HttpsJwks::new(authorities.as_deref())?))
}

impl<S, R, F, C> Guard<S, R, F, C>
where
    S: ReadApps + ReadSettings + Limiter + 'static,
    R: ReadSecrets + 'static,
    F: FetchJwks + 'static,
    C: Clock + 'static,
{
    /// A guard of these parts.
    pub fn new(
        store: S,
        group: Group,
        clock: C,
        brand: Option<BrandTokens<R>>,
        consumers: ConsumerTokens<F>,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            group,
            clock,
            brand,
            consumers,
            paces: Cache::new(KEPT),
        }))
    }

    /// `router` with the guard before all of its routes.
    pub fn over(self, router: Router) -> Router {
        router.route_layer(from_fn_with_state(self, stand))
    }

    async fn admit(&self, parts: &mut Parts) -> Result<Decision, Problem> {
        let now = self.0.clock.now();
        let caller = self.know(parts, now).await?;
        let pace = self.served(caller.account(), now).await?;
        let decision = self.take(&caller, pace, now).await;
        let decision = decision.map_err(|e| Problem::from(e).before_anything())?;
        parts.extensions.insert(caller);
        Ok(decision)
    }

    async fn know(&self, parts: &mut Parts, now: Timestamp) -> Result<Caller, Problem> {
        let params = raw(parts, &()).await?;
        let account = params.iter().find(|(name, _)| *name == ACCOUNT);
        let (_, account) = account.ok_or_else(|| Problem::internal(&Unguarded))?;
        let token = bearer(&parts.headers)?;
        let account = account.parse::<AccountId>();
        let Inner {
            store,
            brand,
            consumers,
            ..
        } = &*self.0;
        if claims_to_be_ours(token) {
            let brand = brand.as_ref().ok_or_else(not_a_consumer)?;
            let staff = brand.verify(token, now).await?;
            // Not found, as everything of an account that is not theirs.
            if account.as_ref() != Ok(&staff.account) {
                return Err(Problem::not_found());
            }
            Ok(Caller::Staff(staff))
        } else {
            let account = account.map_err(|_| Problem::not_found())?;
            let consumer = consumers.verify(store, &account, token, now).await?;
            Ok(Caller::Consumer(consumer))
        }
    }

    /// The account's pace, if it is served: one that ended is not found.
    async fn served(&self, account: &AccountId, now: Timestamp) -> Result<Pace, Problem> {
        let Inner { store, paces, .. } = &*self.0;
        if let Some((_, pace)) = paces.get(account, now) {
            return Ok(pace);
        }
        let settings = store.settings(account).await;
        let settings = settings.map_err(|e| Problem::from(e).before_anything())?;
        if settings.service == Service::Ended {
            return Err(Problem::not_found());
        }
        let per_second = settings.limits.requests_per_second;
        let pace = Pace { per_second };
        paces.put(account.clone(), pace, now);
        Ok(pace)
    }

    async fn take(
        &self,
        caller: &Caller,
        pace: Pace,
        now: Timestamp,
    ) -> Result<Decision, Unavailable> {
        let Inner { store, group, .. } = &*self.0;
        match caller {
            Caller::Staff(Staff { account, .. }) => {
                store.take(account, group.bucket(), pace, now).await
            }
            Caller::Consumer(Consumer { account, id }) => {
                let bucket = format!("consumer:{id}");
                store.take(account, &bucket, CONSUMERS, now).await
            }
        }
    }
}

async fn stand<S, R, F, C>(
    State(guard): State<Guard<S, R, F, C>>,
    request: Request,
    next: Next,
) -> Response
where
    S: ReadApps + ReadSettings + Limiter + 'static,
    R: ReadSecrets + 'static,
    F: FetchJwks + 'static,
    C: Clock + 'static,
{
    let (mut parts, body) = request.into_parts();
    let decision = match guard.admit(&mut parts).await {
        Ok(decision) => decision,
        Err(problem) => return problem.into_response(),
    };
    let mut response = if decision.taken {
        next.run(Request::from_parts(parts, body)).await
    } else {
        pace::too_many(&decision).into_response()
    };
    pace::tell(&decision, response.headers_mut());
    response
}

#[derive(Debug, thiserror::Error)]
#[error("a route that needs a caller is not behind a guard, or names no account")]
struct Unguarded;

fn caller(parts: &Parts) -> Result<&Caller, Problem> {
    let caller = parts.extensions.get();
    caller.ok_or_else(|| Problem::internal(&Unguarded))
}

/// A caller of the brand that may do what `P` stands for, in the account of the path.
#[derive(Clone, Debug)]
pub struct Allowed<P> {
    staff: Staff,
    permission: PhantomData<P>,
}

impl<P> Allowed<P> {
    /// The caller alone.
    #[must_use]
    pub fn into_staff(self) -> Staff {
        self.staff
    }
}

impl<P> Deref for Allowed<P> {
    type Target = Staff;

    fn deref(&self) -> &Staff {
        &self.staff
    }
}

impl<P: Grant, S: Send + Sync> FromRequestParts<S> for Allowed<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match caller(parts)? {
            Caller::Staff(staff) if staff.may(P::PERMISSION) => Ok(Self {
                staff: staff.clone(),
                permission: PhantomData,
            }),
            Caller::Staff(_) => Err(Problem::new(
                Kind::Forbidden,
                "none of the token's roles allows this",
            )),
            Caller::Consumer(_) => Err(Problem::new(
                Kind::WrongTokenKind,
                "this call takes a brand's token, not a consumer's",
            )),
        }
    }
}

fn not_a_consumer() -> Problem {
    Problem::new(
        Kind::WrongTokenKind,
        "this call takes a consumer's token, not a brand's",
    )
}

/// A consumer, in the account of the path.
#[derive(Clone, Debug)]
pub struct LoggedIn(Consumer);

impl Deref for LoggedIn {
    type Target = Consumer;

    fn deref(&self) -> &Consumer {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match caller(parts)? {
            Caller::Consumer(consumer) => Ok(Self(consumer.clone())),
            Caller::Staff(_) => Err(not_a_consumer()),
        }
    }
}

#[cfg(test)]
mod tests;
