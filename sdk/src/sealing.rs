//! The setting for sealing.

/// Whether calls are sealed to the function, so that gateways and the network see only ciphertext.
///
/// There is no fallback: a client that seals accepts no plain answer.
///
/// ```
/// use amaas::{Client, Sealing};
///
/// // Plain calls are for this machine only, and need an explicit setting.
/// let local = Client::builder().endpoint("http://127.0.0.1:9000").anonymous().sealing(Sealing::Off);
/// assert!(local.build().is_ok());
/// let remote = Client::builder().endpoint("https://models.example.com").anonymous().sealing(Sealing::Off);
/// assert!(remote.build().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sealing {
    /// Every call is sealed, and every answer has to be sealed.
    #[default]
    Required,
    /// Calls are not sealed. Refused for other machines, unless
    /// [`danger_allow_plaintext`](crate::ClientBuilder::danger_allow_plaintext) is set too.
    Off,
}
