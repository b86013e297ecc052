//! Where pictures of people are kept: at Cloudinary, or in a folder.

mod cloudinary;
mod folder;
mod picture;
mod signing;

use std::sync::Arc;

use crate::{
    config::AvatarConfig,
    domain::{avatars::AvatarStore, checkup::State, random::SharedRandom, tokens::Sealer},
};

use cloudinary::Cloudinary;
pub use cloudinary::DELIVERY as CLOUDINARY_DELIVERY;
use folder::Folder;
use signing::Signer;

/// Why pictures cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// TLS cannot be set up.
    #[error("cannot call the API of Cloudinary: {0}")]
    Client(String),
}

/// Looks at what is configured, and stores nothing.
pub async fn inspect(config: &AvatarConfig) -> State {
    match config {
        AvatarConfig::Cloudinary(account) => {
            let remedy = "see CLOUDINARY_URL, and whether the account is in order";
            State::of(cloudinary::inspect(account).await, remedy)
        }
        AvatarConfig::Folder(path) => State::well(format!("in the folder {}", path.display())),
    }
}

/// Sets up what is configured. Cloudinary is not asked yet; the folder is made with the first picture.
///
/// # Errors
/// [`MediaError`].
pub fn open(
    config: &AvatarConfig,
    public_url: &url::Url,
    sealer: &Sealer,
    random: &SharedRandom,
) -> Result<Arc<dyn AvatarStore>, MediaError> {
    Ok(match config {
        AvatarConfig::Cloudinary(account) => Arc::new(Cloudinary::open(account, random.clone())?),
        AvatarConfig::Folder(path) => {
            let signer = Signer::new(&sealer.form_keys(&**random));
            Arc::new(Folder::new(path.clone(), public_url.clone(), signer, random.clone()))
        }
    })
}
