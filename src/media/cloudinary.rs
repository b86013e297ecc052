//! Pictures at Cloudinary: the client uploads directly, with parameters that were signed here, and shows
//! the signed answer (<https://cloudinary.com/documentation/authentication_signatures>).

use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest;
use chrono::TimeDelta;
use reqwest::{Client, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tracing::Instrument;
use url::Url;

use super::{
    MediaError,
    signing::{Signer, is_equal},
};
use crate::{
    config::CloudinaryConfig,
    domain::{
        avatars::{
            Avatar, AvatarError, AvatarStore, AvatarUpload, Confirmation, MAX_AVATAR_PIXELS, Picture,
            Receipt, UploadForm,
        },
        clock::Instant,
        hex,
        ids::UserId,
        random::SharedRandom,
        traces::{self, trace_part},
    },
};

/// How long Cloudinary takes a signature after its timestamp.
const SIGNATURE_TTL: TimeDelta = TimeDelta::hours(1);
/// How long we want it to: the timestamp is set back by the difference.
const UPLOAD_TTL: TimeDelta = TimeDelta::minutes(10);
const FORMATS: &str = "jpg,png,webp,gif";
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// Where pictures are delivered from.
pub const DELIVERY: &str = "https://res.cloudinary.com";

pub(super) struct Cloudinary {
    cloud: String,
    key: String,
    secret: SecretString,
    api: Url,
    folder: String,
    signer: Signer,
    client: Client,
    random: SharedRandom,
}

impl Cloudinary {
    pub(super) fn open(account: &CloudinaryConfig, random: SharedRandom) -> Result<Self, MediaError> {
        let client = Client::builder().timeout(CALL_TIMEOUT).redirect(Policy::none()).user_agent("vestibule");
        let CloudinaryConfig { cloud, key, secret, api, folder } = account.clone();
        Ok(Self {
            signer: Signer::of_secret(secret.expose_secret()),
            client: client.build().map_err(|error| MediaError::Client(error.to_string()))?,
            cloud,
            key,
            secret,
            api,
            folder,
            random,
        })
    }

    fn endpoint(&self, action: &str) -> String {
        format!("{}/v1_1/{}/image/{action}", self.api.as_str().trim_end_matches('/'), self.cloud)
    }

    /// SHA-1 of the parameters in the order of their names, with the secret after them.
    fn sign(&self, parameters: &[(&str, &str)]) -> String {
        let mut sorted = parameters.to_vec();
        sorted.sort_unstable();
        // An `&` in a value would read as the beginning of another parameter.
        let pairs: Vec<_> =
            sorted.iter().map(|(name, value)| format!("{name}={}", value.replace('&', "%26"))).collect();
        let text = format!("{}{}", pairs.join("&"), self.secret.expose_secret());
        hex::of(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
    }
}

/// Asks whether the account is there and the key is good.
pub(super) async fn inspect(account: &CloudinaryConfig) -> Result<String, String> {
    let unusable = |error: &dyn std::fmt::Display| error.to_string();
    let client = Client::builder().timeout(CALL_TIMEOUT).redirect(Policy::none()).build();
    let client = client.map_err(|error| unusable(&error.without_url()))?;
    let url = format!("{}/v1_1/{}/ping", account.api.as_str().trim_end_matches('/'), account.cloud);
    let asked = client.get(url).basic_auth(&account.key, Some(account.secret.expose_secret())).send().await;
    let answer = asked.map_err(|error| unusable(&error.without_url()))?;
    match answer.status() {
        status if status.is_success() => Ok(format!("Cloudinary, cloud {}", account.cloud)),
        status => Err(format!("Cloudinary answers {status}")),
    }
}

#[async_trait]
impl AvatarStore for Cloudinary {
    fn prepare(&self, owner: &UserId, now: Instant) -> AvatarUpload {
        // The folder is part of the name, and no parameter of its own, which accounts of different age
        // understand differently.
        let public_id = format!("{}/{}", self.folder, self.signer.name(owner, &*self.random));
        let expires_at = now + UPLOAD_TTL;
        let timestamp = (expires_at - SIGNATURE_TTL).timestamp().to_string();
        let size = format!("c_limit,h_{MAX_AVATAR_PIXELS},w_{MAX_AVATAR_PIXELS}");
        let parameters = [
            ("allowed_formats", FORMATS),
            ("overwrite", "false"),
            ("public_id", &public_id),
            ("timestamp", &timestamp),
            ("transformation", &size),
        ];
        let signature = self.sign(&parameters);
        let others = [("api_key", self.key.as_str()), ("signature", &signature)];
        let fields = parameters.into_iter().chain(others);
        AvatarUpload {
            url: self.endpoint("upload"),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            public_id,
            expires_at,
        }
    }

    fn confirm(&self, owner: &UserId, answer: &Confirmation) -> Result<Avatar, AvatarError> {
        let Confirmation { public_id, version, width, height, signature } = answer;
        let version = version.to_string();
        let expected = self.sign(&[("public_id", public_id), ("version", &version)]);
        let name = public_id.strip_prefix(&self.folder).and_then(|rest| rest.strip_prefix('/'));
        let is_own = name.is_some_and(|name| self.signer.is_name_of(owner, name));
        if !is_equal(&expected, signature) || !is_own {
            return Err(AvatarError::Signature);
        }
        // What the signature does not cover is not believed beyond what the upload has allowed.
        let pixels = |count: u32| count.clamp(1, MAX_AVATAR_PIXELS);
        Ok(Avatar {
            url: format!("{DELIVERY}/{}/image/upload/v{version}/{public_id}", self.cloud),
            public_id: public_id.clone(),
            width: pixels(*width),
            height: pixels(*height),
        })
    }

    fn url(&self, avatar: &Avatar, size: Option<u32>) -> String {
        match size {
            Some(size) => {
                let square = format!("/image/upload/c_fill,g_face,h_{size},w_{size}/");
                avatar.url.replacen("/image/upload/", &square, 1)
            }
            None => avatar.url.clone(),
        }
    }

    fn admit(&self, _: &[(String, String)], _: Instant) -> Result<(), AvatarError> {
        Err(AvatarError::NotHere)
    }

    async fn receive(&self, _: UploadForm, _: Instant) -> Result<Receipt, AvatarError> {
        Err(AvatarError::NotHere)
    }

    async fn read(&self, _: &str, _: Option<u32>) -> Result<Option<Picture>, AvatarError> {
        Ok(None)
    }

    async fn delete(&self, public_id: &str, now: Instant) -> Result<(), AvatarError> {
        let timestamp = now.timestamp().to_string();
        // `invalidate` also removes the copies of the content delivery network.
        let parameters = [("invalidate", "true"), ("public_id", public_id), ("timestamp", &timestamp)];
        let signature = self.sign(&parameters);
        let others = [("api_key", self.key.as_str()), ("signature", &signature)];
        let form: Vec<_> = parameters.into_iter().chain(others).collect();
        let unavailable = |what: &str| AvatarError::Unavailable(format!("destroy: {what}"));
        let part = trace_part!("picture", otel.kind = "client");
        let mut request = self.client.post(self.endpoint("destroy")).form(&form);
        if let Some((name, value)) = part.in_scope(traces::outgoing) {
            request = request.header(name, value);
        }
        let answer = request.send().instrument(part).await;
        let answer = answer.map_err(|_| unavailable("no answer"))?;
        let status = answer.status();
        let answer: Value = answer.json().await.map_err(|_| unavailable(status.as_str()))?;
        match answer.get("result").and_then(Value::as_str) {
            Some("ok" | "not found") if status.is_success() => Ok(()),
            _ => Err(unavailable(status.as_str())),
        }
    }
}
