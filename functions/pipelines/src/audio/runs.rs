//! Runs of a network over the features of sounds: those of one shape together, within a bound.

use amaas_model::task::{Cost, ModelCall, PredictError};
use amaas_wire::Tensor;

use super::features::AudioFeatures;
use super::network::{AudioNetwork, SoundOutput};

/// What `network` gives for each of `features`, in order. The call is charged a row for each.
///
/// # Errors
/// [`PredictError`] of the charge, or of a run.
pub(super) async fn run(
    call: &ModelCall,
    network: &AudioNetwork,
    features: &[&AudioFeatures],
) -> Result<Vec<SoundOutput>, PredictError> {
    let own = call.networks().own();
    let groups = groups(features, own.has_rows());
    let tensors = |group: &Vec<usize>| {
        let sounds: Vec<&AudioFeatures> = group.iter().filter_map(|place| features.get(*place).copied()).collect();
        network.tensors(&sounds)
    };
    let tensors =
        groups.iter().map(tensors).collect::<Result<Vec<Vec<Tensor>>, _>>().map_err(PredictError::internal)?;
    let runs = own.prepare(tensors, call.tenant(), call.max_rows())?;
    let charge = call.charge(Cost::rows(runs.rows())).await?;
    let runs = call.run(&charge, own, runs).await?;

    let mut all: Vec<Option<SoundOutput>> = vec![None; features.len()];
    for (group, outputs) in groups.iter().zip(&runs) {
        let outputs = network.outputs(outputs, group.len()).map_err(PredictError::internal)?;
        for (place, output) in group.iter().zip(outputs) {
            if let Some(to) = all.get_mut(*place) {
                *to = Some(output);
            }
        }
    }
    let all: Option<Vec<_>> = all.into_iter().collect();
    all.ok_or_else(|| PredictError::internal("a sound was not run"))
}

/// The places of `features` that share runs.
fn groups(features: &[&AudioFeatures], has_rows: bool) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..features.len()).collect();
    order.sort_by_key(|place| &features[*place].shape);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for place in order {
        let size = features[place].values.len();
        let fits = |group: &&mut Vec<usize>| {
            let is_same = group.first().is_some_and(|first| features[*first].shape == features[place].shape);
            has_rows && is_same && (group.len() + 1) * size <= MAX_RUN_VALUES
        };
        match groups.last_mut().filter(fits) {
            Some(group) => group.push(place),
            None => groups.push(vec![place]),
        }
    }
    groups
}

/// Values of a run over more than one sound: a minute at 16 kHz. Networks take some hundred times that in memory.
const MAX_RUN_VALUES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_of_one_shape_share_a_run_within_the_bound() {
        let of = |samples: usize| AudioFeatures {
            name: "input_values",
            shape: vec![samples],
            values: vec![0.0; samples],
            frames: samples,
            hidden: 0,
        };
        let sounds = [of(500), of(400), of(500), of(MAX_RUN_VALUES / 2 + 1), of(MAX_RUN_VALUES / 2 + 1)];
        let sounds: Vec<&AudioFeatures> = sounds.iter().collect();
        assert_eq!(groups(&sounds, true), [vec![1], vec![0, 2], vec![3], vec![4]]);
        assert_eq!(groups(&sounds, false).len(), 5);
    }
}
