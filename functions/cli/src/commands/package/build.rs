//! Builds a function's binary with cargo: with the profile `dist`, and with the Cargo features that its host needs.
//!
//! For another processor, it uses `cargo zigbuild` if that is installed: it links against Lambda's glibc on any machine. Otherwise
//! it uses a GNU cross compiler, which links against the compiler's own glibc.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::architecture::Architecture;
use crate::error::CliError;
use crate::output;

/// The hosts of a function, which decide its Cargo features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetHosts {
    /// Lambda alone: a zip.
    Lambda,
    /// Lambda, and every service that runs containers: an image.
    Any,
}

impl TargetHosts {
    /// The Cargo features that these hosts need. Publishing is not among them.
    fn features(self) -> &'static [&'static str] {
        match self {
            Self::Lambda => &["dynamodb", "lambda"],
            Self::Any => &["dynamodb", "grpc", "http", "lambda", "openapi", "sqlite"],
        }
    }
}

/// Builds `package` for `asked`, or for this machine if nothing is asked, and returns the path of the binary.
///
/// The binary has the Cargo features `chosen`, or those of the package's default that are not of a host.
pub(super) fn build(
    package: &str,
    asked: Option<Architecture>,
    (hosts, chosen): (TargetHosts, &[String]),
) -> Result<PathBuf, CliError> {
    let features = check(package)?.arguments(package, (hosts, chosen))?;
    let here = Architecture::here().filter(|here| here.is_here());
    let builder = match (asked, here) {
        (None, Some(_)) => BuildTool::Native,
        (None, None) => {
            return Err(CliError::usage(
                "this machine's programs do not run on Lambda, so a build needs an architecture",
            )
            .hint("--arch x86_64 or --arch arm64"));
        }
        (Some(asked), here) => BuildTool::choose(asked, here == Some(asked))?,
    };
    let built = builder.command(package, &features).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let built = built.map_err(|error| not_run(&error))?;
    if !built.status.success() {
        return Err(CliError::new(format!("cargo could not build {package}"))
            .hint("see what cargo said above, or give a binary that is built already with --binary FILE"));
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    executable.ok_or_else(|| CliError::new(format!("cargo built no binary of {package}")))
}

/// Refuses a name that is no function of this workspace, before cargo does.
fn check(package: &str) -> Result<CargoFeatures, CliError> {
    let asked = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).stdin(Stdio::null()).output();
    let answer = asked.map_err(|error| not_run(&error))?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let said = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return Err(CliError::usage(format!("there is no workspace here that cargo could build in: {said}"))
            .hint("run this in the workspace, or give a binary that is built already with --binary FILE"));
    }
    let mut functions = functions(&answer.stdout)
        .map_err(|error| CliError::new(format!("what cargo says of the workspace cannot be read: {error}")))?;
    let asked = package.strip_prefix(PACKAGE_PREFIX).unwrap_or(package);
    if let Some(features) = functions.remove(asked) {
        return Ok(features);
    }
    let names: Vec<_> = functions.into_keys().collect();
    let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Err(CliError::usage(format!("there is no function {asked:?} in this workspace, which has {has}"))
        .hint("write one of these, or give a binary that is built already with --binary FILE"))
}

/// The Cargo features of a package, with the features that each one turns on.
struct CargoFeatures(BTreeMap<String, Vec<String>>);

