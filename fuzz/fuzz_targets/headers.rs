//! Headers that the transport reads: cookies, credentials, media types, forwarded addresses.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|headers: Vec<(u8, Vec<u8>)>| vestibule::http::read_headers(&headers));
