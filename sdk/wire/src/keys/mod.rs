//! The signed [`KeyManifest`] of the public keys that a function publishes: the model that the keys belong to, and until when.
//!
//! Any OHTTP client reads a [`KeyList`](amaas_ohttp::key_list::KeyList) alone. An attacker who replaces that list can read the
//! calls. So a client that has the signers' keys beforehand fetches the manifest too, and seals only to keys that it names.
//!
//! ```
//! use amaas_ohttp::key_list::KeyList;
//! use amaas_ohttp::{KeyRing, PrivateKey, Suite};
//! use amaas_wire::dsse::SigningKey;
//! use amaas_wire::keys::{Audience, KeyManifest, ManifestRequirement};
//!
//! let ring = KeyRing::new(vec![PrivateKey::generate(1, Suite::XWing)?, PrivateKey::generate(2, Suite::X25519)?])?;
//! let list = KeyList::new(ring.public_keys()).expect("two keys").encode();
//! let audience = Audience { model: "sentiment".to_owned(), version: "3".to_owned() };
//! let manifest = KeyManifest::new(&list, audience.clone(), 1_000..=2_000, 7);
//! let signer = SigningKey::generate()?;
//! let document = manifest.sign(&[&signer]);
//!
//! // A caller:
//! let required = ManifestRequirement { audience, now: 1_500, least_serial: 7 };
//! let (keys, manifest) = KeyManifest::verify(&document, &list, &[signer.verifying_key()], &required)?;
//! assert_eq!(keys.preferred().suite(), Suite::XWing);
//! assert_eq!(manifest.not_after(), 2_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod manifest;

pub use error::ManifestError;
pub use manifest::{ANY, Audience, KeyManifest, ManifestRequirement, PAYLOAD_TYPE};
