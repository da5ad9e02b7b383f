//! A JSON file of an export, whose fields are read by name.

use amaas_model::task::{Assets, TaskError};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A JSON file of an export, such as `config.json`. Errors name the file and the field.
///
/// ```
/// use amaas_pipelines::export::ConfigFile;
///
/// let config = ConfigFile::parse("config.json", br#"{"hidden_size":16,"id2label":null}"#)?;
/// assert_eq!(config.required::<usize>("hidden_size")?, 16);
/// assert_eq!(config.optional::<Vec<String>>("id2label")?, None);
/// let error = config.required::<bool>("hidden_size").expect_err("a number");
/// assert!(error.to_string().starts_with("config.json: hidden_size: "));
/// # Ok::<(), amaas_model::task::TaskError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigFile {
    name: String,
    fields: Map<String, Value>,
}

impl ConfigFile {
    /// Parses the bytes of the file `name`.
    ///
    /// # Errors
    /// If they are not a JSON object.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, TaskError> {
        let fields = serde_json::from_slice(bytes).map_err(|error| TaskError::new(format!("{name}: {error}")))?;
        Ok(Self { name: name.to_owned(), fields })
    }

    /// Reads the file `name`.
    ///
    /// # Errors
    /// If it was not published, or is not a JSON object.
    pub fn read(assets: &Assets, name: &str) -> Result<Self, TaskError> {
        Self::parse(name, assets.bytes(name)?)
    }

    /// Reads the file `name`; without fields if it was not published.
    ///
    /// # Errors
    /// If it is not a JSON object.
    pub fn read_or_empty(assets: &Assets, name: &str) -> Result<Self, TaskError> {
        match assets.bytes(name) {
            Ok(bytes) => Self::parse(name, bytes),
            Err(_) => Ok(Self { name: name.to_owned(), fields: Map::new() }),
        }
    }

    /// The value of `field`.
    ///
    /// # Errors
    /// If it is missing, null, or of another type.
    pub fn required<T: DeserializeOwned>(&self, field: &str) -> Result<T, TaskError> {
        self.optional(field)?
            .ok_or_else(|| TaskError::new(format!("{}: {field}: expected a value, got none", self.name)))
    }

    /// The value of `field`, unless it is missing or null.
    ///
    /// # Errors
    /// If it is of another type.
    pub fn optional<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>, TaskError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value.clone()).map(Some).map_err(|error| self.error(field, error)),
        }
    }

    /// The names of the fields that have a value.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())
    }

    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An error in `field`.
    pub fn error(&self, field: &str, what: impl std::fmt::Display) -> TaskError {
        TaskError::new(format!("{}: {field}: {what}", self.name))
    }
}
