//! The parts of a recognised text that get timestamps.

use std::fmt;

use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The parts of a recognised text that get timestamps: the parameter `return_timestamps`, which is `false`, `true`, `"char"` or
/// `"word"` in JSON.
///
/// ```
/// use amaas_wire::pipeline::Timestamps;
///
/// assert_eq!(serde_json::from_str::<Timestamps>(r#""word""#)?, Timestamps::Words);
/// assert_eq!(serde_json::from_str::<Timestamps>("false")?, Timestamps::None);
/// assert_eq!(serde_json::to_string(&Timestamps::Segments)?, "true");
/// assert!(serde_json::from_str::<Timestamps>(r#""phoneme""#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum Timestamps {
    /// No parts.
    #[default]
    None,
    /// Segments, as the network cuts them.
    Segments,
    /// Single characters.
    Characters,
    /// Words.
    Words,
}

impl Timestamps {
    #[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Serialize for Timestamps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_bool(false),
            Self::Segments => serializer.serialize_bool(true),
            Self::Characters => serializer.serialize_str(CHARACTERS),
            Self::Words => serializer.serialize_str(WORDS),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimestampsVisitor)
    }
}

struct TimestampsVisitor;

impl Visitor<'_> for TimestampsVisitor {
    type Value = Timestamps;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a boolean, {CHARACTERS:?} or {WORDS:?}")
    }

    fn visit_bool<E: serde::de::Error>(self, segments: bool) -> Result<Timestamps, E> {
        Ok(if segments { Timestamps::Segments } else { Timestamps::None })
    }

    fn visit_str<E: serde::de::Error>(self, parts: &str) -> Result<Timestamps, E> {
        match parts {
            CHARACTERS => Ok(Timestamps::Characters),
            WORDS => Ok(Timestamps::Words),
            _ => Err(E::invalid_value(Unexpected::Other("other text"), &self)),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamps {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamps".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The parts of a recognised text that get timestamps: segments, characters or words.",
            "enum": [false, true, CHARACTERS, WORDS],
        })
    }
}

const CHARACTERS: &str = "char";
const WORDS: &str = "word";
