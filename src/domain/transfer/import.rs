//! Users of other systems, row by row. A row that is faulty is told and left out; one that is there already
//! is passed over, so that an import that was interrupted is run again from the start.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use tokio::task::JoinHandle;

use super::{UserRecord, record::Reading};
use crate::domain::{
    access::RoleBook,
    accounts::{Insertion, UserWithPassword},
    administration::{Administration, Administrator},
    audit::AuditKind,
    error::{Error, Result},
    store::Field,
};

/// Users that are added at once.
const BATCH: usize = 1_000;

/// How users are taken over.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Whether nothing is written, and every fault told.
    pub is_dry_run: bool,
    /// Whether the roles of rows are taken over.
    pub with_roles: bool,
    /// Where the rows come from, for the audit log.
    pub source: String,
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The line or number of the row, from 1.
    pub row: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What became of the rows so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Users that were added, or would be.
    pub added: u64,
    /// Those that were there.
    pub present: u64,
    /// Rows that were left out.
    pub bad: u64,
}

/// What became of a batch.
type Outcomes = Result<Vec<Insertion>>;

/// A user with the number of the row.
type Row = (u64, UserWithPassword);

/// An import that is under way.
pub struct Import {
    administration: Arc<Administration>,
    caller: Administrator,
    options: ImportOptions,
    roles: Option<RoleBook>,
    batch: Vec<Row>,
    /// The batch before, which is being added while rows are read.
    under_way: Option<JoinHandle<(Vec<Row>, Outcomes)>>,
    /// The rows of the addresses so far, by a hash of each.
    seen: HashMap<u64, u64>,
    /// The same of user names, in a dry run: nothing that is written finds those that come twice.
    usernames: HashMap<u64, u64>,
    hasher: RandomState,
    report: ImportReport,
    bad: Vec<BadRow>,
}

impl Administration {
    /// Begins an import; written down first.
    ///
    /// # Errors
    /// `Forbidden`, `ServiceUnavailable`.
    pub async fn import(self: &Arc<Self>, caller: &Administrator, options: ImportOptions) -> Result<Import> {
        let roles = self.begin_import(caller, &options).await?;
        Ok(Import {
            administration: self.clone(),
            caller: caller.clone(),
            roles: roles.filter(|_| options.with_roles),
            options,
            batch: Vec::with_capacity(BATCH),
            under_way: None,
            seen: HashMap::new(),
            usernames: HashMap::new(),
            hasher: RandomState::new(),
            report: ImportReport::default(),
            bad: Vec::new(),
        })
    }
}

impl Import {
    /// Takes a row, or what is wrong with it.
    ///
    /// # Errors
    /// `ServiceUnavailable`: what was added so far stays, and the import can be run again.
    pub async fn take(&mut self, row: u64, record: std::result::Result<UserRecord, String>) -> Result<()> {
        let reading = Reading { now: self.administration.now(), roles: self.roles.as_ref() };
        let account = match record.map_err(|fault| vec![fault]).and_then(|record| record.read(&reading)) {
            Ok(account) => account,
            Err(faults) => {
                self.refuse(row, faults.join("; "));
                return Ok(());
            }
        };
        let key = self.hasher.hash_one(account.user.email.key());
        match self.seen.entry(key) {
            Entry::Occupied(first) => {
                let reason = format!("has the e-mail address of row {}", first.get());
                self.refuse(row, reason);
                return Ok(());
            }
            Entry::Vacant(place) => drop(place.insert(row)),
        }
        self.batch.push((row, account));
        if self.batch.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    fn refuse(&mut self, row: u64, reason: String) {
        self.report.bad += 1;
        self.bad.push(BadRow { row, reason });
    }

    /// Has the batch added while the next one is read, and counts the one before.
    async fn flush(&mut self) -> Result<()> {
        self.settle().await?;
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        let (administration, is_dry_run) = (self.administration.clone(), self.options.is_dry_run);
        self.under_way = Some(tokio::spawn(async move {
            let accounts: Vec<_> = batch.iter().map(|(_, account)| account.clone()).collect();
            let outcomes = if is_dry_run {
                administration.look_up(&accounts).await
            } else {
                administration.add_users(&accounts).await
            };
            (batch, outcomes)
        }));
        // It begins now, not when rows have to be waited for.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Counts what became of the batch that is being added.
    async fn settle(&mut self) -> Result<()> {
        let Some(under_way) = self.under_way.take() else { return Ok(()) };
        let (batch, outcomes) = under_way.await.map_err(|error| Error::Internal(error.to_string()))?;
        let outcomes = outcomes?;
        for ((row, account), outcome) in batch.iter().zip(outcomes) {
            let row = *row;
            match outcome {
                Insertion::Added => match self.first_with_username(row, account) {
                    Some(first) => {
                        self.refuse(row, format!("username is that of row {first}, or looks like it"));
                    }
                    None => self.report.added += 1,
                },
                // Which of several conflicts a store tells is its own affair.
                Insertion::Conflict(Field::Username) if !self.is_present(account).await? => {
                    self.refuse(row, "username belongs to somebody else, or looks like it".into());
                }
                Insertion::Conflict(_) => self.report.present += 1,
            }
        }
        Ok(())
    }

    async fn is_present(&self, account: &UserWithPassword) -> Result<bool> {
        let found = self.administration.look_up(std::slice::from_ref(account)).await?;
        Ok(matches!(found[..], [Insertion::Conflict(Field::Email | Field::Identity)]))
    }

    /// In a dry run, the earlier row whose user name would be in the way.
    fn first_with_username(&mut self, row: u64, account: &UserWithPassword) -> Option<u64> {
        let username = account.user.username.as_ref().filter(|_| self.options.is_dry_run)?;
        match self.usernames.entry(self.hasher.hash_one(username.key())) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(place) => {
                place.insert(row);
                None
            }
        }
    }

    /// What became of the rows so far.
    pub const fn report(&self) -> ImportReport {
        self.report
    }

    /// The rows that were left out since the last time.
    pub fn drain_bad(&mut self) -> Vec<BadRow> {
        std::mem::take(&mut self.bad)
    }

    /// Adds what waits, and writes down what became of all.
    ///
    /// # Errors
    /// `ServiceUnavailable`.
    pub async fn finish(&mut self) -> Result<ImportReport> {
        self.flush().await?;
        self.settle().await?;
        if !self.options.is_dry_run {
            let event = self.administration.event(AuditKind::UsersImported, &self.caller);
            let ImportReport { added, present, bad } = self.report;
            let event = event.about(&self.options.source).with("added", added);
            self.administration.write_down(&event.with("present", present).with("bad", bad)).await?;
        }
        Ok(self.report)
    }
}
