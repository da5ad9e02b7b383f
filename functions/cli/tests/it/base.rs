//! `amaas package --image --base`: images on base images, and refused base images.

use std::path::{Path, PathBuf};

use amaas_wire::Digest;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType};
use serde_json::{Value, json};

use crate::image::{ARM_IMAGE, Layout, X86_IMAGE, blob, system};
use crate::package::{put, refused};
use crate::program::json as run;
use crate::sample::{Sample, X86};

/// A layout `base` for both processors, as a copy of all platforms is: its index has an index. The images have an environment of their
/// own, as other tools write it, and further members.
fn base(here: &Path) -> PathBuf {
    let mut images = Vec::new();
    let base = here.join("base");
    std::fs::create_dir_all(base.join("blobs/sha256")).expect("made");
    for image in [X86_IMAGE, ARM_IMAGE] {
        run(here, &[&image[..], &["-o", "one"]].concat());
        let layout = here.join("one");
        let index: Value =
            serde_json::from_slice(&std::fs::read(layout.join("index.json")).expect("there")).expect("JSON");
        for blob in std::fs::read_dir(layout.join("blobs/sha256")).expect("there") {
            let blob = blob.expect("one");
            std::fs::copy(blob.path(), base.join("blobs/sha256").join(blob.file_name())).expect("copied");
        }
        let digest = |value: &Value| value["digest"].as_str().expect("a digest")[7..].to_owned();
        let read = |digest: &str| {
            let text = std::fs::read(base.join("blobs/sha256").join(digest)).expect("there");
            serde_json::from_slice::<Value>(&text).expect("JSON")
        };
        let mut manifest = read(&digest(&index["manifests"][0]));
        let mut config = read(&digest(&manifest["config"]));
        config["config"]["Env"] = json!(["PATH=/opt/bin:/bin", "LD_LIBRARY_PATH=/opt/lib", "CUDA_VERSION=13.0"]);
        config["config"]["Labels"] =
            json!({ "maintainer": "others", "com.amazonaws.lambda.feature.snapstart": "Allow" });
        config["config"]["Cmd"] = json!(["/bin/bash"]);
        config["config"]["Entrypoint"] = Value::Null;
        config["config"]["Healthcheck"] = json!({ "Test": ["NONE"] });
        manifest["config"] = written(&base, &config, "application/vnd.docker.container.image.v1+json");
        manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json".into();
        for layer in manifest["layers"].as_array_mut().expect("layers") {
            layer["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip".into();
        }
        let mut descriptor = written(&base, &manifest, "application/vnd.docker.distribution.manifest.v2+json");
        descriptor["platform"] = index["manifests"][0]["platform"].clone();
        images.push(descriptor);
    }
    images.push(json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 2, "digest": format!("sha256:{}", "0".repeat(64)),
        "platform": { "os": "windows", "architecture": "amd64" },
    }));
    let inner = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": images });
    let outer = json!({ "schemaVersion": 2, "manifests": [written(&base, &inner, INDEX)] });
    std::fs::write(base.join("index.json"), outer.to_string()).expect("written");
    std::fs::write(base.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
    base
}

