//! `amaas package --image`: layouts, read by an independent implementation of the format.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use amaas_wire::Digest;
use flate2::read::GzDecoder;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest, OciLayout};
use serde_json::Value;

use crate::package::{folder, put, refused};
use crate::program::{command, json as run};
use crate::sample::{ARM, Sample, X86};

/// The package of these tests, on a system in the folder `root` that has the libraries of both processors.
pub(crate) const X86_IMAGE: [&str; 9] =
    ["package", "sentiment", "--image", "--binary", "x86", "--library", "x86.so", "--sysroot", "root"];
pub(crate) const ARM_IMAGE: [&str; 9] =
    ["package", "sentiment", "--image", "--binary", "arm", "--library", "arm.so", "--sysroot", "root"];

/// The folder of `folder`, and a system in it.
pub(crate) fn system() -> tempfile::TempDir {
    let folder = folder();
    let here = folder.path();
    let glibc = ["GLIBC_2.17", "GLIBC_2.34"];
    put(here, "root/lib64/ld-linux-x86-64.so.2", &Sample::library(X86));
    put(
        here,
        "root/lib/x86_64-linux-gnu/libc.so.6",
        &Sample::library(X86).defining(&glibc).needing("ld-linux-x86-64.so.2", &[]),
    );
    put(here, "root/lib/ld-linux-aarch64.so.1", &Sample::library(ARM));
    put(here, "root/lib/libc.so.6", &Sample::library(ARM).defining(&glibc));
    std::fs::create_dir_all(here.join("root/etc/ssl/certs")).expect("made");
    std::fs::write(here.join("root/etc/ssl/certs/ca-certificates.crt"), "authorities").expect("written");
    folder
}

/// A layout read by an independent implementation, with every digest verified.
pub(crate) struct Layout {
    pub(crate) manifest: ImageManifest,
    pub(crate) config: ImageConfiguration,
    /// Path, mode and length of each layer's files.
    pub(crate) layers: Vec<BTreeMap<String, (u32, u64)>>,
}

impl Layout {
    pub(crate) fn read(folder: &Path) -> Self {
        OciLayout::from_file(folder.join("oci-layout")).expect("a layout");
        let index = ImageIndex::from_file(folder.join("index.json")).expect("an index");
        let [image] = index.manifests().as_slice() else { panic!("one image: {index:?}") };
        let manifest = ImageManifest::from_reader(blob(folder, image).as_slice()).expect("a manifest");
        let config =
            ImageConfiguration::from_reader(blob(folder, manifest.config()).as_slice()).expect("a configuration");
        assert_eq!(image.platform().as_ref().map(oci_spec::image::Platform::architecture), Some(config.architecture()));
        let layers: Vec<_> = manifest.layers().iter().map(|layer| unpacked(&blob(folder, layer))).collect();
        let digests: Vec<_> = layers.iter().map(|tar| format!("sha256:{}", Digest::of(tar))).collect();
        assert_eq!(&digests, config.rootfs().diff_ids());
        assert_eq!(std::fs::read_dir(folder.join("blobs/sha256")).expect("there").count(), layers.len() + 2);
        let layers = layers.iter().map(|tar| contents(tar)).collect();
        Self { manifest, config, layers }
    }

    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let execution = self.config.config().as_ref().expect("how it is run");
        let variables = execution.env().iter().flatten();
        variables
            .map(|variable| variable.split_once('=').expect("a value"))
            .map(|(n, v)| (n.into(), v.into()))
            .collect()
    }
}

pub(crate) fn blob(folder: &Path, descriptor: &Descriptor) -> Vec<u8> {
    let bytes = std::fs::read(folder.join("blobs/sha256").join(descriptor.digest().digest())).expect("there");
    assert_eq!(descriptor.digest().to_string(), format!("sha256:{}", Digest::of(&bytes)));
    assert_eq!(descriptor.size(), bytes.len() as u64);
    bytes
}

fn unpacked(gzip: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut tar).expect("gzip");
    tar
}

fn contents(tar: &[u8]) -> BTreeMap<String, (u32, u64)> {
    let mut archive = tar::Archive::new(tar);
    let mut names = Vec::new();
    let entries = archive.entries().expect("a tar").map(|entry| {
        let entry = entry.expect("an entry");
        let header = entry.header();
        let owner = (header.uid().expect("one"), header.gid().expect("one"));
        assert_eq!((owner, header.mtime().expect("one")), ((0, 0), 0));
        let path = entry.path().expect("UTF-8").display().to_string();
        names.push(path.clone());
        (path, (header.mode().expect("one"), entry.size()))
    });
    let contents = entries.collect();
    assert!(names.is_sorted(), "{names:?}");
    contents
}

