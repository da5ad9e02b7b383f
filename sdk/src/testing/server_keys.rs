//! The keys of a server, and how it publishes them.

use std::ops::RangeInclusive;
use std::time::SystemTime;

use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{KeyRing, OhttpError, PrivateKey, Suite};
use amaas_wire::dsse::{DsseError, SigningKey, VerifyingKey};
use amaas_wire::keys::{Audience, KeyManifest};
use bytes::Bytes;

use super::{ReceiptOf, RecordedRequest};

/// How a [`TestServer`](super::TestServer) publishes its keys, for [`TestServer::offer`](super::TestServer::offer). At first all of it
/// is valid; a test changes what a client has to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyOffer {
    /// Whether there is a manifest: a list of keys that is signed.
    pub signed: bool,
    /// From when until when the manifest holds, in seconds since 1970: an hour before the start, and a day after it.
    pub valid: RangeInclusive<u64>,
    /// The manifest's serial. It grows with [`TestServer::rotate_keys`](super::TestServer::rotate_keys).
    pub serial: u64,
    /// The models that there are; all that are asked for, unless set. Keys of another one are refused as the service does.
    pub models: Option<Vec<String>>,
    /// The version that the manifest is for: `1`, as the answers of [`ScriptedReply::predict`](super::ScriptedReply::predict).
    pub version: String,
}

/// The keys that open sealed requests.
pub(super) struct ServerKeys {
    ring: KeyRing,
    list: Bytes,
    signer: SigningKey,
    /// The id of the last key.
    last: u8,
    pub(super) offer: KeyOffer,
}

impl ServerKeys {
    pub(super) fn generate() -> std::io::Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let valid = now.saturating_sub(3600)..=now.saturating_add(24 * 3600);
        let offer = KeyOffer { signed: true, valid, serial: 1, models: None, version: "1".to_owned() };
        let signer = SigningKey::generate().map_err(std::io::Error::other)?;
        let (ring, list) = keys(1).map_err(std::io::Error::other)?;
        Ok(Self { ring, list, signer, last: SUITES, offer })
    }

    /// Replaces the keys.
    pub(super) fn rotate(&mut self) -> Result<(), OhttpError> {
        (self.ring, self.list) = keys(self.last.wrapping_add(1))?;
        self.last = self.last.wrapping_add(SUITES);
        self.offer.serial += 1;
        Ok(())
    }

    pub(super) fn signer(&self) -> VerifyingKey {
        self.signer.verifying_key()
    }

    /// The receipt of an answer.
    pub(super) fn receipt(&self, of: ReceiptOf, request: &RecordedRequest, output: &[u8]) -> Result<String, DsseError> {
        of.sign(request, output, &self.signer)
    }

    pub(super) fn ring(&self) -> KeyRing {
        self.ring.clone()
    }

    /// Whether `path` is for the keys of an unknown model.
    pub(super) fn is_of_unknown_model(&self, path: &str) -> bool {
        let audience = audience(path.strip_suffix("/manifest").unwrap_or(path), "1");
        let known = |model: &String| self.offer.models.as_ref().is_none_or(|models| models.contains(model));
        audience.is_some_and(|audience| audience != Audience::service() && !known(&audience.model))
    }

    /// The document at `path` and its media type, if it is a path of keys.
    pub(super) fn document(&self, path: &str) -> Option<(Bytes, &'static str)> {
        let (place, manifest) = match path.strip_suffix("/manifest") {
            Some(place) => (place, true),
            None => (path, false),
        };
        let audience = audience(place, &self.offer.version)?;
        if !manifest {
            return Some((self.list.clone(), amaas_ohttp::key_list::MEDIA_TYPE));
        }
        let manifest = || KeyManifest::new(&self.list, audience, self.offer.valid.clone(), self.offer.serial);
        self.offer.signed.then(|| (manifest().sign(&[&self.signer]).into(), "application/json"))
    }
}

/// Whether keys are asked for at `path`.
pub(super) fn is_place(path: &str) -> bool {
    audience(path.strip_suffix("/manifest").unwrap_or(path), "1").is_some()
}

/// The audience of the keys at `place`: a model or the service.
fn audience(place: &str, version: &str) -> Option<Audience> {
    let (_, place) = place.strip_suffix("/keys")?.rsplit_once("/v1")?;
    if place.is_empty() {
        return Some(Audience::service());
    }
    let model = place.strip_prefix("/models/").filter(|model| !model.contains('/'))?;
    Some(Audience { model: model.to_owned(), version: version.to_owned() })
}

/// A key for each suite, the first with that id.
fn keys(first: u8) -> Result<(KeyRing, Bytes), OhttpError> {
    let ids = (0..SUITES).map(|index| first.wrapping_add(index));
    let keys = Suite::ALL.into_iter().zip(ids).map(|(suite, id)| PrivateKey::generate(id, suite));
    let ring = KeyRing::new(keys.collect::<Result<_, _>>()?)?;
    let list = KeyList::new(ring.public_keys()).map(|list| list.encode().into()).unwrap_or_default();
    Ok((ring, list))
}

#[allow(clippy::cast_possible_truncation)] // there are two
const SUITES: u8 = Suite::ALL.len() as u8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_a_model_or_of_the_service() {
        let model = |model: &str| Some(Audience { model: model.to_owned(), version: "2".to_owned() });
        for (place, expected) in [
            ("/v1/keys", Some(Audience::service())),
            ("/base/v1/keys", Some(Audience::service())),
            ("/v1/models/m/keys", model("m")),
            ("/base/v1/models/m/keys", model("m")),
            ("/v1/models/m/predict", None),
            ("/v1/models/m/n/keys", None),
            ("/keys", None),
        ] {
            assert_eq!(audience(place, "2"), expected, "{place}");
        }
    }
}
