//! The body of a `predict` call.

use bytes::Bytes;

/// The body of a `predict` call, by its media type.
#[derive(Clone, Debug)]
pub enum PredictBody {
    /// JSON.
    Json(Bytes),
    /// Files; each is an input.
    Files {
        /// The files, in order.
        files: Vec<InputFile>,
        /// The parameters, as JSON.
        parameters: Option<Bytes>,
        /// Whether a bad input fails alone.
        partial: bool,
    },
}

/// A file that is an input.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// Its media type, such as `image/png`.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

impl PredictBody {
    /// The size of the inputs, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Self::Json(body) => body.len(),
            Self::Files { files, .. } => files.iter().map(|file| file.bytes.len()).sum(),
        }
    }
}

impl From<String> for PredictBody {
    fn from(json: String) -> Self {
        Self::Json(json.into())
    }
}