impl CargoFeatures {
    /// The cargo arguments that reduce `package` to the features that `hosts` need, and to those that are `chosen`.
    ///
    /// # Errors
    /// If the package has no such feature, or one of a host is chosen.
    fn arguments(&self, package: &str, (hosts, chosen): (TargetHosts, &[String])) -> Result<Vec<String>, CliError> {
        let of_host = |feature: &str| TargetHosts::Any.features().contains(&feature) || NOT_PACKAGED.contains(&feature);
        let own = || self.0.keys().map(String::as_str).filter(|name| *name != DEFAULT && !of_host(name));
        if let Some(unknown) = chosen.iter().find(|chosen| !own().any(|name| name == *chosen)) {
            let own = own().collect::<Vec<_>>().join(", ");
            let has = if own.is_empty() { "none" } else { &own };
            return Err(CliError::usage(format!("{package} has no feature {unknown:?} to choose; it has: {has}")));
        }
        let needed = hosts.features();
        if let Some(missing) = needed.iter().find(|needed| !self.0.contains_key(**needed)) {
            output::note(format_args!(
                "{package} has no Cargo feature {missing:?}, so everything that it has by default is built in"
            ));
            return Ok(Vec::new());
        }
        let default = || self.0.get(DEFAULT).into_iter().flatten().filter(|name| !of_host(name));
        let own: Vec<&String> = if chosen.is_empty() { default().collect() } else { chosen.iter().collect() };
        let all: Vec<&str> = needed.iter().copied().chain(own.into_iter().map(String::as_str)).collect();
        Ok(vec!["--no-default-features".to_owned(), "--features".to_owned(), all.join(",")])
    }
}

/// The functions of a workspace, each with its features: packages called `amaas-NAME` with a program of their own name.
fn functions(metadata: &[u8]) -> serde_json::Result<BTreeMap<String, CargoFeatures>> {
    #[derive(Deserialize)]
    struct CargoMetadata {
        packages: Vec<CargoPackage>,
    }
    #[derive(Deserialize)]
    struct CargoPackage {
        name: String,
        targets: Vec<CargoTarget>,
        #[serde(default)]
        features: BTreeMap<String, Vec<String>>,
    }
    #[derive(Deserialize)]
    struct CargoTarget {
        name: String,
        kind: Vec<String>,
    }
    let metadata: CargoMetadata = serde_json::from_slice(metadata)?;
    let is_program = |package: &CargoPackage| {
        package.targets.iter().any(|target| target.name == package.name && target.kind.iter().any(|kind| kind == "bin"))
    };
    let programs = metadata.packages.into_iter().filter(is_program);
    let functions = programs.filter_map(|package| {
        let name = package.name.strip_prefix(PACKAGE_PREFIX)?.to_owned();
        Some((name, CargoFeatures(package.features)))
    });
    Ok(functions.collect())
}

/// The cargo that started this process, or the one on PATH.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn not_run(error: &io::Error) -> CliError {
    CliError::new(format!("cargo could not be run: {error}")).hint("--binary FILE takes one that is built already")
}

/// The tool that builds the binary.
#[derive(Clone, Copy)]
enum BuildTool {
    /// Cargo, for this machine.
    Native,
    /// Cargo with zig as C compiler and linker.
    Zig(Architecture),
    /// Cargo with a GNU cross compiler.
    Gnu(Architecture),
}

impl BuildTool {
    /// The installed tool that builds for `asked`; `native` says that plain cargo can.
    fn choose(asked: Architecture, native: bool) -> Result<Self, CliError> {
        let (zig, gnu) = (is_installed("cargo-zigbuild"), is_installed(&format!("{}-gcc", asked.gnu())));
        if native && !zig {
            return Ok(Self::Native);
        }
        let target = asked.target();
        if !has_standard_library(&target) {
            return Err(CliError::usage(format!("Rust's standard library for {target} is not installed"))
                .hint(format!("rustup target add {target}")));
        }
        match (zig, gnu) {
            (true, _) => Ok(Self::Zig(asked)),
            (false, true) => Ok(Self::Gnu(asked)),
            (false, false) => Err(CliError::usage(format!(
                "nothing is installed that compiles C for {asked}: neither cargo-zigbuild nor {}-gcc",
                asked.gnu()
            ))
            .hint(format!(
                "`pip install cargo-zigbuild`, or `apt-get install gcc-{0} g++-{0}`, or a binary that is built already with \
                 --binary FILE",
                asked.gnu().replace('_', "-")
            ))),
        }
    }

