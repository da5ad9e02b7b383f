//! `amaas package`: the zip of a Lambda function, the same bytes from the same files.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use amaas_serve::digest::Digest;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::publish::library;
use crate::arguments::Package;
use crate::failure::Failure;
use crate::output;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, arguments: Package) -> Result<(), Failure> {
    let package = format!("amaas-{}", arguments.function);
    let binary = match arguments.binary {
        Some(binary) => binary,
        None => build(&package)?,
    };
    let library = arguments.library.map_or_else(library, Ok)?;
    let mut files =
        vec![("bootstrap".to_owned(), read(&binary)?), ("lib/libonnxruntime.so".to_owned(), read(&library)?)];
    for path in &arguments.includes {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Failure::file(path, &"a library needs a file name that is UTF-8"))?;
        files.push((format!("lib/{name}"), read(path)?));
    }
    let machine = machine(&binary, &files[0].1)?;
    for (name, bytes) in &files[1..] {
        if self::machine(Path::new(name), bytes)? != machine {
            return Err(Failure::usage(format!("{name} is not for {machine}, as the binary is"))
                .try_this("give a library of the same architecture with --library"));
        }
    }
    let unzipped: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    if unzipped > LARGEST {
        return Err(Failure::new(format!("{unzipped} bytes unzipped, more than the {LARGEST} that Lambda takes"))
            .try_this("use a container image"));
    }
    let zip = pack(files).map_err(Failure::new)?;
    let path = match arguments.output {
        Some(path) => path,
        None => target()?.join(format!("{package}.zip")),
    };
    std::fs::write(&path, &zip).map_err(|error| Failure::file(&path, &error))?;
    let digest = Digest::of(&zip);
    if settings.json {
        return output::json(&serde_json::json!({
            "path": path, "bytes": zip.len(), "unzipped_bytes": unzipped, "architecture": machine, "sha256": digest,
        }));
    }
    output::line(format_args!(
        "{}  {:.1} MB ({:.1} MB unzipped), {machine}",
        path.display(),
        megabytes(zip.len()),
        megabytes(unzipped)
    ))?;
    output::line(format_args!("sha256 {digest}"))?;
    Ok(())
}

/// Cargo's folder of what is built, which is made where nothing was built yet.
fn target() -> Result<PathBuf, Failure> {
    let named = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    let folder = named.map_or_else(|| PathBuf::from("target"), PathBuf::from);
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
    Ok(folder)
}

/// Builds the function's binary with cargo and says where it is.
fn build(package: &str) -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--package",
            package,
            "--bin",
            package,
            "--message-format=json-render-diagnostics",
        ])
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| {
            Failure::new(format!("cargo could not be run: {error}"))
                .try_this("--binary FILE takes one that is built already")
        })?;
    if !built.status.success() {
        return Err(Failure::new(format!("cargo could not build {package}"))
            .try_this("run this in the workspace, or give a binary that is built already with --binary FILE"));
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    executable.ok_or_else(|| Failure::new(format!("cargo built no binary of {package}")))
}

/// The Lambda name of the architecture that an ELF file is for.
fn machine(path: &Path, bytes: &[u8]) -> Result<&'static str, Failure> {
    // ELF-64, little-endian: magic, class, data; e_machine is at 18.
    if bytes.len() < 20 || !bytes.starts_with(b"\x7fELF\x02\x01") {
        return Err(Failure::file(path, &"not a 64-bit Linux program or library"));
    }
    match u16::from_le_bytes([bytes[18], bytes[19]]) {
        62 => Ok("x86_64"),
        183 => Ok("arm64"),
        other => Err(Failure::file(path, &format!("ELF machine {other} is not one that Lambda has"))),
    }
}

fn pack(files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // One time stamp, one order: the same digest from the same files, so that Terraform sees no change where there is none.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    for (name, bytes) in files {
        zip.start_file(name, options)?;
        zip.write_all(&bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::file(path, &error))
}

#[allow(clippy::cast_precision_loss)] // shown with one digit
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// Lambda's limit of a function's unzipped code.
const LARGEST: usize = 250 << 20;
