//! The request of `POST /v1/rerank`, in the shape of Cohere's and Jina's.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::RequestError;
use super::list_request::{ListRequest, OtherMembers, ReadState, RequestList};
use super::member::{self, Member, MemberEffect};
use super::truncation::{self, Truncation, truncation};

/// `POST /v1/rerank`. Unknown members are refused, and so are values of known ones that would change the answer and are not
/// supported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "super::schema::JsonRerankRequest"))]
pub struct RerankRequest {
    /// The model's name.
    pub model: String,
    /// The query.
    pub query: String,
    /// The documents to rank, at least one.
    pub documents: Vec<String>,
    /// The number of most relevant documents in the answer; all if `None`.
    pub top_n: Option<usize>,
    /// Whether the answer repeats the text of each document.
    pub return_documents: bool,
    /// Whether a pair of more tokens than the model reads is truncated.
    pub truncation: Truncation,
}

impl RerankRequest {
    /// The members that the route takes.
    pub const MEMBERS: &[Member] = &MEMBERS;

    /// Reads a request body of at most `limit` documents. Reading stops at the first document beyond.
    ///
    /// ```
    /// use amaas_wire::openai::RerankRequest;
    ///
    /// let body = br#"{"model":"rank","query":"q","documents":["a",{"text":"b"}],"top_n":1}"#;
    /// let request = RerankRequest::from_json(body, 2)?;
    /// assert_eq!((request.documents.len(), request.top_n), (2, Some(1)));
    /// let error = RerankRequest::from_json(body, 1).expect_err("two documents");
    /// assert_eq!(error.param.as_deref(), Some("documents"));
    /// # Ok::<(), amaas_wire::openai::RequestError>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`] names the member and the reason, never a value of the payload.
    pub fn from_json(body: &[u8], limit: usize) -> Result<Self, RequestError> {
        let request = ListRequest::<Documents>::from_json(body, &NAMES, limit)?;
        let ListRequest { model, list: Documents(documents), others } = request;
        others.check_description()?;
        Ok(Self {
            model,
            query: query(&others)?,
            documents,
            top_n: top_n(&others)?,
            return_documents: member::optional("return_documents", others.value(&RETURN_DOCUMENTS), "true or false")?
                .unwrap_or_default(),
            truncation: truncation(&others)?,
        })
    }
}

fn query(others: &OtherMembers<'_>) -> Result<String, RequestError> {
    let query = member::optional("query", others.value(&QUERY), "a text")?;
    query.ok_or_else(|| RequestError::missing("query"))
}

fn top_n(others: &OtherMembers<'_>) -> Result<Option<usize>, RequestError> {
    let expected = "a whole number from 1 up";
    match member::optional::<usize>("top_n", others.value(&TOP_N), expected)? {
        Some(0) => Err(RequestError::of("top_n", format!("top_n: expected {expected}, got 0"))),
        count => Ok(count),
    }
}

/// The texts of documents.
struct Documents(Vec<String>);

impl RequestList for Documents {
    const NAME: &'static str = "documents";

    fn read<'de, D: Deserializer<'de>>(state: &mut ReadState, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(DocumentsVisitor(state))
    }
}

struct DocumentsVisitor<'a>(&'a mut ReadState);

impl<'de> Visitor<'de> for DocumentsVisitor<'_> {
    type Value = Documents;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of documents")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Documents, A::Error> {
        let limit = self.0.limit;
        let mut documents = Vec::new();
        let refused = |state: &mut ReadState, expected: String| {
            state.fail(RequestError::of("documents", format!("documents: expected {expected}")))
        };
        while documents.len() < limit {
            match list.next_element()? {
                Some(Document(text)) => documents.push(text),
                None if documents.is_empty() => return Err(refused(self.0, "at least one, got none".to_owned())),
                None => return Ok(Documents(documents)),
            }
        }
        match list.next_element::<IgnoredAny>()? {
            Some(IgnoredAny) => Err(refused(self.0, format!("at most {limit}, got more"))),
            None => Ok(Documents(documents)),
        }
    }
}

/// A document: a text, or an object with the text.
struct Document(String);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DocumentVisitor;

        impl<'de> Visitor<'de> for DocumentVisitor {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or an object with the member \"text\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Document, E> {
                Ok(Document(text.to_owned()))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Document, E> {
                Ok(Document(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Document, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct TextObject {
                    text: String,
                }
                let members = serde::de::value::MapAccessDeserializer::new(members);
                TextObject::deserialize(members).map(|object| Document(object.text))
            }
        }

        deserializer.deserialize_any(DocumentVisitor)
    }
}

const QUERY: Member = Member::new("query", MemberEffect::Required, "a text");
const TOP_N: Member =
    Member::new("top_n", MemberEffect::Honoured, "the number of most relevant documents in the answer; all by default");
