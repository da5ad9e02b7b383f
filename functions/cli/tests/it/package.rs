//! `amaas package`: zips, and the build of their program.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use amaas_engine::runtime::VERSION;

use crate::program::{amaas, command, json, text};
use crate::sample::{ARM, Sample, X86};

/// A folder with a program and a library for each processor.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (machine, name) in [(X86, "x86"), (ARM, "arm")] {
        put(folder.path(), name, &Sample::program(machine));
        put(folder.path(), &format!("{name}.so"), &Sample::library(machine));
    }
    folder
}

/// Writes `sample` to `path` in `folder`.
pub(crate) fn put(folder: &Path, path: &str, sample: &Sample) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("made");
    std::fs::write(path, sample.bytes()).expect("written");
}

/// The error of the command with these arguments after the function's name; it must be a usage error.
pub(crate) fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = amaas(folder, &[&["package", "sentiment"], arguments].concat());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    error
}

#[test]
fn the_same_files_make_the_same_zip() {
    let folder = folder();
    let here = folder.path();
    let package = |output: &str| {
        json(here, &["package", "sentiment", "--binary", "x86", "--library", "x86.so", "--output", output])
    };
    let (first, second) = (package("a.zip"), package("b.zip"));
    assert_eq!(first["sha256"], second["sha256"]);
    assert_eq!(first["architecture"], "x86_64");
    assert_eq!(first["bytes"], std::fs::metadata(here.join("a.zip")).expect("written").len());
    assert_eq!((&first["largest_bytes"], &first["largest_unzipped_bytes"]), (&52_428_800.into(), &262_144_000.into()));

    let zip = std::fs::File::open(here.join("a.zip")).expect("written");
    let mut zip = zip::ZipArchive::new(zip).expect("a zip");
    let names: Vec<_> = zip.file_names().map(|name| name.expect("UTF-8").into_owned()).collect();
    assert_eq!(names, ["bootstrap", "lib/libonnxruntime.so"]);
    assert_eq!(zip.by_name("bootstrap").expect("there").unix_mode().map(|mode| mode & 0o777), Some(0o755));
}

#[test]
fn the_package_lies_where_cargo_builds() {
    let folder = folder();
    let here = folder.path();
    for (function, binary, target, expected) in [
        ("sentiment", "x86", "", "target/amaas-sentiment.zip"),
        ("names", "arm", "", "target/amaas-names-arm64.zip"),
        ("digits", "x86", "elsewhere", "elsewhere/amaas-digits.zip"),
    ] {
        let mut command =
            command(here, &["package", function, "--binary", binary, "--library", &format!("{binary}.so")]);
        let output = command.env("CARGO_TARGET_DIR", target).output().expect("run");
        assert!(output.status.success(), "{output:?}");
        assert!(here.join(expected).is_file(), "{expected}");
    }
}

#[test]
fn architectures_must_agree() {
    let folder = folder();
    let here = folder.path();
    std::fs::write(here.join("text"), "text").expect("written");
    let whole = Sample::program(X86).bytes();
    std::fs::write(here.join("half"), &whole[..whole.len() / 2]).expect("written");
    put(here, "other", &Sample::program(8));
    for (arguments, expected) in [
        (vec!["--binary", "x86", "--library", "arm.so"], "arm.so: it is for arm64, and the binary for x86_64"),
        (vec!["--binary", "arm", "--library", "arm.so", "--include", "x86.so"], "x86.so: it is for x86_64"),
        (vec!["--arch", "arm64", "--binary", "x86"], "x86: it is for x86_64, and --arch asks for arm64"),
        (
            vec!["--arch", "x86_64", "--binary", "arm"],
            "try: --arch arm64, or a binary that was built for x86_64-unknown",
        ),
        (
            vec!["--arch", "riscv64", "--binary", "x86"],
            "'riscv64' for '--arch <ARCH>'\n  [possible values: x86_64, arm64]",
        ),
        (vec!["--binary", "text", "--library", "arm.so"], "text: not a 64-bit Linux program"),
        (vec!["--binary", "half", "--library", "x86.so"], "half: the file is cut off"),
        (vec!["--binary", "other", "--library", "x86.so"], "other: ELF machine 8 is not one that Lambda has"),
        (vec!["--binary", "x86.so", "--library", "x86.so"], "x86.so: a static program or a library, which cannot load"),
        (vec!["--binary", "x86", "--library", "missing"], "missing: No such file"),
        (
            vec!["--binary", "x86", "--library", "x86.so", "--include", "x86.so", "--include", "./x86.so"],
            "has a x86.so already",
        ),
    ] {
        let error = refused(here, &[arguments.as_slice(), &["-o", "a.zip"]].concat());
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(!here.join("a.zip").exists());
    }
}

