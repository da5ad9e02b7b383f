//! Whether calls are sealed: the public switch.

/// Whether calls are sealed to the function, so that whoever stands between sees ciphertext.
///
/// There is no middle way: a client that seals takes no answer that is not sealed, and never falls back.
///
/// ```
/// use amaas::{Client, Sealing};
///
/// // Plain calls are for this machine, and are written out.
/// let local = Client::builder().endpoint("http://127.0.0.1:9000").anonymous().sealing(Sealing::Off);
/// assert!(local.build().is_ok());
/// let remote = Client::builder().endpoint("https://models.example.com").anonymous().sealing(Sealing::Off);
/// assert!(remote.build().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sealing {
    /// Every call is sealed, and every answer has to be.
    #[default]
    Required,
    /// Calls go as they are. Refused for other machines unless
    /// [`danger_allow_plaintext`](crate::ClientBuilder::danger_allow_plaintext) is called too.
    Off,
}
