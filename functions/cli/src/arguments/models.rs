//! `amaas models` and `amaas store`.
#![allow(clippy::doc_markdown)]

use std::time::Duration;

use amaas_model::publish::RemovalTarget;
use amaas_store::{Alias, ModelName, Version};
use clap::{Args, Subcommand};

use super::StoreArguments;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ModelsArguments {
    #[command(subcommand)]
    pub(crate) command: Option<ModelsCommand>,
}

#[derive(Subcommand)]
pub(crate) enum ModelsCommand {
    /// List the versions of a model in the store, and the aliases that point to them
    Versions(ModelVersions),
    /// Remove a model, versions or an alias of it from the store
    ///
    /// A removed version is not loaded any more. `amaas dev` unloads it within two seconds; any other function that has it loaded
    /// serves it until the function ends. The name of a removed version is never used again. Blobs stay until
    /// `amaas store prune`, and the keys of sealed calls until their document is deleted: callers pin them.
    Remove(RemoveModel),
}

#[derive(Args)]
pub(crate) struct ModelVersions {
    /// The model's name
    pub(crate) model: ModelName,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

#[derive(Args)]
pub(crate) struct RemoveModel {
    /// The model's name
    pub(crate) model: ModelName,
    /// Remove only this version, to which no alias may point; may be given again
    #[arg(long = "version", value_name = "VERSION")]
    pub(crate) versions: Vec<Version>,
    /// Remove this alias only, and no version
    #[arg(long, value_name = "ALIAS", conflicts_with = "versions")]
    pub(crate) alias: Option<Alias>,
    /// Print what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

impl RemoveModel {
    pub(crate) fn removal(&self) -> RemovalTarget {
        match &self.alias {
            Some(alias) => RemovalTarget::Alias(alias.clone()),
            None if self.versions.is_empty() => RemovalTarget::Model,
            None => RemovalTarget::Versions(self.versions.clone()),
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// Delete the blobs to which no manifest refers: of removed versions, and of aborted publishes
    Prune(PruneArguments),
}

#[derive(Args)]
pub(crate) struct PruneArguments {
    /// Keep blobs that were written less than this long ago, such as 90s, 30m, 24h or 7d: a function may still read those of a version
    /// that was just removed. Blobs of a publish that is under way are kept in any case
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = age)]
    pub(crate) older_than: Duration,
    /// Print how much would be deleted
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

/// Reads a number of seconds, minutes, hours or days.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a whole number and s, m, h or d, such as 24h, got {text:?}");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_unit() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "24", "-1h", "1.5h", "h24", "1w", "1é", "99999999999999999999d", "999999999999999999d"] {
            let error = age(text).expect_err(text);
            assert!(error.starts_with("expected a whole number and s, m, h or d"), "{error}");
        }
    }
}
