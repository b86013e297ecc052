//! The store of images.

use async_trait::async_trait;
use bytes::Bytes;
use zeroize::Zeroizing;

use super::Avatar;
use crate::domain::{clock::Instant, ids::UserId};

/// The most pixels that a picture has in either direction once it is stored.
pub const MAX_AVATAR_PIXELS: u32 = 1024;

/// An upload that may be made: a `multipart/form-data` POST of these fields and a `file`.
#[derive(Debug, Clone)]
pub struct AvatarUpload {
    /// What the picture will be called.
    pub public_id: String,
    /// Where to post.
    pub url: String,
    /// Fields of the form, besides `file`. The signature among them covers the others.
    pub fields: Vec<(String, String)>,
    /// When the signature ends.
    pub expires_at: Instant,
}

/// What the store of images has answered to an upload, as the client tells it.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// What the picture is called.
    pub public_id: String,
    /// The version of the picture.
    pub version: i64,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// The store's signature of its answer.
    pub signature: String,
}

/// A form that was posted to this service.
#[derive(Debug, Clone, Default)]
pub struct UploadForm {
    /// Its fields by name.
    pub fields: Vec<(String, String)>,
    /// The file.
    pub file: Bytes,
}

/// The answer to a form that was posted to this service.
pub type Receipt = Confirmation;

/// A picture as it is sent.
#[derive(Debug, Clone)]
pub struct Picture {
    /// `image/jpeg` or `image/png`.
    pub media_type: &'static str,
    /// The bytes.
    pub bytes: Bytes,
}

/// Why a picture was not taken or not removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AvatarError {
    /// The signature is wrong or has ended, or the picture is somebody else's.
    #[error("the signature is not valid")]
    Signature,
    /// The file is no picture that is taken; the text says why, for people.
    #[error("{0}")]
    Unusable(String),
    /// Too many pictures are worked on.
    #[error("too many pictures at once")]
    Busy,
    /// The store of images did not do it; the text is for the log.
    #[error("the store of images: {0}")]
    Unavailable(String),
    /// This store does not take that.
    #[error("not here")]
    NotHere,
}

/// Where pictures are kept.
#[async_trait]
pub trait AvatarStore: Send + Sync {
    /// An upload by `owner` that may be made in the next minutes. Nothing is written.
    fn prepare(&self, owner: &UserId, now: Instant) -> AvatarUpload;

    /// The picture that an upload by `owner` has left.
    ///
    /// # Errors
    /// `Signature` for an answer that the store did not give, or gave to somebody else.
    fn confirm(&self, owner: &UserId, answer: &Confirmation) -> Result<Avatar, AvatarError>;

    /// Where a picture can be had in a square of at least `size` pixels, or as large as it is there; at
    /// full size without `size`.
    fn url(&self, avatar: &Avatar, size: Option<u32>) -> String;

    /// Whether a form with these fields would be taken, before its file is read.
    ///
    /// # Errors
    /// `NotHere` if forms are posted elsewhere, `Signature`, `Unusable` for a form that was used.
    fn admit(&self, fields: &[(String, String)], now: Instant) -> Result<(), AvatarError>;

    /// Takes a form that was posted to this service.
    ///
    /// # Errors
    /// `NotHere` if forms are posted elsewhere; any other.
    async fn receive(&self, form: UploadForm, now: Instant) -> Result<Receipt, AvatarError>;

    /// A picture that this service keeps, in a square of at least `size` pixels if one is given; `None`
    /// if there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn read(&self, public_id: &str, size: Option<u32>) -> Result<Option<Picture>, AvatarError>;

    /// Removes a picture. Removing one that is not there is no error.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn delete(&self, public_id: &str, now: Instant) -> Result<(), AvatarError>;

    /// Signs forms with the first of these keys from now on, and believes all. Nothing where others sign.
    fn take_form_keys(&self, _keys: &[Zeroizing<[u8; 32]>]) {}
}
