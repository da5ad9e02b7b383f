// The numbers of these tests are small.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use amaas_wire::{Datatype, TensorData};

use super::*;
use crate::manifest::GoldenCase;
use crate::publish::decoder_trial;
use amaas_engine::RunError;
use amaas_engine::RunSharing;
use amaas_engine::RuntimeConfig;
use amaas_engine::generate::DecoderTensors;
use amaas_engine::generate::TensorNames;
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::session::{OrtDecoder, OrtSession};

fn spec(name: &str, datatype: Datatype, shape: Vec<Dim>) -> TensorSpec {
    TensorSpec::new(name, datatype, shape)
}

fn rows_of(datatype: Datatype) -> [TensorSpec; 1] {
    [spec("x", datatype, vec![Dim::Symbol("n".to_owned()), Dim::Fixed(WIDTH)])]
}

const WIDTH: usize = 4;

/// A network that is a function of its rows.
struct Function<F>(F);

impl<F: Fn(&[Vec<f64>]) -> Vec<Vec<f64>> + Send + 'static> RunnableNetwork for Function<F> {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        let width = inputs[0].shape()[1..].iter().product::<usize>().max(1);
        let values: Vec<f64> = match inputs[0].data() {
            TensorData::Fp32(values) => values.iter().map(|value| f64::from(*value)).collect(),
            TensorData::Int64(values) => values.iter().map(|value| *value as f64).collect(),
            other => panic!("{:?}", other.datatype()),
        };
        let rows: Vec<_> = values.chunks(width).map(<[f64]>::to_vec).collect();
        let given = (self.0)(&rows);
        let shape = vec![given.len(), given.first().map_or(width, Vec::len)];
        let data = match inputs[0].data() {
            TensorData::Int64(_) => TensorData::Int64(given.concat().into_iter().map(|value| value as i64).collect()),
            _ => TensorData::Fp32(given.concat().into_iter().map(|value| value as f32).collect()),
        };
        Ok(vec![Tensor::new("y", shape, data).expect("whole rows")])
    }
}

fn each(rows: &[Vec<f64>], of: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
    (0..rows.len()).map(|row| (0..rows[row].len()).map(|at| of(row, at)).collect()).collect()
}

fn most(rows: &[Vec<f64>]) -> f64 {
    rows.iter().flatten().copied().fold(f64::MIN, f64::max)
}

#[test]
fn dynamic_sizes_that_the_network_rejects_are_those_of_a_known_input() {
    /// Takes rows of five values only, as a network takes images with three channels only.
    struct FiveValues;
    impl RunnableNetwork for FiveValues {
        fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
            match inputs[0].shape() {
                [_, 5] => Ok(inputs.to_vec()),
                shape => Err(RunError::failed(format!("expected 5 values, got {shape:?}"))),
            }
        }
    }
    let open = vec![Dim::Symbol("n".to_owned()), Dim::Symbol("values".to_owned())];
    let inputs = [spec("x", Datatype::Fp32, open)];
    let one = Tensor::new("x", vec![1, 5], vec![1.0_f32; 5]).expect("a tensor");
    let example = crate::publish::trial_inputs::unlabelled_cases(vec![vec![one]]);
    let seen = probe(&mut FiveValues, &inputs, Some(&example));
    assert!(matches!(seen, ProbeResult::Independent { rows_differed: true, .. }), "{seen:?}");
    assert!(matches!(probe(&mut FiveValues, &inputs, None), ProbeResult::NotRun(_)));
}

type Rows = fn(&[Vec<f64>]) -> Vec<Vec<f64>>;

fn seen(datatype: Datatype, function: Rows) -> ProbeResult {
    probe(&mut Function(function), &rows_of(datatype), None)
}

