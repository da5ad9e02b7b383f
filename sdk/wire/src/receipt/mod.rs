//! Receipts of calls: a function signs each answer, so that a client can prove offline what a model answered and what it cost.
//!
//! A [`Receipt`] names the call, the tenant, the model by the digest of its signed manifest, the usage, and the SHA-256 of request
//! and answer. It travels in a DSSE envelope, signed by the signers of the model's sealing keys, in the header [`RECEIPT`] inside
//! the seal. A stream has sent its headers before it ends, so there the receipt is a comment after the last event ([`comment`]).
//!
//! Both digests are over the content before compression and sealing, so gateways and seals do not affect them. A receipt holds
//! digests and no content. It reveals nothing, unless the content is short enough to be guessed.
//!
//! Invariants: a receipt is accessible only through [`SignedReceipt::verify`], or through a method whose name says that it is
//! unverified. An error repeats nothing of a receipt, because an attacker could have put a secret into it.
//!
//! ```
//! use amaas_wire::dsse::SigningKey;
//! use amaas_wire::predict::Usage;
//! use amaas_wire::Digest;
//! use amaas_wire::receipt::{ReceiptFormat, MeteredUsage, Receipt, SignedReceipt};
//!
//! let (input, output) = (br#"{"inputs":["fine"]}"#, br#"{"predictions":["positive"]}"#);
//! let receipt = Receipt {
//!     format: ReceiptFormat::One,
//!     request_id: "4bf92f35".to_owned(),
//!     time: 1_767_225_600,
//!     tenant: "acme".to_owned(),
//!     model: "sentiment".to_owned(),
//!     version: "3".to_owned(),
//!     digest: Digest::of(b"the payload of the signed manifest"),
//!     usage: MeteredUsage { usage: Usage::new(1, 2), units: 1, unit: "rows".to_owned() },
//!     input: Digest::of(input),
//!     output: Digest::of(output),
//! };
//! let signer = SigningKey::generate()?;
//! let header = receipt.sign(&[&signer]);
//!
//! // The client verifies it with the header, the contents and the signer's public key:
//! let signed: SignedReceipt = header.parse()?;
//! let verified = signed.verify(&[signer.verifying_key()])?;
//! verified.is_of(input, output)?;
//! assert_eq!(verified, &receipt);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod events;
mod signed;
mod statement;

pub use error::ReceiptError;
pub use events::{RECEIPT, comment, split_comment};
pub use signed::{MAX_RECEIPT_LEN, SignedReceipt};
pub use statement::{MeteredUsage, PAYLOAD_TYPE, Receipt, ReceiptFormat};
