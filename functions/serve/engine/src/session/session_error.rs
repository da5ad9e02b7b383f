//! Why ONNX Runtime refuses a network, in words for its publisher.
//!
//! ONNX Runtime's messages are for its developers, and contain paths of its build machine. Known messages are parsed
//! here, as version 1.32 writes them. Of others, the paths are removed.

use ort::error::ErrorCode;

use crate::onnx::OnnxError;
use crate::runtime::{VERSION, loaded_version};

/// Why no session could be created for a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum SessionError {
    /// The network's files are refused before ONNX Runtime reads them.
    #[error(transparent)]
    Files(#[from] OnnxError),
    /// ONNX Runtime does not recognise an ONNX file.
    #[error("not an ONNX file: {0}")]
    NotOnnx(String),
    /// The file's IR version is newer than the runtime.
    #[error("the ONNX file is of IR version {got}; {} reads versions up to {newest}", onnx_runtime())]
    IrVersion { got: String, newest: String },
    /// The file's operator set is newer than the runtime.
    #[error(
        "the network uses operator set {got} of the domain {domain:?}; {} knows sets up to {newest}",
        onnx_runtime()
    )]
    OperatorSet { domain: String, got: String, newest: String },
    /// The runtime does not have the operator.
    #[error(
        "the network needs the operator {operator:?} of the domain {domain:?}, which {} does not have{}; custom \
         operators are not served",
        onnx_runtime(),
        version.as_ref().map(|version| format!(" in operator set {version}")).unwrap_or_default()
    )]
    Operator { operator: String, domain: String, version: Option<String> },
    /// The machine does not have the locale.
    #[error(
        "the network's StringNormalizer asks for the locale {locale:?}, which machines that serve it do not have; give the node the \
         attribute locale=\"C.UTF-8\", which maps letters by Unicode (skl2onnx: options={{'locale': 'C.UTF-8'}} for the vectorizer)"
    )]
    Locale { locale: String },
    /// ONNX Runtime cannot run the network.
    #[error("ONNX Runtime cannot run this network: {0}")]
    Unsupported(String),
    /// An input or output is not a tensor, or its datatype is not supported.
    #[error(
        "{name:?} is {got}; only tensors of the protocol's datatypes (no complex, no 8-bit floats, no 4-bit numbers) are served"
    )]
    Value { name: String, got: String },
    /// The network needs more memory than its files explain.
    #[error(
        "the network needs too much memory for files of its size: expected at most {expected} bytes for its session and a run, got {got}; \
         if that is intended, set AMAAS_MAX_SESSION_BYTES, here and in its function"
    )]
    Memory { expected: u64, got: u64 },
    /// A trial run on golden or synthetic values took too long or too much memory.
    #[error("the network's trial run failed: {0}")]
    Trial(String),
    /// A configured execution provider is unavailable.
    #[error(
        "execution provider {provider} is unavailable: {cause}; add \",cpu\" after it in AMAAS_EXECUTION_PROVIDERS to \
         fall back to the CPU"
    )]
    Provider { provider: &'static str, cause: String },
    /// No execution provider is configured.
    #[error("AMAAS_EXECUTION_PROVIDERS names no provider")]
    NoProvider,
}

/// The loaded version, and the pinned version if that differs.
fn onnx_runtime() -> String {
    match loaded_version() {
        VERSION => format!("ONNX Runtime {VERSION}"),
        other => format!("ONNX Runtime {other} (loaded instead of the pinned {VERSION})"),
    }
}

impl SessionError {
    /// The error for a message of ONNX Runtime.
    pub(super) fn network(code: ErrorCode, message: &str) -> Self {
        let known = version(message).or_else(|| operator_set(message)).or_else(|| operator(message));
        let known = known.or_else(|| locale(message));
        known.unwrap_or_else(|| match code {
            ErrorCode::InvalidProtobuf | ErrorCode::NoModel => Self::NotOnnx(strip_source_paths(message)),
            _ => Self::Unsupported(strip_source_paths(message)),
        })
    }
}

fn locale(message: &str) -> Option<SessionError> {
    let rest = between(message, "Failed to construct locale with name:", "")?;
    let locale = rest.split(|letter: char| letter == ':' || letter.is_whitespace()).next()?;
    Some(SessionError::Locale { locale: locale.to_owned() })
}

fn version(message: &str) -> Option<SessionError> {
    let (got, newest) =
        between(message, "Unsupported model IR version: ", "")?.split_once(", max supported IR version: ")?;
    Some(SessionError::IrVersion { got: got.to_owned(), newest: newest.trim().to_owned() })
}

fn operator_set(message: &str) -> Option<SessionError> {
    let got = between(message, ". Opset ", " is under development")
        .or_else(|| between(message, "Opset ", " is under development"))?;
    let (domain, newest) =
        between(message, "Current official support for domain ", "")?.split_once(" is till opset ")?;
    let (got, domain) = (got.to_owned(), domain.to_owned());
    Some(SessionError::OperatorSet { domain, got, newest: newest.trim().trim_end_matches('.').to_owned() })
}