#[test]
fn a_zip_that_lambda_could_not_start_is_refused() {
    let folder = folder();
    let here = folder.path();
    let mut weak = Sample::program(X86);
    weak.requires.push(("libc.so.6", "GLIBC_2.39", true));
    put(here, "weak", &weak);
    put(here, "new", &Sample::program(X86).needing("libm.so.6", &["GLIBC_2.38"]));
    put(here, "tls", &Sample::program(X86).needing("libssl.so.3", &["OPENSSL_3.0.0"]));
    put(here, "c++", &Sample::program(X86).needing("libstdc++.so.6", &["GLIBCXX_3.4.32"]));
    put(here, "musl", &Sample { interpreter: Some("/lib/ld-musl-x86_64.so.1"), ..Sample::program(X86) });
    put(here, "libssl.so.3", &Sample::library(X86).defining(&["OPENSSL_3.0.0"]));
    put(here, "old/libssl.so.3", &Sample::library(X86).defining(&["OPENSSL_1.1.1"]));
    put(
        here,
        "libstdc++.so.6",
        &Sample::library(X86).defining(&["GLIBCXX_3.4.32"]).needing("libc.so.6", &["GLIBC_2.36"]),
    );
    for (binary, include, expected) in [
        ("weak", None, None),
        ("new", None, Some("bootstrap needs GLIBC_2.38 of libm.so.6, not in Amazon Linux 2023 (glibc 2.34")),
        ("new", None, Some("`pip install cargo-zigbuild` and --arch x86_64")),
        ("tls", None, Some("bootstrap needs libssl.so.3, not in Amazon Linux 2023")),
        ("tls", None, Some("bring it with --include FILE")),
        ("tls", Some("libssl.so.3"), None),
        ("tls", Some("old/libssl.so.3"), Some("bootstrap needs OPENSSL_3.0.0 of libssl.so.3")),
        ("c++", None, Some("bootstrap needs GLIBCXX_3.4.32 of libstdc++.so.6")),
        ("c++", Some("libstdc++.so.6"), Some("lib/libstdc++.so.6 needs GLIBC_2.36 of libc.so.6")),
        ("musl", None, Some("bootstrap asks for the loader /lib/ld-musl-x86_64.so.1, where Amazon Linux 2023")),
    ] {
        let mut arguments = vec!["--binary", binary, "--library", "x86.so", "-o", "a.zip"];
        arguments.extend(include.into_iter().flat_map(|include| ["--include", include]));
        match expected {
            None => drop(text(here, &[&["package", "sentiment"], arguments.as_slice()].concat())),
            Some(expected) => {
                let error = refused(here, &arguments);
                assert!(error.contains(expected), "{binary}: {error}");
            }
        }
    }
}

/// Cargo's metadata of a workspace with two functions.
const METADATA: &str = r#"{"packages":[
    {"name":"amaas-sentiment","features":{"dynamodb":[],"lambda":[]},"targets":[{"name":"amaas_sentiment","kind":["lib"]},{"name":"amaas-sentiment","kind":["bin"]}]},
    {"name":"amaas-names","targets":[{"name":"amaas-names","kind":["bin"]}]},
    {"name":"amaas-serve","targets":[{"name":"amaas_serve","kind":["lib"]}]},
    {"name":"amaas-cli","targets":[{"name":"amaas","kind":["bin"]}]},
    {"name":"tests","targets":[{"name":"tests","kind":["bin"]}]}]}"#;

