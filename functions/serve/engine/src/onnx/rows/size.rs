//! Sizes of dimensions as multivariate polynomials over symbols, with whole coefficients, and exact division of them.
//!
//! A symbol is a size that the graph leaves open: the batch size, the length of a sequence, or what an operation gives that is not
//! followed further, such as the quotient of two sizes. The same operation on the same sizes is the same symbol.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A size, or any whole number in a shape computation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Size {
    /// Coefficients by monomial, none of them zero. A monomial is a list of symbols with their powers, in order.
    terms: BTreeMap<Monomial, i64>,
}

type Monomial = Vec<(Symbol, u32)>;
type Symbol = u32;

impl Size {
    /// A number.
    pub(super) fn of(number: i64) -> Self {
        let terms = if number == 0 { BTreeMap::new() } else { BTreeMap::from([(Vec::new(), number)]) };
        Self { terms }
    }

    /// The size of the batch.
    pub(super) fn batch() -> Self {
        Self::symbol(BATCH)
    }

    fn symbol(symbol: Symbol) -> Self {
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

    /// `c` where this is `c` times the batch size, and `c` does not depend on that.
    pub(super) fn per_row(&self) -> Option<Self> {
        self.divided(&Self::batch()).filter(|quotient| !quotient.has_batch() && !quotient.is(0))
    }

    /// The sum, if it is not too large to follow.
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

    /// The difference, if it is not too large to follow.
    pub(super) fn minus(&self, other: &Self) -> Option<Self> {
        self.plus(&other.times(&Self::of(-1))?)
    }

    /// The product, if it is not too large to follow.
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

    /// The quotient, if `divisor` divides it whatever the symbols are.
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

    /// Whether it cannot be negative.
    pub(super) fn is_size(&self, symbols: &Symbols) -> bool {
        let sizes = |monomial: &Monomial| monomial.iter().all(|(symbol, _)| !symbols.signed.contains(symbol));
        self.terms.iter().all(|(monomial, coefficient)| *coefficient >= 0 && sizes(monomial))
    }

    /// Whether it is positive, whatever its symbols are.
    pub(super) fn is_positive(&self, symbols: &Symbols) -> bool {
        self.is_size(symbols) && self.terms.get(&Vec::new()).is_some_and(|constant| *constant > 0)
    }

    /// Whether it has a symbol that was made after `mark`.
    pub(super) fn is_newer(&self, mark: Mark) -> bool {
        self.terms.keys().flatten().any(|(symbol, _)| *symbol >= mark.0)
    }

    /// The term that is largest in the lexicographic order of exponents.
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
    let mut powers: BTreeMap<Symbol, u32> = one.iter().copied().collect();
    for (symbol, power) in other {
        let sum = powers.entry(*symbol).or_default();
        *sum = sum.checked_add(*power)?;
    }
    Some(powers.into_iter().collect())
}

fn reduced(one: &Monomial, by: &Monomial) -> Option<Monomial> {
    let mut powers: BTreeMap<Symbol, u32> = one.iter().copied().collect();
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
pub(super) struct Symbols {
    next: Symbol,
    signed: BTreeSet<Symbol>,
    named: HashMap<String, Symbol>,
    operations: HashMap<(String, Vec<Size>), Symbol>,
    /// What a symbol is known to be at most.
    bounds: HashMap<Size, Vec<Size>>,
}

/// A moment of an analysis; see [`Size::is_newer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(Symbol);

impl Symbols {
    /// None but the size of the batch.
    pub(super) fn new() -> Self {
        Self {
            next: BATCH + 1,
            signed: BTreeSet::new(),
            named: HashMap::new(),
            operations: HashMap::new(),
            bounds: HashMap::new(),
        }
    }

    /// The moment now.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.next)
    }

    /// A size of which nothing is known.
    pub(super) fn any(&mut self) -> Size {
        let symbol = self.next;
        self.next += 1;
        Size::symbol(symbol)
    }

    /// A number of which nothing is known; it may be negative.
    pub(super) fn any_number(&mut self) -> Size {
        self.signed.insert(self.next);
        self.any()
    }

    /// The size that a graph's input calls `name`.
    pub(super) fn named(&mut self, name: &str) -> Size {
        let next = self.next;
        let symbol = *self.named.entry(name.to_owned()).or_insert(next);
        self.next += Symbol::from(symbol == next);
        Size::symbol(symbol)
    }

    /// Notes that `size` is at most `bound`.
    pub(super) fn bound(&mut self, size: &Size, bound: Size) {
        self.bounds.entry(size.clone()).or_default().push(bound);
    }

    /// Whether `size` was noted to be at most `bound`.
    pub(super) fn is_at_most(&self, size: &Size, bound: &Size) -> bool {
        self.bounds.get(size).is_some_and(|bounds| bounds.contains(bound))
    }

    /// What `operation` makes of `sizes`, of which none depends on the size of the batch.
    pub(super) fn result(&mut self, operation: &str, sizes: Vec<Size>, signed: bool) -> Size {
        let next = self.next;
        let symbol = *self.operations.entry((operation.to_owned(), sizes)).or_insert(next);
        if symbol == next {
            self.next += 1;
            if signed {
                self.signed.insert(symbol);
            }
        }
        Size::symbol(symbol)
    }
}

/// The first of all symbols.
const BATCH: Symbol = 0;
/// What has more terms is not followed.
const MAX_TERMS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_is_exact_or_none() {
        let mut symbols = Symbols::new();
        let (past, new, batch) = (symbols.named("past"), symbols.named("new"), Size::batch());
        let length = past.plus(&new).expect("two terms");
        let all = length.times(&batch).and_then(|all| all.times(&Size::of(768))).expect("two terms");
        assert_eq!(all.divided(&length), batch.times(&Size::of(768)));
        assert_eq!(all.divided(&Size::of(768)).and_then(|all| all.divided(&batch)), Some(length.clone()));
        assert_eq!(all.per_row(), length.times(&Size::of(768)));
        assert_eq!(all.divided(&past), None);
        assert_eq!(batch.times(&Size::of(3)).and_then(|three| three.divided(&Size::of(2))), None);
        assert_eq!(length.divided(&Size::of(0)), None);
        assert_eq!(batch.plus(&Size::of(1)).and_then(|more| more.per_row()), None);
    }

    #[test]
    fn equal_operations_are_one_symbol_and_numbers_may_be_negative() {
        let mut symbols = Symbols::new();
        let length = symbols.named("length");
        let half = symbols.result("half", vec![length.clone()], false);
        assert_eq!(half, symbols.result("half", vec![length.clone()], false));
        assert_ne!(half, symbols.any());
        assert_eq!(symbols.named("length"), length);
        let number = symbols.any_number();
        assert!(half.is_size(&symbols) && !number.is_size(&symbols));
        assert!(!length.minus(&half).expect("two terms").is_size(&symbols));
        let mark = symbols.mark();
        assert!(symbols.any().is_newer(mark) && !half.is_newer(mark));
    }
}
