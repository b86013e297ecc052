//! Pictures of people in a folder: signed forms, what is taken and what is not, and how they are served.

use std::io::Cursor;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use chrono::TimeDelta;
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use serde_json::{Value, json};

use crate::support::{Answer, Backend, Persona, TestApp};

const UPLOAD: &str = "mutation { createAvatarUpload { url publicId expiresAt fields { name value } } }";
const CONFIRM: &str = "mutation($input: ConfirmAvatarInput!) { confirmAvatar(input: $input) {
    user { avatar { publicId url width height } } } }";
const BOUNDARY: &str = "----vestibule";

struct Studio {
    app: TestApp,
    folder: tempfile::TempDir,
}

async fn studio() -> Studio {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with(Backend::Embedded, &[("AVATAR_DIR", folder.path().to_str().unwrap())]).await;
    Studio { app, folder }
}

async fn fields(person: &Persona<'_>) -> Vec<(String, String)> {
    let answer = person.post(UPLOAD, json!({})).await;
    let fields = answer.data("/createAvatarUpload/fields");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    fields.as_array().unwrap().iter().map(|field| (text(&field["name"]), text(&field["value"]))).collect()
}

impl Studio {
    async fn post(&self, fields: &[(String, String)], file: &[u8]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part =
                format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.into_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"../../x.html\"\r\n\
             content-type: text/html\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(file);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let request = Request::post("/avatars")
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(Body::from(body))
            .unwrap();
        self.app.send(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.app.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn upload(&self, person: &Persona<'_>, file: &[u8]) -> Answer {
        self.post(&fields(person).await, file).await
    }

    async fn set(&self, person: &Persona<'_>, file: &[u8]) -> Value {
        let receipt = self.upload(person, file).await;
        assert_eq!(receipt.status, StatusCode::OK, "{}", receipt.text);
        let answer = person.post(CONFIRM, json!({ "input": confirmation(&receipt) })).await;
        answer.data("/confirmAvatar/user/avatar")
    }

    fn pictures(&self) -> usize {
        std::fs::read_dir(self.folder.path()).map_or(0, Iterator::count)
    }
}

fn confirmation(receipt: &Answer) -> Value {
    let receipt = receipt.json();
    json!({
        "publicId": receipt["public_id"], "version": receipt["version"], "width": receipt["width"],
        "height": receipt["height"], "signature": receipt["signature"],
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn photo(width: u32, height: u32) -> DynamicImage {
    let shade = |at: u32| u8::try_from(at % 256).unwrap();
    RgbImage::from_fn(width, height, |x, y| image::Rgb([shade(x), shade(y), 128])).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_of_every_kind_become_small_and_plain_ones() {
    let studio = studio().await;
    let ada = studio.app.user("ada").await;
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let avatar = studio.set(&ada, &encoded(&photo(1500, 900), format)).await;
        assert_eq!((&avatar["width"], &avatar["height"]), (&json!(1024), &json!(614)), "{format:?}");
        let url = avatar["url"].as_str().unwrap();
        let path = url.strip_prefix("http://localhost:8080").unwrap();
        let full = studio.get(path).await;
        assert_eq!(full.header("content-type"), "image/jpeg");
        assert_eq!(full.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(full.header("x-content-type-options"), "nosniff");
        let square = studio.get(&format!("{path}/64")).await;
        assert_eq!((square.status, square.header("content-type")), (StatusCode::OK, "image/jpeg"));
        for other in ["65", "0", "x", "..%2f..%2fetc%2fpasswd"] {
            assert_eq!(studio.get(&format!("{path}/{other}")).await.status, StatusCode::NOT_FOUND, "{other}");
        }
    }
    let clear: DynamicImage = RgbaImage::from_pixel(40, 40, image::Rgba([1, 2, 3, 0])).into();
    let avatar = studio.set(&ada, &encoded(&clear, ImageFormat::Png)).await;
    let path = avatar["url"].as_str().unwrap().strip_prefix("http://localhost:8080").unwrap().to_owned();
    assert_eq!(studio.get(&path).await.header("content-type"), "image/png");
    let me =
        ada.post("query($size: Int) { me { avatar(size: $size) { url } } }", json!({ "size": 65 })).await;
    assert!(me.text_at("/me/avatar/url").ends_with("/128"), "{}", me.text);
    let huge = ada.post("{ me { avatar(size: 1025) { url } } }", json!({})).await;
    assert_eq!(huge.faults(), [("size".to_owned(), "OUT_OF_RANGE".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_is_turned_upright_and_tells_nothing_else() {
    let studio = studio().await;
    let ada = studio.app.user("ada").await;
    let mut bytes = encoded(&photo(200, 100), ImageFormat::Jpeg);
    // Exif with the orientation 6 (turned by a quarter) and a secret, as cameras write where they were.
    let mut exif =
        b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0GPS-SECRET".to_vec();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let mut segment = vec![0xff, 0xe1];
    segment.extend(length);
    segment.append(&mut exif);
    bytes.splice(2..2, segment);
    let avatar = studio.set(&ada, &bytes).await;
    assert_eq!((&avatar["width"], &avatar["height"]), (&json!(100), &json!(200)));
    let path = avatar["url"].as_str().unwrap().strip_prefix("http://localhost:8080").unwrap().to_owned();
    assert!(!studio.get(&path).await.text.contains("GPS-SECRET"));
}

/// A PNG header that promises this many pixels, and nothing behind it.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut crc = u32::MAX;
    for byte in &header {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    file.extend(header);
    file.extend((!crc).to_be_bytes());
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_picture_or_too_large_a_one_is_refused() {
    let studio = studio().await;
    let ada = studio.app.user("ada").await;
    let gif = b"GIF89a<script>alert(1)</script>".to_vec();
    let half = encoded(&photo(300, 300), ImageFormat::Png)[..2000].to_vec();
    for (name, file) in [
        ("svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec()),
        ("html", b"<!doctype html><script>alert(1)</script>".to_vec()),
        ("polyglot", gif),
        ("half", half),
        ("empty", Vec::new()),
        ("bomb", bomb(20_000, 20_000)),
        ("wide bomb", bomb(4_000_000_000, 1)),
        ("many pixels", bomb(16_000, 16_000)),
    ] {
        let answer = studio.upload(&ada, &file).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"),
            "{name}"
        );
    }
    // Real pictures, small as files: one of too many pixels, one of too many bytes for each.
    let pixels: DynamicImage = image::GrayImage::new(12_000, 5_000).into();
    let deep: DynamicImage = image::ImageBuffer::<image::Rgba<u16>, _>::new(5_300, 5_300).into();
    for picture in [pixels, deep] {
        let answer = studio.upload(&ada, &encoded(&picture, ImageFormat::Png)).await;
        assert_eq!(answer.json()["errors"][0]["message"], "The file has too many pixels.");
    }
    let large = studio.upload(&ada, &vec![0; 10 * 1024 * 1024 + 1]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(studio.pictures(), 0, "nothing is left behind");
    // A picture with a page behind it is a picture, and only that part of it is kept.
    let mut polyglot = encoded(&photo(30, 30), ImageFormat::Png);
    polyglot.extend(b"<script>alert(1)</script>");
    let avatar = studio.set(&ada, &polyglot).await;
    let path = avatar["url"].as_str().unwrap().strip_prefix("http://localhost:8080").unwrap().to_owned();
    assert!(!studio.get(&path).await.text.contains("script"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_its_owners_alone_once_and_for_ten_minutes() {
    let studio = studio().await;
    let (ada, eve) = (studio.app.user("ada").await, studio.app.user("eve").await);
    let file = encoded(&photo(10, 10), ImageFormat::Png);
    let good = fields(&ada).await;
    for (name, value) in
        [("signature", "0".repeat(64)), ("public_id", "0".repeat(48)), ("expires", "9999999999".into())]
    {
        let mut changed = good.clone();
        changed.iter_mut().find(|(field, _)| field == name).unwrap().1 = value;
        let answer = studio.post(&changed, &file).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNAUTHORIZED, "TOKEN_INVALID"),
            "{name}"
        );
    }
    assert_eq!(studio.post(&[], &file).await.code(), "TOKEN_INVALID");
    let receipt = studio.post(&good, &file).await;
    assert_eq!(studio.post(&good, &file).await.code(), "BAD_USER_INPUT", "once");
    let theirs = eve.post(CONFIRM, json!({ "input": confirmation(&receipt) })).await;
    assert_eq!(theirs.code(), "TOKEN_INVALID", "somebody else's upload");
    for (field, value) in
        [("version", json!(1)), ("width", json!(999)), ("signature", json!("")), ("publicId", json!("x"))]
    {
        let mut changed = confirmation(&receipt);
        changed[field] = value;
        assert_eq!(ada.post(CONFIRM, json!({ "input": changed })).await.code(), "TOKEN_INVALID", "{field}");
    }
    ada.post(CONFIRM, json!({ "input": confirmation(&receipt) })).await.data("/confirmAvatar");
    let late = fields(&ada).await;
    studio.app.advance(TimeDelta::minutes(10));
    assert_eq!(studio.post(&late, &file).await.code(), "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_that_are_nobodys_are_removed_later() {
    let studio = studio().await;
    let ada = studio.app.user("ada").await;
    let file = encoded(&photo(10, 10), ImageFormat::Png);
    studio.upload(&ada, &file).await;
    let first = studio.set(&ada, &file).await;
    let second = studio.set(&ada, &file).await;
    assert_ne!(first["publicId"], second["publicId"]);
    assert_eq!(studio.pictures(), 3, "an old picture is still on pages");
    studio.app.advance(TimeDelta::hours(2));
    studio.app.work().await;
    assert_eq!(studio.pictures(), 1, "the one that was never confirmed, and the one that was replaced");
    let ada = studio.app.login_again("ada").await;
    ada.post("{ me { avatar { url } } }", json!({})).await.data("/me/avatar/url");
    let removed = ada.post("mutation { removeAvatar { user { avatar { url } } } }", json!({})).await;
    assert_eq!(removed.data("/removeAvatar/user/avatar"), json!(null));
    // An account that is erased takes all of its pictures with it.
    studio.set(&ada, &file).await;
    studio.upload(&ada, &file).await;
    ada.post("mutation { deleteAccount { deletionDueAt } }", json!({})).await.data("/deleteAccount");
    studio.app.advance(TimeDelta::days(14));
    studio.app.work().await;
    studio.app.work().await;
    assert_eq!(studio.pictures(), 0);
}
