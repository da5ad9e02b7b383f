//! The columns of a table: which cells a row has, and which tensor takes them.

use std::collections::BTreeSet;

use amaas_engine::{Dim, TensorSpec};
use amaas_model::task::{NetworkInfo, TaskError};
use amaas_wire::Datatype;
use amaas_wire::pipeline::{TableCell, TableRow};

use super::columns_file::{ColumnNames, ColumnsFile, MissingText};

/// The columns that a network reads.
///
/// An input `[N]` or `[N, 1]` is a column, which has the input's name. An input `[N, F]` has `F` columns, named by `columns.json` or
/// by the network's metadata (`feature_names`, a JSON list). Rows of a network with one such input and no names are lists of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct TableColumns {
    pub(super) inputs: Vec<TableInput>,
    /// All names, in the order of inputs and columns; `None` if columns have no names.
    names: Option<Vec<String>>,
    /// The number of rows of a run, if the network fixes it.
    rows: Option<usize>,
}

/// An input of a network, with one or more columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TableInput {
    pub(super) tensor: String,
    pub(super) datatype: Datatype,
    /// `None` if the input has one dimension.
    pub(super) width: Option<usize>,
    /// The replacement of a missing string, by column.
    pub(super) missing: Vec<String>,
}

impl TableColumns {
    /// The columns of `network`, as its inputs, its metadata and `file` name them.
    ///
    /// # Errors
    /// Names the input that is no column or has columns without names, and what would work.
    pub fn load(network: &NetworkInfo, file: &ColumnsFile) -> Result<Self, TaskError> {
        let required: Vec<_> = network.inputs.iter().filter(|input| !input.optional).collect();
        if required.is_empty() {
            return Err(TaskError::new("the network has no inputs; a table needs one or more"));
        }
        let (mut inputs, mut names, mut rows) = (Vec::new(), Some(Vec::new()), None);
        let declared = DeclaredNames::of(network, file)?;
        for spec in &required {
            let is_alone = required.len() == 1;
            let columns = declared.of_input(spec, is_alone)?;
            rows = rows.or(spec.shape.first().and_then(Dim::fixed));
            let (width, columns) = resolve(spec, columns, is_alone)?;
            let missing = match &columns {
                Some(columns) => missing_texts(columns, spec.datatype, file.missing.as_ref()),
                None => vec![String::new(); width.unwrap_or(1)],
            };
            match (&mut names, columns) {
                (Some(names), Some(columns)) => names.extend(columns),
                _ => names = None,
            }
            inputs.push(TableInput { tensor: spec.name.clone(), datatype: spec.datatype, width, missing });
        }
        if let Some(names) = &names {
            check_names(names)?;
        }
        if let Some(fixed @ (0 | 2..)) = rows {
            return Err(TaskError::new(format!(
                "the network takes exactly {fixed} rows in a run; export it with a first dimension of any size"
            )));
        }
        Ok(Self { inputs, names, rows })
    }

    /// The names of all columns, in order; `None` if they have none.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// The number of columns.
    pub fn count(&self) -> usize {
        self.inputs.iter().map(TableInput::width).sum()
    }

    /// The most rows of a run, of at most `limit`.
    pub fn rows_per_run(&self, limit: usize) -> usize {
        self.rows.unwrap_or(MAX_RUN_ROWS).min(limit).max(1)
    }

    /// A row of zeros and short strings.
    pub fn example(&self) -> TableRow {
        let cell = |datatype| match datatype {
            Datatype::Bytes => TableCell::Text("a".to_owned()),
            Datatype::Bool => TableCell::Bool(false),
            datatype if is_float(datatype) => TableCell::Number(0.0),
            _ => TableCell::Integer(0),
        };
        let cells = self.inputs.iter().flat_map(|input| std::iter::repeat_n(cell(input.datatype), input.width()));
        match &self.names {
            Some(names) => names.iter().cloned().zip(cells).collect(),
            None => TableRow::from_cells(cells),
        }
    }
}

impl TableInput {
    /// The number of columns.
    pub(super) fn width(&self) -> usize {
        self.width.unwrap_or(1)
    }
}

/// Names of columns that are not the name of an input.
struct DeclaredNames {
    names: Option<ColumnNames>,
    from: &'static str,
}

