//! The attributes of a node, those that a function's caller gives among them.

use std::collections::HashMap;

use bytes::Bytes;

use super::super::proto::{Attribute, Graph, Node};

/// The attributes of a node by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes<'g>(HashMap<&'g [u8], &'g Attribute>);

impl<'g> Attributes<'g> {
    /// Those of `node`, where a reference to an attribute of the function around it is what `outer` has under that name.
    pub(super) fn of(node: &'g Node, outer: &Attributes<'g>) -> Self {
        let mut all = HashMap::new();
        for attribute in &node.attribute {
            let name = attribute.name.as_deref().unwrap_or_default();
            match attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty()) {
                Some(outer_name) => all.extend(outer.0.get(outer_name).map(|own| (name, *own))),
                None => drop(all.insert(name, attribute)),
            }
        }
        Self(all)
    }

    /// The same, with `defaults` for what is not there.
    pub(super) fn or(mut self, defaults: &'g [Attribute]) -> Self {
        for attribute in defaults {
            self.0.entry(attribute.name.as_deref().unwrap_or_default()).or_insert(attribute);
        }
        self
    }

    fn get(&self, name: &str) -> Option<&'g Attribute> {
        self.0.get(name.as_bytes()).copied()
    }

    /// Whether there is an attribute of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A whole number; a number that is 0 is not written, as in protocol buffers.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.get(name).map(|attribute| attribute.i.unwrap_or_default())
    }

    /// Whole numbers.
    pub(super) fn integers(&self, name: &str) -> Option<&'g [i64]> {
        self.get(name).map(|attribute| &attribute.ints[..])
    }

    /// Numbers.
    pub(super) fn floats(&self, name: &str) -> Option<&'g [f32]> {
        self.get(name).map(|attribute| &attribute.floats[..])
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<&'g [u8]> {
        self.get(name).map(|attribute| attribute.s.as_deref().unwrap_or_default())
    }

    /// How many texts there are.
    pub(super) fn texts(&self, name: &str) -> usize {
        self.get(name).map_or(0, |attribute| attribute.strings.len())
    }

    /// A tensor, as its bytes.
    pub(super) fn tensor(&self, name: &str) -> Option<&'g Bytes> {
        self.get(name)?.t.first()
    }

    /// A graph.
    pub(super) fn graph(&self, name: &str) -> Option<&'g Graph> {
        self.get(name)?.g.as_deref()
    }
}
