//! The DynamoDB stores keep the domain's contracts, on an emulator.

use dynamodb::Table;
use jiff::SignedDuration;
use testkit::{contract, dynamodb::Emulator};

async fn table() -> Table {
    let emulator = Emulator::start().await;
    let retention = SignedDuration::from_hours(24 * 396);
    Table::new(emulator.client(), emulator.table(), retention)
}

macro_rules! keeps {
    ($($suite:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $suite() {
            contract::$suite(&table().await).await;
        }
    )*};
}

keeps!(
    accept_campaigns,
    add_entries,
    app_store,
    audit_log,
    audit_pages,
    board_events,
    board_store,
    call_store,
    cancel_campaigns,
    claims,
    client_secrets,
    client_store,
    contested_tokens,
    daily_quota,
    dead_devices,
    device_store,
    due_store,
    handoff_lives,
    handoff_stops,
    handoff_store,
    handoff_versions,
    holds,
    journal,
    limiter,
    list_campaigns,
    open_conversations,
    origins,
    outcomes,
    pacer,
    pauses,
    read_campaigns,
    read_inbox,
    read_queues,
    record_reports,
    save_conversations,
    settings_store,
    skill_store,
    devices_that_come_again,
    surplus_devices,
    devices_at_once,
    tokens,
    webhook_health,
    webhook_store,
);
