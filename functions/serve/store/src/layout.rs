//! The keys of objects, and the names in them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use amaas_wire::Digest;

/// A checked name: 1 to 64 characters of `A-Z a-z 0-9 . _ -`. It needs no escaping in a key, a path or a URL.
/// A version begins with a digit and an alias with a letter, so that neither can be mistaken for the other.
#[derive(Serialize, Deserialize)]
#[serde(into = "String", try_from = "String", bound = "Of: NameKind")]
pub struct StoreName<Of>(String, PhantomData<fn() -> Of>);

/// The name of a model; begins with a letter or a digit.
pub type ModelName = StoreName<OfModel>;
/// The name of a version of a model; begins with a digit.
pub type Version = StoreName<OfVersion>;
/// The name of an alias, such as `live`; begins with a letter.
pub type Alias = StoreName<OfAlias>;

/// A kind of [`StoreName`].
pub trait NameKind {
    /// Whether a name of this kind may begin with `byte`.
    fn begins(byte: u8) -> bool;
    /// The valid first characters, for errors.
    const BEGINS: &'static str;
}

/// Marks [`ModelName`].
#[derive(Debug)]
pub enum OfModel {}
/// Marks [`Version`].
#[derive(Debug)]
pub enum OfVersion {}
/// Marks [`Alias`].
#[derive(Debug)]
pub enum OfAlias {}

impl NameKind for OfModel {
    const BEGINS: &'static str = "a letter or a digit";
    fn begins(byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
    }
}

impl NameKind for OfVersion {
    const BEGINS: &'static str = "a digit";
    fn begins(byte: u8) -> bool {
        byte.is_ascii_digit()
    }
}

impl NameKind for OfAlias {
    const BEGINS: &'static str = "a letter";
    fn begins(byte: u8) -> bool {
        byte.is_ascii_alphabetic()
    }
}

/// A version, by its name or by an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionSelector {
    /// The version that the alias points to.
    Alias(Alias),
    /// This version.
    Version(Version),
}

impl FromStr for VersionSelector {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            text.parse().map(Self::Version)
        } else {
            text.parse().map(Self::Alias)
        }
    }
}

impl fmt::Display for VersionSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(alias) => alias.fmt(f),
            Self::Version(version) => version.fmt(f),
        }
    }
}

impl<Of> StoreName<Of> {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<Of: NameKind> FromStr for StoreName<Of> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bytes = text.as_bytes();
        let valid = (1..=64).contains(&bytes.len())
            && Of::begins(bytes[0])
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
        if valid { Ok(Self(text.to_owned(), PhantomData)) } else { Err(NameError { begins: Of::BEGINS }) }
    }
}

impl<Of: NameKind> TryFrom<String> for StoreName<Of> {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl<Of> From<StoreName<Of>> for String {
    fn from(name: StoreName<Of>) -> Self {
        name.0
    }
}

impl<Of> fmt::Display for StoreName<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<Of> fmt::Debug for StoreName<Of> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl<Of> Clone for StoreName<Of> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<Of> PartialEq for StoreName<Of> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<Of> Eq for StoreName<Of> {}

impl<Of> PartialOrd for StoreName<Of> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<Of> Hash for StoreName<Of> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<Of> Ord for StoreName<Of> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// The text is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("such a name is 1 to 64 characters of A-Z a-z 0-9 . _ -, the first {begins}")]
pub struct NameError {
    begins: &'static str,
}

/// The key of a version's manifest.
pub fn manifest_key(model: &ModelName, version: &Version) -> String {
    format!("models/{model}/{version}/manifest.json")
}

/// The key of the mark of a removed version.
pub fn removed_key(model: &ModelName, version: &Version) -> String {
    format!("models/{model}/{version}/removed")
}

/// The key of an alias.
pub fn alias_key(model: &ModelName, alias: &Alias) -> String {
    format!("models/{model}/aliases/{alias}")
}

/// The key of a blob.
pub fn blob_key(digest: &Digest) -> String {
    format!("blobs/sha256/{digest}")
}

/// The key of the mark that the publish `id` is uploading blobs.
pub fn upload_key(id: u128) -> String {
    format!("uploads/{id:032x}")
}

/// The key of the document of a model's sealing keys.
pub fn sealing_key(name: &ModelName) -> String {
    format!("sealing/{name}.json")
}

/// The alias that is served unless another is configured.
///
/// # Panics
/// Never: the text is a name.
pub fn live() -> Alias {
    "live".parse().expect("\"live\" begins with a letter and has no other character than letters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_can_stand_in_a_key_are_names() {
        for good in ["sentiment", "a", "MiniLM-L6_v2", "3", "1.0.2", &"x".repeat(64)] {
            assert!(good.parse::<ModelName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "-x", "a/b", "a b", "é", "a\0", &"x".repeat(65)] {
            assert!(bad.parse::<ModelName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn versions_and_aliases_never_meet() {
        assert!("live".parse::<Version>().is_err());
        assert!("1".parse::<Alias>().is_err());
        assert_eq!("live".parse(), Ok(VersionSelector::Alias("live".parse().expect("an alias"))));
        assert_eq!("1.2".parse(), Ok(VersionSelector::Version("1.2".parse().expect("a version"))));
        assert!("-".parse::<VersionSelector>().is_err());
    }
}
