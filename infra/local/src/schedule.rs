//! Schedules: functions that are invoked every so often by the stack's clock.
use crate::{
    clock::Clock,
    lambda::Lambda,
    pulse::Pulse,
    template::{ACCOUNT, REGION, Schedule},
};
use serde_json::{Value, json};

/// The event of a schedule that sends no other.
pub(crate) fn event(clock: &Clock, function: &str) -> Value {
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{function}")],
        "detail": {},
    })
}

/// Invokes the function whenever it is due, without end. `moved` beats when the clock is put forward.
pub(crate) async fn run(
    schedule: &Schedule,
    function: String,
    lambda: Lambda,
    clock: Clock,
    moved: Pulse,
) {
    let Some(every) = schedule.every else {
        return;
    };
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX / 4);
    let mut due = clock.now_ms() + every;
    loop {
        let seen = moved.count();
        let wait = clock.until(due);
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = moved.after(seen) => {}
            }
            continue;
        }
        // However far the clock was put forward, the schedule is due once.
        due = clock.now_ms() + every;
        let event = schedule
            .input
            .clone()
            .unwrap_or_else(|| event(&clock, &function));
        if let Err(failed) = lambda.invoke(&function, event.to_string().into()).await {
            tracing::warn!(function, error = %failed, "a scheduled invocation failed");
        }
    }
}
