//! Receipts of streams: a comment of server-sent events, behind the last event.
//!
//! Readers pass over a line that begins with a colon (WHATWG HTML §9.2.6), so that clients that know nothing of receipts see
//! the stream as it was. No event can look like that line, for what is in events is JSON, where a line break is escaped.

use super::RECEIPT;

/// The comment with `receipt`, what [`Receipt::sign`](super::Receipt::sign) gives, to be sent behind `data: [DONE]` and its empty
/// line.
pub fn comment(receipt: &str) -> String {
    format!(": {RECEIPT} {receipt}\n\n")
}

/// The content that the receipt at the end of `body` is for, and the receipt; `None` where there is none.
///
/// It is the last line, with at most one that is empty behind it: nothing that the receipt does not cover can stand there.
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
