//! An index on the emulator's stream records, without which each write and each read of a stream
//! goes through all that were ever written.

use crate::dynamodb::DatabaseError;
use dynoxide::Database;
use std::path::Path;

/// The emulator looks for the newest number, and for those after one, with this very expression:
/// `SQLite` uses an index on an expression only where it is the same.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS overture_stream_records
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// Makes the index in a database's file.
pub(crate) fn in_file(file: &Path) -> Result<(), DatabaseError> {
    rusqlite::Connection::open(file)?.execute_batch(INDEX)?;
    Ok(())
}

/// Makes the index in a database in memory, which nobody else can open: in a copy, which is taken
/// back.
pub(crate) fn in_memory(database: &Database) -> Result<(), DatabaseError> {
    let folder = std::env::temp_dir();
    let copy = folder.join(format!("overture-{}.sqlite", uuid::Uuid::new_v4()));
    let path = copy.to_string_lossy();
    let indexed = database
        .vacuum_into(&path)
        .map_err(DatabaseError::from)
        .and_then(|()| in_file(&copy))
        .and_then(|()| database.restore_from(&path).map_err(DatabaseError::from));
    // It holds nothing but empty tables; a folder for temporary files is cleared anyway.
    drop(std::fs::remove_file(&copy));
    indexed
}
