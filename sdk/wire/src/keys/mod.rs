//! The public keys of a function, as it offers them: a [`KeyList`] in the format of RFC 9458 §3, and a signed [`Manifest`]
//! that says whose keys these are and until when.
//!
//! A list alone is what any OHTTP client reads. Whoever can put another list in its place can read the calls, so a caller
//! who was given the signers' keys beforehand asks for the manifest too and seals to nothing that it does not name.
//!
//! ```
//! use amaas_wire::dsse::SigningKey;
//! use amaas_wire::keys::{Audience, KeyList, Manifest, Requirement};
//! use amaas_wire::ohttp::{KeyRing, PrivateKey, Suite};
//!
//! let ring = KeyRing::new(vec![PrivateKey::generate(1, Suite::XWing)?, PrivateKey::generate(2, Suite::X25519)?])?;
//! let list = KeyList::new(ring.public_keys()).expect("two keys").encode();
//! let audience = Audience { model: "sentiment".to_owned(), version: "3".to_owned() };
//! let manifest = Manifest::new(&list, audience.clone(), 1_000..=2_000, 7);
//! let signer = SigningKey::generate()?;
//! let document = manifest.sign(&[&signer]);
//!
//! // A caller:
//! let required = Requirement { audience, now: 1_500, least_serial: 7 };
//! let (keys, manifest) = Manifest::verify(&document, &list, &[signer.verifying_key()], &required)?;
//! assert_eq!(keys.preferred().suite(), Suite::XWing);
//! assert_eq!(manifest.not_after(), 2_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod list;
mod manifest;

pub use error::{KeyListError, ManifestError};
pub use list::KeyList;
pub use manifest::{ANY, Audience, Manifest, PAYLOAD_TYPE, Requirement};

/// The media type of a [`KeyList`].
pub const MEDIA_TYPE: &str = "application/ohttp-keys";
