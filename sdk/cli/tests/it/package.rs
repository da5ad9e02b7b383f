//! `amaas package`.

use crate::program::{amaas, command, json};

#[test]
fn the_same_files_make_the_same_zip() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    // Any program and library of one architecture do here; this one is both.
    let elf = [&b"\x7fELF\x02\x01"[..], &[0; 12], &[62, 0], b"code"].concat();
    std::fs::write(here.join("elf"), &elf).expect("written");
    let package =
        |output: &str| json(here, &["package", "sentiment", "--binary", "elf", "--library", "elf", "--output", output]);
    let (first, second) = (package("a.zip"), package("b.zip"));
    assert_eq!(first["sha256"], second["sha256"]);
    assert_eq!(first["architecture"], "x86_64");

    let zip = std::fs::File::open(here.join("a.zip")).expect("written");
    let mut zip = zip::ZipArchive::new(zip).expect("a zip");
    let names: Vec<_> = zip.file_names().map(|name| name.expect("UTF-8").into_owned()).collect();
    assert_eq!(names, ["bootstrap", "lib/libonnxruntime.so"]);
    assert_eq!(zip.by_name("bootstrap").expect("there").unix_mode().map(|mode| mode & 0o777), Some(0o755));
}

#[test]
fn the_zip_lies_where_cargo_builds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    std::fs::write(here.join("elf"), [&b"\x7fELF\x02\x01"[..], &[0; 12], &[62, 0]].concat()).expect("written");
    for (function, target, expected) in
        [("sentiment", "", "target"), ("names", "", "target"), ("digits", "elsewhere", "elsewhere")]
    {
        let mut command = command(here, &["package", function, "--binary", "elf", "--library", "elf"]);
        let output = command.env("CARGO_TARGET_DIR", target).output().expect("run");
        assert!(output.status.success(), "{output:?}");
        assert!(here.join(expected).join(format!("amaas-{function}.zip")).is_file());
    }
}

#[test]
fn architectures_must_agree() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let elf = |machine: u8| [&b"\x7fELF\x02\x01"[..], &[0; 12], &[machine, 0]].concat();
    std::fs::write(here.join("x86"), elf(62)).expect("written");
    std::fs::write(here.join("arm"), elf(183)).expect("written");
    std::fs::write(here.join("text"), "text").expect("written");
    for (binary, library, expected) in [
        ("x86", "arm", "is not for x86_64, as the binary is"),
        ("text", "arm", "not a 64-bit Linux program"),
        ("x86", "missing", "missing: No such file"),
    ] {
        let output = amaas(here, &["package", "sentiment", "--binary", binary, "--library", library, "-o", "a.zip"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
