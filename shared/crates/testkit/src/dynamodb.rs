//! A `DynamoDB` of one's own, in this process.

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use serde_json::json;

/// An emulator with Overture's table, which nobody else uses.
#[derive(Debug)]
pub struct Emulator {
    endpoint: String,
}

impl Emulator {
    /// Starts one on a free port, in the runtime of the caller.
    pub async fn start() -> Self {
        let database = ::dynoxide::Database::memory().unwrap();
        let table = json!({
            "TableName": Self::TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
                {"AttributeName": "queue_pk", "AttributeType": "S"},
                {"AttributeName": "queue_sk", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            "GlobalSecondaryIndexes": [{
                "IndexName": "queue",
                "KeySchema": [
                    {"AttributeName": "queue_pk", "KeyType": "HASH"},
                    {"AttributeName": "queue_sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
        });
        database
            .create_table(serde_json::from_value(table).unwrap())
            .unwrap();
        Self::serving(database).await
    }

    /// Another way to a database that is there.
    pub async fn serving(database: ::dynoxide::Database) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(::dynoxide::server::serve_on(listener, database));
        Self { endpoint }
    }

    /// The table's name.
    pub const TABLE: &'static str = "overture";

    /// The table's name.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        Self::TABLE
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A client of it.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::from_conf(
            Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("eu-west-1"))
                .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                .endpoint_url(&self.endpoint)
                .build(),
        )
    }
}
