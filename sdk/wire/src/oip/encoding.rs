//! How the tensors of a message are written: in its JSON, or as bytes after it.

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
}

impl OutputEncodings {
    /// `encoding` for all outputs.
    pub fn all(encoding: TensorEncoding) -> Self {
        Self { default: encoding, named: Vec::new() }
    }

    /// The encoding of the output `name`.
    pub fn of(&self, name: &str) -> TensorEncoding {
        self.named.iter().find(|(named, _)| named == name).map_or(self.default, |(_, encoding)| *encoding)
    }

    /// Sets the encoding of the output `name`.
    pub(super) fn set(&mut self, name: &str, encoding: TensorEncoding) {
        self.named.push((name.to_owned(), encoding));
    }
}
