//! Sealed calls to routes that the SDK has no method for.

use amaas_local::local_stack::LocalStack;
use amaas_ohttp::bhttp::{DecodeLimits, MessageEncoding, Request, RequestHead, Response};
use amaas_ohttp::chunked;
use amaas_ohttp::key_list::KeyList;
use serde_json::Value;

/// Posts `body` to `path` of `stack`, and returns the status and the JSON of the answer.
pub(crate) async fn post(stack: &LocalStack, path: &str, body: &Value) -> Result<(u16, Value), String> {
    let keys = reqwest::get(format!("{}/v1/keys", stack.endpoint())).await.map_err(words)?;
    let keys = KeyList::decode(&keys.bytes().await.map_err(words)?).map_err(words)?;
    let mut head = RequestHead::new("POST", "https", "function", path).map_err(words)?;
    let authorization = format!("Bearer {}", stack.key().expose());
    head.headers.push("authorization", authorization.as_bytes()).map_err(words)?;
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    head.headers.push("date", date.as_bytes()).map_err(words)?;
    let message = Request::new(head, body.to_string().into_bytes()).encode(MessageEncoding::default());
    let (sealed, opener) = chunked::seal_request(keys.preferred(), &message).map_err(words)?;
    let post = reqwest::Client::new().post(format!("{}{path}", stack.endpoint()));
    let answer = post.header("content-type", chunked::REQUEST_MEDIA_TYPE).body(sealed).send().await.map_err(words)?;
    let inside = opener.open(&answer.bytes().await.map_err(words)?).map_err(words)?;
    let inner = Response::decode(&inside, DecodeLimits::default()).map_err(words)?;
    Ok((inner.head.status(), serde_json::from_slice(&inner.content).map_err(words)?))
}

#[allow(clippy::needless_pass_by_value)] // reads well as `map_err(words)`
fn words(error: impl ToString) -> String {
    error.to_string()
}