#[test]
fn an_image_has_what_the_programs_need_and_no_more() {
    let folder = system();
    let here = folder.path();
    let report = run(here, &X86_IMAGE);
    assert_eq!(report["path"], "target/amaas-sentiment.oci");
    let layout = Layout::read(&here.join("target/amaas-sentiment.oci"));
    assert_eq!((&report["layers"], &report["architecture"]), (&3.into(), &"x86_64".into()));
    let names: Vec<Vec<_>> = layout.layers.iter().map(|layer| layer.keys().map(String::as_str).collect()).collect();
    let system = [
        "etc/",
        "etc/group",
        "etc/nsswitch.conf",
        "etc/passwd",
        "etc/ssl/",
        "etc/ssl/certs/",
        "etc/ssl/certs/ca-certificates.crt",
        "lib/",
        "lib/x86_64-linux-gnu/",
        "lib/x86_64-linux-gnu/libc.so.6",
        "lib64/",
        "lib64/ld-linux-x86-64.so.2",
        "tmp/",
    ];
    assert_eq!(names[0], system);
    assert_eq!(names[1], ["var/", "var/task/", "var/task/lib/", "var/task/lib/libonnxruntime.so"]);
    assert_eq!(names[2], ["var/", "var/task/", "var/task/bootstrap"]);
    assert_eq!(layout.layers[0]["tmp/"].0, 0o1777);
    assert_eq!(layout.layers[0]["etc/passwd"].0, 0o644);
    assert_eq!(layout.layers[2]["var/task/bootstrap"], (0o755, Sample::program(X86).bytes().len() as u64));

    let execution = layout.config.config().as_ref().expect("how it is run");
    assert_eq!(execution.entrypoint().as_deref(), Some(&["/var/task/bootstrap".to_owned()][..]));
    assert_eq!(execution.working_dir().as_deref(), Some("/var/task"));
    assert_eq!(execution.user().as_deref(), Some("65532:65532"));
    assert_eq!(execution.exposed_ports().as_deref(), Some(&["8080/tcp".to_owned()][..]));
    let expected = [
        ("AMAAS_HOST", "0.0.0.0"),
        ("LD_LIBRARY_PATH", "/var/task/lib"),
        ("ORT_DISABLE_TELEMETRY", "1"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ];
    assert_eq!(layout.variables(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let annotations = layout.manifest.annotations().as_ref().expect("some");
    let labels = execution.labels().as_ref().expect("some");
    for name in ["title", "version", "licenses"] {
        let name = format!("org.opencontainers.image.{name}");
        assert_eq!(labels[&name], annotations[&name], "{name}");
    }
    assert_eq!(labels.len(), 3, "{labels:?}");
    assert_eq!(annotations["org.opencontainers.image.title"], "amaas-sentiment");
    assert_eq!(annotations["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(annotations["org.opencontainers.image.licenses"], "Apache-2.0 OR MIT");
    assert_eq!(layout.config.created().as_deref(), Some("1970-01-01T00:00:00Z"));
}

#[test]
fn the_same_files_make_the_same_image() {
    let folder = system();
    let here = folder.path();
    let package = |output: &str| run(here, &[&X86_IMAGE[..], &["-o", output]].concat());
    let (first, second) = (package("a.oci"), package("b.oci"));
    let digest = first["digest"].as_str().expect("a digest");
    assert_eq!(first["digest"], second["digest"]);
    let push = first["push"].as_str().expect("a command");
    assert_eq!(push, "skopeo copy --preserve-digests oci:a.oci docker://REPOSITORY:TAG");
    let index = std::fs::read(here.join("a.oci/index.json")).expect("there");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    assert_eq!(index["manifests"][0]["digest"], digest);
    // A layout is replaced by its next build.
    assert_eq!(package("a.oci")["digest"], digest);
    Layout::read(&here.join("a.oci"));

    let archive = package("a.tar");
    assert_eq!((&archive["digest"], &archive["bytes"]), (&first["digest"], &first["bytes"]));
    assert!(archive["push"].as_str().is_some_and(|push| push.contains(" oci-archive:a.tar ")), "{archive}");
    let tar = |name: &str| std::fs::read(here.join(name)).expect("written");
    package("b.tar");
    assert_eq!(tar("a.tar"), tar("b.tar"));
    tar::Archive::new(tar("a.tar").as_slice()).unpack(here.join("unpacked")).expect("a tar");
    Layout::read(&here.join("unpacked"));

    let other = Sample::program(X86).needing("ld-linux-x86-64.so.2", &[]);
    put(here, "x86", &other);
    let changed = package("c.oci");
    assert_ne!(changed["digest"], first["digest"]);
    let blobs = |layout: &str| Layout::read(&here.join(layout)).manifest.layers().clone();
    assert_eq!(blobs("a.oci")[..2], blobs("c.oci")[..2], "only the program changed");
}

#[test]
fn a_time_is_taken_from_the_environment_and_nowhere_else() {
    let folder = system();
    let here = folder.path();
    let at = |time: &str| {
        let mut command = command(here, &[&X86_IMAGE[..], &["-o", "a.oci"]].concat());
        command.env("SOURCE_DATE_EPOCH", time).output().expect("run")
    };
    assert!(at("1700000000").status.success());
    let config = std::fs::read_dir(here.join("a.oci/blobs/sha256")).expect("there");
    let texts = config.map(|blob| std::fs::read(blob.expect("one").path()).expect("readable"));
    let created =
        texts.filter_map(|text| Some(serde_json::from_slice::<Value>(&text).ok()?["created"].as_str()?.to_owned()));
    assert_eq!(created.collect::<Vec<_>>(), ["2023-11-14T22:13:20Z"]);
    let output = at("yesterday");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("SOURCE_DATE_EPOCH: expected seconds since 1970 up to 4294967295, got yesterday"),
        "{error}"
    );
}

#[test]
fn another_folder_is_not_replaced() {
    let folder = system();
    let here = folder.path();
    let error = refused(here, &[&X86_IMAGE[2..], &["-o", "root"]].concat());
    assert!(error.contains("root: a folder that is not an image layout is there"), "{error}");
    assert!(here.join("root/lib64/ld-linux-x86-64.so.2").is_file());
    let names = std::fs::read_dir(here).expect("there").map(|entry| entry.expect("one").file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')), "something was left behind");
}

#[test]
fn what_the_system_lacks_is_named() {
    let folder = system();
    let here = folder.path();
    put(here, "lost", &Sample::program(X86).needing("libnowhere.so.1", &[]));
    put(here, "new", &Sample::program(X86).needing("libc.so.6", &["GLIBC_2.41"]));
    put(here, "nix", &Sample { interpreter: Some("/nix/ld.so"), ..Sample::program(X86) });
    put(here, "far", &Sample::program(X86).needing("libfar.so", &[]));
    put(here, "root/usr/lib64/libfar.so", &Sample::library(X86).needing("libfarther.so", &[]));
    put(here, "gpu", &Sample::program(X86).needing("libcuda.so.1", &["CUDA"]));
    for (binary, expected) in [
        ("lost", "bootstrap needs the library libnowhere.so.1, for x86_64 not in the system at root"),
        ("lost", "bring it with --include FILE, or take another system with --sysroot or an image with --base"),
        ("far", "libfar.so needs the library libfarther.so, for x86_64"),
        ("nix", "bootstrap needs the loader /nix/ld.so"),
        ("new", "bootstrap needs GLIBC_2.41 of libc.so.6, not in the system at root"),
    ] {
        let error = refused(here, &["--image", "--binary", binary, "--library", "x86.so", "--sysroot", "root"]);
        assert!(error.contains(expected), "{binary}: {error}");
    }
    put(here, "libnowhere.so.1", &Sample::library(X86));
    let include = ["--include", "libnowhere.so.1", "--binary", "lost", "--library", "x86.so", "--sysroot", "root"];
    run(here, &[&X86_IMAGE[..3], &include].concat());
    let layout = Layout::read(&here.join("target/amaas-sentiment.oci"));
    assert!(layout.layers[1].contains_key("var/task/lib/libnowhere.so.1"));
    run(here, &[&X86_IMAGE[..3], &["--binary", "gpu", "--library", "x86.so", "--sysroot", "root"]].concat());
}

#[test]
fn programs_with_hooks_alone_allow_snapshots() {
    let folder = system();
    let here = folder.path();
    let label = |layout: &str| {
        let layout = Layout::read(&here.join(layout));
        let execution = layout.config.config().as_ref().expect("how it is run");
        let labels = execution.labels().as_ref().expect("some");
        labels.get("com.amazonaws.lambda.feature.snapstart").cloned()
    };
    run(here, &[&X86_IMAGE[..], &["-o", "without"]].concat());
    assert_eq!(label("without"), None, "its keys would be in the snapshot");
    let mut program = Sample::program(X86).bytes();
    program.extend_from_slice(b"/2018-06-01/runtime/restore/next");
    std::fs::write(here.join("x86"), program).expect("written");
    run(here, &[&X86_IMAGE[..], &["-o", "with"]].concat());
    assert_eq!(label("with").as_deref(), Some("Allow"));
}
