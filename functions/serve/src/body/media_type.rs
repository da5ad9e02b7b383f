//! The media type of a request body.

use http::{HeaderMap, header};

use crate::error::{BodyError, Error};

/// The media types that a route accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptedMedia {
    /// JSON, or JSON followed by tensors.
    Json,
    /// JSON, a file that is the only input, or files in `multipart/form-data`.
    JsonOrFiles,
}

/// The media type of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyMedia {
    /// JSON, or none given, since many small clients send none.
    Json,
    /// A file, such as `image/png`.
    File(String),
    /// `multipart/form-data` with its boundary.
    Multipart(String),
}

impl AcceptedMedia {
    /// The media type that `headers` give.
    ///
    /// # Errors
    /// If the route does not accept it.
    pub(crate) fn check(self, headers: &HeaderMap) -> Result<BodyMedia, Error> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(BodyMedia::Json) };
        let got = value.to_str().unwrap_or("(not text)");
        let essence = got.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        // `curl -d` sends application/x-www-form-urlencoded by default, and the body is JSON here.
        let json = ["application/json", "application/x-www-form-urlencoded", "application/octet-stream", ""];
        if json.contains(&essence.as_str()) || essence.ends_with("+json") {
            return Ok(BodyMedia::Json);
        }
        if self == Self::JsonOrFiles {
            if essence == "multipart/form-data" {
                let malformed = |_| Error::Body(BodyError::Multipart { what: "its boundary is missing".to_owned() });
                return multer::parse_boundary(got).map(BodyMedia::Multipart).map_err(malformed);
            }
            if essence.starts_with("image/") || essence.starts_with("audio/") {
                return Ok(BodyMedia::File(essence));
            }
        }
        let expected = match self {
            Self::Json => "application/json",
            Self::JsonOrFiles => "application/json, multipart/form-data, image/* or audio/*",
        };
        Err(Error::Body(BodyError::MediaType { got: got.chars().take(MAX_REPEATED_CHARS).collect(), expected }))
    }
}

/// Characters of a media type that an error repeats.
const MAX_REPEATED_CHARS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepted: AcceptedMedia, media_type: &str) -> Result<BodyMedia, String> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type.parse().expect("a value"))]);
        accepted.check(&headers).map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_accepted_only_if_the_route_takes_them() {
        for media_type in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json", ""] {
            assert_eq!(check(AcceptedMedia::Json, media_type), Ok(BodyMedia::Json), "{media_type}");
            assert_eq!(check(AcceptedMedia::JsonOrFiles, media_type), Ok(BodyMedia::Json), "{media_type}");
        }
        let error = check(AcceptedMedia::Json, "image/png").expect_err("a file");
        assert_eq!(error, "content type \"image/png\" is not accepted here; expected application/json");
        assert_eq!(check(AcceptedMedia::JsonOrFiles, "Image/PNG"), Ok(BodyMedia::File("image/png".to_owned())));
        let multipart = check(AcceptedMedia::JsonOrFiles, "multipart/form-data; boundary=\"a b\"");
        assert_eq!(multipart, Ok(BodyMedia::Multipart("a b".to_owned())));
        let error = check(AcceptedMedia::JsonOrFiles, "multipart/form-data").expect_err("no boundary");
        assert_eq!(error, "the multipart body: its boundary is missing");
        check(AcceptedMedia::JsonOrFiles, "text/html").expect_err("no file of a task");
    }
}
