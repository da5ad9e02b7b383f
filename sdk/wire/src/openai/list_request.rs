//! Reads a request with a model and a list, such as texts to embed. The list is read as it arrives and bounded, because a short body
//! can hold millions of entries. Other members stay in the body until its end.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::RequestError;
use super::limits::check_model_name;
use super::member::{CallDescription, Member};

/// A request with a model and a list.
pub(super) struct ListRequest<'a, L> {
    pub(super) model: String,
    pub(super) list: L,
    pub(super) others: OtherMembers<'a>,
}

/// A list that is a member of a request.
pub(super) trait RequestList: Sized {
    /// The name of the member.
    const NAME: &'static str;

    /// Reads the list.
    fn read<'de, D: Deserializer<'de>>(state: &mut ReadState, deserializer: D) -> Result<Self, D::Error>;
}

/// The members of a route: their names, in the order of its table.
pub(super) type MemberNames = &'static [&'static str];

impl<'a, L: RequestList> ListRequest<'a, L> {
    /// Reads `body`, which may have the members `names`, and a list of at most `limit` entries.
    pub(super) fn from_json(body: &'a [u8], names: MemberNames, limit: usize) -> Result<Self, RequestError> {
        let mut state = ReadState { limit, said: None };
        let mut json = serde_json::Deserializer::from_slice(body);
        let visitor = RequestVisitor { state: &mut state, names, list: PhantomData };
        let read = json.deserialize_map(visitor).and_then(|request| json.end().map(|()| request));
        read.map_err(|error| state.said.take().unwrap_or_else(|| RequestError::unread(body, &error)))
    }
}

/// The state of reading a request.
pub(super) struct ReadState {
    /// The most entries of the list.
    pub(super) limit: usize,
    /// The error with its details, because serde's own errors carry only text.
    said: Option<RequestError>,
}

impl ReadState {
    /// Fails with `error`.
    pub(super) fn fail<E: Error>(&mut self, error: RequestError) -> E {
        self.said = Some(error);
        E::custom("refused")
    }
}

/// The members of a request whose values are still JSON.
pub(super) struct OtherMembers<'a> {
    names: MemberNames,
    values: Vec<Option<&'a RawValue>>,
}

impl<'a> OtherMembers<'a> {
    /// The value of `member`, if the body has it.
    pub(super) fn value(&self, member: &Member) -> Option<&'a RawValue> {
        let index = self.names.iter().position(|name| *name == member.name)?;
        self.values[index]
    }

    /// Checks the members that describe the call.
    pub(super) fn check_description(&self) -> Result<(), RequestError> {
        use super::member::{METADATA, PROMPT_CACHE_KEY, SAFETY_IDENTIFIER, SERVICE_TIER, STORE, USER};
        CallDescription {
            user: self.value(&USER),
            safety_identifier: self.value(&SAFETY_IDENTIFIER),
            prompt_cache_key: self.value(&PROMPT_CACHE_KEY),
            metadata: self.value(&METADATA),
            service_tier: self.value(&SERVICE_TIER),
            store: self.value(&STORE),
        }
        .check()
    }
}

struct RequestVisitor<'s, L> {
    state: &'s mut ReadState,
    names: MemberNames,
    list: PhantomData<L>,
}

impl<'de, L: RequestList> Visitor<'de> for RequestVisitor<'_, L> {
    type Value = ListRequest<'de, L>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let Self { state, names, .. } = self;
        let (mut model, mut list) = (None, None);
        let mut values = vec![None; names.len()];
        while let Some(index) = members.next_key_seed(NameSeed(names))? {
            match names[index] {
                "model" if model.is_some() => return Err(A::Error::duplicate_field("model")),
                "model" => model = Some(members.next_value::<String>()?),
                name if name == L::NAME && list.is_some() => return Err(A::Error::duplicate_field(L::NAME)),
                name if name == L::NAME => list = Some(members.next_value_seed(ListSeed(&mut *state, PhantomData))?),
                name => {
                    if values[index].replace(members.next_value::<&'de RawValue>()?).is_some() {
                        return Err(A::Error::duplicate_field(name));
                    }
                }
            }
        }
        let model = model.ok_or_else(|| RequestError::missing("model"));
        let checked = model.and_then(|model| check_model_name(&model).map(|()| model));
        let model = checked.map_err(|error| state.fail(error))?;
        let list = list.ok_or_else(|| state.fail(RequestError::missing(L::NAME)))?;
        Ok(ListRequest { model, list, others: OtherMembers { names, values } })
    }
}

/// Reads the name of a member, as its index among those that the route takes.
struct NameSeed(MemberNames);

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let index = self.0.iter().position(|known| *known == name);
        index.ok_or_else(|| E::unknown_field(name, self.0))
    }
}

struct ListSeed<'s, L>(&'s mut ReadState, PhantomData<L>);

impl<'de, L: RequestList> DeserializeSeed<'de> for ListSeed<'_, L> {
    type Value = L;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<L, D::Error> {
        L::read(self.0, deserializer)
    }
}
