//! What holds for every input, tried with many.

use std::collections::HashMap;

use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;
use vestibule::domain::{
    accounts::{DisplayName, EmailAddress},
    ids::{SessionId, UserId},
    passwords::Password,
    tokens::RefreshToken,
};

use crate::support::{Backend, TestApp};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #[test]
    fn an_address_has_one_key_in_either_letter_case(local in "[a-zà-ÿß0-9.+_-]{1,20}", domain in "[a-zà-ÿ0-9]{1,12}\\.[a-z]{2,6}") {
        let text = format!("{local}@{domain}");
        if let Ok(address) = EmailAddress::parse(&text) {
            let key = address.key();
            let upper = EmailAddress::parse(&text.to_uppercase()).expect("the same address in capitals");
            prop_assert_eq!(&upper.key(), &key);
            let again = EmailAddress::parse(key.as_str()).expect("a key is an address");
            prop_assert_eq!(again.key(), key);
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), wild in "[@.a\\u{0}-\\u{ffff}]{0,60}") {
        for text in [&text, &wild] {
            let _ = EmailAddress::parse(text).map(|address| address.key());
            let _ = DisplayName::parse(text);
            let _ = Password::parse_new("password", text);
            let _ = RefreshToken::parse(text);
            let _ = text.parse::<UserId>();
            let _ = text.parse::<SessionId>();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// A person's devices, tabs and thieves present tokens they once got, in any order and at any
    /// time. Whatever comes in, there is one chain: every token that is answered is the one current
    /// token, and after a reuse there is none.
    #[test]
    fn refreshes_in_any_order_leave_at_most_one_chain(steps in prop::collection::vec((0_usize..6, 0_i64..8), 1..14)) {
        block_on(async {
            let app = TestApp::start(Backend::Embedded).await;
            let mut issued = vec![app.user("ada").await.refresh_token];
            let mut retired_at: HashMap<String, i64> = HashMap::new();
            let (mut now, mut is_alive) = (0, true);
            for (back, wait) in steps {
                app.advance(TimeDelta::seconds(wait));
                now += wait;
                let current = issued.last().unwrap().clone();
                let presented = issued[issued.len().saturating_sub(1 + back)].clone();
                let answer = app.refresh(&presented).await;
                let is_replay = retired_at.get(&presented).is_some_and(|at| now - at < 10);
                if !is_alive {
                    assert_eq!(answer.reason(), "SESSION_REVOKED");
                } else if presented == current {
                    let next = answer.text_at("/refresh/refreshToken");
                    assert!(!issued.contains(&next), "a token came twice");
                    retired_at.insert(presented, now);
                    issued.push(next);
                } else if is_replay {
                    assert_eq!(answer.text_at("/refresh/refreshToken"), current);
                } else {
                    assert_eq!(answer.reason(), "SESSION_REVOKED");
                    is_alive = false;
                }
            }
        });
    }

    #[test]
    fn no_document_gets_anything_but_an_answer_or_a_typed_refusal(
        documents in prop::collection::vec("(\\{|\\}|\\(|\\)|me|node|id|:|\\$v|\"|[a-z]|\\.\\.\\.| on User|@|#|\\[|\\]|1|query|mutation|login|fragment F on Query|!|=|,| ){0,40}", 30)
    ) {
        block_on(async {
            let app = TestApp::start(Backend::Embedded).await;
            for document in documents {
                let answer = app.anonymous(&document, json!({})).await;
                if answer.json().get("data").is_none() {
                    let known = ["GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "OPERATION_TOO_COMPLEX"];
                    assert!(known.contains(&answer.code().as_str()), "{document}: {}", answer.text);
                }
            }
        });
    }
}
