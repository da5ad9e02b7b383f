//! What can be wrong with a signed document.

/// Why a document is not to be trusted, or a key is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DsseError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The document is not the JSON of an envelope.
    #[error("the document is not a DSSE envelope")]
    Malformed,
    /// The payload or a signature is not base64 in its one form.
    #[error("the payload or a signature is not base64")]
    Base64,
    /// The payload is of another kind.
    #[error("the document is of another kind")]
    PayloadType,
    /// No signature is by a key that is asked for.
    #[error("no signature is by a known signer")]
    UnknownSigner,
    /// A signature by a key that is asked for does not hold.
    #[error("a signature does not hold")]
    Signature,
    /// The bytes are not a public key, or a weak one.
    #[error("malformed or weak Ed25519 public key")]
    VerifyingKey,
}
