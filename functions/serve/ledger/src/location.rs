//! The location of a ledger, and of the journal beside it.

use std::path::PathBuf;
use std::str::FromStr;

use amaas_wire::Digest;

/// The location of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerLocation {
    /// `sqlite:PATH`: a file, for the processes of one machine.
    Sqlite(PathBuf),
    /// `dynamodb:TABLE`: the name or the ARN of a table.
    DynamoDb(String),
}

impl LedgerLocation {
    /// The Cargo feature of this crate that has the back end.
    pub fn feature(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::DynamoDb(_) => "dynamodb",
        }
    }

    /// Whether this program was built with the back end.
    pub fn is_built(&self) -> bool {
        match self {
            Self::Sqlite(_) => cfg!(feature = "sqlite"),
            Self::DynamoDb(_) => cfg!(feature = "dynamodb"),
        }
    }

    /// The default folder of the usage journal. It depends on the ledger, and on the variables that select a DynamoDB endpoint.
    pub fn journal(&self, variables: impl Fn(&str) -> Option<String>) -> PathBuf {
        match self {
            Self::Sqlite(path) => {
                let mut name = path.clone().into_os_string();
                name.push(".journal");
                name.into()
            }
            Self::DynamoDb(table) => {
                let way = ["AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"];
                let way = way.map(|name| variables(name).unwrap_or_default()).join("\n");
                let ledger = Digest::of(format!("{table}\n{way}").as_bytes()).to_string();
                std::env::temp_dir().join(format!("amaas-journal-{}", &ledger[..16]))
            }
        }
    }
}

impl FromStr for LedgerLocation {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("dynamodb", table)) if !table.is_empty() => Ok(Self::DynamoDb(table.to_owned())),
            _ => Err(()),
        }
    }
}
