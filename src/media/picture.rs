//! What people upload, made into pictures: looked at, decoded within bounds, turned upright, stripped of
//! everything but its pixels, and encoded anew.

use std::io::Cursor;

use bytes::Bytes;
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    imageops::FilterType,
};

use crate::domain::avatars::{AvatarError, MAX_AVATAR_PIXELS};

/// The most pixels that are decoded: those of a good camera.
const MAX_DECODED_PIXELS: u64 = 50_000_000;
/// The most pixels in either direction.
const MAX_SIDE: u32 = 16_384;
/// The most memory of a decoder, and of what it makes.
const MAX_MEMORY: u64 = 200 * 1024 * 1024;
const JPEG_QUALITY: u8 = 85;

/// Sides of the squares that are made of every picture.
pub(super) const SIZES: [u32; 4] = [512, 256, 128, 64];

/// A picture at its full size, and as squares.
pub(super) struct Pictures {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) full: Bytes,
    /// In the order of [`SIZES`].
    pub(super) squares: Vec<(u32, Bytes)>,
}

/// Makes pictures of a file. Takes up to a second and some hundred megabytes.
pub(super) fn make(file: &[u8]) -> Result<Pictures, AvatarError> {
    let full = decode(file)?;
    let squares = SIZES.into_iter().map(|size| {
        let square = full.resize_to_fill(size, size, FilterType::CatmullRom);
        encode(&square).map(|bytes| (size, bytes))
    });
    Ok(Pictures {
        squares: squares.collect::<Result<_, _>>()?,
        full: encode(&full)?,
        width: full.width(),
        height: full.height(),
    })
}

/// The picture, upright and no larger than it may be.
fn decode(file: &[u8]) -> Result<DynamicImage, AvatarError> {
    let unusable = |why: &str| AvatarError::Unusable(format!("The file {why}."));
    let mut reader =
        ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(|_| unusable("cannot be read"))?;
    let format = reader.format();
    if !matches!(format, Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif)) {
        return Err(unusable("is no JPEG, PNG, WebP or GIF picture"));
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| unusable("is damaged, or has too many pixels"))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_DECODED_PIXELS || width.max(height) > MAX_SIDE || decoder.total_bytes() > MAX_MEMORY {
        return Err(unusable("has too many pixels"));
    }
    let orientation = decoder.orientation().map_err(|_| unusable("is damaged"))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| unusable("is damaged"))?;
    // Made smaller before it is turned, which copies it.
    if width.max(height) > MAX_AVATAR_PIXELS {
        picture = picture.resize(MAX_AVATAR_PIXELS, MAX_AVATAR_PIXELS, FilterType::CatmullRom);
    }
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn encode(picture: &DynamicImage) -> Result<Bytes, AvatarError> {
    let mut bytes = Vec::new();
    let pixels = picture.to_rgba8();
    let is_transparent = picture.color().has_alpha() && pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX);
    let encoded = if is_transparent {
        PngEncoder::new(&mut bytes).write_image(
            &pixels,
            pixels.width(),
            pixels.height(),
            image::ExtendedColorType::Rgba8,
        )
    } else {
        let pixels = picture.to_rgb8();
        JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).write_image(
            &pixels,
            pixels.width(),
            pixels.height(),
            image::ExtendedColorType::Rgb8,
        )
    };
    encoded.map_err(|error| AvatarError::Unavailable(format!("encoding: {error}")))?;
    Ok(bytes.into())
}

/// The media type of what was encoded here.
pub(super) fn media_type(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" }
}
