//! The fakes keep the domain's contracts.

use testkit::{contract, memory::Store};

/// One test per suite, each on a store of its own.
macro_rules! keeps {
    ($($suite:ident)*) => {
        $(#[tokio::test]
        async fn $suite() {
            contract::$suite(&Store::default()).await;
        })*
    };
}

keeps! {
    settings_store skill_store app_store client_store client_secrets
    audit_log audit_pages
    handoff_store handoff_versions handoff_lives handoff_stops
    call_store
    accept_campaigns daily_quota read_campaigns cancel_campaigns list_campaigns due_store
    board_store board_events
    webhook_store webhook_health journal
    pacer pauses limiter
    device_store devices_that_come_again surplus_devices devices_at_once tokens contested_tokens dead_devices
    claims origins outcomes holds record_reports read_inbox
    open_conversations add_entries save_conversations read_queues
}

#[tokio::test]
async fn the_emulator_has_the_table() {
    let emulator = testkit::dynamodb::Emulator::start().await;
    let table = emulator
        .client()
        .describe_table()
        .table_name(emulator.table());
    let table = table.send().await.unwrap().table.unwrap();
    assert_eq!(table.key_schema().len(), 2);
    assert_eq!(
        table.global_secondary_indexes()[0].index_name(),
        Some("queue")
    );
}
