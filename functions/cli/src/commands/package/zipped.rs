//! The zip of a function.

use std::io::{Cursor, Write};
use std::path::Path;

use amaas_wire::Digest;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::amazon_linux::AmazonLinux;
use super::contents::PackageContents;
use super::megabytes;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

/// Writes the zip to `path`.
pub(super) fn write(settings: &Settings, contents: &PackageContents, path: &Path) -> Result<(), CliError> {
    AmazonLinux::check(contents)?;
    let unzipped = contents.size();
    if unzipped > MAX_UNZIPPED_BYTES {
        return Err(CliError::new(format!(
            "{unzipped} bytes unzipped, more than the {MAX_UNZIPPED_BYTES} that Lambda takes"
        ))
        .hint("make a container image with --image"));
    }
    let zip = pack(contents).map_err(CliError::new)?;
    std::fs::write(path, &zip).map_err(|error| CliError::file(path, &error))?;
    let digest = Digest::of(&zip);
    let uploads = upload(zip.len());
    if settings.json {
        return output::json(&serde_json::json!({
            "path": path, "bytes": zip.len(), "largest_bytes": MAX_UPLOAD_BYTES, "unzipped_bytes": unzipped,
            "largest_unzipped_bytes": MAX_UNZIPPED_BYTES, "architecture": contents.architecture.to_string(), "sha256": digest,
            "note": uploads,
        }));
    }
    output::line(format_args!(
        "{}  {:.1} MB of {:.1} ({:.1} MB of {:.1} unzipped), {}",
        path.display(),
        megabytes(zip.len()),
        megabytes(MAX_UPLOAD_BYTES),
        megabytes(unzipped),
        megabytes(MAX_UNZIPPED_BYTES),
        contents.architecture
    ))?;
    output::line(format_args!("sha256 {digest}"))?;
    if let Some(uploads) = uploads {
        output::note(format_args!("warning: {uploads}"));
    }
    Ok(())
}

fn pack(contents: &PackageContents) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // One time stamp and one order give the same digest for the same files, so that Terraform sees no false change.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    for file in contents.iter() {
        zip.start_file(file.name.as_str(), options)?;
        zip.write_all(&file.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// How a zip of this size gets to Lambda.
fn upload(bytes: usize) -> Option<&'static str> {
    (bytes > MAX_UPLOAD_BYTES)
        .then_some("larger than the 50 MB that Lambda takes in a request, which is how Terraform sends it: make a container image with --image")
}

/// Lambda's limit of a function's unzipped code: 250 MB, which are MiB.
const MAX_UNZIPPED_BYTES: usize = 250 << 20;
/// Lambda's limit of a zip in the request itself: 50 MB, likewise.
const MAX_UPLOAD_BYTES: usize = 50 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_too_large_to_upload_is_told_of() {
        assert_eq!(upload(52_428_800), None);
        assert!(upload(52_428_801).is_some_and(|note| note.contains("make a container image with --image")));
    }
}
