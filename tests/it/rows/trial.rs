//! Runs rows alone and together in ONNX Runtime, in this process.

use amaas::{Datatype, Tensor, TensorData};
use amaas_e2e::library;
use half::{bf16, f16};
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, TensorElementType, TensorRef, ValueType};

use super::corpus::Entry;
use super::values::{Input, Random, Range, Ranges};

/// A network as ONNX Runtime runs it.
pub(super) struct Runner {
    session: Session,
    pub(super) inputs: Vec<Input>,
    pub(super) ranges: Ranges,
}

/// `Some` describes how rows together differ from rows alone; an error means that the trial could not run.
pub(super) type Trial = Result<Option<String>, String>;

impl Runner {
    /// # Errors
    /// The error of ONNX Runtime.
    pub(super) async fn new(file: &[u8]) -> Result<Self, String> {
        Self::in_environment(&environment().await, file)
    }

    /// The same with ONNX Runtime's optimizations, as functions have them.
    pub(super) fn in_environment(environment: &Environment, file: &[u8]) -> Result<Self, String> {
        Self::optimized(environment, file, GraphOptimizationLevel::All)
    }

    pub(super) fn optimized(
        environment: &Environment,
        file: &[u8],
        level: GraphOptimizationLevel,
    ) -> Result<Self, String> {
        let message = |error: ort::Error| error.message().to_owned();
        let builder = Session::builder(environment).map_err(message)?;
        let builder = builder.with_intra_threads(1).map_err(|error| error.message().to_owned())?;
        let builder = builder.with_optimization_level(level).map_err(|error| error.message().to_owned())?;
        let mut builder = builder.with_log_level(LogLevel::Fatal).map_err(|error| error.message().to_owned())?;
        let session = builder.commit_from_memory(file).map_err(message)?;
        let required = session.inputs().iter().map(|input| described(input.name(), input.dtype()));
        let optional = session.overridable_initializers();
        let optional = optional.iter().map(|input| described(input.name(), input.dtype()));
        let inputs = required.chain(optional).collect::<Result<_, _>>()?;
        Ok(Self { session, inputs, ranges: Ranges::default() })
    }

    /// The network of an entry that ONNX Runtime can run.
    pub(super) async fn of_entry(entry: &Entry) -> Self {
        let runner = Self::new(&entry.file()).await;
        let mut runner = runner.unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        for line in entry.keys.get("values").into_iter().flatten() {
            let (name, range) = line.split_once(' ').expect("a name and a range");
            runner.ranges.values.insert(name.to_owned(), Range::parse(range));
        }
        for line in entry.keys.get("sizes").into_iter().flatten() {
            let (name, size) = line.split_once(' ').expect("a name and a size");
            runner.ranges.sizes.insert(name.to_owned(), size.parse().expect("a size"));
        }
        runner
    }

    /// Trials with several numbers of rows, of several scales.
    pub(super) fn trials(&mut self) -> Vec<Trial> {
        TRIALS.iter().enumerate().map(|(seed, (count, scale))| self.trial(seed as u64, *count, *scale)).collect()
    }

    /// Runs `count` synthetic rows alone and together.
    pub(super) fn trial(&mut self, seed: u64, count: usize, scale: f64) -> Trial {
        let rows = self.rows(seed, count, scale);
        self.compare(&rows)
    }

    /// Runs `count` synthetic rows with neighbours, and each of them with other neighbours at the same place. The kernels are the same, so
    /// the values must be equal to the last bit.
    pub(super) fn neighbours(&mut self, seed: u64, count: usize, scale: f64) -> Trial {
        let (rows, others) = (self.rows(seed, count, scale), self.rows(seed + 1000, count, scale));
        let together = self.run(&joined(&rows)?)?;
        for row in 0..count {
            let mut changed = others.clone();
            changed[row].clone_from(&rows[row]);
            let changed = match self.run(&joined(&changed)?) {
                Ok(changed) => changed,
                Err(error) => return Ok(Some(format!("only with some neighbours: {error}"))),
            };
            for (one, other) in together.iter().zip(&changed) {
                if part(one, row, count).is_none() || part(one, row, count) != part(other, row, count) {
                    return Ok(Some(format!(
                        "{}, row {row} of {count}: other neighbours give other values",
                        one.name()
                    )));
                }
            }
        }
        Ok(None)
    }

