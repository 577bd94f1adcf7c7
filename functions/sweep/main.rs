//! The sweep: finds and finishes what got stuck, on a schedule.

use domain::{store::Unavailable, sweep};
use dynamodb::Table;
use functions::measured;
use lambda::Environment;
use queue::Jobs;
use trace::Traced;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let environment = Environment::of_process();
    let clock = environment.clock()?;
    let table = Table::from_env(environment.table()?, environment.retention()?);
    let jobs = Traced(Jobs::from_env(environment.send_queue()?));
    lambda::serve_schedule(move || {
        let (table, jobs) = (table.clone(), jobs.clone());
        async move {
            let swept = sweep::sweep(&table, &jobs, &clock).await?;
            measured::requeued(swept.requeued);
            trace::note("overture.campaigns", swept.campaigns);
            trace::note("overture.requeued", swept.requeued);
            tracing::info!(
                sweep.campaigns = swept.campaigns,
                sweep.requeued = swept.requeued,
                "looked at {} campaigns, queued {} messages again",
                swept.campaigns,
                swept.requeued
            );
            Ok::<_, Unavailable>(())
        }
    })
    .await
}
