//! What people are called: reading is stable, and a key is the key of itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::domain::accounts::{DisplayName, EmailAddress, Locale, TimeZone, Username};

fuzz_target!(|text: &str| {
    if let Ok(email) = EmailAddress::parse(text) {
        assert!(email.as_str().len() <= 254, "{email:?}");
        let again = EmailAddress::parse(email.as_str()).expect("what was read can be read");
        assert_eq!(again.key(), email.key());
        let of_key = EmailAddress::parse(email.key().as_str()).expect("a key is an address");
        assert_eq!(of_key.key(), email.key());
    }
    if let Ok(name) = DisplayName::parse(text) {
        assert_eq!(DisplayName::parse(name.as_str()).unwrap().as_str(), name.as_str());
    }
    if let Ok(username) = Username::parse(text) {
        assert_eq!(Username::parse(username.as_str()).unwrap().as_str(), username.as_str());
    }
    let _ = (Locale::parse(text), TimeZone::parse(text), Locale::first_of(text));
});
