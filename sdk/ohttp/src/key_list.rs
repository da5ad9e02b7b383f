//! The list of keys that a server publishes (RFC 9458 §3): key configurations, each with its length before it.

use crate::key::PublicKey;
use crate::suite::Suite;

/// The media type of a [`KeyList`].
pub const MEDIA_TYPE: &str = "application/ohttp-keys";

/// The public keys of a server, in the order of the list; at least one.
///
/// Reading skips configurations of unsupported KEMs, and pairs of KDF and AEAD that form no supported suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyList {
    keys: Vec<PublicKey>,
}

impl KeyList {
    /// A list of these keys; `None` without any.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Option<Self> {
        let keys: Vec<_> = keys.into_iter().collect();
        if keys.is_empty() { None } else { Some(Self { keys }) }
    }

    /// The list as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for key in &self.keys {
            let configuration = encode(key);
            out.extend_from_slice(&length(configuration.len()));
            out.extend_from_slice(&configuration);
        }
        out
    }

    /// Reads a list.
    ///
    /// # Errors
    /// A [`KeyListError`] that names the fault.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, KeyListError> {
        let mut keys = Vec::new();
        while !bytes.is_empty() {
            let len = u16::from_be_bytes(take(&mut bytes)?);
            let (configuration, rest) = bytes.split_at_checked(len.into()).ok_or(KeyListError::Truncated)?;
            bytes = rest;
            keys.extend(decode(configuration)?);
        }
        Self::new(keys).ok_or(KeyListError::NoUsableKey)
    }

    /// The keys, in the order of the list.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The first key of the most preferred suite in the list.
    pub fn preferred(&self) -> &PublicKey {
        let best = Suite::ALL.into_iter().find_map(|suite| self.of_suite(suite));
        best.unwrap_or(&self.keys[0])
    }

    /// The first key of that suite, if there is one.
    pub fn of_suite(&self, suite: Suite) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.suite() == suite)
    }
}

/// Why bytes are not a list of key configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyListError {
    /// The list ends in a configuration, or a configuration in a part.
    #[error("the list of keys ends early")]
    Truncated,
    /// A configuration has bytes after its algorithms.
    #[error("a key configuration has bytes after its end")]
    TrailingBytes,
    /// A configuration has no algorithms, or an incomplete pair.
    #[error("the algorithms of a key configuration are malformed")]
    Algorithms,
    /// A public key is not a key of its KEM.
    #[error("malformed public key in the list")]
    PublicKey,
    /// No configuration has a supported suite.
    #[error("no key of the list can be used")]
    NoUsableKey,
}

/// Writes a key configuration with the pair of its suite.
fn encode(key: &PublicKey) -> Vec<u8> {
    let suite = key.suite();
    let mut out = vec![key.id()];
    out.extend_from_slice(&suite.kem().to_be_bytes());
    out.extend_from_slice(&key.to_bytes());
    out.extend_from_slice(&length(PAIR_LEN));
    out.extend_from_slice(&suite.kdf().to_be_bytes());
    out.extend_from_slice(&suite.aead().to_be_bytes());
    out
}

/// Reads a configuration: one key for each supported suite that it offers, none for an unsupported KEM.
fn decode(mut bytes: &[u8]) -> Result<Vec<PublicKey>, KeyListError> {
    let [id] = take(&mut bytes)?;
    let kem = u16::from_be_bytes(take(&mut bytes)?);
    let Some(known) = Suite::ALL.into_iter().find(|suite| suite.kem() == kem) else { return Ok(Vec::new()) };
    let (public_key, mut bytes) = bytes.split_at_checked(known.public_key_len()).ok_or(KeyListError::Truncated)?;
    let len = u16::from_be_bytes(take(&mut bytes)?);
    let (pairs, rest) = bytes.split_at_checked(len.into()).ok_or(KeyListError::Truncated)?;
    if !rest.is_empty() {
        return Err(KeyListError::TrailingBytes);
    }
    let (pairs, odd) = pairs.as_chunks::<PAIR_LEN>();
    if pairs.is_empty() || !odd.is_empty() {
        return Err(KeyListError::Algorithms);
    }
    let suites = pairs
        .iter()
        .filter_map(|[a, b, c, d]| Suite::from_ids(kem, u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])));
    suites.map(|suite| PublicKey::from_bytes(id, suite, public_key).map_err(|_| KeyListError::PublicKey)).collect()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], KeyListError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(KeyListError::Truncated)?;
    *bytes = rest;
    Ok(*taken)
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).expect("a key configuration of ours has at most 1227 bytes").to_be_bytes()
}

/// Bytes of a pair of KDF and AEAD.
const PAIR_LEN: usize = 4;
