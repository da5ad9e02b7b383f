//! Attributes of nodes in the textual form.

use super::graph::graph;
use super::lexer::Tokens;
use super::tensor::{tensor, r#type};
use crate::onnx::protobuf::Message;

/// `axis = 1`, `alpha = 0.5`, `mode = "mean"`, `perm = [1, 0]`, `value = int64[1] {3}`, `body = g (…) => (…) {…}`, and, in a function,
/// `axis: int = @axis`.
pub(super) fn attribute(tokens: &mut Tokens<'_>) -> Result<Message, String> {
    // A colon is part of a tensor's name, so it may end this one.
    let name = tokens.name("an attribute's name")?;
    let (name, kind) = match name.strip_suffix(':') {
        Some(name) => (name, Some(tokens.name("an attribute's type")?)),
        None => (name, None),
    };
    tokens.expect("=")?;
    let message = Message::default().bytes(1, name);
    if tokens.take("@") {
        let kind = kind.and_then(|kind| KINDS.iter().find(|(name, _)| *name == kind));
        let (_, number) = kind.ok_or_else(|| tokens.expected("a type before the reference"))?;
        return Ok(message.bytes(21, tokens.name("an attribute's name")?).integer(20, *number));
    }
    if tokens.take("[") {
        return list(tokens, message);
    }
    if tokens.is_at("\"") {
        return Ok(message.bytes(4, tokens.quoted()?).integer(20, STRING));
    }
    if let Ok(number) = tokens.number() {
        return Ok(match number.parse() {
            Ok(whole) if kind != Some("float") => message.integer(3, whole).integer(20, INT),
            _ => message.float(2, float(number)?).integer(20, FLOAT),
        });
    }
    if kind == Some("graph") || r#type(&mut tokens.ahead()).is_err() {
        return Ok(message.message(6, &graph(tokens)?).integer(20, GRAPH));
    }
    let of = r#type(tokens)?;
    Ok(message.message(5, &tensor(tokens, "", &of)?).integer(20, TENSOR))
}

fn list(tokens: &mut Tokens<'_>, message: Message) -> Result<Message, String> {
    if tokens.is_at("\"") {
        let texts = tokens.list("]", Tokens::quoted)?;
        return Ok(texts.iter().fold(message, |message, text| message.bytes(9, text)).integer(20, STRINGS));
    }
    let numbers = tokens.list("]", Tokens::number)?;
    if let Ok(whole) = numbers.iter().map(|number| number.parse()).collect::<Result<Vec<i64>, _>>() {
        return Ok(whole.iter().fold(message, |message, number| message.integer(8, *number)).integer(20, INTS));
    }
    let floats = numbers.iter().map(|number| float(number)).collect::<Result<Vec<_>, _>>()?;
    Ok(floats.iter().fold(message, |message, number| message.float(7, *number)).integer(20, FLOATS))
}

fn float(text: &str) -> Result<f32, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

/// Names of `AttributeProto.AttributeType`.
const KINDS: [(&str, i64); 6] =
    [("float", FLOAT), ("int", INT), ("string", STRING), ("floats", FLOATS), ("ints", INTS), ("strings", STRINGS)];
const FLOAT: i64 = 1;
const INT: i64 = 2;
const STRING: i64 = 3;
const TENSOR: i64 = 4;
const GRAPH: i64 = 5;
const FLOATS: i64 = 6;
const INTS: i64 = 7;
const STRINGS: i64 = 8;
