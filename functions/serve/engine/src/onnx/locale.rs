//! Makes the operator `StringNormalizer` independent of the machine's locales.
//!
//! ONNX Runtime changes letters to upper or lower case with the C library's locale that the attribute `locale` names; without the
//! attribute that is `en_US.UTF-8`, which minimal images do not have. `C.UTF-8` is part of glibc's own files. Both map letters one
//! by one by Unicode's tables: in lower case they equal Python's `str.lower` for every code point but U+0130 (İ). What depends on
//! the neighbours (a final Σ) or makes two letters of one (ß in upper case) is not done, with either locale.

use bytes::Bytes;

use super::proto::{Attribute, Graph, Model, Node};

/// Has each `StringNormalizer` for an English locale use `C.UTF-8`. Returns whether there were any.
///
/// Locales of other languages are kept: some have letters of their own, such as the Turkish dotless i.
pub(super) fn replace(model: &mut Model, graph: &mut Graph) -> bool {
    let mut replaced = in_graph(graph);
    for function in &mut model.functions {
        replaced |= in_nodes(&mut function.node);
    }
    replaced
}

fn in_graph(graph: &mut Graph) -> bool {
    in_nodes(&mut graph.node)
}

fn in_nodes(nodes: &mut [Node]) -> bool {
    let mut replaced = false;
    for node in nodes {
        replaced |= in_node(node);
        for own in &mut node.attribute {
            for graph in own.g.as_deref_mut().into_iter().chain(&mut own.graphs) {
                replaced |= in_graph(graph);
            }
        }
    }
    replaced
}

fn in_node(node: &mut Node) -> bool {
    let is_onnx = matches!(node.domain.as_deref(), None | Some(b"" | b"ai.onnx"));
    if !is_onnx || node.op_type.as_deref() != Some(b"StringNormalizer") {
        return false;
    }
    let is_locale = |own: &Attribute| own.name.as_deref() == Some(b"locale");
    // A value that a function's caller gives is not known here.
    let is_kept = |own: &Attribute| own.ref_attr_name.is_some() || !is_english(own.s.as_deref().unwrap_or_default());
    if node.attribute.iter().any(|own| is_locale(own) && is_kept(own)) {
        return false;
    }
    node.attribute.retain(|own| !is_locale(own));
    let (name, value) = (Bytes::from_static(b"locale"), Bytes::from_static(EVERYWHERE));
    node.attribute.push(Attribute { name: Some(name), s: Some(value), r#type: Some(STRING), ..Attribute::default() });
    true
}

/// Whether `locale` is an English one in UTF-8, or the one of the machine's environment.
fn is_english(locale: &[u8]) -> bool {
    let Ok(locale) = std::str::from_utf8(locale) else { return false };
    let (language, charset) = locale.split_once('.').unwrap_or((locale, ""));
    let is_utf8 = charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8");
    locale.is_empty() || language == "en_US" && charset.is_empty() || language.starts_with("en_") && is_utf8
}

const EVERYWHERE: &[u8] = b"C.UTF-8";
/// `AttributeProto.AttributeType`.
const STRING: i32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn normalizer(locale: Option<&str>) -> Node {
        let text = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
        let locale = locale.map(|locale| Attribute {
            name: text("locale"),
            s: text(locale),
            r#type: Some(3),
            ..Attribute::default()
        });
        Node { op_type: text("StringNormalizer"), attribute: locale.into_iter().collect(), ..Node::default() }
    }

    #[test]
    fn english_locales_become_one_that_every_machine_has() {
        for (locale, expected) in [
            (None, true),
            (Some(""), true),
            (Some("en_US"), true),
            (Some("en_US.UTF-8"), true),
            (Some("en_GB.utf8"), true),
            (Some("en_US.ISO-8859-1"), false),
            (Some("C"), false),
            (Some("C.UTF-8"), false),
            (Some("tr_TR.UTF-8"), false),
        ] {
            let plain = Graph { node: vec![normalizer(locale)], ..Graph::default() };
            let branch = Attribute { g: Some(Box::new(plain.clone())), ..Attribute::default() };
            let nested = Graph { node: vec![Node { attribute: vec![branch], ..Node::default() }], ..Graph::default() };
            for graph in [plain, nested] {
                let mut after = graph.clone();
                assert_eq!(replace(&mut Model::default(), &mut after), expected, "{locale:?}");
                assert_eq!(after == graph, !expected, "{locale:?}");
            }
            let mut node = normalizer(locale);
            if in_node(&mut node) {
                assert_eq!(node, normalizer(Some("C.UTF-8")));
            }
        }
    }
}
