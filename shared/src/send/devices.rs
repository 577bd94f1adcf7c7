//! Handing a notification to the gateways of a consumer's devices, past the circuit breaker.

use super::{
    Before, SendStore, Sender,
    answer::{Answer, Health, Kept, conclude},
    attempt::{Attempt, fails, sent},
};
use crate::{
    account::App,
    breaker::{Cause, Circuit, Pause},
    campaign::Campaign,
    clock::Clock,
    conversation::Standing,
    device::Device,
    dispatch::{Enqueue, MessageJob},
    failure::Failure,
    handoff::Rendered,
    id::{AccountId, ConsumerId},
    message::Event,
    push::{Custom, Notification, Push, Receipt, Target},
    store::Unavailable,
};
use futures_util::future::join_all;
use jiff::Timestamp;

/// How a device stands with the circuit breaker.
enum Gate {
    /// Nothing is paused.
    Open,
    /// It is paused, and this message has the turn to try.
    Turn(Pause),
    /// It is paused.
    Shut(Pause),
}

impl<S, Q, P, C> Sender<'_, S, Q, P, C>
where
    S: SendStore,
    Q: Enqueue,
    P: Push,
    C: Clock,
{
    pub(super) async fn to_devices(
        &self,
        job: &MessageJob,
        campaign: &Campaign,
        standing: &Standing,
        before: &Before,
        rendered: Rendered,
    ) -> Result<Attempt, Unavailable> {
        let key = &job.key;
        let now = self.clock.now();
        let (stale, devices): (Vec<_>, Vec<_>) = standing
            .devices
            .iter()
            .filter(|d| campaign.apps.as_slice().contains(&d.app) && !before.taken.contains(&d.id))
            .partition(|d| d.is_stale(now));
        let stale = stale.iter().map(|d| told_stale(d, now));
        if devices.is_empty() {
            if before.has_left() {
                return Ok(sent(now, rendered));
            }
            let mut outcome = fails(now, Some(rendered), Failure::NoDevice);
            outcome.events.splice(..0, stale);
            return Ok(outcome);
        }
        let custom = Custom::Proactive {
            transaction: key.transaction,
            backend: campaign.source.into(),
            lookback: campaign
                .lookback_ends_at
                .duration_since(campaign.created_at),
            le_campaign: campaign.le_campaign.clone(),
            le_engagement: campaign.le_engagement.clone(),
            consumer: key.consumer.clone(),
        };
        let notification = Notification::proactive(
            &key.account,
            key.transaction,
            &rendered,
            job.lookback_ends_at,
            custom,
        );
        let answers = self
            .hand_over(&key.consumer, &devices, &notification)
            .await?;
        let at = self.clock.now();
        let mut outcome = conclude(job, rendered, before.has_left(), &answers, at);
        if job.attempt == 0 {
            outcome.events.splice(..0, stale);
        }
        Ok(outcome)
    }

    /// Hands a notification to the gateways of all devices at once, and takes in what they
    /// say of the devices and of the apps.
    pub(super) async fn hand_over<'d>(
        &self,
        consumer: &ConsumerId,
        devices: &[&'d Device],
        notification: &Notification,
    ) -> Result<Vec<Answer<'d>>, Unavailable> {
        let account = &notification.account;
        let apps = self.store.apps(account).await?;
        let gates = self.gates(account, devices).await?;
        let each = devices.iter().zip(&gates).map(|(device, gate)| async {
            let result = match gate {
                Gate::Shut(pause) => Err(Kept::Paused(pause.clone())),
                Gate::Open | Gate::Turn(_) => self.push(device, &apps, notification).await,
            };
            Answer { device, result }
        });
        let answers = join_all(each).await;
        for (answer, gate) in answers.iter().zip(&gates) {
            // It left or it did not: that is recorded even when the rest cannot be. The next
            // message hears of the device and of the app again.
            if answer.is_dead() {
                drop(self.store.forget(account, consumer, answer.device).await);
            }
            drop(self.learn(account, answer, gate).await);
        }
        Ok(answers)
    }

    async fn push(
        &self,
        device: &Device,
        apps: &[App],
        notification: &Notification,
    ) -> Result<Receipt, Kept> {
        let app = apps.iter().find(|app| app.name == device.app);
        let route = app.and_then(|app| app.route(device.platform));
        let target = Target {
            route: route.ok_or(Kept::NoRoute)?,
            platform: device.platform,
            environment: device.environment,
            token: &device.token,
            registered_at: device.registered_at,
        };
        let pushed = self.gateways.push(target, notification).await;
        pushed.map_err(Kept::Undelivered)
    }

    /// How each device stands with the breaker. Where a pause is over, one has the turn.
    async fn gates(
        &self,
        account: &AccountId,
        devices: &[&Device],
    ) -> Result<Vec<Gate>, Unavailable> {
        let pauses = self.store.pauses(account).await?;
        let now = self.clock.now();
        let mut gates = Vec::with_capacity(devices.len());
        for device in devices {
            let circuit = Circuit::of(device);
            let Some(pause) = pauses.iter().find(|pause| pause.circuit == circuit) else {
                gates.push(Gate::Open);
                continue;
            };
            let turn = pause.with_turn(now);
            gates.push(if now < pause.until {
                Gate::Shut(pause.clone())
            } else if self.store.prolong(account, pause, &turn).await? {
                Gate::Turn(turn)
            } else {
                Gate::Shut(turn)
            });
        }
        Ok(gates)
    }

    /// Takes in what an answer says of its app: pauses the app, prolongs that or ends it.
    async fn learn(
        &self,
        account: &AccountId,
        answer: &Answer<'_>,
        gate: &Gate,
    ) -> Result<(), Unavailable> {
        let Some(health) = answer.health() else {
            return Ok(());
        };
        let now = self.clock.now();
        let circuit = Circuit::of(answer.device);
        let token = &answer.device.token;
        let failed = matches!(health, Health::Trouble { .. });
        let too_many = self.recent.fails(account, &circuit, token, failed, now);
        match (health, gate) {
            (Health::Works, Gate::Turn(_)) => self.store.resume(account, &circuit).await,
            (
                Health::Trouble {
                    cause,
                    reason,
                    asked,
                },
                Gate::Turn(turn),
            ) => {
                let longer = Pause {
                    cause,
                    reason: reason.to_owned(),
                    ..turn.prolonged(asked, now)
                };
                self.store.prolong(account, turn, &longer).await.map(drop)
            }
            (
                Health::Trouble {
                    cause,
                    reason,
                    asked,
                },
                _,
            ) if cause == Cause::Refused || too_many => {
                let pause = Pause::begin(circuit, cause, reason, asked, now);
                self.store.pause(account, &pause).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// A line of history for a device that is not sent to.
fn told_stale(device: &Device, now: Timestamp) -> Event {
    let detail = format!(
        "{}: its app was not heard of since {}, 270 days or more",
        device.id, device.registered_at
    );
    Event::new(now, "DEVICE_STALE", detail)
}
