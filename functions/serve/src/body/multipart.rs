//! `multipart/form-data` bodies (RFC 7578) whose parts are the inputs of a task.

use amaas_model::task::{InputFile, PredictBody};
use bytes::Bytes;
use multer::{Field, Multipart};

use crate::error::{BodyError, Error};

/// Reads the parts of `body`: `inputs` (or `file`), once for each file, and `parameters` and `partial`, as JSON.
///
/// # Errors
/// If the body is malformed, or has a part with another name.
pub(crate) async fn read_multipart(body: Bytes, boundary: String) -> Result<PredictBody, Error> {
    let mut parts = Multipart::new(futures_util::stream::iter([Ok::<_, std::convert::Infallible>(body)]), boundary);
    let (mut files, mut parameters, mut partial) = (Vec::new(), None, None);
    while let Some(part) = parts.next_field().await.map_err(|error| malformed(&error))? {
        match part.name().unwrap_or_default() {
            "inputs" | "file" if files.len() == MAX_FILES => {
                return Err(invalid(format!("inputs: expected at most {MAX_FILES} files, got more")));
            }
            "inputs" | "file" => files.push(file(part).await?),
            "parameters" if parameters.is_none() => parameters = Some(bytes(part).await?),
            "partial" if partial.is_none() => partial = Some(is_true(&bytes(part).await?)?),
            "parameters" | "partial" => return Err(invalid("a part is given twice".to_owned())),
            _ => {
                let what = "a part has another name than \"inputs\", \"parameters\" or \"partial\"";
                return Err(invalid(what.to_owned()));
            }
        }
    }
    Ok(PredictBody::Files { files, parameters, partial: partial.unwrap_or_default() })
}

async fn file(part: Field<'_>) -> Result<InputFile, Error> {
    let media_type = part.content_type().map(|media_type| media_type.essence_str().to_owned()).unwrap_or_default();
    Ok(InputFile { media_type, bytes: bytes(part).await? })
}

async fn bytes(part: Field<'_>) -> Result<Bytes, Error> {
    part.bytes().await.map_err(|error| malformed(&error))
}

fn is_true(json: &[u8]) -> Result<bool, Error> {
    serde_json::from_slice(json).map_err(|_| invalid("partial: expected true or false".to_owned()))
}

/// The library's errors can repeat the payload, so only their kind is shown.
fn malformed(error: &multer::Error) -> Error {
    let what = match error {
        multer::Error::IncompleteFieldData { .. } | multer::Error::IncompleteStream => "it ends too early",
        multer::Error::IncompleteHeaders | multer::Error::ReadHeaderFailed(_) => "the headers of a part are malformed",
        _ => "it is malformed; expected multipart/form-data as in RFC 7578",
    };
    invalid(what.to_owned())
}

fn invalid(what: String) -> Error {
    Error::Body(BodyError::Multipart { what })
}

/// Files of one call, before the limit of its model is known.
const MAX_FILES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn part(headers: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {headers}\r\n\r\n{content}\r\n")
    }

    async fn read(parts: &[String]) -> Result<PredictBody, String> {
        let body = format!("{}--b--\r\n", parts.concat());
        read_multipart(body.into(), "b".to_owned()).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn each_file_is_an_input() {
        let image = |bytes| part("name=\"inputs\"; filename=\"a.png\"\r\nContent-Type: image/png", bytes);
        let parts = [
            image("one"),
            part("name=\"parameters\"", "{\"top_k\":2}"),
            image("two"),
            part("name=\"partial\"", "true"),
        ];
        let Ok(PredictBody::Files { files, parameters, partial: true }) = read(&parts).await else {
            panic!("not read")
        };
        assert_eq!(parameters.as_deref(), Some(&b"{\"top_k\":2}"[..]));
        let files: Vec<_> = files.iter().map(|file| (file.media_type.as_str(), file.bytes.as_ref())).collect();
        assert_eq!(files, [("image/png", &b"one"[..]), ("image/png", b"two")]);
    }

    #[tokio::test]
    async fn other_parts_and_half_bodies_are_refused_without_payload() {
        let refused = |parts: Vec<String>| async move { read(&parts).await.expect_err("refused") };
        let unknown = refused(vec![part("name=\"secret\"", "x")]).await;
        assert!(unknown.starts_with("the multipart body: a part has another name than") && !unknown.contains("secret"));
        let twice = refused(vec![part("name=\"partial\"", "true"), part("name=\"partial\"", "true")]).await;
        assert_eq!(twice, "the multipart body: a part is given twice");
        let word = refused(vec![part("name=\"partial\"", "maybe")]).await;
        assert_eq!(word, "the multipart body: partial: expected true or false");
        let half = read_multipart(part("name=\"inputs\"", "x").into(), "b".to_owned()).await.expect_err("no end");
        assert_eq!(half.to_string(), "the multipart body: it ends too early");
    }
}
