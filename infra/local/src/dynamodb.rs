//! DynamoDB: the embedded emulator with the template's tables, behind a proxy that meters it.
use crate::{
    clock::Clock,
    index,
    pulse::Pulse,
    template::{REGION, Table},
};
use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use dynoxide::{
    Database, DynoxideError,
    actions::{
        get_records::GetRecordsRequest, get_shard_iterator::encode_shard_iterator,
        update_time_to_live::UpdateTimeToLiveRequest,
    },
};
use serde_json::{Value, json};
use std::path::Path;

/// The emulator cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It refused something.
    #[error("DynamoDB: {0:?}")]
    Refused(DynoxideError),
    /// The template's table is not one it can make.
    #[error("DynamoDB: the template's table {table}")]
    Table {
        /// The table's name.
        table: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// Its records are not what they should be.
    #[error("DynamoDB: a stream's records")]
    Records(#[from] serde_json::Error),
    /// Its stream cannot be indexed.
    #[error("DynamoDB: the index of its stream")]
    Index(#[from] rusqlite::Error),
    /// There is no way to it.
    #[error("DynamoDB: no HTTP client")]
    Client(#[from] reqwest::Error),
}

impl From<DynoxideError> for DatabaseError {
    fn from(error: DynoxideError) -> Self {
        Self::Refused(error)
    }
}

/// DynamoDB.
#[derive(Clone)]
pub(crate) struct DynamoDb {
    database: Database,
    url: String,
    client: reqwest::Client,
    /// Beats after every write.
    pub(crate) written: Pulse,
    changed: Pulse,
}

impl std::fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoDb")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What a call consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Units {
    pub(crate) read: f64,
    pub(crate) write: f64,
}

impl DynamoDb {
    /// Opens the database, in memory or in a file, and makes the tables that are not there yet. The
    /// emulator's own server must be reachable at `url`.
    pub(crate) fn open(
        file: Option<&Path>,
        tables: &[Table],
        clock: &Clock,
        url: String,
        changed: Pulse,
    ) -> Result<Self, DatabaseError> {
        let database = match file {
            Some(file) => Database::new(&file.to_string_lossy())?,
            None => Database::memory_with_clock(std::sync::Arc::new(clock.clone()))?,
        };
        for table in tables {
            if database.get_table_metadata(&table.name)?.is_some() {
                continue;
            }
            let create = serde_json::from_value(table.create.clone());
            let create = create.map_err(|source| DatabaseError::Table {
                table: table.name.clone(),
                source,
            })?;
            database.create_table(create)?;
            if let Some(attribute) = &table.ttl {
                let ttl = json!({"TableName": table.name, "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true}});
                database
                    .update_time_to_live(serde_json::from_value::<UpdateTimeToLiveRequest>(ttl)?)?;
            }
        }
        match file {
            Some(file) => index::in_file(file)?,
            None => index::in_memory(&database)?,
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            // The emulator is here and speaks no TLS; reading certificates takes a moment.
            .tls_certs_only([])
            .build()?;
        Ok(Self {
            database,
            url,
            client,
            written: Pulse::default(),
            changed,
        })
    }

    pub(crate) fn database(&self) -> Database {
        self.database.clone()
    }

    /// Deletes what has expired.
    pub(crate) async fn sweep(&self) -> Result<usize, DatabaseError> {
        let database = self.database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        let swept = swept.map_or(Ok(0), |swept| swept)?;
        if swept > 0 {
            self.wrote();
        }
        Ok(swept)
    }

    /// The records of a table's stream after a position, and the position after them.
    pub(crate) fn records(
        &self,
        table: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Value>, DatabaseError> {
        let shard = dynoxide::streams::shard_id(table);
        let records = self.database.get_records(GetRecordsRequest {
            shard_iterator: encode_shard_iterator(table, &shard, after),
            limit: Some(limit),
        })?;
        let Value::Array(mut records) = serde_json::to_value(records.records)? else {
            return Ok(Vec::new());
        };
        for record in &mut records {
            record["awsRegion"] = REGION.into();
        }
        Ok(records)
    }

    /// Forwards a call to the emulator, asking what it consumes.
    pub(crate) async fn call(
        &self,
        operation: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> (Response, Units) {
        let (body, asked) = ask_for_capacity(operation, body);
        let Ok((status, mut headers, answer)) = self
            .forward(headers, body.clone())
            .await
            .inspect_err(|error| {
                tracing::error!(%error, "DynamoDB cannot be reached");
            })
        else {
            return (
                StatusCode::SERVICE_UNAVAILABLE.into_response(),
                Units::default(),
            );
        };
        if writes(operation) {
            self.wrote();
        }
        let (answer, units) = if status.is_success() {
            take_capacity(operation, answer, asked)
        } else {
            let units = refused(&answer, &body);
            (answer, units)
        };
        headers.remove(header::CONTENT_LENGTH);
        // The checksum is of the body as it was.
        headers.remove("x-amz-crc32");
        ((status, headers, answer).into_response(), units)
    }

    fn wrote(&self) {
        self.written.beat();
        self.changed.beat();
    }

    async fn forward(
        &self,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, Bytes), reqwest::Error> {
        let mut request = self.client.post(&self.url).body(body);
        for name in [
            "content-type",
            "x-amz-target",
            "authorization",
            "x-amz-date",
        ] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await?;
        Ok((
            answer.status(),
            answer.headers().clone(),
            answer.bytes().await?,
        ))
    }
}

/// The refusal of a write since another transaction has the items whose keys hold `text`.
pub(crate) fn conflict(request: &[u8], text: &str) -> Value {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let Some(writes) = request["TransactItems"].as_array() else {
        return json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
            "message": "Transaction is ongoing for the item",
        });
    };
    let has = |write: &Value| {
        let of_write = write.as_object().into_iter().flat_map(|w| w.values());
        let mut keys = of_write.flat_map(|of| [&of["Key"], &of["Item"]]);
        keys.any(|key| {
            ["pk", "sk"].iter().any(|part| {
                let part = key[part]["S"].as_str();
                part.is_some_and(|part| part.contains(text))
            })
        })
    };
    let reason = |write| {
        let code = if has(write) {
            "TransactionConflict"
        } else {
            "None"
        };
        json!({"Code": code})
    };
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": writes.iter().map(reason).collect::<Vec<_>>(),
    })
}

fn writes(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem"
            | "UpdateItem"
            | "DeleteItem"
            | "BatchWriteItem"
            | "TransactWriteItems"
            | "ExecuteStatement"
            | "ExecuteTransaction"
            | "BatchExecuteStatement"
    )
}

fn tells_capacity(operation: &str) -> bool {
    writes(operation)
        || matches!(
            operation,
            "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems"
        )
}

/// The body with `ReturnConsumedCapacity` in it, and whether it had been asked for.
fn ask_for_capacity(operation: &str, body: Bytes) -> (Bytes, bool) {
    if !tells_capacity(operation) {
        return (body, true);
    }
    let Ok(Value::Object(mut request)) = serde_json::from_slice(&body) else {
        return (body, true);
    };
    if request
        .get("ReturnConsumedCapacity")
        .is_some_and(|asked| asked != "NONE")
    {
        return (body, true);
    }
    request.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
    (Value::from(request).to_string().into(), false)
}

/// The answer without the capacity that was not asked for, and the capacity.
fn take_capacity(operation: &str, answer: Bytes, asked: bool) -> (Bytes, Units) {
    let Ok(Value::Object(mut parsed)) = serde_json::from_slice(&answer) else {
        return (answer, Units::default());
    };
    let consumed = match parsed.remove("ConsumedCapacity") {
        Some(Value::Array(all)) => all,
        Some(one) => vec![one],
        None => return (answer, Units::default()),
    };
    let mut units = Units::default();
    for one in consumed {
        let of = |name: &str| one[name].as_f64();
        match (of("ReadCapacityUnits"), of("WriteCapacityUnits")) {
            (None, None) if writes(operation) => units.write += of("CapacityUnits").unwrap_or(0.0),
            (None, None) => units.read += of("CapacityUnits").unwrap_or(0.0),
            (read, write) => {
                units.read += read.unwrap_or(0.0);
                units.write += write.unwrap_or(0.0);
            }
        }
    }
    if asked {
        return (answer, units);
    }
    (Value::from(parsed).to_string().into(), units)
}

/// What a refused write consumes: DynamoDB bills a condition that failed, but does not say how much.
/// One unit per item is the least.
fn refused(answer: &[u8], request: &[u8]) -> Units {
    let kind: Value = serde_json::from_slice(answer).unwrap_or_default();
    let kind = kind["__type"].as_str().unwrap_or_default();
    let write = if kind.ends_with("ConditionalCheckFailedException") {
        1.0
    } else if kind.ends_with("TransactionCanceledException") {
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        let items = request["TransactItems"].as_array().map_or(0, Vec::len);
        2.0 * f64::from(u8::try_from(items).unwrap_or(u8::MAX))
    } else {
        0.0
    };
    Units { read: 0.0, write }
}
