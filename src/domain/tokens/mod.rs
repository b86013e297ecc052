//! Access tokens, refresh tokens and the keys that sign.

mod access;
mod algorithm;
mod issuer;
mod keys;
mod refresh;
mod ring;
mod schedule;
mod seal;
mod store;

pub use access::{Claims, TOKEN_TYPE};
pub use algorithm::{KeyAlgorithm, PrivateKey};
pub use issuer::{AccessTokens, IssuedAccessToken, IssuerSettings, TokenError};
pub use keys::{KeyMaterial, KeyPolicy};
pub use refresh::{RefreshToken, TokenHash};
pub use ring::{KeyRing, KeyRingParts, KeyState, KeySummary};
pub use seal::{Sealer, SecretKey, signing_keys};
pub(super) use seal::{open_answer, seal_answer};
pub use store::{KeyStore, StoredKey};
