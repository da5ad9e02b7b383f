//! AWS's regions, a closed list, so that a misspelt region is an error.
//!
//! The list is from botocore 1.44.8 (`partitions.json`). Prices of us-east-1 are a fallback within its own partition only: China is
//! billed in yuan by other sellers, and `GovCloud`, the sovereign cloud and the isolated regions have price lists of their own.

use super::REGION;
use crate::error::CliError;

/// Refuses a name that is no AWS region, and a region of a partition to which us-east-1's prices do not apply.
pub(super) fn check(region: &str) -> Result<(), CliError> {
    let Some(partition) = partition(region) else {
        let failure = CliError::usage(format!("AWS has no region {region:?}"));
        return Err(match closest(region) {
            Some(closest) => failure.hint(format!("--region {closest}")),
            None => failure.hint(format!(
                "write --region with a name such as {REGION}, or give the prices of a region that is new with --prices FILE"
            )),
        });
    };
    if partition == US_EAST_1_PARTITION {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "{region} is in the partition {partition}, which has no known price; {REGION}'s do not apply there"
    ))
    .hint(format!(
        "give prices of {region} in US dollars with --prices FILE; `amaas estimate --show-prices` prints a file of the form"
    )))
}

/// The partition of `region`.
fn partition(region: &str) -> Option<&'static str> {
    let mut partitions = PARTITIONS.iter();
    partitions.find(|(_, regions)| regions.contains(&region)).map(|(partition, _)| *partition)
}

/// The region that is closest to the misspelt `region`.
fn closest(region: &str) -> Option<&'static str> {
    let all = PARTITIONS.iter().flat_map(|(_, regions)| regions.iter().copied());
    let lower = region.to_ascii_lowercase();
    let alike =
        all.map(|known| (strsim::jaro(&lower, known), known)).filter(|(likeness, _)| *likeness > MIN_SIMILARITY);
    alike.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, known)| known)
}

/// The similarity of two names, from 0 to 1, above which one is suggested for the other.
const MIN_SIMILARITY: f64 = 0.85;
/// The partition of us-east-1.
const US_EAST_1_PARTITION: &str = "aws";
const PARTITIONS: [(&str, &[&str]); 8] = [
    (
        US_EAST_1_PARTITION,
        &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "me-west-1",
            "mx-central-1",
            "sa-east-1",
            "sa-west-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    ),
    ("aws-cn", &["cn-north-1", "cn-northwest-1"]),
    ("aws-eusc", &["eusc-de-east-1"]),
    ("aws-iso", &["us-iso-east-1", "us-iso-west-1"]),
    ("aws-iso-b", &["us-isob-east-1", "us-isob-west-1"]),
    ("aws-iso-e", &["eu-isoe-west-1"]),
    ("aws-iso-f", &["us-isof-east-1", "us-isof-south-1"]),
    ("aws-us-gov", &["us-gov-east-1", "us-gov-west-1"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_region_is_there_once() {
        let all: Vec<_> = PARTITIONS.iter().flat_map(|(_, regions)| *regions).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn what_is_no_region_is_refused_with_the_closest() {
        for (region, expected) in [
            ("eu-wst-1", Some("eu-west-1")),
            ("eu-west1", Some("eu-west-1")),
            ("EU-WEST-1", Some("eu-west-1")),
            ("us-esat-1", Some("us-east-1")),
            ("us-east-1a", Some("us-east-1")),
            ("us-gov-wst-1", Some("us-gov-west-1")),
            ("mars", None),
            ("", None),
        ] {
            assert!(check(region).is_err(), "{region}");
            assert_eq!(closest(region), expected, "{region}");
        }
        for region in ["eu-west-1", "ap-southeast-7", "us-east-1"] {
            assert!(check(region).is_ok(), "{region}");
        }
        for region in ["cn-north-1", "us-gov-west-1", "eusc-de-east-1"] {
            assert!(check(region).is_err(), "{region}");
        }
    }
}
