//! The bytes that are signed.

/// PAE of the DSSE protocol: the bytes that are signed for a payload and its type.
///
/// ```
/// use amaas_wire::dsse::pre_authentication_encoding;
///
/// let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
/// assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
/// ```
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}
