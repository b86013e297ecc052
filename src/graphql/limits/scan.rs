//! The scan of the text: tokens and nesting, outside of strings and comments.

use super::{Excess, MAX_NESTING, at_most};

const BLOCK_QUOTE: &[u8] = b"\"\"\"";

pub(super) fn check(text: &str, most_tokens: u64) -> Result<(), Excess> {
    let (mut tokens, mut nesting) = (0, 0_u64);
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let is_token = match first {
            b'#' => {
                rest = skip(after, |byte| byte != b'\n' && byte != b'\r');
                continue;
            }
            b'"' => {
                rest =
                    if rest.starts_with(BLOCK_QUOTE) { after_block(&rest[3..]) } else { after_string(after) };
                true
            }
            b'{' | b'[' | b'(' => {
                nesting += 1;
                rest = after;
                true
            }
            b'}' | b']' | b')' => {
                nesting = nesting.saturating_sub(1);
                rest = after;
                true
            }
            byte if is_word(byte) => {
                rest = skip(after, is_word);
                true
            }
            byte => {
                rest = after;
                !(byte.is_ascii_whitespace() || byte == b',')
            }
        };
        tokens += u64::from(is_token);
        at_most("tokens", most_tokens, tokens)?;
        at_most("nesting", MAX_NESTING, nesting)?;
    }
    Ok(())
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'+') || byte >= 0x80
}

fn skip(bytes: &[u8], is_part: impl Fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().position(|byte| !is_part(*byte)).unwrap_or(bytes.len());
    &bytes[end..]
}

/// What follows the end of a string. One that is broken off by a line end is none to the parser
/// either, which then refuses the document.
fn after_string(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' | b'\n' | b'\r' => return &bytes[at + 1..],
            _ => at += 1,
        }
    }
    &[]
}

fn after_block(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if bytes[at..].starts_with(BLOCK_QUOTE) {
            return &bytes[at + 3..];
        } else {
            at += 1;
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::limits::Over;

    fn check(text: &str) -> Result<(), Excess> {
        super::check(text, 10_000)
    }

    #[test]
    fn nesting_is_bounded_at_the_exact_value_whatever_the_brackets() {
        for (open, close) in [("{", "}"), ("[", "]"), ("(", ")")] {
            let nested = |levels: usize| format!("{}{}", open.repeat(levels), close.repeat(levels));
            assert_eq!(check(&nested(64)), Ok(()));
            assert_eq!(check(&nested(65)), Err(Excess::Over(Over { limit: "nesting", most: 64, found: 65 })));
        }
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        let brackets = "{".repeat(100);
        for text in [
            format!("{{ a(b: \"{brackets}\") }}"),
            format!("{{ a(b: \"\\\"{brackets}\") }}"),
            format!("{{ a(b: \"\"\"\\\"\"\" \" {brackets}\n\"\"\") }}"),
            format!("# {brackets}\n{{ a }}"),
        ] {
            assert_eq!(check(&text), Ok(()), "{text}");
        }
        for text in
            [format!("\"\" {brackets}"), format!("\"\"\"\"\"\" {brackets}"), format!("# a\n{brackets}")]
        {
            assert!(check(&text).is_err(), "{text}");
        }
        for text in ["\"", "\"\"\"", "\"\\", "#", "\"\"\"\\", ""] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn tokens_are_bounded() {
        assert_eq!(check(&"a ".repeat(10_000)), Ok(()));
        assert!(check(&"a ".repeat(10_001)).is_err());
        assert!(check(&"@a".repeat(5_001)).is_err());
        assert!(check(&"!".repeat(10_001)).is_err());
        assert_eq!(check(&" ,\n".repeat(100_000)), Ok(()));
    }
}
