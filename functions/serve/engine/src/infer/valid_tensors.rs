//! Validation of a call's tensors against the network's input contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use amaas_wire::{Datatype, Tensor};

use crate::batching::{Batching, RunSharing};
use crate::tensor_spec::{Dim, TensorSpec};

/// Input tensors that fit a network: in its order, each with the right datatype and shape. Only optional inputs may be
/// missing. Validation is the only constructor.
#[derive(Debug)]
pub struct ValidTensors {
    tensors: Vec<Tensor>,
    rows: usize,
    /// The key of calls that may share a run: the inputs sent, and all their dimensions but the first. `None` if the
    /// rows of a batch could not be split.
    group: Option<Vec<Option<Vec<usize>>>>,
    sharing: RunSharing,
    /// The tenant, if sharing depends on it.
    tenant: Option<Arc<str>>,
}

impl ValidTensors {
    /// Checks `tensors` against the network's input contract and the bound on rows.
    ///
    /// # Errors
    /// [`ValidationError`] names the tensor, what was expected and what arrived.
    pub fn new<'m>(
        mut tensors: Vec<Tensor>,
        contract: impl Into<InputContract<'m>>,
        max_rows: usize,
    ) -> Result<Self, ValidationError> {
        let contract: InputContract<'m> = contract.into();
        for (index, tensor) in tensors.iter().enumerate() {
            if tensors[..index].iter().any(|other| other.name() == tensor.name()) {
                return Err(ValidationError::Duplicate { tensor: tensor.name().to_owned() });
            }
            if !contract.inputs.iter().any(|spec| spec.name == tensor.name()) {
                return Err(ValidationError::Unknown {
                    tensor: tensor.name().to_owned(),
                    inputs: input_names(contract),
                });
            }
        }
        let mut symbols = BTreeMap::new();
        let (mut ordered, mut shapes) =
            (Vec::with_capacity(contract.inputs.len()), Vec::with_capacity(contract.inputs.len()));
        for spec in contract.inputs {
            let Some(index) = tensors.iter().position(|tensor| tensor.name() == spec.name) else {
                if spec.optional {
                    shapes.push(None);
                    continue;
                }
                return Err(ValidationError::Missing { tensor: spec.name.clone(), inputs: input_names(contract) });
            };
            let tensor = tensors.swap_remove(index);
            check(&tensor, spec, &mut symbols)?;
            check_size(&tensor, spec, contract.batching, max_rows)?;
            shapes.push(Some(tensor.shape().get(1..).unwrap_or_default().to_vec()));
            ordered.push(tensor);
        }
        // Without batching no dimension counts rows, so the call is one row.
        let (mut rows, mut group) = (1, None);
        if contract.batching.has_rows() {
            rows = ordered.iter().filter_map(Tensor::rows).max().unwrap_or(1);
            if let Some(tensor) = ordered.iter().find(|tensor| tensor.rows() != Some(rows)) {
                let (tensor, got) = (tensor.name().to_owned(), tensor.rows().unwrap_or_default());
                return Err(ValidationError::Rows { tensor, expected: rows, got });
            }
            // A call without inputs has no rows to split.
            group = (!ordered.is_empty()).then_some(shapes);
        }
        Ok(Self { tensors: ordered, rows, group, sharing: contract.sharing, tenant: None })
    }

    /// Sets the tenant. A call without a tenant shares no run if only calls of one tenant may.
    #[must_use]
    pub fn of_tenant(mut self, tenant: &str) -> Self {
        self.tenant = (self.sharing == RunSharing::SameTenant).then(|| tenant.into());
        self
    }

    /// The tensors in the network's order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The number of rows that the call counts as: the largest first dimension.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes of the tensors in memory.
    pub fn bytes(&self) -> usize {
        self.tensors.iter().map(|tensor| tensor.data().byte_size()).fold(0, usize::saturating_add)
    }

    /// Whether both calls may share a run.
    pub fn can_join(&self, other: &Self) -> bool {
        let may = match (self.sharing, other.sharing) {
            (RunSharing::All, RunSharing::All) => true,
            (RunSharing::SameTenant, RunSharing::SameTenant) => self.tenant.is_some() && self.tenant == other.tenant,
            _ => false,
        };
        may && self.group.is_some() && self.group == other.group
    }
}

/// The inputs of a network, as its manifest declares them.
#[derive(Clone, Copy, Debug)]
pub struct InputContract<'m> {
    /// The input tensors, in the order of the network.
    pub inputs: &'m [TensorSpec],
    /// How rows are batched.
    pub batching: Batching,
    /// Which calls may share a run.
    pub sharing: RunSharing,
}

