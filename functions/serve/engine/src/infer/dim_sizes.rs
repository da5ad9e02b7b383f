//! The sizes of a network's symbolic dimensions, for synthetic inputs.
//!
//! Exporters name dimensions by formulas: `past_sequence_length + sequence_length`. A name is read as a formula only if
//! its parts are names of the network's dimensions; otherwise it is a plain name.

use std::collections::BTreeMap;

use crate::tensor_spec::TensorSpec;

/// The size of each symbol, the same in all inputs.
pub(super) struct DimSizes<'s> {
    named: BTreeMap<&'s str, usize>,
    length: usize,
}

impl<'s> DimSizes<'s> {
    /// 1 for each symbol that is the first dimension of an input, and `length` for all others.
    pub(super) fn of(inputs: impl IntoIterator<Item = &'s TensorSpec>, length: usize) -> Self {
        let mut named = BTreeMap::new();
        for (axis, dim) in inputs.into_iter().flat_map(|spec| spec.shape.iter().enumerate()) {
            if let Some(symbol) = dim.symbol() {
                let size = if axis == 0 { 1 } else { length };
                named.entry(symbol).and_modify(|known: &mut usize| *known = size.min(*known)).or_insert(size);
            }
        }
        Self { named, length }
    }

    /// The size of the symbol `name`.
    pub(super) fn size(&self, name: &str) -> usize {
        self.evaluate(name).or_else(|| self.named.get(name).copied()).unwrap_or(self.length)
    }

    /// The value of `text`, if it is a formula of two or more names and integers with `+`, `-` and `*`.
    fn evaluate(&self, text: &str) -> Option<usize> {
        text.contains(OPERATORS).then_some(())?;
        let mut sum = 0_i64;
        let mut rest = text;
        let mut sign = 1;
        loop {
            let end = rest.find(['+', '-']).unwrap_or(rest.len());
            let (term, behind) = rest.split_at(end);
            let product =
                term.split('*').try_fold(sign, |product: i64, factor| product.checked_mul(self.factor(factor)?));
            sum = sum.checked_add(product?)?;
            let Some(operator) = behind.chars().next() else { break };
            sign = if operator == '+' { 1 } else { -1 };
            rest = &behind[1..];
        }
        usize::try_from(sum).ok()
    }

    fn factor(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        let known = self.named.get(text).and_then(|size| i64::try_from(*size).ok());
        known.or_else(|| text.parse().ok())
    }
}

const OPERATORS: [char; 3] = ['+', '-', '*'];

#[cfg(test)]
mod tests {
    use amaas_wire::Datatype;

    use super::*;
    use crate::tensor_spec::Dim;

    #[test]
    fn a_name_that_is_a_sum_of_names_has_their_size() {
        let dims = ["batch", "past", "new", "past + new", "heads-of-all"].map(|name| Dim::Symbol(name.to_owned()));
        let spec = TensorSpec::new("x", Datatype::Fp32, dims.to_vec());
        let sizes = DimSizes::of([&spec], 4);
        for (name, expected) in [
            ("batch", 1),
            ("past", 4),
            ("past + new", 8),
            ("past+1", 5),
            ("2*new - 1", 7),
            ("batch * past * 3", 12),
            ("1 - past", 4),
            ("heads-of-all", 4),
            ("past + gone", 4),
            ("past +", 4),
            ("+", 4),
            ("past - past", 0),
            ("9223372036854775807 * 2", 4),
            ("floor(past/2)", 4),
        ] {
            assert_eq!(sizes.size(name), expected, "{name}");
        }
    }
}