fn operator(message: &str) -> Option<SessionError> {
    if let Some(name) = between(message, "Fatal error: ", "(-1) is not a registered function/op") {
        let (domain, operator) = name.rsplit_once(':').unwrap_or(("", name));
        return Some(missing(operator, domain, None));
    }
    // In Node, ("its name", Operator, "domain", version)
    let (_, node) = between(message, "In Node, (\"", " : ")?.split_once("\", ")?;
    let (operator, rest) = node.split_once(", \"")?;
    let domain = rest.split_once('"')?.0;
    if let Some((_, set)) = message.split_once("No Op registered for ") {
        let set = set.split_once("domain_version of ")?.1;
        return Some(missing(operator, domain, Some(set.chars().take_while(char::is_ascii_digit).collect())));
    }
    message.contains("No opset import for domain").then(|| missing(operator, domain, None))
}

fn missing(operator: &str, domain: &str, version: Option<String>) -> SessionError {
    let domain = if domain.is_empty() { "ai.onnx" } else { domain };
    SessionError::Operator { operator: operator.to_owned(), domain: domain.to_owned(), version }
}

/// The text between `from` and `to`.
fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(from)?;
    if to.is_empty() { Some(rest) } else { rest.split_once(to).map(|(found, _)| found) }
}

/// The message without the source files and functions of ONNX Runtime.
pub fn strip_source_paths(message: &str) -> String {
    let mut text = message.trim().to_owned();
    while let Some(from) = text.find(BUILD_FOLDER) {
        // `file:line type function(arguments)`, where the arguments can have parentheses of their own.
        let mut depth = 0_usize;
        let end = text[from..].char_indices().find_map(|(at, letter)| {
            match letter {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            (letter == ')' && depth == 0).then_some(from + at + 1)
        });
        text.replace_range(from..end.unwrap_or(text.len()), "");
    }
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}

/// The source folder of ONNX Runtime's official builds.
const BUILD_FOLDER: &str = "/onnxruntime_src/";

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(message: &str) -> String {
        SessionError::network(ErrorCode::GenericFailure, message).to_string()
    }

    #[test]
    fn texts_of_onnx_runtime_are_read() {
        for (message, expected) in [
            (
                "/onnxruntime_src/onnxruntime/core/graph/model.cc:256 onnxruntime::Model::Model(onnx::ModelProto&&, const \
                 onnxruntime::ModelOptions&) Unsupported model IR version: 99, max supported IR version: 14\n",
                "the ONNX file is of IR version 99; ONNX Runtime 1.32.0 reads versions up to 14",
            ),
            (
                "/onnxruntime_src/onnxruntime/core/graph/model_load_utils.h:46 void onnxruntime::ValidateOpsetForDomain(const \
                 std::unordered_map<std::__cxx11::basic_string<char>, int>&, int) ONNX Runtime only *guarantees* support for \
                 models stamped with official released onnx opset versions. Opset 99 is under development and support for this \
                 is limited. Current official support for domain ai.onnx.ml is till opset 5.\n",
                "the network uses operator set 99 of the domain \"ai.onnx.ml\"; ONNX Runtime 1.32.0 knows sets up to 5",
            ),
            (
                "Fatal error: my.domain:Foo(-1) is not a registered function/op",
                "the network needs the operator \"Foo\" of the domain \"my.domain\", which ONNX Runtime 1.32.0 does not have; \
                 custom operators are not served",
            ),
            (
                "This is an invalid model. In Node, (\"n\", Foo, \"my.domain\", -1) : (\"x\": tensor(float),) -> (\"y\": \
                 tensor(float),) , Error No opset import for domain 'my.domain'",
                "the network needs the operator \"Foo\" of the domain \"my.domain\", which ONNX Runtime 1.32.0 does not have; \
                 custom operators are not served",
            ),
            (
                "This is an invalid model. In Node, (\"\", Gelu, \"\", -1) : (\"x\": tensor(float),) -> (\"y\": \
                 tensor(float),) , Error No Op registered for Gelu with domain_version of 17",
                "the network needs the operator \"Gelu\" of the domain \"ai.onnx\", which ONNX Runtime 1.32.0 does not have in \
                 operator set 17; custom operators are not served",
            ),
        ] {
            assert_eq!(message_of(message), expected);
        }
    }

    #[test]
    fn no_path_is_told() {
        let cause = "Exception during initialization: /onnxruntime_src/onnxruntime/core/graph/graph.cc:1451 onnxruntime::Graph::Graph\
                     (const onnxruntime::Model&, std::function<void(int)>, bool) x was false. Initializer 'w' is odd. ";
        let expected = "ONNX Runtime cannot run this network: Exception during initialization: x was false. Initializer 'w' is odd.";
        assert_eq!(message_of(cause), expected);
        for odd in ["/onnxruntime_src/a.cc:1 f(", "/onnxruntime_src/", "In Node, (\"", "Fatal error: (-1) is not", ""] {
            assert!(!message_of(odd).contains("_src"), "{odd}");
        }
    }
}
