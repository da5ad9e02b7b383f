//! An HTTP request as the event of a Function URL: payload format 2.0.

use std::collections::BTreeMap;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, header};
use serde_json::{Value, json};

/// The event of the request, with the id `id`, signed by the principal `signer`.
pub(super) fn event(parts: &Parts, body: &[u8], id: &str, signer: Option<&str>) -> Value {
    let text = is_text(&parts.headers).then(|| std::str::from_utf8(body).ok()).flatten();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let headers = headers(&parts.headers);
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "test",
            "domainName": "test.lambda-url.us-east-1.on.aws",
            "domainPrefix": "test",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": headers.get("user-agent"),
            },
            "requestId": id,
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        },
        "isBase64Encoded": text.is_none() && !body.is_empty(),
    });
    if let Some(arn) = signer {
        event["requestContext"]["accountId"] = "123456789012".into();
        event["requestContext"]["authorizer"] = json!({"iam": {
            "accessKey": "ASIAEXAMPLE",
            "accountId": "123456789012",
            "callerId": "AROAEXAMPLE:session",
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": arn,
            "userId": "AROAEXAMPLE:session",
        }});
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(parameters(query));
    }
    if !body.is_empty() {
        event["body"] = text.map_or_else(|| STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// Names in lower case; values of the same name joined by commas.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined.entry(name.to_string()).and_modify(|all| *all = format!("{all},{value}")).or_insert(value.into_owned());
    }
    joined
}

/// Query parameters, without percent-decoding: no test needs it.
fn parameters(query: &str) -> BTreeMap<&str, &str> {
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}

/// Whether Lambda treats the body as text, by its content type.
fn is_text(headers: &HeaderMap) -> bool {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content.split(';').next().unwrap_or_default().trim();
    let known = ["application/json", "application/javascript", "application/xml"];
    known.contains(&essence) || essence.starts_with("text/")
}
