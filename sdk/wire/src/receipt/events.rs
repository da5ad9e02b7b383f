//! Receipts of streams: a server-sent-events comment after the last event.
//!
//! Readers skip a line that begins with a colon (WHATWG HTML §9.2.6), so a client that does not know receipts sees the stream
//! unchanged. No event can look like that line, because events are JSON, in which a line break is escaped.

/// The header of an answer that carries the receipt; in the comment of a stream, the name before the receipt.
pub const RECEIPT: &str = "amaas-receipt";

/// The comment with `receipt`, as [`Receipt::sign`](super::Receipt::sign) returns it. It is sent after `data: [DONE]` and its empty
/// line.
pub fn comment(receipt: &str) -> String {
    format!(": {RECEIPT} {receipt}\n\n")
}

/// Splits a receipt at the end of `body` from the content that it is for; `None` without a receipt.
///
/// The receipt is the last line, followed by at most one empty line, so that it covers everything before it.
///
/// ```
/// use amaas_wire::receipt::{comment, split_comment};
///
/// let content = "data: {\"text\":\"once\"}\n\ndata: [DONE]\n\n";
/// let body = format!("{content}{}", comment("{}"));
/// assert_eq!(split_comment(body.as_bytes()), Some((content.as_bytes(), "{}")));
/// assert_eq!(split_comment(content.as_bytes()), None);
/// ```
pub fn split_comment(body: &[u8]) -> Option<(&[u8], &str)> {
    let lines = body.strip_suffix(b"\n").unwrap_or(body);
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let last = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |line_break| line_break + 1);
    let (content, line) = lines.split_at(last);
    let receipt = line.strip_prefix(b": ")?.strip_prefix(RECEIPT.as_bytes())?.strip_prefix(b" ")?;
    Some((content, std::str::from_utf8(receipt).ok()?))
}
