//! Types and tensors in the textual form.

use super::element::Element;
use super::lexer::Tokens;
use crate::onnx::protobuf::Message;

/// A type: of a tensor, with its datatype and dimensions, or of something made of such.
pub(super) struct Type<'t> {
    pub(super) message: Message,
    pub(super) tensor: Option<(&'static Element, Vec<&'t str>)>,
}

/// `float[N,4]`, `float` without dimensions, `float[]` of any, `seq(float[N])`, `optional(float[N])`.
pub(super) fn r#type<'t>(tokens: &mut Tokens<'t>) -> Result<Type<'t>, String> {
    for (name, field) in [("seq(", 4), ("optional(", 9)] {
        if tokens.take(name) {
            let inner = r#type(tokens)?;
            tokens.expect(")")?;
            let message = Message::default().message(field, &Message::default().message(1, &inner.message));
            return Ok(Type { message, tensor: None });
        }
    }
    let expected = tokens.expected("a type");
    let element = Element::find(tokens.optional_name()).ok_or(expected)?;
    let tensor = Message::default().integer(1, element.number);
    let (dims, tensor) = if !tokens.take("[") {
        (Vec::new(), tensor.message(2, &Message::default()))
    } else if tokens.take("]") {
        (Vec::new(), tensor)
    } else {
        let dims = tokens.list("]", |tokens| tokens.number().or_else(|_| dimension(tokens)))?;
        let shape = Message::default().messages(1, &dims.iter().map(|dim| dim_message(dim)).collect::<Vec<_>>());
        (dims, tensor.message(2, &shape))
    };
    Ok(Type { message: Message::default().message(1, &tensor), tensor: Some((element, dims)) })
}

/// The values of a tensor of that type: `{1, 2}`, or `{...}` for any.
pub(super) fn tensor(tokens: &mut Tokens<'_>, name: &str, r#type: &Type<'_>) -> Result<Message, String> {
    let (element, dims) = r#type.tensor.as_ref().ok_or("only tensors have values")?;
    // A sent tensor may have any number of rows; this constant has one.
    let dims: Vec<i64> = dims.iter().map(|dim| dim.parse().unwrap_or(1)).collect();
    let count = usize::try_from(dims.iter().product::<i64>()).map_err(|_| format!("{name}: a negative size"))?;
    let message = dims.iter().fold(Message::default(), |message, size| message.integer(1, *size));
    let message = message.integer(2, element.number);
    tokens.expect("{")?;
    if element.name == "string" {
        let texts = tokens.list("}", Tokens::quoted)?;
        full(name, count, texts.len())?;
        return Ok(texts.iter().fold(message, |message, text| message.bytes(6, text)).bytes(8, name));
    }
    let values: Vec<String> = if tokens.take("...}") {
        (0..count).map(|at| filler(at, element)).collect()
    } else {
        tokens.list("}", |tokens| tokens.number().map(str::to_owned))?
    };
    full(name, count, values.len())?;
    let bytes = element.bytes.ok_or_else(|| format!("{name}: no values of {}", element.name))?;
    let value = |text: &String| bytes(text).ok_or_else(|| format!("{name}: {text:?} is no {}", element.name));
    let raw = values.iter().map(value).collect::<Result<Vec<_>, _>>()?.concat();
    Ok(message.bytes(8, name).bytes(9, raw))
}

/// A dimension's name; `?` for an unknown one.
fn dimension<'t>(tokens: &mut Tokens<'t>) -> Result<&'t str, String> {
    if tokens.take("?") { Ok("?") } else { tokens.name("a dimension") }
}

fn dim_message(dim: &str) -> Message {
    match dim.parse() {
        Ok(size) => Message::default().integer(1, size),
        Err(_) if dim == "?" => Message::default(),
        Err(_) => Message::default().bytes(2, dim),
    }
}

fn full(name: &str, expected: usize, got: usize) -> Result<(), String> {
    if expected == got { Ok(()) } else { Err(format!("{name}: expected {expected} values, got {got}")) }
}

/// The value at `at`: fractions between -1 and 1, or small whole numbers.
fn filler(at: usize, element: &Element) -> String {
    let step = i64::try_from(at * 7 + 3).unwrap_or_default() % 19;
    match element.name {
        "float" | "double" => format!("{}", f64::from(i32::try_from(step - 9).unwrap_or_default()) / 8.0),
        name if name.starts_with("uint") => step.to_string(),
        "bool" => (step % 2).to_string(),
        _ => (step - 9).to_string(),
    }
}
