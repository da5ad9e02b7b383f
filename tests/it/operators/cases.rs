//! The cases of `tests/operators/main.py`, with the answers of Python's ONNX Runtime.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use amaas::{Datatype, Tensor};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::OnceCell;

/// The cases that can be called, with the version of their package.
#[derive(Deserialize)]
pub(crate) struct Cases {
    pub(crate) onnx: String,
    pub(crate) cases: Vec<Case>,
}

/// A network with its calls.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) calls: Vec<Call>,
}

/// The inputs, and the expected outputs.
#[derive(Deserialize)]
pub(crate) struct Call {
    pub(crate) inputs: Vec<Described>,
    pub(crate) outputs: Vec<Described>,
}

/// A tensor whose values are in a common buffer.
#[derive(Deserialize)]
pub(crate) struct Described {
    name: String,
    datatype: String,
    shape: Vec<usize>,
    from: usize,
    to: usize,
}

impl Cases {
    pub(crate) fn read(folder: &Path) -> Self {
        let json = std::fs::read(folder.join("cases.json")).expect("the program writes it");
        serde_json::from_slice(&json).expect("cases")
    }
}

impl Described {
    pub(crate) fn tensor(&self, values: &Bytes) -> Result<Tensor, String> {
        let datatype = Datatype::from_name(&self.datatype).ok_or_else(|| format!("there is no {}", self.datatype))?;
        let tensor = Tensor::from_bytes(self.name.clone(), datatype, self.shape.clone(), self.bytes(values));
        tensor.map_err(|error| error.to_string())
    }

    /// How `got` differs from this tensor, if it does.
    pub(crate) fn compare(&self, values: &Bytes, got: &Tensor) -> Result<(), String> {
        let described = (self.name.as_str(), self.datatype.as_str(), self.shape.as_slice());
        let got_described = (got.name(), got.datatype().name(), got.shape());
        if got_described != described {
            return Err(format!("expected output {described:?}, got {got_described:?}"));
        }
        let mut bytes = Vec::new();
        got.write_bytes(&mut bytes);
        let differs = bytes.iter().zip(&self.bytes(values)).position(|(got, expected)| got != expected);
        match differs {
            Some(at) => Err(format!("output {described:?} differs from byte {at} on")),
            None if bytes.len() != self.to - self.from => Err(format!("output {described:?} has another length")),
            None => Ok(()),
        }
    }

    fn bytes(&self, values: &Bytes) -> Bytes {
        values.slice(self.from..self.to)
    }
}

/// The folder that the program filled, once for all tests.
///
/// # Errors
/// The missing requirement.
pub(crate) async fn generated() -> Result<&'static Path, &'static str> {
    static GENERATED: OnceCell<Result<PathBuf, String>> = OnceCell::const_new();
    let fill = async || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operators");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder beside the build");
        generate(&folder).await.map(|()| folder)
    };
    let generated = GENERATED.get_or_init(fill).await.as_ref();
    generated.map(PathBuf::as_path).map_err(String::as_str)
}

/// Runs the program for `folder`.
///
/// # Errors
/// The missing requirement.
async fn generate(folder: &Path) -> Result<(), String> {
    let python = std::env::var_os("AMAAS_TEST_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let mut command = Command::new(&python);
    command.arg(format!("{OPERATORS}/main.py")).arg(folder);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.map_err(|error| format!("{}: {error}", python.display()))?;
    let said = format!("{}{}", text(output.stdout), text(output.stderr));
    match output.status.code() {
        Some(0) => Ok(()),
        Some(MISSING) => Err(said.trim().to_owned()),
        _ => panic!("{said}"),
    }
}

pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

pub(crate) const OPERATORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/operators");
/// The program's exit code if a package is missing.
const MISSING: i32 = 77;