    /// The cargo command. A cross compiler's variables are set in the environment of this one command.
    fn command(self, package: &str, features: &[String]) -> Command {
        let mut command = cargo();
        match self {
            Self::Native => command.arg("build"),
            Self::Zig(architecture) => {
                command.args(["zigbuild", "--target", &format!("{}.{GLIBC_VERSION}", architecture.target())])
            }
            Self::Gnu(architecture) => {
                let (gnu, target) = (architecture.gnu(), architecture.target());
                let variable = target.replace('-', "_");
                for (name, tool) in [
                    (format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase()), "gcc"),
                    (format!("CC_{variable}"), "gcc"),
                    (format!("CXX_{variable}"), "g++"),
                    (format!("AR_{variable}"), "ar"),
                ] {
                    // A variable that the user set stays.
                    if std::env::var_os(&name).is_none() {
                        command.env(name, format!("{gnu}-{tool}"));
                    }
                }
                command.args(["build", "--target", &target])
            }
        };
        // A workspace of another owner may lack the profile.
        command.args(["--profile", BUILD_PROFILE, "--config", &format!("profile.{BUILD_PROFILE}.inherits='release'")]);
        command.args(["--package", package, "--bin", package]).args(features);
        command.arg("--message-format=json-render-diagnostics");
        command
    }
}

/// Whether there is a program of this name on PATH.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether rustc can link programs for `target`. If rustc cannot be run, cargo reports the error.
fn has_standard_library(target: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output();
    asked.map_or(true, |answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir())
}

const DEFAULT: &str = "default";
/// Features that a packaged function never needs.
const NOT_PACKAGED: [&str; 2] = ["local", "publish"];
/// The prefix of functions' package names.
const PACKAGE_PREFIX: &str = "amaas-";
/// The Cargo profile of release artefacts.
const BUILD_PROFILE: &str = "dist";
/// The glibc of Amazon Linux 2023.
const GLIBC_VERSION: &str = "2.34";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_gets_the_features_that_it_needs_if_the_function_has_them() {
        let features = |names: &[&str], default: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            let none = owned(names).into_iter().map(|name| (name, Vec::new()));
            CargoFeatures(none.chain([(DEFAULT.to_owned(), owned(default))]).collect())
        };
        let arguments = |features: &CargoFeatures, hosts, chosen: &[&str]| {
            let chosen: Vec<_> = chosen.iter().map(|name| (*name).to_owned()).collect();
            features.arguments("x", (hosts, &chosen)).map_err(|error| error.text())
        };
        let all = ["dynamodb", "grpc", "http", "lambda", "local", "openapi", "publish", "sqlite", "text", "vision"];
        let all = features(&all, &["dynamodb", "grpc", "lambda", "local", "text", "vision"]);
        let only = |list: &str| Ok(["--no-default-features", "--features", list].map(str::to_owned).to_vec());
        assert_eq!(arguments(&all, TargetHosts::Lambda, &[]), only("dynamodb,lambda,text,vision"));
        assert_eq!(arguments(&all, TargetHosts::Lambda, &["text"]), only("dynamodb,lambda,text"));
        assert_eq!(arguments(&all, TargetHosts::Any, &["text"]), only("dynamodb,grpc,http,lambda,openapi,sqlite,text"));
        for unknown in ["audio", "publish", "grpc", DEFAULT] {
            let error = arguments(&all, TargetHosts::Lambda, &[unknown]).expect_err(unknown);
            assert!(
                error.contains(&format!("x has no feature {unknown:?} to choose; it has: text, vision")),
                "{error}"
            );
        }
        let few = features(&["dynamodb", "lambda"], &[]);
        assert_eq!(arguments(&few, TargetHosts::Lambda, &[]), only("dynamodb,lambda"));
        assert_eq!(arguments(&few, TargetHosts::Any, &[]), Ok(Vec::new()));
        assert_eq!(arguments(&CargoFeatures(BTreeMap::new()), TargetHosts::Lambda, &[]), Ok(Vec::new()));
    }
}