impl DeclaredNames {
    fn of(network: &NetworkInfo, file: &ColumnsFile) -> Result<Self, TaskError> {
        if file.columns.is_some() {
            return Ok(Self { names: file.columns.clone(), from: "columns.json: columns" });
        }
        let from = "the network's metadata: feature_names";
        let names = network.metadata.get(METADATA_KEY).map(|json| serde_json::from_str(json));
        let names = names.transpose().map_err(|error| TaskError::new(format!("{from}: {error}")))?;
        Ok(Self { names, from })
    }

    /// The names that are declared for the columns of `input`.
    fn of_input(&self, input: &TensorSpec, is_alone: bool) -> Result<Option<&[String]>, TaskError> {
        let names = match &self.names {
            Some(ColumnNames::One(names)) if is_alone => Some(names),
            Some(ColumnNames::One(_)) => {
                return Err(TaskError::new(format!(
                    "{}: expected lists by input, because the network has several, such as {{{:?}: [\"a\", \"b\"]}}",
                    self.from, input.name
                )));
            }
            Some(ColumnNames::ByInput(by_input)) => by_input.get(&input.name),
            None => None,
        };
        Ok(names.map(Vec::as_slice))
    }
}

/// The width of `spec`, and the names of its columns if they have some.
fn resolve(
    spec: &TensorSpec,
    declared: Option<&[String]>,
    is_alone: bool,
) -> Result<(Option<usize>, Option<Vec<String>>), TaskError> {
    let refused = |what: String| Err(TaskError::new(format!("input {:?} {what}", spec.name)));
    if spec.datatype == Datatype::Bf16 {
        return refused("is of BF16; expected strings, booleans, integers or FP16, FP32, FP64".to_owned());
    }
    let width = match &spec.shape[..] {
        _ if spec.unranked => {
            return refused("has an unknown number of dimensions; expected [N, 1] or [N, F]".to_owned());
        }
        [_] => return Ok((None, Some(vec![declared.and_then(<[_]>::first).unwrap_or(&spec.name).clone()]))),
        [_, width] => width.fixed(),
        dims => return refused(format!("has {} dimensions; expected [N, 1] or [N, F]", dims.len())),
    };
    match (width, declared) {
        (Some(0), _) => refused("has no columns".to_owned()),
        (Some(width), Some(names)) if names.len() != width => {
            refused(format!("has {width} columns, and {} are named", names.len()))
        }
        (_, Some(names)) => Ok((Some(names.len()), Some(names.to_vec()))),
        (Some(1), None) => Ok((Some(1), Some(vec![spec.name.clone()]))),
        (Some(width), None) if is_alone => Ok((Some(width), None)),
        (Some(width), None) => refused(format!(
            "has {width} columns without names; publish columns.json with {{\"columns\": {{{:?}: [{width} names]}}}}",
            spec.name
        )),
        (None, None) => refused(
            "has any number of columns; publish columns.json with {\"columns\": [names]}, or export the network with the number"
                .to_owned(),
        ),
    }
}

/// The replacement of a missing string in each of `columns`; empty for other datatypes.
fn missing_texts(columns: &[String], datatype: Datatype, missing: Option<&MissingText>) -> Vec<String> {
    let text = |column: &String| missing.and_then(|missing| missing.of_column(column)).unwrap_or_default().to_owned();
    if datatype == Datatype::Bytes { columns.iter().map(text).collect() } else { vec![String::new(); columns.len()] }
}

fn check_names(names: &[String]) -> Result<(), TaskError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(TaskError::new(format!("two columns have the name {twice:?}")));
    }
    let most = TableRow::MAX_CELLS;
    if names.len() > most {
        return Err(TaskError::new(format!("the network has {} columns; expected at most {most}", names.len())));
    }
    Ok(())
}

/// Whether `datatype` has NaN.
pub(super) fn is_float(datatype: Datatype) -> bool {
    matches!(datatype, Datatype::Fp16 | Datatype::Fp32 | Datatype::Fp64)
}

