//! Pictures that this service keeps: taken with a form that `createAvatarUpload` has signed, and served.

use axum::{
    Extension, Json,
    extract::{FromRequest, Multipart, Path, Request, State, multipart::MultipartError},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    HttpState, answer, answer::Refusal, graphql::client_info, layers::RESOURCE_POLICY, media::ResponseType,
};
use crate::domain::{
    ErrorCode,
    avatars::{AvatarError, UploadForm},
    ids::RequestId,
    rate_limits::Class,
};

/// The most bytes of a picture that is uploaded.
const MAX_FILE_BYTES: usize = 10 * 1024 * 1024;
/// The most bytes of the whole form: the picture, and some for everything else.
pub(super) const MAX_FORM_BYTES: usize = MAX_FILE_BYTES + 64 * 1024;
/// The most bytes of another field of the form, and the most fields.
const MAX_FIELD_BYTES: usize = 1024;
const MAX_FIELDS: usize = 20;
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// `POST /avatars`: the form of `createAvatarUpload` and a `file`. Answers what `confirmAvatar` takes.
pub(super) async fn receive(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let client = client_info(&parts);
    let request = Request::from_parts(parts, body);
    if let Err(error) = state.domain.rate_limits.check(Class::Upload, &client, None).await {
        return Refusal::of_error(&error).into_response(&id, ResponseType::Json);
    }
    #[expect(clippy::disallowed_methods, reason = "no driver call is in it")]
    let form = match tokio::time::timeout(state.body_timeout, read(&state, request)).await {
        Ok(form) => form,
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            ErrorCode::BadUserInput,
            "The form took too long to arrive.",
        )),
    };
    let form = match form {
        Ok(form) => form,
        Err(refusal) => return refusal.into_response(&id, ResponseType::Json),
    };
    match state.domain.accounts.receive_avatar(form).await {
        Ok(receipt) => Json(json!({
            "public_id": receipt.public_id,
            "version": receipt.version,
            "width": receipt.width,
            "height": receipt.height,
            "signature": receipt.signature,
        }))
        .into_response(),
        Err(error) => refusal(error).into_response(&id, ResponseType::Json),
    }
}

async fn read(state: &HttpState, request: Request) -> Result<UploadForm, Refusal> {
    let no_form = || Refusal::bad_request("The body must be a whole multipart/form-data form.");
    let broken = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large("form", MAX_FORM_BYTES),
        _ => no_form(),
    };
    let mut form = UploadForm::default();
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| no_form())?;
    while let Some(mut field) = multipart.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = name == "file";
        if is_file {
            // Nothing that large is read from somebody who may not send it.
            state.domain.accounts.admit_avatar(&form.fields).map_err(refusal)?;
        }
        let limit = if is_file { MAX_FILE_BYTES } else { MAX_FIELD_BYTES };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > limit {
                return Err(too_large(if is_file { "file" } else { "field" }, limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        if is_file {
            form.file = bytes.into();
        } else if form.fields.len() < MAX_FIELDS {
            form.fields.push((name, String::from_utf8(bytes).map_err(|_| no_form())?));
        } else {
            return Err(Refusal::bad_request("The form has too many fields."));
        }
    }
    Ok(form)
}

fn too_large(what: &str, limit: usize) -> Refusal {
    let message = format!("The {what} has more than {limit} bytes.");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BadUserInput, message)
}

fn refusal(error: AvatarError) -> Refusal {
    match error {
        AvatarError::Signature => Refusal::of(ErrorCode::TokenInvalid),
        AvatarError::Unusable(why) => Refusal::bad_request(why),
        AvatarError::Busy => Refusal::of(ErrorCode::Overloaded),
        AvatarError::NotHere => Refusal::of(ErrorCode::NotFound),
        AvatarError::Unavailable(why) => {
            tracing::error!(why, "a picture was not kept");
            Refusal::of(ErrorCode::ServiceUnavailable)
        }
    }
}

/// `GET /avatars/NAME`.
pub(super) async fn full(
    state: State<HttpState>,
    id: Extension<RequestId>,
    Path(name): Path<String>,
) -> Response {
    serve(state, id, &name, None).await
}

/// `GET /avatars/NAME/SIZE`.
pub(super) async fn square(
    state: State<HttpState>,
    id: Extension<RequestId>,
    Path((name, size)): Path<(String, String)>,
) -> Response {
    match size.parse() {
        Ok(size) => serve(state, id, &name, Some(size)).await,
        Err(_) => answer::not_found(id).await,
    }
}

async fn serve(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    name: &str,
    size: Option<u32>,
) -> Response {
    match state.domain.accounts.read_avatar(name, size).await {
        Ok(Some(picture)) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(picture.media_type)),
                (header::CACHE_CONTROL, IMMUTABLE),
                // Pages of other origins may show it.
                (RESOURCE_POLICY, HeaderValue::from_static("cross-origin")),
            ];
            (headers, picture.bytes).into_response()
        }
        Ok(None) => answer::not_found(Extension(id)).await,
        Err(error) => refusal(error).into_response(&id, ResponseType::Json),
    }
}