#[test]
fn rows_that_see_one_another_are_found_however_seldom_they_do() {
    use Datatype::{Fp32, Int64};
    let cases: &[(&str, Datatype, Rows)] = &[
        ("a time series two steps back", Fp32, |x| {
            each(x, |row, at| x[row][at] + if row < 2 { 0.0 } else { x[row - 2][at] })
        }),
        ("a dilated convolution over time", Fp32, |x| {
            let at_or = |row: Option<usize>, at| row.and_then(|row| x.get(row)).map_or(0.0, |row: &Vec<f64>| row[at]);
            each(x, |row, at| x[row][at] + 0.5 * at_or(row.checked_sub(2), at) + 0.5 * at_or(Some(row + 2), at))
        }),
        ("the largest of all where it is above 1", Fp32, |x| each(x, |row, at| x[row][at] + (most(x) - 1.0).max(0.0))),
        ("the same of integers", Int64, |x| each(x, |row, at| x[row][at] + (most(x) - 1.0).max(0.0))),
        ("a part of how many rows there are", Fp32, |x| each(x, |row, at| x[row][at] / x.len().max(2) as f64)),
        ("the mean", Fp32, |x| {
            let mean = x.concat().iter().sum::<f64>() / x.concat().len() as f64;
            each(x, |row, at| x[row][at] - mean)
        }),
        ("a sum so far", Fp32, |x| each(x, |row, at| x[..=row].iter().map(|row| row[at]).sum())),
        ("the largest of all where it is above 100,000", Fp32, |x| {
            each(x, |row, at| x[row][at] + if most(x) > 1e5 { 1.0 } else { 0.0 })
        }),
        ("tiny values only", Fp32, |x| each(x, |row, at| if most(x) < 1e-5 { x[0][at] } else { x[row][at] })),
        ("the place", Fp32, |x| each(x, |row, at| x[row][at] * (row + 1) as f64)),
        ("six steps back", Fp32, |x| each(x, |row, at| if row < 6 { x[row][at] } else { x[row - 6][at] })),
        ("the other end", Fp32, |x| each(x, |row, at| x[x.len() - 1 - row][at])),
        ("rows in twos", Fp32, |x| each(x, |row, at| x[row][at] + x.get(row ^ 1).map_or(0.0, |other| other[at]))),
        ("large numbers of a table only", Int64, |x| {
            each(x, |row, at| if x[0][0] > 500.0 { x[0][at] } else { x[row][at] })
        }),
        ("negative numbers only", Int64, |x| {
            let least = x.iter().flatten().copied().fold(f64::MAX, f64::min);
            each(x, |row, at| if least < 0.0 { least } else { x[row][at] })
        }),
        ("an answer for all", Fp32, |x| vec![x[0].clone()]),
    ];
    for (what, datatype, function) in cases {
        assert!(
            matches!(seen(*datatype, *function), ProbeResult::Dependent(_)),
            "{what}: {:?}",
            seen(*datatype, *function)
        );
    }
}

