//! The attributes of a node, with references to a function's attributes resolved.

use std::collections::HashMap;

use bytes::Bytes;

use super::super::proto::{Attribute, Graph, Node};

/// The attributes of a node by name.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeAttributes<'g>(HashMap<&'g [u8], &'g Attribute>);

impl<'g> NodeAttributes<'g> {
    /// The attributes of `node`. A reference to an attribute of the enclosing function takes its value in `outer`.
    pub(super) fn of(node: &'g Node, outer: &NodeAttributes<'g>) -> Self {
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

    /// Adds `defaults` for missing attributes.
    pub(super) fn with_defaults(mut self, defaults: &'g [Attribute]) -> Self {
        for attribute in defaults {
            self.0.entry(attribute.name.as_deref().unwrap_or_default()).or_insert(attribute);
        }
        self
    }

    fn get(&self, name: &str) -> Option<&'g Attribute> {
        self.0.get(name.as_bytes()).copied()
    }

    /// Whether the attribute exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// An integer. Protocol buffers omit 0.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.get(name).map(|attribute| attribute.i.unwrap_or_default())
    }

    /// Integers.
    pub(super) fn integers(&self, name: &str) -> Option<&'g [i64]> {
        self.get(name).map(|attribute| &attribute.ints[..])
    }

    /// Floats.
    pub(super) fn floats(&self, name: &str) -> Option<&'g [f32]> {
        self.get(name).map(|attribute| &attribute.floats[..])
    }

    /// A string.
    pub(super) fn text(&self, name: &str) -> Option<&'g [u8]> {
        self.get(name).map(|attribute| attribute.s.as_deref().unwrap_or_default())
    }

    /// The number of strings.
    pub(super) fn texts(&self, name: &str) -> usize {
        self.get(name).map_or(0, |attribute| attribute.strings.len())
    }

    /// A tensor, encoded.
    pub(super) fn tensor(&self, name: &str) -> Option<&'g Bytes> {
        self.get(name)?.t.first()
    }

    /// A graph.
    pub(super) fn graph(&self, name: &str) -> Option<&'g Graph> {
        self.get(name)?.g.as_deref()
    }
}
