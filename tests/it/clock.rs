//! A clock that is set, forward and back, while people are signed in.

use chrono::TimeDelta;

use crate::support::{Backend, TestApp};

#[tokio::test]
async fn a_clock_that_is_set_ends_no_session_and_brings_none_back() {
    let app = TestApp::with(Backend::Embedded, &[]).await;
    let ada = app.user("ada").await;
    let ended = app.login_again("ada").await;
    ended.post("mutation { logout(input: {}) { success } }", serde_json::json!({})).await;

    // An hour ahead: the access token is over, the session is not.
    app.advance(TimeDelta::hours(1));
    assert_eq!(ada.me().await.reason(), "TOKEN_EXPIRED");
    let refreshed = app.refresh(&ada.refresh_token).await;
    let (access, refresh) =
        (refreshed.text_at("/refresh/accessToken"), refreshed.text_at("/refresh/refreshToken"));
    app.me(&access).await.data("/me/id");
    assert_eq!(app.refresh(&ended.refresh_token).await.reason(), "SESSION_REVOKED");

    // Back by two: what was made meanwhile is of the future, and the refresh token helps.
    app.advance(TimeDelta::hours(-2));
    assert_eq!(app.me(&access).await.reason(), "TOKEN_INVALID");
    let again = app.refresh(&refresh).await;
    app.me(&again.text_at("/refresh/accessToken")).await.data("/me/id");
    let anew = app.login_again("ada").await;
    anew.me().await.data("/me/id");
    assert_eq!(app.refresh(&ended.refresh_token).await.reason(), "SESSION_REVOKED");

    // And right at last: nobody has to log in again.
    app.advance(TimeDelta::hours(1));
    let last = app.refresh(&again.text_at("/refresh/refreshToken")).await;
    app.me(&last.text_at("/refresh/accessToken")).await.data("/me/id");
    assert_eq!(app.refresh(&ended.refresh_token).await.reason(), "SESSION_REVOKED");
}
