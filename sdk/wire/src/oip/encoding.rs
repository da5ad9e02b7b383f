//! How the tensors of a message are written: in its JSON, or as bytes after it; and which outputs are written as classes.

/// How a tensor is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TensorEncoding {
    /// As numbers or texts in the JSON.
    #[default]
    Json,
    /// As bytes after the JSON.
    Binary,
}

/// How each output of a call is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputEncodings {
    default: TensorEncoding,
    named: Vec<(String, TensorEncoding)>,
    classes: Vec<(String, u64)>,
}

impl OutputEncodings {
    /// `encoding` for all outputs.
    pub fn all(encoding: TensorEncoding) -> Self {
        Self { default: encoding, ..Self::default() }
    }

    /// The encoding of the output `name`.
    pub fn of(&self, name: &str) -> TensorEncoding {
        self.named.iter().find(|(named, _)| named == name).map_or(self.default, |(_, encoding)| *encoding)
    }

    /// The outputs that are asked for as classes, each with the number of classes, as Triton's classification extension has it.
    pub fn classes(&self) -> &[(String, u64)] {
        &self.classes
    }

    /// Asks for `count` classes of the output `name`.
    pub(super) fn set_classes(&mut self, name: &str, count: u64) {
        self.classes.push((name.to_owned(), count));
    }

    /// Sets the encoding of the output `name`.
    pub(super) fn set(&mut self, name: &str, encoding: TensorEncoding) {
        self.named.push((name.to_owned(), encoding));
    }
}
