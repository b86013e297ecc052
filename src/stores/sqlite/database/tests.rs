//! Writes together and by themselves, and a disk that is full.

use futures_util::future::join_all;

use super::*;

const KEY: &str = "INSERT INTO signing_keys VALUES (?, 'EdDSA', x'00', 0, 0, ?, 0)";

async fn insert(database: &Database, number: i64) -> StoreResult<usize> {
    database
        .write(move |transaction| transaction.execute(KEY, rusqlite::params![number.to_string(), number]))
        .await
}

#[tokio::test]
async fn a_store_that_cannot_write_is_unavailable_and_recovers() {
    let database = Database::open(&SqliteFile::Memory, Sharing::Alone).unwrap();
    let most = |pages: i64| {
        database.write(move |transaction| transaction.pragma_update(None, "max_page_count", pages))
    };
    most(1).await.unwrap_or(());
    let large = "INSERT INTO signing_keys SELECT 'big', 'EdDSA', zeroblob(10000000), 0, 0, 2, 0";
    let outcome = database.write(move |transaction| transaction.execute(large, [])).await;
    assert_eq!(outcome, Err(StoreError::Unavailable), "a full disk");
    most(1_000_000).await.unwrap_or(());
    assert_eq!(insert(&database, 1).await, Ok(1));
}

#[tokio::test]
async fn writes_that_come_together_stand_or_fall_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteFile::Path(folder.path().join("group.sqlite"));
    let database = Database::open(&file, Sharing::Alone).unwrap();
    // The first keeps the writer busy while the others come.
    let busy = database.write(|_| {
        thread::sleep(Duration::from_millis(100));
        Ok(())
    });
    let writes = join_all((0..60_i64).map(|number| {
        let database = &database;
        async move {
            match number % 6 {
                // The same key as that of the one before.
                1 => insert(database, number - 1).await.map(|_| ()),
                2 => database.write(move |_| -> rusqlite::Result<()> { panic!("on purpose") }).await,
                3 => {
                    let work = move |transaction: &Transaction<'_>| {
                        transaction.execute(KEY, rusqlite::params![number.to_string(), number])?;
                        Err(rusqlite::Error::InvalidQuery)
                    };
                    database.write(work).await
                }
                _ => insert(database, number).await.map(|_| ()),
            }
        }
    }));
    let (_, outcomes) = tokio::join!(busy, writes);
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match number % 6 {
            1 => assert!(matches!(outcome, Err(StoreError::Conflict(_))), "{number}: {outcome:?}"),
            2 => assert_eq!(outcome, Err(StoreError::Unavailable), "{number}"),
            3 => assert_eq!(outcome, Err(StoreError::Corrupt), "{number}"),
            _ => assert_eq!(outcome, Ok(()), "{number}"),
        }
    }
    let count = database.read(|connection| {
        connection.query_row("SELECT count(*) FROM signing_keys", [], |row| row.get::<_, i64>(0))
    });
    assert_eq!(count.await, Ok(30), "half of them, and nothing of those that failed");
}
