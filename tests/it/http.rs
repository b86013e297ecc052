//! The transport: methods, media types, cookies, cross-site protection, headers.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};

use crate::support::{Answer, Backend, TestApp, post_request};

async fn app() -> TestApp {
    TestApp::start(Backend::Embedded).await
}

async fn get(app: &TestApp, uri: &str, headers: &[(&str, &str)]) -> Answer {
    request(app, Method::GET, uri, headers).await
}

pub(crate) async fn request(app: &TestApp, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let builder =
        headers.iter().fold(Request::builder().method(method).uri(uri), |builder, (name, value)| {
            builder.header(*name, *value)
        });
    app.send(builder.body(Body::empty()).unwrap()).await
}

const ME: &str = r#"{"query":"{ me { id } }"}"#;

#[tokio::test]
async fn queries_may_come_by_get_and_mutations_may_not() {
    let app = app().await;
    let query =
        get(&app, "/graphql?query=query%20A%7Bme%7Bid%7D%7Dquery%20B%7B__typename%7D&operationName=B", &[])
            .await;
    assert_eq!((query.status, query.data("/__typename")), (StatusCode::OK, json!("Query")));
    let mutation = get(&app, "/graphql?query=mutation%7Blogout%7Bsuccess%7D%7D", &[]).await;
    assert_eq!((mutation.status, mutation.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    assert_eq!(mutation.code(), "GRAPHQL_VALIDATION_FAILED");
    let put = request(&app, Method::PUT, "/graphql", &[]).await;
    assert_eq!(put.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(put.header("allow"), "GET, POST, OPTIONS");
    for uri in ["/graphql", "/graphql?query=%7Bme%7Bid%7D%7D&variables=nonsense"] {
        assert_eq!(get(&app, uri, &[]).await.status, StatusCode::BAD_REQUEST, "{uri}");
    }
}

#[tokio::test]
async fn only_json_is_taken_so_that_no_form_of_another_site_gets_in() {
    let app = app().await;
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
    ] {
        let answer = app.send(post_request(&[("content-type", media)], ME)).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media}");
        assert_eq!(answer.code(), "BAD_USER_INPUT");
    }
    for body in ["", "{", "null", "\"x\"", r#"{"query":1}"#, r#"{"variables":{}}"#, "\u{feff}{}"] {
        let answer = app.send(post_request(&[], body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.code(), "BAD_USER_INPUT");
    }
    for list in ["[]", "[{\"query\":\"{me{id}}\"}]", "[\"{me{id}}\"]"] {
        let answer = app.send(post_request(&[], list)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{list}");
        assert_eq!(
            (answer.code().as_str(), &answer.error()["limitName"]),
            ("OPERATION_TOO_COMPLEX", &json!("batch"))
        );
    }
    let unknown_members =
        app.send(post_request(&[], r#"{"query":"{me{id}}","extensions":{"a":1},"x":2}"#)).await;
    assert_eq!(unknown_members.data("/me"), Value::Null);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let app = app().await;
    let body = json!({ "query": "{ me { id } }", "padding": "x".repeat(256 * 1024) }).to_string();
    let chunked = Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(body.clone())]));
    for answer in [app.send(post_request(&[], body)).await, app.send(post_request(&[], chunked)).await] {
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.code(), "BAD_USER_INPUT");
    }
    let fits = json!({ "query": "{ me { id } }", "padding": "x".repeat(255 * 1024) }).to_string();
    assert_eq!(app.send(post_request(&[], fits)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn status_codes_go_by_the_media_type() {
    let app = app().await;
    let new = "application/graphql-response+json";
    for (accept, media, status) in [
        (new, "application/graphql-response+json; charset=utf-8", StatusCode::BAD_REQUEST),
        ("application/json", "application/json; charset=utf-8", StatusCode::OK),
    ] {
        let answer = app.post(&[("accept", accept)], "{ nonsense }", json!({})).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, media));
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED");
        let answer =
            app.post(&[("accept", accept), ("authorization", "Bearer x")], "{ me { id } }", json!({})).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, media));
    }
    assert_eq!(
        app.post(&[("accept", "text/css")], "{ me { id } }", json!({})).await.status,
        StatusCode::NOT_ACCEPTABLE
    );
}

const LOGIN_BY_COOKIE: &str =
    "mutation($input: LoginInput!) { login(input: $input) { user { id } accessToken refreshToken } }";

