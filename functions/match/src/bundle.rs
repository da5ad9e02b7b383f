//! The digits network and the small encoder as one model, ready to be published.

use amaas_serve::manifest::ManifestError;
use amaas_serve::publish::Publication;
use amaas_serve::task::Task;
use amaas_store::Alias;
use bytes::Bytes;

use crate::Match;

/// Both networks with labels for the ten digits, and the golden cases of the digits network, under the alias `alias`.
///
/// # Errors
/// Never with the files that were committed; the golden cases are parsed here.
pub fn bundle(alias: Alias) -> Result<Publication, ManifestError> {
    let (digits, embed) = (amaas_digits::bundle(alias.clone())?, amaas_embed::bundle(alias)?);
    let asset = |name: &str, bytes| (name.to_owned(), Bytes::from_static(bytes));
    let own = [
        asset(Match::LABELS, include_bytes!("../model/labels.txt").as_slice()),
        asset(Match::IMAGE_CONFIG, include_bytes!("../model/image.json")),
    ];
    Ok(Publication {
        model: NAME.parse().map_err(|error| ManifestError::Json(format!("{NAME}: {error}")))?,
        task: Some(Match::NAME.to_owned()),
        // The encoder's tokenizer.
        assets: embed.assets.into_iter().chain(own).collect(),
        networks: [(Match::TEXT_NETWORK.to_owned(), embed.network)].into(),
        ..digits
    })
}

const NAME: &str = "match";
