//! Receipts of calls: what a function signs of each answer, so that whoever has it can show offline what a model answered
//! and what it cost.
//!
//! A [`Receipt`] names the call, the tenant, the model by the digest of its signed manifest, the usage, and the SHA-256 of what
//! was sent and answered. It goes in a DSSE envelope, signed by those that sign for the model's keys, in the header
//! [`RECEIPT`] inside the seal. A stream has no headers left when it ends, so there the receipt is a comment behind its
//! last event ([`comment`]).
//!
//! Both digests are over content as it was before it was compressed or sealed, so that neither gateways nor seals have a
//! part in them. A receipt holds digests, no content: it shows nothing to who has not the content already, unless that is so
//! short that it can be guessed.
//!
//! Invariants. What a receipt says can be had only from where it was [verified](SignedReceipt::verify), or under a name that
//! says that it was not. An error repeats nothing of it: whoever wrote it could have put a secret there.
//!
//! ```
//! use amaas_wire::dsse::SigningKey;
//! use amaas_wire::predict::Usage;
//! use amaas_wire::receipt::{Digest, Format, Metered, Receipt, SignedReceipt};
//!
//! let (input, output) = (br#"{"inputs":["fine"]}"#, br#"{"predictions":["positive"]}"#);
//! let receipt = Receipt {
//!     format: Format::One,
//!     request_id: "4bf92f35".to_owned(),
//!     time: 1_767_225_600,
//!     tenant: "acme".to_owned(),
//!     model: "sentiment".to_owned(),
//!     version: "3".to_owned(),
//!     digest: Digest::of(b"the payload of the signed manifest"),
//!     usage: Metered { usage: Usage::new(1, 2), units: 1, unit: "rows".to_owned() },
//!     input: Digest::of(input),
//!     output: Digest::of(output),
//! };
//! let signer = SigningKey::generate()?;
//! let header = receipt.sign(&[&signer]);
//!
//! // Whoever has the header, what was sent and answered, and the signer's public key:
//! let signed: SignedReceipt = header.parse()?;
//! let verified = signed.verify(&[signer.verifying_key()])?;
//! verified.is_of(input, output)?;
//! assert_eq!(verified, &receipt);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod digest;
mod error;
mod events;
mod signed;
mod statement;

pub use digest::{Digest, MalformedDigest};
pub use error::ReceiptError;
pub use events::{comment, split_comment};
pub use signed::{MAX_BYTES, SignedReceipt};
pub use statement::{Format, Metered, PAYLOAD_TYPE, Receipt};

/// The header that carries a receipt, on answers; in a stream, the name before it in a comment.
pub const RECEIPT: &str = "amaas-receipt";
