//! Members whose values are read at the end of the body, so that an error can name the member without its value.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::RequestError;
use crate::json_fault::unreadable_value;

/// Checks the members without effect on the answer: `user`, `metadata`, `service_tier` and `store`.
pub(super) fn check(members: [Option<&RawValue>; 4]) -> Result<(), RequestError> {
    let [user, metadata, tier, store] = members;
    optional::<IgnoredText>("user", user, "a text")?;
    if metadata.is_some_and(|metadata| !matches!(metadata.get().as_bytes().first(), Some(b'{' | b'n'))) {
        return Err(RequestError::of("metadata", "metadata: expected an object".to_owned()));
    }
    if !matches!(tier.map_or("null", RawValue::get), "null" | "\"auto\"" | "\"default\"") {
        let message = "service_tier: expected \"auto\" or \"default\": there is only one tier";
        return Err(RequestError::of("service_tier", message.to_owned()));
    }
    if !matches!(store.map_or("null", RawValue::get), "null" | "false") {
        return Err(RequestError::of("store", "store: expected false: no answer is stored".to_owned()));
    }
    Ok(())
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
