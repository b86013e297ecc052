//! graphql-transport-ws by the letter of its document, over a real socket to a real process.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::support::process::Process;

const SUBSCRIBE: &str = "subscription { sessionEvents { type sessionId endsCurrentSession } }";

struct Service {
    process: Process,
    token: String,
    _folder: TempDir,
}

async fn service(settings: &[(&str, &str)]) -> Service {
    let folder = tempdir().unwrap();
    let settings = [&[("BCRYPT_COST", "4")], settings].concat();
    let settings: Vec<_> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let process = Process::start(folder.path(), &settings).await;
    let answer = process.register("ada@example.com").await.unwrap();
    let token = answer["data"]["register"]["accessToken"].as_str().unwrap().to_owned();
    Service { process, token, _folder: folder }
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Socket(Stream);

impl Service {
    async fn connect(&self, headers: &[(&'static str, &str)]) -> Result<Stream, Error> {
        let mut request =
            format!("{}/graphql/ws", self.process.url.replacen("http", "ws", 1)).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        connect_async(request).await.map(|(stream, _)| stream)
    }

    /// A socket that nothing was said on.
    async fn silent(&self) -> Socket {
        Socket(self.connect(&[("sec-websocket-protocol", "graphql-transport-ws")]).await.unwrap())
    }

    /// A socket of the person.
    async fn socket(&self) -> Socket {
        let mut socket = self.silent().await;
        socket.init(&self.token).await;
        socket
    }

    async fn mutate(&self, mutation: &str) -> Value {
        self.process.post(Some(&self.token), &format!("mutation {{ {mutation} }}"), json!({})).await.unwrap()
    }

    /// The status of a handshake that is refused.
    async fn refused(&self, headers: &[(&'static str, &str)]) -> u16 {
        match self.connect(headers).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            other => panic!("not refused: {:?}", other.map(drop)),
        }
    }
}

impl Socket {
    async fn say(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    async fn tell(&mut self, message: Value) {
        self.say(message.to_string()).await;
    }

    async fn init(&mut self, token: &str) {
        self.tell(
            json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }),
        )
        .await;
        assert_eq!(self.hear().await, json!({ "type": "connection_ack" }));
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.tell(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    #[expect(clippy::disallowed_methods, reason = "a test gives up by failing")]
    async fn receive(&mut self) -> Option<Message> {
        loop {
            let message =
                tokio::time::timeout(Duration::from_secs(15), self.0.next()).await.expect("nothing came");
            match message {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next message of the protocol.
    async fn hear(&mut self) -> Value {
        match self.receive().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("no message: {other:?}"),
        }
    }

    /// The code and reason with which the service closes.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.receive().await {
                Some(Message::Close(Some(frame))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Message::Text(_)) => {}
                other => panic!("not closed: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn handshakes_that_are_not_of_the_protocol_are_refused() {
    let service = service(&[]).await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    assert_eq!(service.refused(&[]).await, 400);
    assert_eq!(service.refused(&[("sec-websocket-protocol", "graphql-ws")]).await, 400);
    assert_eq!(service.refused(&[protocol, ("origin", "https://evil.example.com")]).await, 403);
    assert_eq!(service.refused(&[protocol, ("origin", "null")]).await, 403);
    let both = [
        ("sec-websocket-protocol", "graphql-ws, graphql-transport-ws"),
        ("origin", service.process.url.as_str()),
    ];
    assert!(service.connect(&both).await.is_ok());
    let plain = reqwest::get(format!("{}/graphql/ws", service.process.url)).await.unwrap();
    assert_eq!(plain.status().as_u16(), 426);
}

#[tokio::test]
async fn a_socket_is_initialised_once_and_in_time() {
    let service = service(&[]).await;
    let started = Instant::now();
    assert_eq!(service.silent().await.closed().await, (4408, "Connection initialisation timeout".into()));
    assert!(started.elapsed() >= Duration::from_secs(9));
    let mut early = service.silent().await;
    early.subscribe("1", "{ me { id } }").await;
    assert_eq!(early.closed().await, (4401, "Unauthorized".into()));
    let mut twice = service.socket().await;
    twice.tell(json!({ "type": "connection_init" })).await;
    assert_eq!(twice.closed().await, (4429, "Too many initialisation requests".into()));
}

#[tokio::test]
async fn bad_credentials_are_forbidden() {
    let service = service(&[]).await;
    for (payload, reason) in [
        (json!(null), "MISSING"),
        (json!({}), "MISSING"),
        (json!({ "authorization": "Bearer nonsense" }), "TOKEN_INVALID"),
        (json!({ "Authorization": "Basic YTpi" }), "TOKEN_INVALID"),
        (json!({ "authorization": 7 }), "TOKEN_INVALID"),
        (json!({ "accessToken": "vrt_nonsense" }), "TOKEN_INVALID"),
    ] {
        let mut socket = service.silent().await;
        socket.tell(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, (4403, reason.into()), "{payload}");
    }
    let mut socket = service.silent().await;
    socket.tell(json!({ "type": "connection_init", "payload": { "accessToken": service.token } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
}

#[tokio::test]
async fn a_cookie_authenticates_a_socket_of_our_own_pages_alone() {
    let service = service(&[]).await;
    let protocol = ("sec-websocket-protocol", "graphql-transport-ws");
    let cookie = format!("vestibule_access={}", service.token);
    let own = service.process.url.clone();
    let headers =
        [protocol, ("cookie", cookie.as_str()), ("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
    let mut socket = Socket(service.connect(&headers).await.unwrap());
    socket.tell(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    let cross = [protocol, ("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
    let mut socket = Socket(service.connect(&cross).await.unwrap());
    socket.tell(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closed().await, (4403, "MISSING".into()));
}

#[tokio::test]
async fn a_close_is_heard_and_answered_whatever_else_is_on_its_way() {
    let service = service(&[]).await;
    for is_initialised in [false, true] {
        let mut socket = if is_initialised { service.socket().await } else { service.silent().await };
        socket.0.close(None).await.unwrap();
        // The answer to the close, and not the end of the connection alone.
        let mut answered = false;
        while let Some(message) = socket.0.next().await {
            answered |= matches!(message, Ok(Message::Close(_)));
            assert!(message.is_ok(), "{message:?}");
        }
        assert!(answered);
    }
    for pings in [0, 50, 2_000] {
        let mut socket = service.socket().await;
        socket.0.feed(Message::text("nonsense")).await.unwrap();
        for _ in 0..pings {
            socket.0.feed(Message::text("{\"type\":\"ping\"}")).await.unwrap();
        }
        socket.0.flush().await.unwrap();
        assert_eq!(socket.closed().await.0, 4400, "with {pings} pings after it");
    }
}

#[tokio::test]
async fn what_is_none_of_the_protocol_closes_the_socket() {
    let service = service(&[]).await;
    for text in ["", "nonsense", "[]", "{\"type\":\"start\"}", "{\"type\":\"subscribe\",\"id\":\"1\"}"] {
        let mut socket = service.socket().await;
        socket.say(text).await;
        assert_eq!(socket.closed().await.0, 4400, "{text}");
    }
    let mut binary = service.socket().await;
    binary.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(binary.closed().await.0, 4400);
    let mut big = service.socket().await;
    // The service may close before it has taken all of it.
    let _ = big.0.send(Message::text("x".repeat(300 * 1024))).await;
    match big.receive().await {
        Some(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 1009),
        other => assert!(other.is_none(), "{other:?}"),
    }
}

#[tokio::test]
async fn operations_run_beside_each_other_and_have_ids_of_their_own() {
    let service = service(&[]).await;
    let mut socket = service.socket().await;
    socket.subscribe("events", SUBSCRIBE).await;
    socket.subscribe("me", "{ me { email } }").await;
    let me = json!({ "email": "ada@example.com" });
    assert_eq!(
        socket.hear().await,
        json!({ "id": "me", "type": "next", "payload": { "data": { "me": me } } })
    );
    assert_eq!(socket.hear().await, json!({ "id": "me", "type": "complete" }));
    socket
        .subscribe("name", "mutation { updateProfile(input: { name: \"Ada L.\" }) { user { name } } }")
        .await;
    assert_eq!(socket.hear().await["payload"]["data"]["updateProfile"]["user"]["name"], "Ada L.");
    assert_eq!(socket.hear().await, json!({ "id": "name", "type": "complete" }));
    socket.tell(json!({ "type": "ping", "payload": { "a": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "a": 1 } }));
    socket.tell(json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    // An id is free again when its operation is over, and taken while it runs.
    socket.subscribe("me", "{ me { name } }").await;
    assert_eq!(socket.hear().await["payload"]["data"]["me"]["name"], "Ada L.");
    assert_eq!(socket.hear().await["type"], "complete");
    socket.subscribe("events", SUBSCRIBE).await;
    assert_eq!(socket.closed().await, (4409, "Subscriber for events already exists".into()));
}

#[tokio::test]
async fn faulty_operations_are_errors_and_the_socket_stays() {
    let service = service(&[]).await;
    let mut socket = service.socket().await;
    for (id, query, code) in [
        ("a", "{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("b", "{ me { id", "GRAPHQL_PARSE_FAILED"),
        (
            "c",
            "subscription { a: sessionEvents { type } b: sessionEvents { type } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("d", "subscription { sessionEvents { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "d1",
            "subscription { ...F } fragment F on Subscription { sessionEvents { type } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("d2", "subscription { sessionEvents @skip(if: true) { type } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "e",
            "mutation { login(input: { email: \"a@b.c\", password: \"x\", transport: COOKIE }) { user { id } } }",
            "BAD_USER_INPUT",
        ),
        ("f", "mutation { refresh { accessToken } }", "UNAUTHENTICATED"),
    ] {
        socket.subscribe(id, query).await;
        let message = socket.hear().await;
        assert_eq!(message["id"], id);
        let error = match message["type"].as_str() {
            Some("error") => &message["payload"][0],
            // A mutation that fails has been executed.
            Some("next") => &message["payload"]["errors"][0],
            other => panic!("{other:?}"),
        };
        assert_eq!(error["extensions"]["code"], code, "{message}");
        assert!(error["extensions"]["requestId"].as_str().unwrap().starts_with("req_"), "{message}");
        if message["type"] == "next" {
            assert_eq!(socket.hear().await["type"], "complete");
        }
    }
    let bomb = format!("{{ {} }}", "a: me { id } ".repeat(30));
    socket.subscribe("g", &bomb).await;
    assert_eq!(socket.hear().await["payload"][0]["extensions"]["code"], "OPERATION_TOO_COMPLEX");
    for number in 0..51 {
        socket.subscribe(&format!("n{number}"), SUBSCRIBE).await;
    }
    let refused = socket.hear().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("n50"), &json!("error")));
    assert_eq!(refused["payload"][0]["extensions"]["limitName"], "operations");
}

#[tokio::test]
async fn a_completed_operation_says_nothing_more() {
    let service = service(&[]).await;
    let mut socket = service.socket().await;
    socket.subscribe("1", SUBSCRIBE).await;
    socket.subscribe("2", SUBSCRIBE).await;
    socket.tell(json!({ "id": "1", "type": "complete" })).await;
    socket.tell(json!({ "id": "unknown", "type": "complete" })).await;
    // What was said before has been heard when this is answered.
    socket.tell(json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await["type"], "pong");
    service.process.login("ada@example.com").await.unwrap();
    let event = socket.hear().await;
    assert_eq!(
        (&event["id"], &event["payload"]["data"]["sessionEvents"]["type"]),
        (&json!("2"), &json!("CREATED"))
    );
    socket.tell(json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await["type"], "pong", "nothing came of the other");
}

#[tokio::test]
async fn a_socket_ends_with_its_session() {
    let service = service(&[]).await;
    let mut listening = service.socket().await;
    listening.subscribe("1", SUBSCRIBE).await;
    let mut idle = service.socket().await;
    // Both hear what happens from here on.
    for socket in [&mut listening, &mut idle] {
        socket.tell(json!({ "type": "ping" })).await;
        socket.hear().await;
    }
    assert_eq!(service.mutate("logout { success }").await["data"]["logout"]["success"], true);
    let last = listening.hear().await["payload"]["data"]["sessionEvents"].clone();
    assert_eq!((&last["type"], &last["endsCurrentSession"]), (&json!("REVOKED"), &json!(true)));
    assert_eq!(listening.closed().await, (4401, "SESSION_REVOKED".into()));
    assert_eq!(idle.closed().await, (4401, "SESSION_REVOKED".into()));
    let mut late = service.silent().await;
    late.tell(json!({ "type": "connection_init", "payload": { "accessToken": service.token } })).await;
    assert_eq!(late.closed().await, (4403, "SESSION_REVOKED".into()));
}

#[tokio::test]
async fn connections_are_limited_in_all_and_for_one_person() {
    let service = service(&[("MAX_SOCKETS", "3"), ("MAX_SOCKETS_PER_USER", "2")]).await;
    let (first, _second) = (service.socket().await, service.socket().await);
    let mut third = service.silent().await;
    third.tell(json!({ "type": "connection_init", "payload": { "accessToken": service.token } })).await;
    assert_eq!(third.closed().await, (1013, "Too many sockets".into()));
    drop(third);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _idle = service.silent().await;
    assert_eq!(service.refused(&[("sec-websocket-protocol", "graphql-transport-ws")]).await, 503);
    drop(first);
    tokio::time::sleep(Duration::from_millis(100)).await;
    service.socket().await;
}

/// Reads nothing and asks for much. The service gives it up and keeps nothing for it.
#[tokio::test]
async fn a_reader_that_does_not_read_is_dropped() {
    let service = service(&[]).await;
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", service.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let mut socket = service.socket().await;
    let before = memory();
    let started = Instant::now();
    let query =
        "{ __schema { types { name description fields { name description args { name description } } } } }";
    let mut sent = 0;
    // Each answer has some 20 KiB: the buffers of the system are full before the service has sent them all.
    while started.elapsed() < Duration::from_secs(40) {
        let message = json!({ "id": sent.to_string(), "type": "subscribe", "payload": { "query": query } });
        let sending = socket.0.send(Message::text(message.to_string()));
        #[expect(clippy::disallowed_methods, reason = "the test gives up")]
        match tokio::time::timeout(Duration::from_secs(20), sending).await {
            Ok(Ok(())) => sent += 1,
            Ok(Err(_)) => {
                let after = memory();
                assert!(after < before + 100 * 1024, "from {before} to {after} KiB");
                assert!(service.process.log().contains("nobody reads"), "{}", service.process.log());
                return;
            }
            Err(_) => {}
        }
    }
    panic!("it was never dropped, after {sent} requests\n{}", service.process.log());
}

#[tokio::test]
async fn what_a_socket_keeps_is_bounded() {
    let service = service(&[]).await;
    let mut socket = service.socket().await;
    // Not declared, so of no use to the operation: it is not kept, and counts.
    let unused = json!({ "v": vec![1; 20_000] });
    let mut refused = None;
    for number in 0..4 {
        let payload = json!({ "query": SUBSCRIBE, "variables": unused });
        socket.tell(json!({ "id": number.to_string(), "type": "subscribe", "payload": payload })).await;
        socket.tell(json!({ "type": "ping" })).await;
        let answer = socket.hear().await;
        if answer["type"] == "error" {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("never refused");
    assert_eq!(refused["payload"][0]["extensions"]["limitName"], "operationBytes", "{refused}");
    let declared = json!({ "v": vec![1; 30_000] });
    let query = "query($v: [Int!]) { me { id } }";
    let answer = service.process.post(Some(&service.token), query, declared).await.unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "OPERATION_TOO_COMPLEX", "{answer}");
    let mut long = service.socket().await;
    long.subscribe(&"x".repeat(129), "{ me { id } }").await;
    assert_eq!(long.closed().await.0, 4400);
}

/// Subscribes and reads nothing. The places are free again when the session has ended.
#[tokio::test]
async fn an_event_stream_that_nobody_reads_ends_with_its_session() {
    use tokio::io::AsyncWriteExt;
    let service = service(&[("MAX_SOCKETS_PER_USER", "1")]).await;
    let body = json!({ "query": SUBSCRIBE }).to_string();
    let mut stream = TcpStream::connect(service.process.url.trim_start_matches("http://")).await.unwrap();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        service.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let other = service.process.login("ada@example.com").await.unwrap();
    let other = other["data"]["login"]["accessToken"].as_str().unwrap().to_owned();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = events(&service, "/graphql", SUBSCRIBE, Some(&other)).await;
    assert_eq!(second.status().as_u16(), 429);
    service.mutate("logout { success }").await;
    for _ in 0..100 {
        if events(&service, "/graphql", SUBSCRIBE, Some(&other)).await.status().as_u16() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("its place was never given back");
}

#[tokio::test]
async fn sockets_are_told_when_the_service_stops() {
    let mut service = service(&[]).await;
    let (mut socket, mut silent) = (service.socket().await, service.silent().await);
    socket.subscribe("1", SUBSCRIBE).await;
    socket.tell(json!({ "type": "ping" })).await;
    socket.hear().await;
    service.process.terminate();
    assert_eq!(socket.closed().await, (1001, "Going away".into()));
    assert_eq!(silent.closed().await, (1001, "Going away".into()));
    assert!(service.process.wait().success());
}

async fn events(service: &Service, path: &str, query: &str, token: Option<&str>) -> reqwest::Response {
    let request = reqwest::Client::new().post(format!("{}{path}", service.process.url));
    let request = request.header("accept", "text/event-stream").json(&json!({ "query": query }));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap()
}

/// The text of a stream up to and with a certain piece.
async fn read_until(response: &mut reqwest::Response, piece: &str) -> String {
    let mut text = String::new();
    while !text.contains(piece) {
        let chunk =
            response.chunk().await.unwrap().unwrap_or_else(|| panic!("it ended before {piece}: {text}"));
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    text
}

#[tokio::test]
async fn events_come_as_server_sent_events() {
    let service = service(&[]).await;
    for path in ["/graphql", "/graphql/ws"] {
        let mut stream = events(&service, path, SUBSCRIBE, Some(&service.token)).await;
        assert_eq!(stream.status().as_u16(), 200);
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        service.process.login("ada@example.com").await.unwrap();
        let text = read_until(&mut stream, "\n\n").await;
        assert!(
            text.starts_with("event: next\ndata: {\"data\":{\"sessionEvents\":{\"type\":\"CREATED\""),
            "{text}"
        );
    }
    let query =
        events(&service, "/graphql", "{ me { email } }", Some(&service.token)).await.text().await.unwrap();
    assert_eq!(
        query,
        "event: next\ndata: {\"data\":{\"me\":{\"email\":\"ada@example.com\"}}}\n\nevent: complete\ndata: \n\n"
    );
    let anonymous = events(&service, "/graphql", SUBSCRIBE, None).await.text().await.unwrap();
    assert!(
        anonymous.contains("\"code\":\"UNAUTHENTICATED\"")
            && anonymous.ends_with("event: complete\ndata: \n\n"),
        "{anonymous}"
    );
    let faulty = events(&service, "/graphql", "subscription { nothing }", None).await.text().await.unwrap();
    assert!(faulty.contains("GRAPHQL_VALIDATION_FAILED"), "{faulty}");
    let unreadable = events(&service, "/graphql", "subscription {", None).await.text().await.unwrap();
    assert!(
        unreadable.contains("GRAPHQL_PARSE_FAILED") && unreadable.ends_with("event: complete\ndata: \n\n"),
        "{unreadable}"
    );
    let by_get = format!("{}/graphql?query=mutation%7Blogout%7Bsuccess%7D%7D", service.process.url);
    let by_get =
        reqwest::Client::new().get(by_get).header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(by_get.status().as_u16(), 405);
}

#[tokio::test]
async fn an_event_stream_ends_with_its_session() {
    let service = service(&[]).await;
    let mut stream = events(&service, "/graphql", SUBSCRIBE, Some(&service.token)).await;
    service.mutate("logout { success }").await;
    let text = read_until(&mut stream, "event: complete").await;
    assert!(
        text.contains("\"type\":\"REVOKED\"") && text.contains("\"reason\":\"SESSION_REVOKED\""),
        "{text}"
    );
}

#[tokio::test]
async fn event_streams_let_the_service_stop() {
    let mut service = service(&[]).await;
    let mut stream = events(&service, "/graphql", SUBSCRIBE, Some(&service.token)).await;
    service.process.terminate();
    assert!(service.process.wait().success());
    assert!(!matches!(stream.chunk().await, Ok(Some(_))), "without complete, so that clients connect again");
}

#[tokio::test]
async fn a_client_that_also_takes_events_gets_them_for_subscriptions_alone() {
    let service = service(&[]).await;
    let accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed";
    let post = async |query: &str| {
        let request =
            reqwest::Client::new().post(format!("{}/graphql", service.process.url)).header("accept", accept);
        request.bearer_auth(&service.token).json(&json!({ "query": query })).send().await.unwrap()
    };
    let query = post("{ me { id } }").await;
    assert_eq!(query.headers()["content-type"], "application/graphql-response+json; charset=utf-8");
    assert_eq!(post(SUBSCRIBE).await.headers()["content-type"], "text/event-stream");
}
