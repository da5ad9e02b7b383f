//! Exports of scikit-learn, `LightGBM` and `XGBoost` (`tests/pipelines/tabular/`), compared with what those libraries predict.

use std::path::{Path, PathBuf};

use amaas_engine::infer::RunnableNetwork;
use amaas_engine::onnx::{self, NetworkFiles};
use amaas_engine::session::OrtSession;
use amaas_engine::{RuntimeConfig, runtime};
use amaas_model::task::NetworkInfo;
use amaas_pipelines::tabular::{ClassNames, ClassifierOutputs, ColumnsFile, RegressorOutput, TableColumns, TableRuns};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{TableCell, TableRow, TabularLabel, TabularScoreType};
use serde::Deserialize;

#[test]
fn classifiers_equal_their_libraries() {
    use TabularScoreType::{Decision, Probability};
    for (name, score_type) in [
        ("boosting-no-zipmap", Probability),
        ("forest-columns", Probability),
        ("lightgbm-binary", Probability),
        ("logistic-columns", Probability),
        ("logistic-raw-matrix", Decision),
        ("logistic-raw-scores", Decision),
        ("tfidf-text", Probability),
        ("xgboost-binary", Probability),
        ("xgboost-multiclass", Probability),
    ] {
        let export = Export::open(name);
        let cases: Cases = export.cases();
        let (classes, labels) = (cases.classes.expect("classes"), cases.labels.expect("labels"));
        let outputs = ClassifierOutputs::load(&export.info, &export.file, ClassNames::default()).expect(name);
        let mut predictions = Vec::new();
        for (tensors, rows) in export.run(&cases.columns, &cases.rows) {
            predictions.extend(outputs.predictions(&tensors, rows, None).expect(name));
        }
        assert_eq!((predictions.len(), labels.len()), (1000, 1000), "{name}");
        let mut farthest = 0.0_f64;
        for ((prediction, label), scores) in predictions.iter().zip(&labels).zip(cases.scores.expect("scores")) {
            assert_eq!((&prediction.label, prediction.score_type), (label, score_type), "{name}");
            assert!(prediction.scores.is_sorted_by(|one, other| one.score >= other.score), "{name}");
            assert_eq!(prediction.scores.len(), classes.len(), "{name}");
            for (class, expected) in classes.iter().zip(scores) {
                let got = prediction.scores.iter().find(|score| score.label == *class).expect("a score for each class");
                farthest = farthest.max((f64::from(got.score) - expected).abs());
            }
        }
        println!("{name}: 1000 rows, scores within {farthest:.1e}");
        assert!(farthest < 1e-5, "{name}: {farthest}");
    }
}

#[test]
fn regressors_equal_their_libraries() {
    for name in ["boosting-regressor", "xgboost-regressor"] {
        let export = Export::open(name);
        let cases: Cases = export.cases();
        let outputs = RegressorOutput::load(&export.info).expect(name);
        let mut predictions = Vec::new();
        for (tensors, rows) in export.run(&cases.columns, &cases.rows) {
            predictions.extend(outputs.predictions(&tensors, rows).expect(name));
        }
        let expected = cases.values.expect("values");
        assert_eq!((predictions.len(), expected.len()), (1000, 1000), "{name}");
        let gaps = predictions.iter().zip(&expected).map(|(got, expected)| (got.value() - expected).abs());
        let farthest = gaps.fold(0.0, f64::max);
        println!("{name}: 1000 rows, values within {farthest:.1e}");
        assert!(farthest < 1e-5, "{name}: {farthest}");
    }
}

/// `cases.json`: rows, and what the library predicts.
#[derive(Deserialize)]
struct Cases {
    columns: Vec<String>,
    rows: Vec<Vec<TableCell>>,
    classes: Option<Vec<TabularLabel>>,
    labels: Option<Vec<TabularLabel>>,
    scores: Option<Vec<Vec<f64>>>,
    values: Option<Vec<f64>>,
}

/// An export, as it is published.
struct Export {
    folder: PathBuf,
    file: ColumnsFile,
    info: NetworkInfo,
    session: OrtSession,
}

impl Export {
    fn open(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pipelines/tabular").join(name);
        let given = NetworkFiles::read(&folder.join("model.onnx")).expect(name);
        let files = onnx::adapt(given).expect(name);
        let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        let library = runtime::find_or_fetch(library.as_deref(), |line| eprintln!("{line}")).expect("ONNX Runtime");
        let environment = runtime::environment(&library).expect("ONNX Runtime");
        let session = OrtSession::new(&environment, &files, &RuntimeConfig::default()).expect(name);
        let info = NetworkInfo {
            inputs: session.inputs().expect(name),
            outputs: session.outputs().expect(name),
            metadata: onnx::metadata(&files).expect(name),
        };
        let file = match std::fs::read(folder.join(ColumnsFile::NAME)) {
            Ok(bytes) => ColumnsFile::parse(&bytes).expect(name),
            Err(_) => ColumnsFile::default(),
        };
        Self { folder, file, info, session }
    }

    fn cases(&self) -> Cases {
        let file = std::fs::File::open(self.folder.join("cases.json.gz")).expect("cases");
        serde_json::from_reader(flate2::read::GzDecoder::new(file)).expect("cases")
    }

    /// The outputs for `rows`, in runs of 100.
    fn run(mut self, columns: &[String], rows: &[Vec<TableCell>]) -> Vec<(Vec<Tensor>, usize)> {
        let table = TableColumns::load(&self.info, &self.file).expect("columns");
        let row = |cells: &Vec<TableCell>| columns.iter().cloned().zip(cells.iter().cloned()).collect::<TableRow>();
        let rows: Vec<_> = rows.iter().map(row).collect();
        let runs = TableRuns::encode(&table, &rows, table.rows_per_run(100)).expect("tensors");
        assert!(runs.checked.iter().all(Result::is_ok), "{:?}", runs.checked.iter().find(|row| row.is_err()));
        let mut run = |tensors: &[Tensor]| self.session.run(tensors).expect("a run");
        runs.runs.iter().map(|(tensors, rows)| (run(tensors), *rows)).collect()
    }
}
