//! Why a sealed message or a key is refused.

/// Why a message could not be sealed or opened. The error holds no part of the message or of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OhttpError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The request is sealed to a key that is not in the ring; it may be retired.
    #[error("no key has the id {key_id}")]
    UnknownKey {
        /// The id in the request.
        key_id: u8,
    },
    /// The request names other algorithms than the key has.
    #[error("the suite {kem:#06x}, {kdf:#06x}, {aead:#06x} is not the one of the key")]
    UnsupportedSuite {
        /// The KEM in the request.
        kem: u16,
        /// The KDF in the request.
        kdf: u16,
        /// The AEAD in the request.
        aead: u16,
    },
    /// Two keys of a ring have the same id.
    #[error("two keys have the id {key_id}")]
    DuplicateKey {
        /// The id.
        key_id: u8,
    },
    /// A public key has a wrong length or is invalid for its KEM.
    #[error("malformed public key")]
    PublicKey,
    /// A stored private key has a wrong length or an unknown suite.
    #[error("malformed private key")]
    PrivateKey,
    /// The KEM refuses the encapsulated key of the request, or the public key.
    #[error("the key encapsulation mechanism refuses the key")]
    Encapsulation,
    /// The message was altered, cut, extended or sealed to another key.
    #[error("the message is not authentic")]
    Authentication,
    /// The message ends in its header, in its nonce or before its final chunk.
    #[error("the message ends early")]
    Truncated,
    /// The length of a chunk is not in its shortest encoding.
    #[error("the length of a chunk is not in its shortest encoding")]
    OverlongLength,
    /// A chunk is too short to hold an authentication tag.
    #[error("a chunk of {len} bytes is shorter than an authentication tag")]
    ChunkTooShort {
        /// The length in bytes.
        len: u64,
    },
    /// A chunk before the final one is empty.
    #[error("a chunk before the final one is empty")]
    EmptyChunk,
    /// A chunk holds more than `chunked::MAX_CHUNK_LEN` bytes.
    #[error("a chunk holds more than 16384 bytes")]
    ChunkTooLarge,
    /// One key would seal more than its AEAD allows.
    #[error("the key has sealed as much as its AEAD allows")]
    KeyExhausted,
}