const RETURN_DOCUMENTS: Member = Member::new(
    "return_documents",
    MemberEffect::Honoured,
    "whether the answer repeats the text of each document; `false` by default",
);
const MEMBERS: [Member; 13] = [
    Member::new("model", MemberEffect::Required, "the model's name"),
    QUERY,
    Member::new("documents", MemberEffect::Required, "a list of texts, or of objects `{\"text\": …}`"),
    TOP_N,
    RETURN_DOCUMENTS,
    truncation::TRUNCATE,
    truncation::TRUNCATION,
    member::USER,
    member::SAFETY_IDENTIFIER,
    member::PROMPT_CACHE_KEY,
    member::METADATA,
    member::SERVICE_TIER,
    member::STORE,
];
const NAMES: [&str; MEMBERS.len()] = member::names(&MEMBERS);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(members: &str) -> Result<RerankRequest, RequestError> {
        RerankRequest::from_json(format!(r#"{{"model":"m",{members}}}"#).as_bytes(), 3)
    }

    #[test]
    fn documents_are_texts_or_objects_with_a_text() {
        let plain = read(r#""query":"q","documents":["a",{"text":"é"}]"#).expect("all that is needed");
        assert_eq!(
            (plain.query.as_str(), plain.documents.as_slice()),
            ("q", ["a".to_owned(), "é".to_owned()].as_slice())
        );
        assert_eq!((plain.top_n, plain.return_documents, plain.truncation), (None, false, Truncation::End));
        let nulls: Vec<_> = MEMBERS[3..].iter().map(|member| format!(r#""{}":null"#, member.name)).collect();
        let body = format!(r#""query":"q",{},"documents":["a",{{"text":"é"}}]"#, nulls.join(","));
        assert_eq!(read(&body), Ok(plain));
        let all =
            read(r#""documents":["a"],"top_n":2,"return_documents":true,"truncation":false,"query":"","user":"u""#);
        let all = all.expect("all of them");
        assert_eq!((all.top_n, all.return_documents, all.truncation), (Some(2), true, Truncation::Refuse));
    }

    #[test]
    fn errors_name_the_member_and_never_the_payload() {
        let documents = r#""query":"q","documents""#;
        for (members, param, expected) in [
            (r#""query":"q""#.to_owned(), "documents", "missing member \"documents\""),
            (r#""documents":["a"]"#.to_owned(), "query", "missing member \"query\""),
            (r#""query":["SECRET"],"documents":["a"]"#.to_owned(), "query", "query: expected a text"),
            (format!("{documents}:[]"), "documents", "documents: expected at least one, got none"),
            (format!(r#"{documents}:["","","",""]"#), "documents", "documents: expected at most 3, got more"),
            (format!(r#"{documents}:"SECRET""#), "documents", "documents: expected a list of documents, got a string"),
            (format!(r#"{documents}:["a",7]"#), "documents", "documents[1]: expected a text or an object with"),
            (format!(r#"{documents}:[{{"image":"SECRET"}}]"#), "documents", "unknown member \"image\""),
            (
                format!(r#"{documents}:[{{"text":7}}]"#),
                "documents",
                "documents[0].text: expected a string, got an integer",
            ),
            (format!(r#"{documents}:["\ud83d"]"#), "documents", "documents[0]: half of a surrogate pair"),
            (format!(r#"{documents}:["a"],"top_n":0"#), "top_n", "top_n: expected a whole number from 1 up, got 0"),
            (format!(r#"{documents}:["a"],"top_n":"SECRET""#), "top_n", "top_n: expected a whole number from 1 up"),
            (format!(r#"{documents}:["a"],"return_documents":1"#), "return_documents", "expected true or false"),
            (format!(r#"{documents}:["a"],"truncate":"START""#), "truncate", "truncate: expected true or \"END\""),
            (format!(r#"{documents}:["a"],"truncate":true,"truncation":true"#), "truncation", "none next to truncate"),
            (format!(r#"{documents}:["a"],"rank_fields":["SECRET"]"#), "rank_fields", "unknown member \"rank_fields\""),
            (format!(r#"{documents}:["a"],"max_chunks_per_doc":1"#), "max_chunks_per_doc", "unknown member"),
            (format!(r#"{documents}:["a"],"max_tokens_per_doc":9"#), "max_tokens_per_doc", "unknown member"),
            (format!(r#"{documents}:["a"],"store":1"#), "store", "store: expected true or false"),
        ] {
            let error = read(&members).expect_err(&members);
            assert!(error.message.contains(expected), "{members}: {error}");
            assert!(!error.message.contains("SECRET"), "{error}");
            assert_eq!(error.param.as_deref(), Some(param), "{members}: {error}");
        }
    }
}