async fn log_in_by_cookie(app: &TestApp, headers: &[(&str, &str)]) -> Answer {
    let input =
        json!({ "email": "ada@example.com", "password": "correct horse battery", "transport": "COOKIE" });
    app.post(headers, LOGIN_BY_COOKIE, json!({ "input": input })).await
}

/// What a browser would send back.
fn cookie_header(answer: &Answer) -> String {
    answer.cookies().iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn cookies_carry_tokens_that_are_in_no_body() {
    let app = TestApp::with(Backend::Embedded, &[("PUBLIC_URL", "https://accounts.example.com")]).await;
    app.user("ada").await;
    let answer = log_in_by_cookie(&app, &[]).await;
    assert_eq!(
        (answer.data("/login/accessToken"), answer.data("/login/refreshToken")),
        (Value::Null, Value::Null)
    );
    let cookies = answer.cookies();
    assert_eq!(cookies.len(), 3);
    for (cookie, (name, lifetime)) in cookies.iter().zip([
        ("__Host-vestibule_access=", "; Max-Age=1209600"),
        ("__Host-vestibule_refresh=vrt_", "; Max-Age=1209600"),
        ("__Host-vestibule_device=vdt_", "; Max-Age=15552000"),
    ]) {
        assert!(cookie.starts_with(name), "{cookie}");
        for attribute in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/", lifetime] {
            assert!(cookie.contains(attribute), "{attribute} is missing: {cookie}");
        }
        assert!(!cookie.contains("Domain") && cookie.len() < 4096);
    }
    let cookie = cookie_header(&answer);
    app.post(&[("cookie", &cookie)], "{ me { id } }", json!({})).await.data("/me/id");

    let refreshed = app
        .post(&[("cookie", &cookie)], "mutation { refresh { accessToken refreshToken } }", json!({}))
        .await;
    assert_eq!(refreshed.data("/refresh"), json!({ "accessToken": null, "refreshToken": null }));
    let cookie = cookie_header(&refreshed);
    let of_another = "mutation { logout(input: { refreshToken: \"vrt_x\" }) { success } }";
    let kept = app.post(&[("cookie", &cookie)], of_another, json!({})).await;
    assert_eq!((kept.data("/logout/success"), kept.cookies().len()), (json!(false), 0));
    let logout = app.post(&[("cookie", &cookie)], "mutation { logout { success } }", json!({})).await;
    assert_eq!(logout.data("/logout/success"), true);
    // The device stays known: others' failures are none of its own.
    assert_eq!(logout.cookies().len(), 2);
    assert!(logout.cookies().iter().all(|cookie| cookie.contains("; Max-Age=0")), "{:?}", logout.cookies());
    assert_eq!(logout.headers["clear-site-data"], "\"cache\", \"storage\"");
    assert_eq!(
        app.post(&[("cookie", &cookie)], "{ me { id } }", json!({})).await.reason(),
        "SESSION_REVOKED"
    );
    // Cookies without the prefix are not ours: a subdomain could have set them.
    let tossed = cookie.replace("__Host-", "");
    assert_eq!(app.post(&[("cookie", &tossed)], "{ me { id } }", json!({})).await.data("/me"), Value::Null);
}