/// Why the tensors of a call are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum ValidationError {
    /// The network has no such input.
    #[error("unknown input {tensor:?}; the model takes {inputs}")]
    Unknown { tensor: String, inputs: String },
    /// An input is given twice.
    #[error("input {tensor:?} came twice")]
    Duplicate { tensor: String },
    /// A required input is missing.
    #[error("input {tensor:?} is missing; the model takes {inputs}")]
    Missing { tensor: String, inputs: String },
    /// The datatype differs.
    #[error("input {tensor:?}: expected datatype {expected}, got {got}")]
    Datatype { tensor: String, expected: Datatype, got: Datatype },
    /// The shape does not fit.
    #[error("input {tensor:?}: expected shape {expected}, got {got:?}")]
    Shape { tensor: String, expected: String, got: Vec<usize> },
    /// The same symbol has two sizes.
    #[error("input {tensor:?}: dimension {symbol:?} is {got} here but {expected} in {}", if *same { "the same input" } else { "another input" })]
    Symbol { tensor: String, symbol: String, expected: usize, got: usize, same: bool },
    /// A call has too many rows, or an empty tensor has too large a dimension.
    #[error(
        "input {tensor:?}: expected at most {expected} {what}, got {got}; the operator sets the limit (AMAAS_MAX_ROWS)"
    )]
    Large { tensor: String, what: String, expected: usize, got: usize },
    /// The inputs have different numbers of rows.
    #[error("input {tensor:?}: expected {expected} rows, as another input has, got {got}")]
    Rows { tensor: String, expected: usize, got: usize },
}

fn check<'m>(
    tensor: &Tensor,
    spec: &'m TensorSpec,
    symbols: &mut BTreeMap<&'m str, (usize, &'m str)>,
) -> Result<(), ValidationError> {
    let name = || tensor.name().to_owned();
    if tensor.datatype() != spec.datatype {
        return Err(ValidationError::Datatype { tensor: name(), expected: spec.datatype, got: tensor.datatype() });
    }
    if spec.unranked {
        return Ok(());
    }
    let fits = |(got, dim): (&usize, &Dim)| dim.fixed().is_none_or(|size| size == *got);
    if tensor.shape().len() != spec.shape.len() || !tensor.shape().iter().zip(&spec.shape).all(fits) {
        let got = tensor.shape().to_vec();
        return Err(ValidationError::Shape { tensor: name(), expected: shape_text(&spec.shape), got });
    }
    for (got, dim) in tensor.shape().iter().zip(&spec.shape) {
        let Some(symbol) = dim.symbol() else { continue };
        let (expected, owner) = *symbols.entry(symbol).or_insert((*got, &spec.name));
        if expected != *got {
            let (symbol, same) = (symbol.to_owned(), owner == spec.name);
            return Err(ValidationError::Symbol { tensor: name(), symbol, expected, got: *got, same });
        }
    }
    Ok(())
}

/// Bounds the work that a short body can request: the rows of a batch, and each free dimension of an empty tensor,
/// which needs no values.
fn check_size(tensor: &Tensor, spec: &TensorSpec, batching: Batching, max_rows: usize) -> Result<(), ValidationError> {
    let bounded = |axis: usize| tensor.data().is_empty() || (axis == 0 && batching.has_rows());
    // A dimension without a specification has any size.
    let open = |axis: usize| spec.shape.get(axis).is_none_or(|dim| dim.fixed().is_none());
    match tensor.shape().iter().enumerate().find(|(axis, got)| open(*axis) && bounded(*axis) && **got > max_rows) {
        None => Ok(()),
        Some((axis, got)) => {
            let (tensor, expected) = (tensor.name().to_owned(), max_rows);
            let rows = axis == 0 && batching.has_rows();
            let what = if rows {
                "rows, which dimension 0 counts".to_owned()
            } else {
                format!("in dimension {axis} of an empty tensor")
            };
            Err(ValidationError::Large { tensor, what, expected, got: *got })
        }
    }
}

fn shape_text(shape: &[Dim]) -> String {
    let dims: Vec<_> = shape
        .iter()
        .map(|dim| match (dim.fixed(), dim.symbol()) {
            (Some(size), _) => size.to_string(),
            (None, Some(symbol)) => symbol.to_owned(),
            (None, None) => "-1".to_owned(),
        })
        .collect();
    format!("[{}]", dims.join(", "))
}