#[test]
fn rows_that_do_not_see_one_another_are_left_in_peace() {
    use Datatype::{Fp32, Int64};
    let cases: &[(&str, Datatype, Rows, bool)] = &[
        ("twice", Fp32, |x| each(x, |row, at| 2.0 * x[row][at]), true),
        ("the largest of a row", Fp32, |x| each(x, |row, _| most(&x[row..=row])), true),
        ("no number", Fp32, |x| each(x, |row, at| x[row][at].sqrt()), true),
        ("infinite", Fp32, |x| each(x, |row, at| x[row][at] * 1e38), true),
        ("integers", Int64, |x| each(x, |row, at| x[row][at] / 2.0), true),
        ("nothing at all", Fp32, |x| each(x, |_, _| 1.0), false),
    ];
    for (what, datatype, function, expected) in cases {
        match seen(*datatype, *function) {
            ProbeResult::Independent { sets, rows_differed } => {
                assert!(sets >= 4 && rows_differed == *expected, "{what}: {sets}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

/// The sum of a row, summed in another order in runs of several rows, as kernels do.
fn sums(x: &[Vec<f64>]) -> Vec<f32> {
    let row = |row: &Vec<f64>| row.iter().map(|value| *value as f32).collect::<Vec<f32>>();
    let sum = |row: Vec<f32>| {
        if x.len() == 1 {
            row.iter().fold(0.0_f32, |sum, value| sum + value)
        } else {
            row.iter().rev().fold(0.0_f32, |sum, value| sum + value)
        }
    };
    x.iter().map(row).map(sum).collect()
}

#[test]
fn the_order_of_sums_is_no_disagreement_however_much_comes_of_it() {
    // Sines of large sums depend on their last bits only.
    let functions: [Rows; 2] = [
        |x| sums(x).into_iter().map(|sum| vec![f64::from(sum)]).collect(),
        |x| sums(x).into_iter().map(|sum| vec![f64::from(sum).sin()]).collect(),
    ];
    for function in functions {
        let seen = seen(Datatype::Fp32, function);
        assert!(matches!(seen, ProbeResult::Independent { rows_differed: true, .. }), "{seen:?}");
    }
}

#[test]
fn a_little_more_than_sums_explain_is_told_apart_from_rows_that_meet() {
    let rounded = |x: &[Vec<f64>]| each(x, |row, at| if x.len() == 1 { x[row][at] } else { x[row][at] * 1.001 });
    let seen = probe(&mut Function(rounded), &rows_of(Datatype::Fp32), None);
    assert!(matches!(seen, ProbeResult::Differs(_)), "{seen:?}");
}

/// Fails for values that are not in its table, and counts its runs.
struct Table {
    entries: i64,
    runs: usize,
}

impl RunnableNetwork for Table {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.runs += 1;
        let TensorData::Int64(values) = inputs[0].data() else { panic!("INT64") };
        if values.iter().any(|value| !(0..self.entries).contains(value)) {
            return Err(RunError::Refused { public: "no such entry".to_owned(), internal: "no such entry".to_owned() });
        }
        let same = Tensor::new("y", inputs[0].shape().to_vec(), inputs[0].data().clone());
        Ok(vec![same.expect("of x's shape")])
    }
}

#[test]
fn values_out_of_a_table_are_left_out_but_one_set_has_to_run() {
    let probed = |entries| {
        let mut table = Table { entries, runs: 0 };
        (probe(&mut table, &rows_of(Datatype::Int64), None), table.runs)
    };
    let (seen, runs) = probed(2);
    assert_eq!(seen, ProbeResult::Independent { sets: 1, rows_differed: true });
    assert!(runs < 60, "{runs} runs of one set and of those that are refused");
    assert!(matches!(probed(2000).0, ProbeResult::Independent { sets, .. } if sets >= 3));
    assert_eq!(probed(0).0, ProbeResult::NotRun("no such entry".to_owned()));
}

/// Fails in runs of more than two rows.
struct Few;

impl RunnableNetwork for Few {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        match inputs[0].rows() {
            Some(0..=2) => Ok(inputs.to_vec()),
            _ => Err(RunError::failed("out of memory".to_owned())),
        }
    }
}

/// Returns other values in each run.
struct Random(f32);

impl RunnableNetwork for Random {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.0 += 1.0;
        let values = vec![self.0; inputs[0].data().len()];
        Ok(vec![Tensor::new("y", inputs[0].shape().to_vec(), values).expect("of x's shape")])
    }
}

#[test]
fn what_fails_together_or_is_random_is_no_disagreement() {
    let seen = probe(&mut Few, &rows_of(Datatype::Fp32), None);
    assert_eq!(seen, ProbeResult::NotRun("a run of 7 rows failed: out of memory".to_owned()));
    let seen = probe(&mut Random(0.0), &rows_of(Datatype::Fp32), None);
    assert!(!matches!(seen, ProbeResult::Independent { .. }), "{seen:?}");
}

/// `y = x` minus the sum of the optional inputs.
struct Less;

impl RunnableNetwork for Less {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        let [x, rest @ ..] = inputs else { return Err(RunError::failed("x is missing".to_owned())) };
        let values = |tensor: &Tensor| tensor.data().as_f32().expect("FP32").to_vec();
        let sum: f32 = rest.iter().flat_map(values).sum();
        let y: Vec<f32> = values(x).into_iter().map(|x| x - sum).collect();
        Ok(vec![Tensor::new("y", x.shape().to_vec(), y).expect("of x's shape")])
    }
}

#[test]
fn what_may_be_left_out_is_tried_with_and_without() {
    let tensor = |name| spec(name, Datatype::Fp32, vec![Dim::Symbol("n".to_owned()), Dim::Fixed(4)]);
    let optional = |name| TensorSpec { optional: true, ..tensor(name) };
    let probed = |inputs: &[TensorSpec], golden| probe(&mut Less, inputs, golden);
    assert!(matches!(probed(&[tensor("x")], None), ProbeResult::Independent { .. }));
    assert!(matches!(probed(&[tensor("x"), optional("z")], None), ProbeResult::Dependent(_)));
    let many: Vec<_> = ["a", "b", "c", "d", "e"].map(optional).into_iter().chain([tensor("x")]).collect();
    assert!(matches!(probed(&many, None), ProbeResult::Dependent(_)), "none, all, and each by itself");
    // The golden case has values for x, but not for z.
    let row = |value: f32| GoldenCase {
        inputs: vec![Tensor::new("x", vec![1, 4], vec![value; 4]).expect("a row")],
        outputs: Vec::new(),
    };
    let golden =
        GoldenCases { format: String::new(), atol: 0.0, producer: String::new(), cases: vec![row(1.0), row(2.0)] };
    assert!(matches!(probed(&[tensor("x"), optional("z")], Some(&golden)), ProbeResult::Dependent(_)));
    assert!(matches!(probed(&[tensor("x")], Some(&golden)), ProbeResult::Independent { .. }));
}

#[test]
fn golden_rows_are_tried_and_found_out() {
    // Rows affect one another only near the values of the golden cases, which synthetic inputs do not reach.
    let rare = |x: &[Vec<f64>]| each(x, |row, at| if x[row][at] > 5e8 { x[0][at] } else { x[row][at] });
    let case = |values: &[f32]| GoldenCase {
        inputs: vec![Tensor::new("x", vec![values.len() / 4, 4], values.to_vec()).expect("rows")],
        outputs: Vec::new(),
    };
    let golden = |cases| GoldenCases { format: String::new(), atol: 0.0, producer: String::new(), cases };
    let probed = |golden: &GoldenCases| probe(&mut Function(rare), &rows_of(Datatype::Fp32), Some(golden));
    let (one, other) = ([1e9; 4], [2e9; 4]);
    assert!(matches!(probed(&golden(vec![case(&one), case(&other)])), ProbeResult::Dependent(_)));
    assert!(
        matches!(probed(&golden(vec![case(&[one, other].concat())])), ProbeResult::Dependent(_)),
        "a case of two rows"
    );
    assert!(matches!(probed(&golden(vec![case(&one)])), ProbeResult::Independent { .. }), "a single row");
}

#[test]
fn only_inputs_that_name_one_batch_can_be_put_together() {
    let symbol = |name: &str| Dim::Symbol(name.to_owned());
    let input = |name: &str, first: Dim| spec(name, Datatype::Fp32, vec![first, Dim::Fixed(4)]);
    for (inputs, expected) in [
        (vec![input("x", symbol("n"))], None),
        (vec![input("x", symbol("n")), input("z", symbol("n"))], None),
        (vec![input("x", symbol("n")), input("z", symbol("m"))], Some("\"m\" of \"z\" is another one")),
        (vec![input("x", symbol(""))], Some("has no name")),
        (vec![input("x", symbol("?"))], None),
        (vec![input("x", symbol("?")), input("z", symbol("?"))], Some("the first dimension of \"x\" has no name")),
        (vec![input("x", Dim::Fixed(1))], Some("fixed size")),
        (vec![spec("x", Datatype::Fp32, vec![])], Some("no first dimension")),
        (vec![], Some("no inputs")),
    ] {
        let told = same_batch(&inputs).err();
        assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
        assert!(told.unwrap_or_default().contains(expected.unwrap_or_default()), "{expected:?}");
    }
}

/// The bundled networks, run by ONNX Runtime: the trial must not report false positives.
#[test]
fn the_rows_of_bundled_networks_are_left_in_peace() {
    let library = std::env::var_os("ORT_DYLIB_PATH").map(std::path::PathBuf::from);
    let library = amaas_engine::runtime::find_or_fetch(library.as_deref(), |_| ()).expect("ONNX Runtime");
    let environment = amaas_engine::runtime::environment(&library).expect("it starts");
    let config = RuntimeConfig { intra_threads: std::num::NonZeroUsize::MIN, ..RuntimeConfig::default() };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for name in ["digits", "embed", "names", "sentiment"] {
        let model = folder.join(name).join("model");
        let files = NetworkFiles::read(&model.join(format!("{name}.onnx"))).expect("committed");
        let golden = std::fs::read(model.join("golden.json")).expect("committed");
        let golden = GoldenCases::from_json(&golden).expect("golden cases");
        let mut network = OrtSession::new(&environment, &files, &config).expect("a session");
        let inputs = network.inputs().expect("tensors");
        for golden in [None, Some(&golden)] {
            let seen = probe(&mut network, &inputs, golden);
            assert!(matches!(seen, ProbeResult::Independent { rows_differed: true, .. }), "{name}: {seen:?}");
        }
    }
    let files = NetworkFiles::read(&folder.join("generate/model/generate.onnx")).expect("committed");
    let network = OrtSession::new(&environment, &files, &config).expect("a session");
    let (inputs, outputs) = (network.inputs().expect("tensors"), network.outputs().expect("tensors"));
    let contract = DecoderTensors::of(&inputs, &outputs, &TensorNames::default()).expect("a decoder");
    let mut decoder = OrtDecoder::new(network, contract, RunSharing::None);
    let seen = decoder_trial::probe_sequences(&mut decoder, 256).expect("it generates text");
    assert!(matches!(seen, ProbeResult::Independent { sets: 3, rows_differed: true }), "{seen:?}");
}
