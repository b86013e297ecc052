//! Pictures in a folder: clients upload to this service, which serves them as well. Nodes that share the
//! folder and a `SECRET_KEY` are one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};
use url::Url;
use zeroize::Zeroizing;

use super::{
    picture::{self, Pictures, SIZES},
    signing::{Signer, is_name},
};
use crate::domain::{
    avatars::{Avatar, AvatarError, AvatarStore, AvatarUpload, Confirmation, Picture, Receipt, UploadForm},
    clock::Instant,
    hex,
    ids::UserId,
    random::{self, SharedRandom},
};

const UPLOAD_TTL: TimeDelta = TimeDelta::minutes(10);
/// Pictures that are decoded at once, since each takes memory, and that wait for it.
const AT_ONCE: usize = 1;
const MAX_WAITING: usize = 8;
/// The name of the picture at its full size, beside the squares, which are named by their size.
const FULL: &str = "full";

pub(super) struct Folder {
    path: PathBuf,
    public_url: Url,
    signer: Signer,
    random: SharedRandom,
    work: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Folder {
    pub(super) fn new(path: PathBuf, public_url: Url, signer: Signer, random: SharedRandom) -> Self {
        let [work, queue] = [AT_ONCE, AT_ONCE + MAX_WAITING].map(|places| Arc::new(Semaphore::new(places)));
        Self { path, public_url, signer, random, work, queue }
    }

    /// A place among those that wait, and then that of the one who works.
    async fn turn(&self) -> Result<[OwnedSemaphorePermit; 2], AvatarError> {
        let place = self.queue.clone().try_acquire_owned().map_err(|_| AvatarError::Busy)?;
        let turn = self.work.clone().acquire_owned().await.map_err(|_| AvatarError::Busy)?;
        Ok([place, turn])
    }

    fn sign_answer(&self, name: &str, version: i64, width: u32, height: u32) -> String {
        let [version, width, height] = [version.to_string(), width.to_string(), height.to_string()];
        self.signer.sign(&["answer", name, &version, &width, &height])
    }
}

#[async_trait]
impl AvatarStore for Folder {
    fn prepare(&self, owner: &UserId, now: Instant) -> AvatarUpload {
        let name = self.signer.name(owner, &*self.random);
        let expires_at = now + UPLOAD_TTL;
        let expires = expires_at.timestamp().to_string();
        let signature = self.signer.sign(&["upload", &name, &expires]);
        let fields = [("public_id", name.clone()), ("expires", expires), ("signature", signature)];
        AvatarUpload {
            public_id: name,
            url: format!("{}avatars", self.public_url),
            fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
            expires_at,
        }
    }

    fn confirm(&self, owner: &UserId, answer: &Confirmation) -> Result<Avatar, AvatarError> {
        let Confirmation { public_id, version, width, height, signature } = answer.clone();
        let [at, across, down] = [version.to_string(), width.to_string(), height.to_string()];
        let is_signed = self.signer.is_signature(&["answer", &public_id, &at, &across, &down], &signature);
        if !is_signed || !self.signer.is_name_of(owner, &public_id) {
            return Err(AvatarError::Signature);
        }
        let url = format!("{}avatars/{public_id}", self.public_url);
        Ok(Avatar { public_id, url, width, height })
    }

    fn url(&self, avatar: &Avatar, size: Option<u32>) -> String {
        // Not as it was stored: the service may have moved.
        let full = format!("{}avatars/{}", self.public_url, avatar.public_id);
        match size.and_then(square_for) {
            Some(size) => format!("{full}/{size}"),
            None => full,
        }
    }

    fn admit(&self, fields: &[(String, String)], now: Instant) -> Result<(), AvatarError> {
        let [name, expires, signature] =
            ["public_id", "expires", "signature"].map(|name| field(fields, name));
        let ends = expires.parse::<i64>().unwrap_or_default();
        let is_signed = self.signer.is_signature(&["upload", name, expires], signature);
        if !is_signed || !is_name(name) || now.timestamp() >= ends {
            return Err(AvatarError::Signature);
        }
        let place = self.path.join(name);
        if place.exists() {
            return Err(AvatarError::Unusable("The upload was used; ask for another one.".into()));
        }
        Ok(())
    }

    async fn receive(&self, form: UploadForm, now: Instant) -> Result<Receipt, AvatarError> {
        self.admit(&form.fields, now)?;
        let name = field(&form.fields, "public_id");
        let place = self.path.join(name);
        let turn = self.turn().await?;
        let draft = self.path.join(format!("{name}.{}", hex::of(&random::bytes::<8>(&*self.random))));
        let file = form.file.clone();
        let made = spawn_blocking(move || {
            // Given back when the work is done, whoever still waits for it.
            let _turn = turn;
            let pictures = picture::make(&file)?;
            let written = write(&draft, &place, &pictures);
            if written.is_err() {
                let _ = fs::remove_dir_all(&draft);
            }
            written.map(|()| pictures)
        });
        let pictures = made.await.map_err(|_| AvatarError::Unusable("The file is damaged.".into()))??;
        let (version, Pictures { width, height, .. }) = (now.timestamp(), pictures);
        let signature = self.sign_answer(name, version, width, height);
        Ok(Confirmation { public_id: name.to_owned(), version, width, height, signature })
    }

    async fn read(&self, public_id: &str, size: Option<u32>) -> Result<Option<Picture>, AvatarError> {
        if !is_name(public_id) {
            return Ok(None);
        }
        let file = match size {
            Some(size) if SIZES.contains(&size) => size.to_string(),
            Some(_) => return Ok(None),
            None => FULL.to_owned(),
        };
        match tokio::fs::read(self.path.join(public_id).join(file)).await {
            Ok(bytes) => Ok(Some(Picture { media_type: picture::media_type(&bytes), bytes: bytes.into() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unavailable(&error)),
        }
    }

    fn take_form_keys(&self, keys: &[Zeroizing<[u8; 32]>]) {
        self.signer.take_keys(keys);
    }

    async fn delete(&self, public_id: &str, _: Instant) -> Result<(), AvatarError> {
        if !is_name(public_id) {
            return Ok(());
        }
        match tokio::fs::remove_dir_all(self.path.join(public_id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unavailable(&error)),
            _ => Ok(()),
        }
    }
}

/// The field of this name, empty if there is none.
fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
}

/// The smallest square that is large enough; the full picture where none is.
fn square_for(size: u32) -> Option<u32> {
    SIZES.into_iter().rev().find(|square| *square >= size)
}

/// Into a folder of its own first, which then gets its name: there is never half of a picture.
fn write(draft: &Path, place: &Path, pictures: &Pictures) -> Result<(), AvatarError> {
    let write = || {
        fs::create_dir_all(draft)?;
        fs::write(draft.join(FULL), &pictures.full)?;
        for (size, bytes) in &pictures.squares {
            fs::write(draft.join(size.to_string()), bytes)?;
        }
        fs::rename(draft, place)
    };
    write().map_err(|error: io::Error| unavailable(&error))
}

fn unavailable(error: &io::Error) -> AvatarError {
    AvatarError::Unavailable(error.kind().to_string())
}