#[tokio::test]
async fn at_home_cookies_work_over_plain_http() {
    let app = app().await;
    app.user("ada").await;
    let answer =
        log_in_by_cookie(&app, &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")])
            .await;
    assert!(
        answer.cookies().iter().all(|cookie| cookie.starts_with("vestibule_") && !cookie.contains("Secure"))
    );
    let refresh_only = cookie_header(&answer);
    let refresh_only =
        refresh_only.split("; ").find(|cookie| cookie.starts_with("vestibule_refresh")).unwrap();
    let lost = app.post(&[("cookie", refresh_only)], "{ me { id } }", json!({})).await;
    assert_eq!(lost.reason(), "TOKEN_EXPIRED", "a page that has lost the access cookie must refresh");
}

#[tokio::test]
async fn other_sites_cannot_use_cookies() {
    let app = TestApp::with(
        Backend::Embedded,
        &[("PUBLIC_URL", "https://accounts.example.com"), ("ALLOWED_ORIGINS", "https://app.example.com")],
    )
    .await;
    app.user("ada").await;
    let cookie = cookie_header(&log_in_by_cookie(&app, &[]).await);
    for (site, origin, allowed) in [
        ("same-origin", "https://accounts.example.com", true),
        ("same-site", "https://app.example.com", true),
        ("cross-site", "https://app.example.com", false),
        ("same-site", "https://evil.example.com", false),
        ("cross-site", "https://evil.example.net", false),
        ("same-origin", "null", false),
    ] {
        let headers = [("sec-fetch-site", site), ("origin", origin)];
        let with_cookie = [headers[0], headers[1], ("cookie", cookie.as_str())];
        let used = app.post(&with_cookie, "{ me { id } }", json!({})).await;
        let set = log_in_by_cookie(&app, &headers).await;
        if allowed {
            used.data("/me/id");
            set.data("/login");
        } else {
            assert_eq!(
                (used.status, used.code().as_str()),
                (StatusCode::FORBIDDEN, "CSRF_REJECTED"),
                "{site} {origin}"
            );
            assert_eq!((set.code().as_str(), set.cookies().len()), ("CSRF_REJECTED", 0), "{site} {origin}");
        }
        // Without cookies there is nothing to abuse.
        app.post(&headers, "{ me { id } }", json!({})).await.data("/me");
    }
}

#[tokio::test]
async fn cross_origin_rules_name_exactly_the_allowed_origins() {
    let app = TestApp::with(Backend::Embedded, &[("ALLOWED_ORIGINS", "https://app.example.com")]).await;
    for (origin, allowed) in
        [("https://app.example.com", true), ("https://app.example.com.evil.net", false), ("null", false)]
    {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let answer = request(&app, Method::OPTIONS, "/graphql", &headers).await;
        assert_eq!(answer.header("access-control-allow-origin"), if allowed { origin } else { "" });
        assert!(answer.header("vary").to_ascii_lowercase().contains("origin"), "{:?}", answer.headers);
        if allowed {
            assert_eq!(answer.header("access-control-allow-credentials"), "true");
        }
    }
}

#[tokio::test]
async fn every_answer_has_the_protective_headers_and_an_id() {
    let app = TestApp::with(Backend::Embedded, &[("PUBLIC_URL", "https://accounts.example.com")]).await;
    for uri in ["/graphql?query=%7Bme%7Bid%7D%7D", "/health/live", "/nowhere", "/playground/nothing.js"] {
        let answer = get(&app, uri, &[]).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("content-security-policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ] {
            assert_eq!(answer.header(name), value, "{uri}");
        }
        assert!(answer.header("x-request-id").starts_with("req_"));
    }
    let error = get(&app, "/nowhere", &[]).await;
    assert_eq!(error.status, StatusCode::NOT_FOUND);
    assert_eq!(error.error()["requestId"], error.header("x-request-id"));
    let refused = app.me("x").await;
    assert_eq!(refused.error()["requestId"], refused.header("x-request-id"));
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_ask() {
    let app = app().await;
    let query = include_str!("support/introspection.graphql");
    let answer = app.post(&[("accept-encoding", "gzip")], query, json!({})).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let plain = app.post(&[], query, json!({})).await;
    assert_eq!(plain.header(header::CONTENT_ENCODING), "");
    for answer in [&answer, &plain] {
        let vary = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
        let vary = vary.collect::<Vec<_>>().join(", ").to_ascii_lowercase();
        assert!(["accept-encoding", "origin"].iter().all(|name| vary.contains(name)), "{vary}");
    }
    // What fits into a packet is sent as it is.
    let small = app.post(&[("accept-encoding", "gzip")], "{ me { id } }", json!({})).await;
    assert_eq!(small.header(header::CONTENT_ENCODING), "");
}

#[tokio::test]
async fn health_tells_of_both_parts() {
    let app = app().await;
    assert_eq!(get(&app, "/health/live", &[]).await.json(), json!({ "status": "ok" }));
    let ready = get(&app, "/health/ready", &[]).await;
    assert_eq!(
        (ready.status, ready.json()),
        (StatusCode::OK, json!({ "status": "ok", "store": "ok", "cache": "ok" }))
    );
}

#[tokio::test]
async fn a_full_hashing_queue_answers_at_once() {
    let settings = [("BCRYPT_COST", "13"), ("HASH_THREADS", "1"), ("HASH_QUEUE", "1")];
    let app = TestApp::with(Backend::Embedded, &settings).await;
    let logins = (0..6).map(|_| app.login("nobody@example.com", "a password"));
    let answers = futures_util::future::join_all(logins).await;
    let overloaded: Vec<_> = answers.iter().filter(|answer| answer.code() == "OVERLOADED").collect();
    assert!(overloaded.len() >= 4, "{}", overloaded.len());
    assert!(
        overloaded.iter().all(|answer| answer.error()["retryAfter"].as_u64().is_some_and(|wait| wait >= 1))
    );
}