/// The metadata property with the names of an input's columns.
const METADATA_KEY: &str = "feature_names";
/// The most rows of a run, so that other calls can run in between.
const MAX_RUN_ROWS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, datatype: Datatype, shape: &[Option<usize>]) -> TensorSpec {
        let dim = |dim: &Option<usize>| dim.map_or_else(|| Dim::Symbol(String::new()), Dim::Fixed);
        TensorSpec::new(name, datatype, shape.iter().map(dim).collect())
    }

    fn load(inputs: &[TensorSpec], file: &str, names: Option<&str>) -> Result<TableColumns, String> {
        let metadata = names.map(|names| (METADATA_KEY.to_owned(), names.to_owned())).into_iter().collect();
        let network = NetworkInfo { inputs: inputs.to_vec(), outputs: Vec::new(), metadata };
        let file = ColumnsFile::parse(file.as_bytes()).expect("a file");
        TableColumns::load(&network, &file).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_inputs_or_named_by_the_publisher() {
        let (any, one) = (None, Some(1));
        let column = |name, datatype| spec(name, datatype, &[any, one]);
        let matrix = |width| spec("X", Datatype::Fp32, &[any, width]);
        let [city, age] = [column("city", Datatype::Bytes), spec("age", Datatype::Int64, &[any])];
        let wide = spec("wide", Datatype::Bytes, &[any, Some(2)]);
        for (inputs, file, metadata, expected) in [
            (vec![city.clone(), age.clone()], "{}", None, Some(vec!["city", "age"])),
            (vec![matrix(Some(2))], "{}", None, None),
            (vec![matrix(Some(2))], r#"{"columns":["a","b"]}"#, Some(r#"["c","d"]"#), Some(vec!["a", "b"])),
            (vec![matrix(Some(2))], "{}", Some(r#"["c","d"]"#), Some(vec!["c", "d"])),
            (vec![matrix(None)], r#"{"columns":{"X":["a","b","c"]}}"#, None, Some(vec!["a", "b", "c"])),
            (vec![matrix(one)], "{}", None, Some(vec!["X"])),
            (vec![age.clone(), wide.clone()], r#"{"columns":{"wide":["a","b"]}}"#, None, Some(vec!["age", "a", "b"])),
        ] {
            let columns = load(&inputs, file, metadata).expect(file);
            let names = columns.names().map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(names, expected, "{inputs:?} {file}");
        }
        let cube = spec("X", Datatype::Fp32, &[any, Some(2), Some(2)]);
        let fixed = spec("X", Datatype::Fp32, &[Some(8), Some(2)]);
        for (inputs, file, expected) in [
            (vec![], "{}", "the network has no inputs"),
            (vec![cube], "{}", "input \"X\" has 3 dimensions; expected [N, 1] or [N, F]"),
            (vec![fixed], "{}", "the network takes exactly 8 rows in a run"),
            (vec![matrix(None)], "{}", "input \"X\" has any number of columns; publish columns.json"),
            (vec![matrix(Some(0))], "{}", "input \"X\" has no columns"),
            (vec![matrix(Some(2))], r#"{"columns":["a"]}"#, "input \"X\" has 2 columns, and 1 are named"),
            (vec![matrix(Some(2))], r#"{"columns":["a","a"]}"#, "two columns have the name \"a\""),
            (
                vec![city.clone(), wide.clone()],
                "{}",
                "input \"wide\" has 2 columns without names; publish columns.json",
            ),
            (vec![city, wide], r#"{"columns":["a","b"]}"#, "columns.json: columns: expected lists by input"),
            (vec![spec("X", Datatype::Bf16, &[any, one])], "{}", "input \"X\" is of BF16"),
        ] {
            let error = load(&inputs, file, None).expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
        let error = load(&[matrix(Some(2))], "{}", Some("a,b")).expect_err("a list of names, in another form");
        assert!(error.starts_with("the network's metadata: feature_names: "), "{error}");
    }

    #[test]
    fn runs_are_bounded_and_an_example_fits() {
        let columns = |rows| load(&[spec("x", Datatype::Fp32, &[rows, Some(1)])], "{}", None).expect("a column");
        let per_run =
            [columns(None).rows_per_run(4096), columns(None).rows_per_run(10), columns(Some(1)).rows_per_run(10)];
        assert_eq!(per_run, [MAX_RUN_ROWS, 10, 1]);
        assert_eq!(columns(None).example(), TableRow::new().with("x", 0.0));
    }
}
