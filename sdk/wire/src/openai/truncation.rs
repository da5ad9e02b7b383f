//! The members of a request that say what happens to a text of more tokens than the model reads.

use serde_json::value::RawValue;

use super::error::RequestError;
use super::list_request::OtherMembers;
use super::member::{Member, MemberEffect};

/// Whether a text of more tokens than the model reads is truncated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truncation {
    /// The text is cut at its end, and the answer says so.
    #[default]
    End,
    /// The call is refused.
    Refuse,
}

/// Reads the members of truncation among `members`. Services use a boolean, or the name of the end at which a text is cut.
pub(super) fn truncation(members: &OtherMembers<'_>) -> Result<Truncation, RequestError> {
    let given = |member: &Member| members.value(member).filter(|value| value.get() != "null");
    let (name, value) = match (given(&TRUNCATE), given(&TRUNCATION)) {
        (Some(_), Some(_)) => {
            let message = "truncation: expected none next to truncate, which has the same meaning";
            return Err(RequestError::of("truncation", message.to_owned()));
        }
        (None, Some(value)) => ("truncation", Some(value)),
        (value, None) => ("truncate", value),
    };
    match value.map_or("null", RawValue::get) {
        "null" | "true" | "\"END\"" => Ok(Truncation::End),
        "false" | "\"NONE\"" => Ok(Truncation::Refuse),
        _ => {
            let expected = "true or \"END\", false or \"NONE\"; a text is cut at its end";
            Err(RequestError::of(name, format!("{name}: expected {expected}")))
        }
    }
}

const VALUES: &str = "`true` or `\"END\"` cuts a text that is too long, the default; `false` or `\"NONE\"` refuses it";
/// Text Embeddings Inference names it so.
pub(super) const TRUNCATE: Member = Member::new("truncate", MemberEffect::Honoured, VALUES);
/// Other services and the pipelines name it so.
pub(super) const TRUNCATION: Member = Member::new("truncation", MemberEffect::Honoured, VALUES);
