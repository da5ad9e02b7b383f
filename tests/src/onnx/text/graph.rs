//! Graphs, functions and nodes in the textual form.

use super::attribute::attribute;
use super::lexer::Tokens;
use super::tensor::{tensor, r#type};
use crate::onnx::protobuf::Message;

/// `name (float[N,4] x) => (float[N,4] y) <float[4] w = {1, 2, 3, 4}> { y = Add(x, w) }`.
pub(super) fn graph(tokens: &mut Tokens<'_>) -> Result<Message, String> {
    let name = tokens.name("a graph's name")?;
    let mut constants = Vec::new();
    tokens.expect("(")?;
    let inputs = tokens.list(")", |tokens| value(tokens, &mut constants))?;
    tokens.expect("=>")?;
    tokens.expect("(")?;
    let outputs = tokens.list(")", |tokens| value(tokens, &mut Vec::new()))?;
    if tokens.take("<") {
        // Types of intermediate values are no constants, and are for readers only.
        tokens.list(">", |tokens| value(tokens, &mut constants))?;
    }
    let graph = Message::default().messages(1, &nodes(tokens)?).bytes(2, name);
    Ok(graph.messages(5, &constants).messages(11, &inputs).messages(12, &outputs))
}

/// `<domain: "local"> name <axis> (x) => (y) { y = Relu(x) }`, of the model's operators, or of another version of ONNX's operators:
/// `<domain: "local", opset: 11>`.
pub(super) fn function(tokens: &mut Tokens<'_>, operators: &[Message]) -> Result<Message, String> {
    tokens.expect("<domain:")?;
    let domain = tokens.quoted()?;
    let own = if tokens.take(",") {
        tokens.expect("opset:")?;
        let version = tokens.number()?.parse().map_err(|_| "expected a version".to_owned())?;
        Some([Message::default().bytes(1, "").integer(2, version)])
    } else {
        None
    };
    let operators = own.as_ref().map_or(operators, |own| own);
    tokens.expect(">")?;
    let function = Message::default().bytes(1, tokens.name("a function's name")?);
    let names =
        |tokens: &mut Tokens<'_>, end: &str| tokens.list(end, |tokens| tokens.name("a name").map(str::to_owned));
    let attributes = if tokens.take("<") { names(tokens, ">")? } else { Vec::new() };
    tokens.expect("(")?;
    let inputs = names(tokens, ")")?;
    tokens.expect("=>")?;
    tokens.expect("(")?;
    let outputs = names(tokens, ")")?;
    let each = |function: Message, field, names: &[String]| {
        names.iter().fold(function, |function, name| function.bytes(field, name))
    };
    let function = each(each(each(function, 4, &inputs), 5, &outputs), 6, &attributes);
    Ok(function.messages(7, &nodes(tokens)?).messages(9, operators).bytes(10, domain))
}

/// `{ y = Relu(x) z = Add(x, y) }`.
fn nodes(tokens: &mut Tokens<'_>) -> Result<Vec<Message>, String> {
    tokens.expect("{")?;
    let mut nodes = Vec::new();
    while !tokens.take("}") {
        if tokens.is_empty() {
            return Err(tokens.expected("\"}\""));
        }
        nodes.push(node(tokens)?);
    }
    Ok(nodes)
}

/// `y, z = com.microsoft.Name <axis = 1> (a, , b)`.
fn node(tokens: &mut Tokens<'_>) -> Result<Message, String> {
    let outputs = tokens.list("=", |tokens| Ok(tokens.optional_name()))?;
    let operator = tokens.name("an operator")?;
    let (domain, operator) = operator.rsplit_once('.').unwrap_or(("", operator));
    let mut attributes = Vec::new();
    if tokens.take("<") {
        attributes = tokens.list(">", attribute)?;
    }
    tokens.expect("(")?;
    let inputs = tokens.list(")", |tokens| Ok(tokens.optional_name()))?;
    let node = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input));
    let node = outputs.iter().fold(node, |node, output| node.bytes(2, output)).bytes(4, operator);
    let node = node.messages(5, &attributes);
    Ok(if domain.is_empty() { node } else { node.bytes(7, domain) })
}

/// `float[N,4] x`, or with default values: `float[4] w = {1, 2, 3, 4}`.
fn value(tokens: &mut Tokens<'_>, constants: &mut Vec<Message>) -> Result<Message, String> {
    let of = r#type(tokens)?;
    let name = tokens.name("a value's name")?;
    if tokens.take("=") {
        constants.push(tensor(tokens, name, &of)?);
    }
    Ok(Message::default().bytes(1, name).message(2, &of.message))
}
