//! Credentials as Keycloak exports them.

use serde::Deserialize;
use serde_json::Value;

/// A credential: two texts, each JSON of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    secret_data: String,
    credential_data: String,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    hash_iterations: u64,
    algorithm: String,
}

/// The hash of a credential in the form of the Password Hashing Competition; `None` for anything else.
pub(super) fn hash_of(credential: &Value) -> Option<String> {
    let Credential { secret_data, credential_data } = Credential::deserialize(credential).ok()?;
    let SecretData { value, salt } = serde_json::from_str(&secret_data).ok()?;
    let CredentialData { hash_iterations, algorithm } = serde_json::from_str(&credential_data).ok()?;
    let name = if algorithm == "pbkdf2" { "pbkdf2-sha1" } else { algorithm.as_str() };
    name.starts_with("pbkdf2-").then(|| format!("${name}$i={hash_iterations}${salt}${value}"))
}
