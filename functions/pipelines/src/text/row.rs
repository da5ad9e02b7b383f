//! A row of a text network.

use tokenizers::Encoding;

/// The tokens of a text, without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextRow {
    pub(crate) ids: Vec<i64>,
    pub(crate) type_ids: Vec<i64>,
}

impl TextRow {
    /// The row of `encoding`.
    pub(crate) fn of(encoding: &Encoding) -> Self {
        let wide = |values: &[u32]| values.iter().map(|value| i64::from(*value)).collect();
        Self { ids: wide(encoding.get_ids()), type_ids: wide(encoding.get_type_ids()) }
    }

    /// The number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}