    fn rows(&self, seed: u64, count: usize, scale: f64) -> Vec<Vec<Tensor>> {
        let mut random = Random::new(seed);
        let batch = match self.inputs.first().and_then(|input| input.dims.first()) {
            Some(Err(symbol)) => symbol.as_str(),
            _ => "",
        };
        let mut row = || self.inputs.iter().map(|input| input.row(batch, &self.ranges, scale, &mut random)).collect();
        (0..count).map(|_| row()).collect()
    }

    /// Runs `rows` alone and together.
    pub(super) fn compare(&mut self, rows: &[Vec<Tensor>]) -> Trial {
        let alone: Vec<_> = rows.iter().map(|row| self.run(row)).collect();
        let together = self.run(&joined(rows)?);
        let failed = alone.iter().find_map(|alone| alone.as_ref().err());
        let together = match (together, failed) {
            (Err(error), Some(_)) => return Err(error),
            (Err(error), None) => return Ok(Some(format!("only alone: {error}"))),
            (Ok(_), Some(error)) => return Ok(Some(format!("only together: {error}"))),
            (Ok(together), None) => together,
        };
        let alone: Vec<_> = alone.into_iter().flatten().collect();
        Ok((0..together.len()).find_map(|output| difference(&alone, &together, output)))
    }

    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        let given: Vec<_> =
            inputs.iter().map(|input| Ok((input.name(), given(input)?))).collect::<Result<_, String>>()?;
        let outputs = self.session.run(given).map_err(|error| error.message().to_owned())?;
        outputs.into_iter().map(|(name, value)| taken(name, &value)).collect()
    }
}

/// ONNX Runtime's environment in this process.
pub(super) async fn environment() -> Environment {
    amaas_engine::runtime::environment(library().await).expect("an environment")
}

fn described(name: &str, of: &ValueType) -> Result<Input, String> {
    let ValueType::Tensor { ty, shape, dimension_symbols } = of else { return Err(format!("{name} is no tensor")) };
    let dim = |(size, symbol): (&i64, &String)| usize::try_from(*size).map_err(|_| symbol.clone());
    let dims = shape.iter().zip(dimension_symbols.iter()).map(dim).collect();
    let datatype = datatype(*ty).ok_or_else(|| format!("{name} is of {ty}"))?;
    Ok(Input { name: name.to_owned(), datatype, dims })
}

/// Rows as one batch.
fn joined(rows: &[Vec<Tensor>]) -> Result<Vec<Tensor>, String> {
    let [first, others @ ..] = rows else { return Err("no rows".to_owned()) };
    let join = |(at, tensor): (usize, &Tensor)| {
        let (name, mut shape, mut data) = tensor.clone().into_parts();
        for other in others {
            if !data.extend_from(other[at].data()) {
                return Err(format!("{name}: rows of several datatypes"));
            }
        }
        *shape.first_mut().ok_or("a scalar")? *= rows.len();
        Tensor::new(name, shape, data).map_err(|error| error.to_string())
    };
    first.iter().enumerate().map(join).collect()
}

/// How the output `output` of rows together differs from that of rows alone.
fn difference(alone: &[Vec<Tensor>], together: &[Tensor], output: usize) -> Option<String> {
    let (all, count) = (&together[output], alone.len());
    let name = all.name();
    if all.shape().first() != Some(&count) {
        return Some(format!("{name}: {count} rows give {:?}", all.shape()));
    }
    let width = all.data().len() / count;
    alone.iter().enumerate().find_map(|(row, outputs)| {
        let one = &outputs[output];
        if one.shape().first() != Some(&1) || one.shape()[1..] != all.shape()[1..] {
            return Some(format!("{name}: {:?} alone, {:?} together", one.shape(), all.shape()));
        }
        let part = all.data().slice(row * width..(row + 1) * width)?;
        differs(one.data(), &part).map(|what| format!("{name}, row {row} of {count}: {what}"))
    })
}

/// The bits of a row's values, one value after another.
fn part(output: &Tensor, row: usize, count: usize) -> Option<Vec<u8>> {
    let width = output.data().len() / count;
    let data = output.data().slice(row * width..(row + 1) * width)?;
    let mut bytes = Vec::new();
    Tensor::new("", vec![width], data).ok()?.write_bytes(&mut bytes);
    (output.shape().first() == Some(&count)).then_some(bytes)
}

