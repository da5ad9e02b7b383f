//! Symbolic sizes: multivariate polynomials over symbols with integer coefficients, and their exact division.
//!
//! A symbol is an unknown size: the batch size, a sequence length, or the result of an operation that is not tracked,
//! such as a quotient. The same operation on the same sizes gives the same symbol.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A size, or any integer in a shape computation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SymbolicSize {
    /// Coefficients by monomial, none of them zero. A monomial is a list of symbols with their powers, in order.
    terms: BTreeMap<Monomial, i64>,
}

type Monomial = Vec<(SymbolId, u32)>;
type SymbolId = u32;

impl SymbolicSize {
    /// A number.
    pub(super) fn of(number: i64) -> Self {
        let terms = if number == 0 { BTreeMap::new() } else { BTreeMap::from([(Vec::new(), number)]) };
        Self { terms }
    }

    /// The size of the batch.
    pub(super) fn batch() -> Self {
        Self::symbol(BATCH)
    }

    fn symbol(symbol: SymbolId) -> Self {
        Self { terms: BTreeMap::from([(vec![(symbol, 1)], 1)]) }
    }

    /// The number, if it is known.
    pub(super) fn number(&self) -> Option<i64> {
        match self.terms.len() {
            0 => Some(0),
            1 => self.terms.get(&Vec::new()).copied(),
            _ => None,
        }
    }

    /// Whether it is this number.
    pub(super) fn is(&self, number: i64) -> bool {
        self.number() == Some(number)
    }

    /// Whether it depends on the size of the batch.
    pub(super) fn has_batch(&self) -> bool {
        self.terms.keys().any(|monomial| monomial.first().is_some_and(|(symbol, _)| *symbol == BATCH))
    }

    /// `c` if this is `c` times the batch size, and `c` does not depend on the batch size.
    pub(super) fn per_row(&self) -> Option<Self> {
        self.divided(&Self::batch()).filter(|quotient| !quotient.has_batch() && !quotient.is(0))
    }

    /// The sum, if it has few enough terms.
    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        let mut terms = self.terms.clone();
        for (monomial, coefficient) in &other.terms {
            let sum = terms.get(monomial).copied().unwrap_or(0).checked_add(*coefficient)?;
            match sum {
                0 => drop(terms.remove(monomial)),
                _ => drop(terms.insert(monomial.clone(), sum)),
            }
        }
        (terms.len() <= MAX_TERMS).then_some(Self { terms })
    }

    /// The difference, if it has few enough terms.
    pub(super) fn minus(&self, other: &Self) -> Option<Self> {
        self.plus(&other.times(&Self::of(-1))?)
    }

    /// The product, if it has few enough terms.
    pub(super) fn times(&self, other: &Self) -> Option<Self> {
        let mut product = Self::of(0);
        for (monomial, coefficient) in &self.terms {
            for (by, factor) in &other.terms {
                let term = BTreeMap::from([(multiplied(monomial, by)?, coefficient.checked_mul(*factor)?)]);
                product = product.plus(&Self { terms: term })?;
            }
        }
        Some(product)
    }

    /// The quotient, if `divisor` divides it exactly for all values of the symbols.
    pub(super) fn divided(&self, divisor: &Self) -> Option<Self> {
        let (lead, by) = divisor.lead()?;
        let (mut rest, mut quotient) = (self.clone(), Self::of(0));
        for _ in 0..MAX_TERMS {
            let Some((monomial, coefficient)) = rest.lead() else { return Some(quotient) };
            if coefficient.checked_rem(by)? != 0 {
                return None;
            }
            let term = Self { terms: BTreeMap::from([(reduced(monomial, lead)?, coefficient.checked_div(by)?)]) };
            quotient = quotient.plus(&term)?;
            rest = rest.minus(&term.times(divisor)?)?;
        }
        rest.is(0).then_some(quotient)
    }

    /// Whether it is never negative.
    pub(super) fn is_non_negative(&self, symbols: &SymbolTable) -> bool {
        let sizes = |monomial: &Monomial| monomial.iter().all(|(symbol, _)| !symbols.signed.contains(symbol));
        self.terms.iter().all(|(monomial, coefficient)| *coefficient >= 0 && sizes(monomial))
    }

    /// Whether it is positive for all values of the symbols.
    pub(super) fn is_positive(&self, symbols: &SymbolTable) -> bool {
        self.is_non_negative(symbols) && self.terms.get(&Vec::new()).is_some_and(|constant| *constant > 0)
    }

    /// Whether it has a symbol created after `mark`.
    pub(super) fn is_newer(&self, mark: SymbolMark) -> bool {
        self.terms.keys().flatten().any(|(symbol, _)| *symbol >= mark.0)
    }

    /// The leading term in the lexicographic order of exponents.
    fn lead(&self) -> Option<(&Monomial, i64)> {
        let largest = self.terms.iter().max_by(|(one, _), (other, _)| lexicographic(one, other));
        largest.map(|(monomial, coefficient)| (monomial, *coefficient))
    }
}

fn lexicographic(one: &Monomial, other: &Monomial) -> Ordering {
    for ((symbol, power), (other, others)) in one.iter().zip(other) {
        let order = other.cmp(symbol).then(power.cmp(others));
        if order != Ordering::Equal {
            return order;
        }
    }
    one.len().cmp(&other.len())
}