/// Writes `document` into the layout, and returns its descriptor.
fn written(layout: &Path, document: &Value, media_type: &str) -> Value {
    let text = document.to_string();
    let digest = Digest::of(text.as_bytes());
    std::fs::write(layout.join("blobs/sha256").join(digest.to_string()), &text).expect("written");
    json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": text.len() })
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[test]
fn an_image_is_built_on_the_one_for_its_processor() {
    let folder = system();
    let here = folder.path();
    base(here);
    for (binary, image) in [("x86", X86_IMAGE), ("arm", ARM_IMAGE)] {
        run(here, &[&image[..], &["-o", "below"]].concat());
        let below = Layout::read(&here.join("below"));
        let library = format!("{binary}.so");
        run(
            here,
            &["package", "match", "--image", "--binary", binary, "--library", &library, "--base", "base", "-o", "on"],
        );
        let manifest = manifest(&here.join("on"));
        assert_eq!(manifest.layers()[..3].iter().map(Descriptor::digest).collect::<Vec<_>>(), digests(&below.manifest));
        assert!(manifest.layers().iter().all(|layer| *layer.media_type() == MediaType::ImageLayerGzip));
        assert_eq!(manifest.layers().len(), 5);
        let config =
            ImageConfiguration::from_reader(blob(&here.join("on"), manifest.config()).as_slice()).expect("one");
        assert_eq!(config.rootfs().diff_ids()[..3], below.config.rootfs().diff_ids()[..]);
        assert_eq!(config.history().as_deref().map(<[_]>::len), Some(5));
        let execution = config.config().as_ref().expect("how it is run");
        assert_eq!(execution.entrypoint().as_deref(), Some(&["/var/task/bootstrap".to_owned()][..]));
        assert_eq!(execution.cmd(), &None);
        let labels = execution.labels().as_ref().expect("some");
        assert_eq!(labels["maintainer"], "others");
        assert_eq!(labels.get("com.amazonaws.lambda.feature.snapstart"), None, "it was said of the base's program");
        let expected = [
            "PATH=/opt/bin:/bin",
            "CUDA_VERSION=13.0",
            "LD_LIBRARY_PATH=/var/task/lib:/opt/lib",
            "AMAAS_HOST=0.0.0.0",
            "ORT_DISABLE_TELEMETRY=1",
        ];
        assert_eq!(execution.env().as_deref(), Some(&expected.map(str::to_owned)[..]));
        let annotations = manifest.annotations().as_ref().expect("some");
        assert_eq!(annotations["org.opencontainers.image.title"], "amaas-match");
        assert!(annotations["org.opencontainers.image.base.digest"].starts_with("sha256:"));
    }
}

fn manifest(layout: &Path) -> ImageManifest {
    let index = ImageIndex::from_file(layout.join("index.json")).expect("an index");
    ImageManifest::from_reader(blob(layout, &index.manifests()[0]).as_slice()).expect("a manifest")
}

fn digests(manifest: &ImageManifest) -> Vec<&oci_spec::image::Digest> {
    manifest.layers().iter().map(Descriptor::digest).collect()
}

#[test]
fn a_base_that_is_not_what_is_needed_is_refused() {
    let folder = system();
    let here = folder.path();
    let base = base(here);
    put(here, "lost", &Sample::program(X86).needing("libnowhere.so.1", &[]));
    put(here, "new", &Sample::program(X86).needing("libc.so.6", &["GLIBC_2.41"]));
    let on = |binary: &str, base: &str| {
        refused(here, &["--image", "--binary", binary, "--library", "x86.so", "--base", base])
    };
    for (binary, expected) in [
        ("lost", "bootstrap needs libnowhere.so.1, not in the base image base"),
        ("new", "bootstrap needs GLIBC_2.41 of libc.so.6, not in the base image base"),
    ] {
        let error = on(binary, "base");
        assert!(error.contains(expected), "{error}");
    }
    run(here, &[&ARM_IMAGE[..], &["-o", "arm.oci"]].concat());
    let error = on("x86", "arm.oci");
    assert!(error.contains("arm.oci: it has no image for linux/amd64; what it has: linux/arm64"), "{error}");
    let error = on("x86", "root");
    assert!(error.contains("root: not an image layout: it has no file oci-layout"), "{error}");

    let index = std::fs::read_to_string(base.join("index.json")).expect("there");
    for (digest, expected) in [
        (
            "sha256:../../../x86",
            "base/index.json: not the document that an image layout has there: Invalid encoded value",
        ),
        ("sha512:00", "Invalid digest length 2 expected 128"),
        (&format!("sha512:{}", "0".repeat(128)), "expected a digest sha256:… of 64 lower-case hexadecimal digits"),
    ] {
        let mut index: Value = serde_json::from_str(&index).expect("JSON");
        index["manifests"][0]["digest"] = digest.into();
        std::fs::write(base.join("index.json"), index.to_string()).expect("written");
        let error = on("x86", "base");
        assert!(error.contains(expected), "{error}");
    }
    let text: Value = serde_json::from_str(&index).expect("JSON");
    std::fs::write(base.join("index.json"), json!({ "schemaVersion": 2, "manifests": [] }).to_string())
        .expect("written");
    assert!(on("x86", "base").contains("no image for linux/amd64; what it has: none"));
    std::fs::write(base.join("index.json"), text.to_string()).expect("written");
    assert!(!here.join("target/amaas-sentiment.oci").exists());
}

#[test]
fn a_tampered_blob_is_refused_whichever_it_is() {
    let folder = system();
    let here = folder.path();
    run(here, &[&X86_IMAGE[..], &["-o", "base"]].concat());
    let arguments = ["--image", "--binary", "x86", "--library", "x86.so", "--base", "base", "-o", "on"];
    let mut tampered = 0;
    for blob in std::fs::read_dir(here.join("base/blobs/sha256")).expect("there") {
        let path = blob.expect("one").path();
        let right = std::fs::read(&path).expect("readable");
        let mut wrong = right.clone();
        // The last byte, of JSON a brace, of gzip its length: a text or stream of the same size.
        *wrong.last_mut().expect("some") ^= 1;
        for wrong in [wrong.as_slice(), &right[1..], &[]] {
            std::fs::write(&path, wrong).expect("written");
            let error = refused(here, &arguments);
            assert!(error.contains("the blob is not what its image names"), "{error}");
            tampered += 1;
        }
        std::fs::remove_file(&path).expect("there");
        assert!(refused(here, &arguments).contains("No such file"));
        std::fs::write(&path, right).expect("written");
    }
    assert_eq!(tampered, 15);
    run(here, &[&["package", "sentiment"], &arguments[..]].concat());
}

/// A layout `base` with an image for x86-64, after `change` edited its manifest and its configuration.
fn changed_base(here: &Path, change: impl FnOnce(&mut Value, &mut Value)) {
    run(here, &[&X86_IMAGE[..], &["-o", "base"]].concat());
    let base = here.join("base");
    let mut manifest = serde_json::to_value(manifest(&base)).expect("JSON");
    let digest = manifest["config"]["digest"].as_str().expect("a digest").to_owned();
    let config = std::fs::read(base.join("blobs/sha256").join(&digest[7..])).expect("there");
    let mut config: Value = serde_json::from_slice(&config).expect("JSON");
    change(&mut manifest, &mut config);
    manifest["config"] = written(&base, &config, "application/vnd.oci.image.config.v1+json");
    let image = written(&base, &manifest, "application/vnd.oci.image.manifest.v1+json");
    let index = json!({ "schemaVersion": 2, "manifests": [image] });
    std::fs::write(base.join("index.json"), index.to_string()).expect("written");
}

#[test]
fn a_layer_that_is_not_read_here_is_taken_over_as_it_is() {
    let folder = system();
    let here = folder.path();
    let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    changed_base(here, |manifest, _| manifest["layers"][0]["mediaType"] = zstd.into());
    put(here, "lost", &Sample::program(X86).needing("libnowhere.so.1", &[]));
    // It may be in that layer.
    run(
        here,
        &["package", "match", "--image", "--binary", "lost", "--library", "x86.so", "--base", "base", "-o", "on"],
    );
    let manifest = manifest(&here.join("on"));
    assert_eq!(manifest.layers()[0].media_type(), &MediaType::ImageLayerZstd);
    assert_eq!(manifest.layers()[1].media_type(), &MediaType::ImageLayerGzip);
}

#[test]
fn authorities_are_brought_where_the_base_has_none() {
    let folder = system();
    let here = folder.path();
    changed_base(here, |manifest, config| {
        let drop_first = |list: &mut Value| drop(list.as_array_mut().expect("a list").remove(0));
        drop_first(&mut manifest["layers"]);
        drop_first(&mut config["rootfs"]["diff_ids"]);
        drop_first(&mut config["history"]);
    });
    put(here, "free", &Sample { interpreter: Some("/lib64/ld-linux-x86-64.so.2"), ..Sample::library(X86) });
    run(
        here,
        &["package", "match", "--image", "--binary", "free", "--library", "x86.so", "--base", "base", "-o", "on"],
    );
    let layout = Layout::read(&here.join("on"));
    assert_eq!(layout.variables()["SSL_CERT_FILE"], "/var/task/certificates.pem");
    assert_eq!(layout.layers[2]["var/task/certificates.pem"].0, 0o644);
    assert!(layout.layers[2]["var/task/certificates.pem"].1 > 0);
}

#[test]
fn the_configuration_must_be_of_the_layers() {
    let folder = system();
    let here = folder.path();
    for (diff_ids, expected) in [
        (1, "the image's configuration is not of as many layers as it has"),
        (3, "where the image's configuration says"),
    ] {
        changed_base(here, |_, config| {
            let first = config["rootfs"]["diff_ids"][0].clone();
            config["rootfs"]["diff_ids"] = vec![first; diff_ids].into();
        });
        let error = refused(here, &["--image", "--binary", "x86", "--library", "x86.so", "--base", "base"]);
        assert!(error.contains(expected), "{error}");
    }
}
