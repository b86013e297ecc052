//! Random secrets of 256 bits that say what they are by a prefix.

/// Defines a secret: plain only at birth and on the way, stores see its hash, and it never prints.
macro_rules! opaque_secret {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Draws a new one.
            pub fn generate(random: &dyn $crate::domain::random::Random) -> Self {
                Self($crate::domain::random::bytes(random))
            }

            /// Reads one as a client sent it; `None` for anything else.
            pub fn parse(text: &str) -> Option<Self> {
                use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
                let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix($prefix)?).ok()?;
                bytes.try_into().ok().map(Self)
            }

            /// The text that goes out.
            pub fn expose(&self) -> String {
                use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
                format!(concat!($prefix, "{}"), URL_SAFE_NO_PAD.encode(self.0))
            }

            /// What stores keep of it.
            pub fn hash(&self) -> $crate::domain::tokens::TokenHash {
                $crate::domain::tokens::TokenHash::of(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("[redacted]")
            }
        }
    };
}
pub(in crate::domain) use opaque_secret;
