//! Why a signed document is refused.

/// Why a document is not trusted, or a key is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DsseError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The document is not the JSON of an envelope.
    #[error("the document is not a DSSE envelope")]
    Malformed,
    /// The payload or a signature is not canonical base64.
    #[error("the payload or a signature is not base64")]
    Base64,
    /// The payload is of another kind.
    #[error("the document is of another kind")]
    PayloadType,
    /// No signature is by a trusted key.
    #[error("no signature is by a known signer")]
    UnknownSigner,
    /// A signature by a trusted key is invalid.
    #[error("a signature is invalid")]
    Signature,
    /// The bytes are not a public key, or the key is weak.
    #[error("malformed or weak Ed25519 public key")]
    VerifyingKey,
}
