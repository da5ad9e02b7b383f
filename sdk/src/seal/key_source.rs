//! The keys of a call: their place, and what is required of them.

use amaas_ohttp::Suite;
use amaas_wire::dsse::VerifyingKey;
use amaas_wire::keys::Audience;
use reqwest::Url;

/// The place of the keys for a call, and the audience that they have to be for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeySource {
    pub(crate) url: Url,
    pub(crate) audience: Audience,
    /// The length of the endpoint's own part of a call's path.
    pub(crate) base: usize,
}

/// The requirements on keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyRequirements {
    /// The pinned signers, one of which has to sign the keys; `None` without pins.
    pub(crate) signers: Option<Vec<VerifyingKey>>,
    /// The required suite; `None` for the most preferred one that is offered.
    pub(crate) suite: Option<Suite>,
}
