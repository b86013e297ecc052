//! Pictures of people: uploaded to a store of images directly, confirmed here.

mod store;

pub use store::{
    AvatarError, AvatarStore, AvatarUpload, Confirmation, MAX_AVATAR_PIXELS, Picture, Receipt, UploadForm,
};

use serde::{Deserialize, Serialize};

/// The picture of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Avatar {
    /// What the store of images calls it.
    pub public_id: String,
    /// Where it can be had at its full size.
    pub url: String,
    /// Pixels from left to right, at most [`MAX_AVATAR_PIXELS`].
    pub width: u32,
    /// Pixels from top to bottom, at most [`MAX_AVATAR_PIXELS`].
    pub height: u32,
}