#[test]
fn what_cannot_become_a_package_is_refused_before_cargo_builds() {
    let folder = folder();
    let here = folder.path();
    script(here, "cargo", &format!(r#"if [ "$1" = metadata ]; then echo '{METADATA}'; else touch built; exit 1; fi"#));
    std::fs::write(here.join("text.so"), "text").expect("written");
    std::fs::create_dir(here.join("empty")).expect("made");
    let package = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = command(here, &[&["package"], arguments].concat());
        let output =
            command.env("CARGO", here.join("bin/cargo")).envs(variables.iter().copied()).output().expect("run");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), error, std::fs::remove_file(here.join("built")).is_ok())
    };
    for (arguments, variables, expected) in [
        (&["nope"][..], &[][..], "there is no function \"nope\" in this workspace, which has names, sentiment"),
        (&["serve"], &[], "there is no function \"serve\""),
        (&["cli"], &[], "there is no function \"cli\""),
        (&[""], &[], "a value is required for '<FUNCTION>'"),
        (&["sentiment", "--image", "--base", "/nope"], &[], "/nope: there is no such folder"),
        (&["sentiment", "--image", "--base", "empty"], &[], "empty: not an image layout"),
        (&["sentiment", "--image", "--sysroot", "/nope"], &[], "/nope: not a folder"),
        (&["sentiment", "--include", "/nope.so"], &[], "/nope.so: No such file"),
        (&["sentiment", "--include", "text.so"], &[], "text.so: not a 64-bit Linux program"),
        (&["sentiment", "--library", "/nope.so"], &[], "/nope.so: No such file"),
        (&["sentiment"], &[("ORT_DYLIB_PATH", "/nope.so")], "/nope.so: No such file"),
        (&["sentiment", "-o", "/nope/a.zip"], &[], "/nope/a.zip: there is no folder /nope"),
        (&["sentiment", "-o", "empty"], &[], "empty: a folder, where a zip is to be written"),
        (&["sentiment", "--image", "-o", "bin"], &[], "bin: a folder that is not an image layout is there"),
        (&["sentiment", "--image"], &[("SOURCE_DATE_EPOCH", "now")], "SOURCE_DATE_EPOCH: expected seconds"),
    ] {
        let (code, error, built) = package(arguments, variables);
        assert_eq!((code, built), (Some(2), false), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(!error.contains("package ID"), "{error}");
    }
    // If everything is valid, it is built.
    let (code, error, built) = package(&["sentiment", "--include", "x86.so"], &[]);
    assert!(code == Some(1) && built && error.contains("cargo could not build amaas-sentiment"), "{code:?}: {error}");

    script(here, "cargo", "echo 'error: could not find Cargo.toml' >&2; exit 101");
    let (code, error, _) = package(&["sentiment"], &[]);
    assert!(
        code == Some(2) && error.contains("no workspace here that cargo could build in: could not find"),
        "{error}"
    );
}

#[test]
fn an_architecture_has_the_names_that_others_give_it() {
    let folder = folder();
    let here = folder.path();
    let help = text(here, &["package", "--help"]);
    assert!(help.contains("x86_64: Also written amd64") && help.contains("arm64:  Also written aarch64"), "{help}");
    for (asked, binary) in [("aarch64", "arm"), ("arm64", "arm"), ("amd64", "x86"), ("x86_64", "x86")] {
        let library = format!("{binary}.so");
        let arguments =
            ["package", "sentiment", "--arch", asked, "--binary", binary, "--library", &library, "-o", "a.zip"];
        text(here, &arguments);
    }
}

/// A shell script in the folder `bin` of `folder`.
fn script(folder: &Path, name: &str, lines: &str) {
    let path = folder.join("bin").join(name);
    std::fs::create_dir_all(folder.join("bin")).expect("made");
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
}