fn input_names(contract: InputContract<'_>) -> String {
    let name = |spec: &TensorSpec| format!("{:?}{}", spec.name, if spec.optional { " (may be left out)" } else { "" });
    let input_names: Vec<_> = contract.inputs.iter().map(name).collect();
    if input_names.is_empty() { "no input".to_owned() } else { input_names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batching::ROWS_PROOF;

    fn spec(name: &str, shape: Vec<Dim>) -> TensorSpec {
        TensorSpec::new(name, Datatype::Fp32, shape)
    }

    fn symbol(name: &str) -> Dim {
        Dim::Symbol(name.to_owned())
    }

    /// A network, as its manifest describes it.
    #[derive(Clone)]
    struct Described {
        inputs: Vec<TensorSpec>,
        batching: Batching,
        rows_proof: Option<u32>,
    }

    impl<'d> From<&'d Described> for InputContract<'d> {
        fn from(network: &'d Described) -> Self {
            let sharing = RunSharing::of(network.batching, network.rows_proof);
            Self { inputs: &network.inputs, batching: network.batching, sharing }
        }
    }

    fn manifest(batching: Batching) -> Described {
        Described {
            inputs: vec![
                spec("a", vec![symbol("batch"), Dim::Fixed(2)]),
                spec("b", vec![symbol("batch"), symbol("length")]),
            ],
            batching,
            rows_proof: (batching == Batching::Rows).then_some(ROWS_PROOF),
        }
    }

    fn tensor(name: &str, shape: &[usize]) -> Tensor {
        Tensor::new(name, shape.to_vec(), vec![0.0_f32; shape.iter().product()]).expect("the shape is the length")
    }

    fn error(tensors: Vec<Tensor>) -> String {
        ValidTensors::new(tensors, &manifest(Batching::Rows), 4096).expect_err("not valid").to_string()
    }

    #[test]
    fn any_order_is_the_networks_order() {
        let tensors = vec![tensor("b", &[3, 5]), tensor("a", &[3, 2])];
        let valid = ValidTensors::new(tensors, &manifest(Batching::Rows), 4096).expect("valid");
        assert_eq!(valid.tensors().iter().map(Tensor::name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(valid.rows(), 3);
    }

    #[test]
    fn errors_name_tensor_expected_and_got() {
        let int = Tensor::new("a", vec![1, 2], vec![0_i64; 2]).expect("two values");
        for (tensors, expected) in [
            (vec![], "input \"a\" is missing; the model takes \"a\", \"b\""),
            (vec![tensor("c", &[1])], "unknown input \"c\"; the model takes \"a\", \"b\""),
            (vec![tensor("a", &[1, 2]), tensor("a", &[1, 2])], "input \"a\" came twice"),
            (vec![int, tensor("b", &[1, 1])], "input \"a\": expected datatype FP32, got INT64"),
            (vec![tensor("a", &[1, 3]), tensor("b", &[1, 1])], "input \"a\": expected shape [batch, 2], got [1, 3]"),
            (vec![tensor("a", &[2]), tensor("b", &[1, 1])], "input \"a\": expected shape [batch, 2], got [2]"),
            (
                vec![tensor("a", &[1, 2]), tensor("b", &[2, 1])],
                "input \"b\": dimension \"batch\" is 2 here but 1 in another input",
            ),
        ] {
            assert_eq!(error(tensors), expected);
        }
    }

    #[test]
    fn a_dimension_without_a_name_agrees_with_no_other() {
        for (dims, expected) in [
            (["?", "?"], None),
            (["", ""], None),
            (["None", "None"], None),
            (["side", "side"], Some("input \"x\": dimension \"side\" is 192 here but 48 in the same input")),
        ] {
            let shape = [symbol("batch"), Dim::Fixed(3)].into_iter().chain(dims.map(symbol)).collect();
            let manifest = Described { inputs: vec![spec("x", shape)], ..manifest(Batching::None) };
            let valid = ValidTensors::new(vec![tensor("x", &[1, 3, 48, 192])], &manifest, 4096);
            assert_eq!(valid.err().map(|error| error.to_string()).as_deref(), expected, "{dims:?}");
        }
        let error = ValidTensors::new(
            vec![],
            &Described { inputs: vec![spec("x", vec![symbol("?")])], ..manifest(Batching::None) },
            4096,
        );
        assert!(error.is_err() && shape_text(&[symbol("?"), symbol("n"), Dim::Fixed(2)]) == "[-1, n, 2]");
    }

    #[test]
    fn rows_that_cost_nothing_to_send_are_bounded() {
        let expected = "input \"a\": expected at most 4096 rows, which dimension 0 counts, got 5000; the operator sets the limit \
                        (AMAAS_MAX_ROWS)";
        assert_eq!(error(vec![tensor("a", &[5000, 2])]), expected);
        let empty = vec![tensor("a", &[0, 2]), tensor("b", &[0, 1_000_000_000_000])];
        assert!(error(empty).contains("at most 4096 in dimension 1 of an empty tensor, got 1000000000000; "));
    }

    #[test]
    fn without_batching_a_call_is_one_row_of_any_length() {
        let mut manifest = manifest(Batching::None);
        manifest.inputs = vec![spec("a", vec![Dim::Fixed(16_000)]), spec("b", vec![symbol("length")])];
        let tensors = vec![tensor("a", &[16_000]), tensor("b", &[5000])];
        assert_eq!(ValidTensors::new(tensors, &manifest, 4096).expect("valid").rows(), 1);
    }

    #[test]
    fn what_may_be_left_out_may_be_left_out() {
        let mut manifest = manifest(Batching::Rows);
        manifest.inputs[1].optional = true;
        let valid = |tensors| ValidTensors::new(tensors, &manifest, 4096);
        let alone = || valid(vec![tensor("a", &[3, 2])]).expect("valid");
        let both = || valid(vec![tensor("b", &[3, 5]), tensor("a", &[3, 2])]).expect("valid");
        assert_eq!((alone().tensors().len(), alone().rows(), both().tensors().len()), (1, 3, 2));
        assert!(alone().can_join(&alone()) && both().can_join(&both()), "calls with the same inputs");
        assert!(!alone().can_join(&both()) && !both().can_join(&alone()), "calls with other inputs");
        for (tensors, expected) in [
            (vec![tensor("b", &[1, 1])], "input \"a\" is missing; the model takes \"a\", \"b\" (may be left out)"),
            (vec![tensor("a", &[1, 2]), tensor("b", &[1])], "input \"b\": expected shape [batch, length], got [1]"),
            (
                vec![tensor("a", &[1, 2]), tensor("b", &[2, 1])],
                "input \"b\": dimension \"batch\" is 2 here but 1 in another input",
            ),
        ] {
            assert_eq!(valid(tensors).expect_err(expected).to_string(), expected);
        }
        manifest.inputs[0].optional = true;
        let none = ValidTensors::new(vec![], &manifest, 4096).expect("valid");
        assert_eq!((none.tensors().len(), none.rows(), none.can_join(&none)), (0, 1, false));
    }

    #[test]
    fn a_network_may_take_nothing_or_any_shape() {
        let mut manifest = manifest(Batching::None);
        manifest.inputs.clear();
        assert_eq!(ValidTensors::new(vec![], &manifest, 4096).expect("valid").rows(), 1);
        let error = ValidTensors::new(vec![tensor("a", &[1])], &manifest, 4096).expect_err("none is taken");
        assert_eq!(error.to_string(), "unknown input \"a\"; the model takes no input");
        manifest.inputs = vec![TensorSpec { unranked: true, ..spec("a", vec![]) }];
        for shape in [&[][..], &[7], &[1, 2, 3], &[0, 4096]] {
            assert!(ValidTensors::new(vec![tensor("a", shape)], &manifest, 4096).is_ok(), "{shape:?}");
        }
        assert!(ValidTensors::new(vec![tensor("a", &[0, 4097])], &manifest, 4096).is_err());
    }

    #[test]
    fn tenants_are_held_apart_unless_rows_are_proven() {
        let call = |manifest: &Described, tenant: Option<&str>| {
            let tensors = vec![tensor("a", &[2, 2]), tensor("b", &[2, 1])];
            let valid = ValidTensors::new(tensors, manifest, 4096).expect("valid");
            assert_eq!(valid.rows(), 2, "rows count, whoever may share their run");
            match tenant {
                Some(name) => valid.of_tenant(name),
                None => valid,
            }
        };
        let proven = manifest(Batching::Rows);
        // Published before there was a proof.
        let tried = Described { rows_proof: None, ..proven.clone() };
        let owners = Described { batching: Batching::SameTenant, ..tried.clone() };
        for (manifest, one, other, expected) in [
            (&proven, Some("a"), Some("b"), true),
            (&proven, None, None, true),
            (&tried, Some("a"), Some("a"), false),
            (&tried, None, None, false),
            (&owners, Some("a"), Some("a"), true),
            (&owners, Some("a"), Some("b"), false),
            (&owners, Some("a"), None, false),
            (&owners, None, None, false),
        ] {
            let (one_call, other_call) = (call(manifest, one), call(manifest, other));
            let both = [one_call.can_join(&other_call), other_call.can_join(&one_call)];
            assert_eq!(both, [expected; 2], "{:?} {one:?} {other:?}", manifest.batching);
        }
    }

    #[test]
    fn only_equal_trailing_shapes_share_a_run() {
        let valid = |length, batching| {
            ValidTensors::new(vec![tensor("a", &[1, 2]), tensor("b", &[1, length])], &manifest(batching), 4096)
                .expect("valid")
        };
        assert!(valid(5, Batching::Rows).can_join(&valid(5, Batching::Rows)));
        assert!(!valid(5, Batching::Rows).can_join(&valid(6, Batching::Rows)));
        assert!(!valid(5, Batching::None).can_join(&valid(5, Batching::None)));
    }
}
