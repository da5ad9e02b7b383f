//! The keys of a call: their place, and what is required of them.

use amaas_ohttp::Suite;
use amaas_wire::dsse::VerifyingKey;
use amaas_wire::keys::Audience;
use reqwest::Url;

/// Where the keys for a call are, and whose they have to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeySource {
    pub(crate) url: Url,
    pub(crate) audience: Audience,
    /// How much of a call's path is the endpoint's own, and not the function's.
    pub(crate) base: usize,
}

/// Which keys are taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyRequirements {
    /// The signers, one of which has to have signed the keys; `None` where none are pinned.
    pub(crate) signers: Option<Vec<VerifyingKey>>,
    /// The suite, where it is not the best that is offered.
    pub(crate) suite: Option<Suite>,
}
