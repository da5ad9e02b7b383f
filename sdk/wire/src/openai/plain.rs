//! Members that stand in a body as they came until all have come: so that an error can name the member and leave out what it holds.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::RequestError;

/// Checks the members that clients send and that no answer depends on: `user`, `metadata`, `service_tier` and `store`.
pub(super) fn check(members: [Option<&RawValue>; 4]) -> Result<(), RequestError> {
    let [user, metadata, tier, store] = members;
    member::<IgnoredText>("user", user, "a text")?;
    if metadata.is_some_and(|metadata| !matches!(metadata.get().as_bytes().first(), Some(b'{' | b'n'))) {
        return Err(RequestError::of("metadata", "metadata: expected an object".to_owned()));
    }
    if !matches!(tier.map_or("null", RawValue::get), "null" | "\"auto\"" | "\"default\"") {
        let message = "service_tier: expected \"auto\" or \"default\": there is one here";
        return Err(RequestError::of("service_tier", message.to_owned()));
    }
    if !matches!(store.map_or("null", RawValue::get), "null" | "false") {
        return Err(RequestError::of("store", "store: expected false: no answer is kept here".to_owned()));
    }
    Ok(())
}

/// A member, where it is there and not null.
pub(super) fn member<'a, T: Deserialize<'a>>(
    name: &'static str,
    value: Option<&'a RawValue>,
    expected: &str,
) -> Result<Option<T>, RequestError> {
    let Some(value) = value else { return Ok(None) };
    let read = serde_json::from_str::<Option<T>>(value.get());
    // What is wrong with it in `serde`'s words would be what it holds.
    read.map_err(|error| match crate::json::no_value(&error) {
        Some(what) => RequestError::of(name, format!("{name}: {what}")),
        None => RequestError::of(name, format!("{name}: expected {expected}")),
    })
}

/// The value as a `T`, where it is one.
pub(super) fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

/// A text of which nothing is kept.
struct IgnoredText;

impl<'de> Deserialize<'de> for IgnoredText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer).map(|_| Self)
    }
}
