//! The problem types (RFC 9457) that OHTTP registers.

/// The problem type of a refusal for the key of a request (RFC 9458 §5.3). The client fetches the keys again and retries once.
pub const KEY_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";

/// The problem type of a refusal for a `date` field outside the window (RFC 9458 §6.5.1).
pub const DATE_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#date";
