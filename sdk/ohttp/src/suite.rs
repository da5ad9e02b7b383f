//! The HPKE cipher suites.

/// A cipher suite: a key encapsulation mechanism, a key derivation function and an AEAD.
///
/// ```
/// use amaas_ohttp::Suite;
///
/// assert_eq!(Suite::from_ids(0x0020, 0x0001, 0x0001), Some(Suite::X25519));
/// assert_eq!(Suite::from_ids(0x647a, 0x0001, 0x0003), None, "X-Wing with another AEAD");
/// assert_eq!(Suite::ALL[0].kem(), 0x647a, "the one to prefer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suite {
    /// X-Wing (0x647a), HKDF-SHA256 and AES-256-GCM. X-Wing is a post-quantum hybrid KEM of ML-KEM-768 and X25519.
    XWing,
    /// DHKEM(X25519, HKDF-SHA256) (0x0020), HKDF-SHA256 and AES-128-GCM, which every OHTTP client supports.
    X25519,
}

impl Suite {
    /// Every suite, in order of preference.
    pub const ALL: [Self; 2] = [Self::XWing, Self::X25519];

    /// The suite with these ids of the HPKE registries, if it is supported.
    pub fn from_ids(kem: u16, kdf: u16, aead: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| (suite.kem(), suite.kdf(), suite.aead()) == (kem, kdf, aead))
    }

    /// The id of the KEM.
    pub fn kem(self) -> u16 {
        match self {
            Self::XWing => 0x647a,
            Self::X25519 => 0x0020,
        }
    }

    /// The id of the KDF.
    pub fn kdf(self) -> u16 {
        HKDF_SHA256
    }

    /// The id of the AEAD.
    pub fn aead(self) -> u16 {
        match self {
            Self::XWing => 0x0002,
            Self::X25519 => 0x0001,
        }
    }

    /// Npk: bytes of a public key (draft-ietf-hpke-pq, RFC 9180 §7.1).
    pub(crate) fn public_key_len(self) -> usize {
        match self {
            Self::XWing => 1216,
            Self::X25519 => 32,
        }
    }

    /// Nenc: bytes of an encapsulated key.
    pub(crate) fn encapsulated_key_len(self) -> usize {
        match self {
            Self::XWing => 1120,
            Self::X25519 => 32,
        }
    }

    /// Nk: bytes of a key of the AEAD. It is never below the 12 bytes of its nonce, so it is also max(Nn, Nk), the
    /// length of a response nonce and of the secret that a response key is derived from (RFC 9458 §4.4).
    pub(crate) fn aead_key_len(self) -> usize {
        match self {
            Self::XWing => 32,
            Self::X25519 => 16,
        }
    }
}

const HKDF_SHA256: u16 = 0x0001;

/// Nn: bytes of a nonce, of either AEAD.
pub(crate) const NONCE_LEN: usize = 12;

/// Nt: bytes of an authentication tag, of either AEAD.
pub(crate) const TAG_LEN: usize = 16;
