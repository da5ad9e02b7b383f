//! `amaas package`: a function as a zip for Lambda or as a container image, the same bytes from the same files.
//!
//! A requirement that the target lacks would be noticed only when the function starts, by a message of the loader in a log. So
//! the requirements of every program and library are checked here.

mod amazon_linux;
mod base;
mod build;
mod certificates;
mod contents;
mod elf;
mod image;
mod images;
mod layer;
mod layout;
mod oci;
mod system;
mod target;
mod zipped;

use std::path::PathBuf;

use amaas_engine::runtime;

use self::build::{TargetHosts, build};
use self::contents::{ElfFile, PackageContents};
use self::image::BaseImageSource;
use self::images::LayoutImages;
use crate::architecture::Architecture;
use crate::arguments::PackageArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, arguments: PackageArguments) -> Result<(), CliError> {
    let package = format!("amaas-{}", arguments.function);
    let binary = if let Some(binary) = &arguments.binary {
        binary.clone()
    } else {
        check(&arguments)?;
        let hosts = if arguments.image { TargetHosts::Any } else { TargetHosts::Lambda };
        build(&package, arguments.architecture, (hosts, &arguments.features))?
    };
    let named = arguments.library.filter(|path| !path.as_os_str().is_empty());
    let library = |architecture| named.map_or_else(|| library(architecture), Ok);
    let contents = PackageContents::read(arguments.architecture, &binary, library, &arguments.includes)?;
    let ending = if arguments.image { "oci" } else { "zip" };
    let path = match arguments.output {
        Some(path) => path,
        None => target()?.join(format!("{package}{}.{ending}", contents.architecture.suffix())),
    };
    if arguments.image {
        let base = arguments.base.map_or(BaseImageSource::System(arguments.sysroot), BaseImageSource::Image);
        image::write(settings, &package, &contents, base, &path)
    } else {
        zipped::write(settings, &contents, &path)
    }
}

/// Refuses arguments that cannot become a package, before cargo builds for minutes.
fn check(arguments: &PackageArguments) -> Result<(), CliError> {
    let library = arguments.library.iter().filter(|path| !path.as_os_str().is_empty());
    for path in library.chain(&arguments.includes) {
        ElfFile::read(contents::name(path)?.to_owned(), path)?;
    }
    if arguments.image {
        image::time()?;
    }
    if let (Some(base), Some(architecture)) = (&arguments.base, arguments.architecture.or_else(Architecture::here)) {
        LayoutImages::open(base, architecture)?.one()?;
    }
    if let Some(root) = arguments.sysroot.as_ref().filter(|root| !root.is_dir()) {
        return Err(CliError::file(root, &"not a folder"));
    }
    let Some(output) = &arguments.output else { return Ok(()) };
    let beside = layout::beside(output);
    if !beside.is_dir() {
        return Err(CliError::file(output, &format!("there is no folder {}", beside.display())));
    }
    if arguments.image {
        layout::check(output)
    } else if output.is_dir() {
        Err(CliError::file(output, &"a folder, where a zip is to be written"))
    } else {
        Ok(())
    }
}

/// The pinned ONNX Runtime library for `architecture`, fetched if it is missing.
fn library(architecture: Architecture) -> Result<PathBuf, CliError> {
    if architecture.is_here() {
        return super::publish::library();
    }
    runtime::find_or_fetch_for(architecture.cpu(), |line| output::note(line)).map_err(CliError::new)
}

/// Cargo's target folder, created if nothing was built yet.
fn target() -> Result<PathBuf, CliError> {
    let named = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    let folder = named.map_or_else(|| PathBuf::from("target"), PathBuf::from);
    std::fs::create_dir_all(&folder).map_err(|error| CliError::file(&folder, &error))?;
    Ok(folder)
}

#[allow(clippy::cast_precision_loss)] // shown with one digit
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