#[test]
fn another_processor_is_built_for_with_what_is_installed() {
    let folder = folder();
    let here = folder.path();
    let (machine, asked, cpu) =
        if cfg!(target_arch = "x86_64") { ("arm", "arm64", "aarch64") } else { ("x86", "x86_64", "x86_64") };
    let target = format!("{cpu}-unknown-linux-gnu");
    let variable = target.replace('-', "_");
    let linker = format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase());
    script(
        here,
        "cargo",
        &format!(
            r#"if [ "$1" = metadata ]; then echo '{METADATA}'; exit; fi
echo "$@" >asked; echo "${linker} $CC_{variable} $AR_{variable}" >>asked; echo '{{"executable":"{machine}"}}'"#
        ),
    );
    let build = || {
        let mut command = command(
            here,
            &["package", "sentiment", "--arch", asked, "--library", &format!("{machine}.so"), "-o", "a.zip"],
        );
        command.env("PATH", here.join("bin")).env("CARGO", here.join("bin/cargo"));
        let output = command.env_remove(&linker).env_remove("RUSTC").output().expect("run");
        let asked = std::fs::read_to_string(here.join("asked")).unwrap_or_default();
        let _ = std::fs::remove_file(here.join("asked"));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), asked)
    };
    script(here, "rustc", "echo missing");
    let (code, error, asked) = build();
    assert_eq!((code, asked.as_str()), (Some(2), ""), "{error}");
    assert!(error.contains(&format!("try: rustup target add {target}")), "{error}");

    script(here, "rustc", "echo .");
    let (code, error, asked) = build();
    assert_eq!((code, asked.as_str()), (Some(2), ""), "{error}");
    assert!(error.contains(&format!("neither cargo-zigbuild nor {cpu}-linux-gnu-gcc")), "{error}");
    assert!(error.contains("`pip install cargo-zigbuild`, or `apt-get install gcc-"), "{error}");

    let rest = "--profile dist --config profile.dist.inherits='release' --package amaas-sentiment --bin amaas-sentiment \
                --no-default-features --features dynamodb,lambda --message-format=json-render-diagnostics";
    let gnu = format!("{cpu}-linux-gnu");
    script(here, &format!("{gnu}-gcc"), "");
    let (code, error, asked) = build();
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(asked, format!("build --target {target} {rest}\n{gnu}-gcc {gnu}-gcc {gnu}-ar\n"));

    script(here, "cargo-zigbuild", "");
    let (code, error, asked) = build();
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(asked, format!("zigbuild --target {target}.2.34 {rest}\n  \n"));
}

#[test]
fn another_processors_runtime_is_fetched_once() {
    let folder = folder();
    let here = folder.path();
    let (machine, platform, cpu) = if cfg!(target_arch = "x86_64") {
        ("arm", "manylinux_2_28_aarch64", "aarch64")
    } else {
        ("x86", "manylinux_2_28_x86_64", "x86_64")
    };
    // A wheel, but not the pinned one.
    script(
        here,
        "python3",
        &format!(
            r#"echo "$@" >{}/asked; while [ "$1" != --dest ]; do shift; done; echo wheel >"$2/onnxruntime.whl""#,
            here.display()
        ),
    );
    let package = || {
        let mut command = command(here, &["package", "sentiment", "--binary", machine, "-o", "a.zip"]);
        let output = command.env("PATH", here.join("bin")).env("XDG_CACHE_HOME", here.join("cache"));
        // An empty value counts as none.
        output.env("ORT_DYLIB_PATH", "").output().expect("run")
    };
    let output = package();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("the fetched wheel is not the pinned one"), "{error}");
    let asked = std::fs::read_to_string(here.join("asked")).expect("python3 was run");
    assert!(asked.starts_with("-I -m pip download "), "without the current folder: {asked}");
    assert!(asked.contains(&format!("--platform {platform} ")), "{asked}");
    assert!(asked.contains(&format!("onnxruntime=={VERSION}")), "{asked}");

    let kept = format!("cache/amaas/onnxruntime-{VERSION}-cpu-linux-{cpu}/libonnxruntime.so");
    std::fs::remove_file(here.join("asked")).expect("there");
    std::fs::copy(here.join(format!("{machine}.so")), here.join(kept)).expect("copied");
    let output = package();
    assert!(output.status.success(), "{output:?}");
    assert!(!here.join("asked").exists(), "it was fetched again");
}