/// Sums of another order differ by some 1e-7 of the largest value.
fn differs(alone: &TensorData, together: &TensorData) -> Option<String> {
    let (Some(alone), Some(together)) = (numbers(alone), numbers(together)) else {
        return (alone != together).then(|| "other values".to_owned());
    };
    let finite = alone.iter().filter(|value| value.is_finite());
    let tolerance = 1e-4 * finite.fold(1e-5, |largest: f64, value| largest.max(value.abs()));
    let same = |one: f64, other: f64| {
        one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan()) || (one - other).abs() <= tolerance
    };
    let at = alone.iter().zip(&together).position(|(one, other)| !same(*one, *other))?;
    Some(format!("{} alone, {} together", alone[at], together[at]))
}

fn numbers(data: &TensorData) -> Option<Vec<f64>> {
    match data {
        TensorData::Fp16(values) => Some(values.iter().map(|value| value.to_f64()).collect()),
        TensorData::Bf16(values) => Some(values.iter().map(|value| value.to_f64()).collect()),
        TensorData::Fp32(values) => Some(values.iter().map(|value| f64::from(*value)).collect()),
        TensorData::Fp64(values) => Some(values.to_vec()),
        _ => None,
    }
}

fn given(tensor: &Tensor) -> Result<SessionInputValue<'_>, String> {
    macro_rules! view {
        ($values:expr) => {
            TensorRef::from_array_view((tensor.shape(), $values.as_slice())).map_err(|error| error.to_string())?.into()
        };
    }
    Ok(match tensor.data() {
        TensorData::Bool(values) => view!(values),
        TensorData::Uint8(values) => view!(values),
        TensorData::Uint16(values) => view!(values),
        TensorData::Uint32(values) => view!(values),
        TensorData::Uint64(values) => view!(values),
        TensorData::Int8(values) => view!(values),
        TensorData::Int16(values) => view!(values),
        TensorData::Int32(values) => view!(values),
        TensorData::Int64(values) => view!(values),
        TensorData::Fp16(values) => view!(values),
        TensorData::Fp32(values) => view!(values),
        TensorData::Fp64(values) => view!(values),
        TensorData::Bf16(values) => view!(values),
        TensorData::Bytes(values) => ort::value::Tensor::from_string_array((tensor.shape(), values.as_slice()))
            .map_err(|error| error.to_string())?
            .into(),
    })
}

fn taken(name: &str, value: &DynValue) -> Result<Tensor, String> {
    let element = value.dtype().tensor_type().ok_or_else(|| format!("{name} is no tensor"))?;
    let datatype = datatype(element).ok_or_else(|| format!("{name} is of {element}"))?;
    macro_rules! numbers {
        ($($variant:ident: $type:ty),*) => {
            match datatype {
                $(Datatype::$variant => {
                    let (shape, values) = value.try_extract_tensor::<$type>().map_err(|error| error.to_string())?;
                    (shape.to_vec(), TensorData::from(values.to_vec()))
                })*
                Datatype::Bytes => {
                    let (shape, values) = value.try_extract_strings().map_err(|error| error.to_string())?;
                    (shape.to_vec(), TensorData::Bytes(values))
                }
            }
        };
    }
    let (shape, data) = numbers!(
        Bool: bool, Uint8: u8, Uint16: u16, Uint32: u32, Uint64: u64, Int8: i8, Int16: i16, Int32: i32, Int64: i64,
        Fp16: f16, Fp32: f32, Fp64: f64, Bf16: bf16
    );
    let shape = shape.iter().map(|dim| usize::try_from(*dim).unwrap_or_default()).collect();
    Tensor::new(name, shape, data).map_err(|error| error.to_string())
}

fn datatype(element: TensorElementType) -> Option<Datatype> {
    Some(match element {
        TensorElementType::Bool => Datatype::Bool,
        TensorElementType::Uint8 => Datatype::Uint8,
        TensorElementType::Uint16 => Datatype::Uint16,
        TensorElementType::Uint32 => Datatype::Uint32,
        TensorElementType::Uint64 => Datatype::Uint64,
        TensorElementType::Int8 => Datatype::Int8,
        TensorElementType::Int16 => Datatype::Int16,
        TensorElementType::Int32 => Datatype::Int32,
        TensorElementType::Int64 => Datatype::Int64,
        TensorElementType::Float16 => Datatype::Fp16,
        TensorElementType::Float32 => Datatype::Fp32,
        TensorElementType::Float64 => Datatype::Fp64,
        TensorElementType::Bfloat16 => Datatype::Bf16,
        TensorElementType::String => Datatype::Bytes,
        _ => return None,
    })
}

/// Numbers of rows, and scales of their values.
const TRIALS: [(usize, f64); 6] = [(2, 1.0), (3, 1.0), (5, 10.0), (4, 1000.0), (2, 1e-3), (1, 1.0)];