fn multiplied(one: &Monomial, other: &Monomial) -> Option<Monomial> {
    let mut powers: BTreeMap<SymbolId, u32> = one.iter().copied().collect();
    for (symbol, power) in other {
        let sum = powers.entry(*symbol).or_default();
        *sum = sum.checked_add(*power)?;
    }
    Some(powers.into_iter().collect())
}

fn reduced(one: &Monomial, by: &Monomial) -> Option<Monomial> {
    let mut powers: BTreeMap<SymbolId, u32> = one.iter().copied().collect();
    for (symbol, power) in by {
        let left = powers.get(symbol).copied()?.checked_sub(*power)?;
        match left {
            0 => drop(powers.remove(symbol)),
            _ => drop(powers.insert(*symbol, left)),
        }
    }
    Some(powers.into_iter().collect())
}

/// The symbols of an analysis.
#[derive(Debug)]
pub(super) struct SymbolTable {
    next: SymbolId,
    signed: BTreeSet<SymbolId>,
    named: HashMap<String, SymbolId>,
    operations: HashMap<(String, Vec<SymbolicSize>), SymbolId>,
    /// Known upper bounds of sizes.
    bounds: HashMap<SymbolicSize, Vec<SymbolicSize>>,
}

/// A moment of an analysis; see [`SymbolicSize::is_newer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct SymbolMark(SymbolId);

impl SymbolTable {
    /// The table with only the batch size.
    pub(super) fn new() -> Self {
        Self {
            next: BATCH + 1,
            signed: BTreeSet::new(),
            named: HashMap::new(),
            operations: HashMap::new(),
            bounds: HashMap::new(),
        }
    }

    /// The current moment.
    pub(super) fn mark(&self) -> SymbolMark {
        SymbolMark(self.next)
    }

    /// A new unknown size.
    pub(super) fn any(&mut self) -> SymbolicSize {
        let symbol = self.next;
        self.next += 1;
        SymbolicSize::symbol(symbol)
    }

    /// A new unknown number, which may be negative.
    pub(super) fn any_number(&mut self) -> SymbolicSize {
        self.signed.insert(self.next);
        self.any()
    }

    /// The size that is named `name` in the graph's inputs.
    pub(super) fn named(&mut self, name: &str) -> SymbolicSize {
        let next = self.next;
        let symbol = *self.named.entry(name.to_owned()).or_insert(next);
        self.next += SymbolId::from(symbol == next);
        SymbolicSize::symbol(symbol)
    }

    /// Records that `size` is at most `bound`.
    pub(super) fn bound(&mut self, size: &SymbolicSize, bound: SymbolicSize) {
        self.bounds.entry(size.clone()).or_default().push(bound);
    }

    /// Whether `size` was recorded to be at most `bound`.
    pub(super) fn is_at_most(&self, size: &SymbolicSize, bound: &SymbolicSize) -> bool {
        self.bounds.get(size).is_some_and(|bounds| bounds.contains(bound))
    }

    /// The result of `operation` on `sizes`, which do not depend on the batch size.
    pub(super) fn result(&mut self, operation: &str, sizes: Vec<SymbolicSize>, signed: bool) -> SymbolicSize {
        let next = self.next;
        let symbol = *self.operations.entry((operation.to_owned(), sizes)).or_insert(next);
        if symbol == next {
            self.next += 1;
            if signed {
                self.signed.insert(symbol);
            }
        }
        SymbolicSize::symbol(symbol)
    }
}

/// The symbol of the batch size.
const BATCH: SymbolId = 0;
/// Larger polynomials are not tracked.
const MAX_TERMS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_is_exact_or_none() {
        let mut symbols = SymbolTable::new();
        let (past, new, batch) = (symbols.named("past"), symbols.named("new"), SymbolicSize::batch());
        let length = past.plus(&new).expect("two terms");
        let all = length.times(&batch).and_then(|all| all.times(&SymbolicSize::of(768))).expect("two terms");
        assert_eq!(all.divided(&length), batch.times(&SymbolicSize::of(768)));
        assert_eq!(all.divided(&SymbolicSize::of(768)).and_then(|all| all.divided(&batch)), Some(length.clone()));
        assert_eq!(all.per_row(), length.times(&SymbolicSize::of(768)));
        assert_eq!(all.divided(&past), None);
        assert_eq!(batch.times(&SymbolicSize::of(3)).and_then(|three| three.divided(&SymbolicSize::of(2))), None);
        assert_eq!(length.divided(&SymbolicSize::of(0)), None);
        assert_eq!(batch.plus(&SymbolicSize::of(1)).and_then(|more| more.per_row()), None);
    }

    #[test]
    fn equal_operations_are_one_symbol_and_numbers_may_be_negative() {
        let mut symbols = SymbolTable::new();
        let length = symbols.named("length");
        let half = symbols.result("half", vec![length.clone()], false);
        assert_eq!(half, symbols.result("half", vec![length.clone()], false));
        assert_ne!(half, symbols.any());
        assert_eq!(symbols.named("length"), length);
        let number = symbols.any_number();
        assert!(half.is_non_negative(&symbols) && !number.is_non_negative(&symbols));
        assert!(!length.minus(&half).expect("two terms").is_non_negative(&symbols));
        let mark = symbols.mark();
        assert!(symbols.any().is_newer(mark) && !half.is_newer(mark));
    }
}
