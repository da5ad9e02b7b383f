//! Members of a request: the table of a route, and values that are read at the end of the body, so that an error can name the member
//! without its value.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::RequestError;
use crate::json_fault::unreadable_value;

/// A member that a route takes. The table of a route has all of them: others are refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The name.
    pub name: &'static str,
    /// The effect on the answer.
    pub effect: MemberEffect,
    /// The values that are taken.
    pub values: &'static str,
}

/// The effect of a member on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberEffect {
    /// The call needs it.
    Required,
    /// The answer is as the member says.
    Honoured,
    /// Only values that ask for what the route does anyway; others are refused.
    Fixed,
    /// It describes the call, and does not change the answer.
    None,
}

impl Member {
    /// The member `name`, which takes `values`.
    pub(super) const fn new(name: &'static str, effect: MemberEffect, values: &'static str) -> Self {
        Self { name, effect, values }
    }
}

/// The names of `members`.
pub(super) const fn names<const N: usize>(members: &[Member; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut index = 0;
    while index < N {
        names[index] = members[index].name;
        index += 1;
    }
    names
}

/// Members that describe a call, on every route.
pub(super) const USER: Member = Member::new("user", MemberEffect::None, "a text");
/// Newer clients name the end user so.
pub(super) const SAFETY_IDENTIFIER: Member = Member::new("safety_identifier", MemberEffect::None, "a text");
pub(super) const PROMPT_CACHE_KEY: Member = Member::new("prompt_cache_key", MemberEffect::None, "a text");
pub(super) const METADATA: Member = Member::new("metadata", MemberEffect::None, "an object");
pub(super) const SERVICE_TIER: Member =
    Member::new("service_tier", MemberEffect::Fixed, "`\"auto\"` or `\"default\"`: there is only one tier");
pub(super) const STORE: Member = Member::new("store", MemberEffect::None, "`true` or `false`; no answer is stored");

/// The values of the members that describe a call.
#[derive(Clone, Copy, Default)]
pub(super) struct CallDescription<'a> {
    pub(super) user: Option<&'a RawValue>,
    pub(super) safety_identifier: Option<&'a RawValue>,
    pub(super) prompt_cache_key: Option<&'a RawValue>,
    pub(super) metadata: Option<&'a RawValue>,
    pub(super) service_tier: Option<&'a RawValue>,
    pub(super) store: Option<&'a RawValue>,
}

impl CallDescription<'_> {
    /// Checks the types of the values.
    pub(super) fn check(self) -> Result<(), RequestError> {
        for (name, value) in [
            ("user", self.user),
            ("safety_identifier", self.safety_identifier),
            ("prompt_cache_key", self.prompt_cache_key),
        ] {
            optional::<IgnoredText>(name, value, "a text")?;
        }
        if self.metadata.is_some_and(|metadata| !matches!(metadata.get().as_bytes().first(), Some(b'{' | b'n'))) {
            return Err(RequestError::of("metadata", "metadata: expected an object".to_owned()));
        }
        if !matches!(self.service_tier.map_or("null", RawValue::get), "null" | "\"auto\"" | "\"default\"") {
            let message = "service_tier: expected \"auto\" or \"default\": there is only one tier";
            return Err(RequestError::of("service_tier", message.to_owned()));
        }
        optional::<bool>("store", self.store, "true or false").map(drop)
    }
}

/// Reads a member that may be absent or null.
pub(super) fn optional<'a, T: Deserialize<'a>>(
    name: &'static str,
    value: Option<&'a RawValue>,
    expected: &str,
) -> Result<Option<T>, RequestError> {
    let Some(value) = value else { return Ok(None) };
    let read = serde_json::from_str::<Option<T>>(value.get());
    // The text of `serde` would repeat the value.
    read.map_err(|error| match unreadable_value(&error) {
        Some(what) => RequestError::of(name, format!("{name}: {what}")),
        None => RequestError::of(name, format!("{name}: expected {expected}")),
    })
}

/// The value as a `T`, if it is one.
pub(super) fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

/// A text whose value is dropped.
struct IgnoredText;

impl<'de> Deserialize<'de> for IgnoredText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer).map(|_| Self)
    }
}
