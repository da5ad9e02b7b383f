//! `Einsum`: rows stay apart if each operand with rows has them under one letter, which is in the result and in no
//! shared operand.

use std::collections::BTreeMap;

use super::super::abstract_tensor::{AbstractTensor, BatchAxis, FailureCause};
use super::super::operator_call::OperatorCall;
use super::super::symbolic_size::SymbolicSize;
use super::{InterpretResult, one};

pub(super) fn interpret(call: &mut OperatorCall<'_>) -> Option<InterpretResult> {
    (call.operator == "Einsum").then(|| one(einsum(call)))
}

fn einsum(call: &OperatorCall<'_>) -> Result<AbstractTensor, FailureCause> {
    let equation = call.attributes.text("equation").ok_or("has no equation")?;
    let equation: String = String::from_utf8_lossy(equation).chars().filter(|letter| !letter.is_whitespace()).collect();
    let Some((left, right)) = equation.split_once("->") else {
        return Err("has an equation without a result".to_owned());
    };
    let (mut sizes, mut rows): (BTreeMap<char, SymbolicSize>, Option<(char, BatchAxis)>) = (BTreeMap::new(), None);
    let ranks = (0..call.inputs.len())
        .map(|place| Ok(call.ranked(place)?.1.len()))
        .collect::<Result<Vec<_>, FailureCause>>()?;
    let (terms, right) = spelled(left, right, &ranks)?;
    for (place, term) in terms.iter().enumerate() {
        let (tensor, shape) = call.ranked(place)?;
        if shape.len() != term.chars().count() {
            return Err("has an equation of another number of dimensions".to_owned());
        }
        for (axis, (letter, size)) in term.chars().zip(shape).enumerate() {
            if let Some(batch) = tensor.batch().filter(|batch| batch.axis == axis) {
                if rows.as_ref().is_some_and(|(known, other)| *known != letter || other.at(0) != batch.at(0)) {
                    return Err("multiplies rows by other rows".to_owned());
                }
                rows = Some((letter, batch.clone()));
            }
            let known = sizes.entry(letter).or_insert_with(|| size.clone());
            if known.is(1) {
                *known = size;
            }
        }
    }
    let mut place = None;
    if let Some((letter, _)) = &rows {
        for (index, term) in terms.iter().enumerate() {
            let has_rows = call.optional(index).is_some_and(|tensor| tensor.batch().is_some());
            if term.matches(*letter).count() != usize::from(has_rows) {
                return Err("sets the rows against a dimension that is not the batch".to_owned());
            }
        }
        let mut places = right.chars().enumerate().filter(|(_, other)| other == letter).map(|(axis, _)| axis);
        place = places.next();
        if place.is_none() || places.next().is_some() {
            return Err("sums over the batch dimension".to_owned());
        }
    }
    let shape: Option<Vec<SymbolicSize>> = right.chars().map(|letter| sizes.get(&letter).cloned()).collect();
    let shape = shape.ok_or("has a result with an unknown letter")?;
    AbstractTensor::of(Some(shape), rows.zip(place).map(|((_, batch), place)| batch.at(place)))
}

/// The terms and the result of an equation. Each ellipsis is replaced by letters of its own, from the right.
fn spelled(left: &str, right: &str, ranks: &[usize]) -> Result<(Vec<String>, String), FailureCause> {
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != ranks.len() {
        return Err("has an equation of another number of operands".to_owned());
    }
    let letters = |term: &str| term.chars().filter(|letter| *letter != '.').count();
    let open = |term: &str, rank: usize| if term.contains("...") { rank.saturating_sub(letters(term)) } else { 0 };
    let most = terms.iter().zip(ranks).map(|(term, rank)| open(term, *rank)).max().unwrap_or(0);
    let ellipsis =
        |count: usize| (0..count).rev().filter_map(|place| char::from_u32(PRIVATE + u32::try_from(place).ok()?));
    let spell = |term: &str, count: usize| term.replacen("...", &ellipsis(count).collect::<String>(), 1);
    let all = terms.iter().zip(ranks).map(|(term, rank)| spell(term, open(term, *rank))).collect();
    Ok((all, spell(right, most)))
}

/// The first character that no equation contains.
const PRIVATE: u32 = 0xE000;
