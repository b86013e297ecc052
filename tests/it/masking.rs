//! Defects and faults behind the domain: one masked error, with the id that the log line carries.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use serde_json::json;
use vestibule::{
    domain::{
        accounts::{ChangeOutcome, EmailKey, User, UserChange, UserMetadata, UserStore, UserWithPassword},
        audit::AuditEvent,
        ids::UserId,
        store::{StoreError, StoreResult},
    },
    stores::Stores,
};

use crate::support::{Answer, Backend, TestApp, backend_settings, config};

/// Fails in the same way whatever it is asked.
struct FaultyUsers(fn() -> StoreError);

#[async_trait]
impl UserStore for FaultyUsers {
    async fn insert(&self, _: &UserWithPassword, _: Option<&AuditEvent>) -> StoreResult<()> {
        Err(self.0())
    }
    async fn find(&self, _: &UserId) -> StoreResult<Option<User>> {
        Err(self.0())
    }
    async fn find_with_password(&self, _: &UserId) -> StoreResult<Option<UserWithPassword>> {
        Err(self.0())
    }
    async fn find_by_email(&self, _: &EmailKey) -> StoreResult<Option<UserWithPassword>> {
        Err(self.0())
    }
    async fn find_metadata(&self, _: &UserId) -> StoreResult<Option<UserMetadata>> {
        Err(self.0())
    }
    async fn change(&self, _: &UserChange) -> StoreResult<ChangeOutcome> {
        Err(self.0())
    }
    async fn remove(&self, _: &UserId, _: Option<&AuditEvent>) -> StoreResult<()> {
        Err(self.0())
    }
}

async fn login_with(fault: fn() -> StoreError) -> Answer {
    let config = config(&backend_settings(Backend::Embedded));
    let stores = Stores::open(&config.database).await.unwrap();
    let app = TestApp::on(&config, Stores { users: Arc::new(FaultyUsers(fault)), ..stores }).await;
    app.login("ada@example.com", "correct horse battery").await
}

#[tokio::test]
async fn a_panic_is_one_masked_error_with_the_id_of_the_request() {
    let answer = login_with(|| panic!("a secret detail of a dependency")).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR")
    );
    assert_eq!(answer.error()["requestId"], answer.header("x-request-id"));
    assert!(!answer.text.contains("secret detail"), "{}", answer.text);
}

#[tokio::test]
async fn a_store_that_holds_something_unreadable_is_a_masked_error() {
    let answer = login_with(|| StoreError::Corrupt).await;
    let error = answer.error();
    assert_eq!((answer.status, &error["code"]), (StatusCode::OK, &json!("INTERNAL_SERVER_ERROR")));
    assert_eq!(answer.json()["errors"][0]["message"], "Something went wrong on our side.");
    assert_eq!(error.as_object().unwrap().len(), 3, "nothing but code, status and id: {error}");
}

#[tokio::test]
async fn a_store_that_is_away_says_when_to_try_again() {
    let answer = login_with(|| StoreError::Unavailable).await;
    assert_eq!((answer.code().as_str(), &answer.error()["retryAfter"]), ("SERVICE_UNAVAILABLE", &json!(1)));
}
