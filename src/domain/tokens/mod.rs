//! Access tokens, refresh tokens and the keys that sign.

mod access;
mod issuer;
mod keys;
mod refresh;
mod seal;
mod store;

pub use access::{Claims, TOKEN_TYPE};
pub use issuer::{AccessTokens, IssuedAccessToken, IssuerSettings, TokenError};
pub use keys::{KeyMaterial, KeyPolicy, SigningKeys};
pub use refresh::{RefreshToken, TokenHash};
pub use seal::{Sealer, SecretKey};
pub use store::{KeyStore, StoredKey};
