//! Whether a network can go on with texts, and whether rows may share a run while it does: two made-up texts of one length are
//! gone on with alone and together, and have to be the same to the last bit. A seed means the same text only then.

use crate::generate::Decoder;

/// Ok where rows may share a run; else why not.
///
/// # Errors
/// The outer one where the network cannot go on with texts at all.
pub(super) fn probe(decoder: &mut impl Decoder) -> Result<Result<(), String>, String> {
    let texts = [vec![1_i64, 2, 3], vec![3, 1, 2]];
    let (mut alone, mut pasts) = (Vec::new(), Vec::new());
    for text in &texts {
        let (logits, past) = decoder.step(std::slice::from_ref(text), None).map_err(|error| error.to_string())?;
        alone.push(logits);
        pasts.push(past);
    }
    let joined = decoder.gather(&[(&pasts[0], &[0]), (&pasts[1], &[0])]).map_err(|error| error.to_string())?;
    let (mut together, mut next) = (Some(joined), [[1_i64], [2]]);
    let mut single: Vec<_> = pasts.into_iter().map(Some).collect();
    for _ in 0..STEPS {
        let mut rows = Vec::new();
        for (past, token) in single.iter_mut().zip(next) {
            let (logits, now) = decoder.step(&[token.to_vec()], past.take()).map_err(|error| error.to_string())?;
            rows.extend(logits);
            *past = Some(now);
        }
        let new: Vec<_> = next.iter().map(|token| token.to_vec()).collect();
        let Ok((logits, now)) = decoder.step(&new, together.take()) else {
            return Ok(Err("a run of two rows failed".to_owned()));
        };
        if logits.iter().flatten().map(|logit| logit.to_bits()).ne(rows.iter().flatten().map(|logit| logit.to_bits())) {
            return Ok(Err("rows run together differ from each alone in their last bits".to_owned()));
        }
        together = Some(now);
        next = next.map(|[token]| [token % 3 + 1]);
    }
    if alone[0] == alone[1] {
        Ok(Err("two different texts gave the same, which shows nothing".to_owned()))
    } else {
        Ok(Ok(()))
    }
}

/// Tokens that are made of each.
const STEPS: usize = 8;
