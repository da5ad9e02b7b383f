//! Recognises files that publishers mistake for ONNX files, by their first bytes.

use prost::encoding::decode_varint;

/// The recognised format of `file`, and what the publisher can do.
pub(super) fn sniff(file: &[u8]) -> Option<String> {
    let text = file.trim_ascii_start();
    let is_html = text.get(..5).is_some_and(|start| {
        [&b"<!doc"[..], b"<html"].iter().any(|tag| start.eq_ignore_ascii_case(tag)) || start.starts_with(b"<?xml")
    });
    let message = if is_lfs_pointer(file) {
        LFS_POINTER
    } else if is_html {
        "it is a web page, such as that of a file or of an error; download the file itself"
    } else if file.starts_with(b"PK\x03\x04") {
        if contains(file, b"data.pkl") {
            "it is a checkpoint of PyTorch; torch.onnx.export makes an ONNX file of the model"
        } else {
            "it is a zip archive; publish the ONNX file that is in it"
        }
    } else if file.starts_with(b"\x80\x02") || file.starts_with(b"\x80\x04") {
        "it is a pickle, such as a checkpoint of PyTorch or a model of scikit-learn; export the model to ONNX"
    } else if file.get(8) == Some(&b'{') && file.get(6..8) == Some(&[0, 0]) {
        "it is a file of safetensors, which has weights and no network; export the model to ONNX"
    } else if file.starts_with(b"GGUF") {
        "it is a GGUF file of llama.cpp; export the model to ONNX"
    } else if file.get(4..8) == Some(b"TFL3") {
        "it is a model of TensorFlow Lite; tf2onnx makes an ONNX file of it"
    } else if file.starts_with(b"\x89HDF") {
        "it is an HDF5 file, such as a model of Keras; tf2onnx makes an ONNX file of the model"
    } else if file.starts_with(b"\x1f\x8b") {
        "it is compressed with gzip; unpack it first"
    } else {
        let expected = expected_size(file)?;
        let got = file.len();
        return Some(format!(
            "it ends after {got} bytes, of at least {expected}: the file was cut off; download or copy it again"
        ));
    };
    Some(message.to_owned())
}

/// Whether `file` is a Git LFS pointer.
pub(super) fn is_lfs_pointer(file: &[u8]) -> bool {
    file.starts_with(b"version https://git-lfs.github.com/spec/")
}

/// The message for a Git LFS pointer.
pub(super) const LFS_POINTER: &str =
    "it is a pointer of Git LFS, and not the file that it points to; `git lfs pull` fetches that";

fn contains(file: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(&file[..file.len().min(MAX_SEARCHED_BYTES)], what).is_some()
}

/// The least number of bytes of a truncated ONNX file, by the lengths of its fields; `None` if it is not truncated.
fn expected_size(file: &[u8]) -> Option<u64> {
    // The IR version is the first field.
    let mut rest = file.strip_prefix(&[0x08]).map(|_| file)?;
    let skip = |rest: &mut &[u8], count: u64| {
        let tail = usize::try_from(count).ok().and_then(|count| rest.get(count..));
        tail.map(|tail| *rest = tail)
    };
    while !rest.is_empty() {
        match decode_varint(&mut rest).ok()? & 7 {
            0 => drop(decode_varint(&mut rest).ok()?),
            1 => skip(&mut rest, 8)?,
            2 => {
                let size = decode_varint(&mut rest).ok()?;
                let end = ((file.len() - rest.len()) as u64).checked_add(size)?;
                if end > file.len() as u64 {
                    return Some(end);
                }
                skip(&mut rest, size)?;
            }
            5 => skip(&mut rest, 4)?,
            _ => return None,
        }
    }
    None
}

/// The central directory is at the end of an archive, but the first file's name is at its beginning.
const MAX_SEARCHED_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_for_an_onnx_file_is_named() {
        let cut = [&[0x08, 9, 0x3a, 0xe8, 0x07][..], &[0; 100]].concat();
        for (file, expected) in [
            (&b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"[..], "`git lfs pull` fetches that"),
            (b"\n <!DOCTYPE html><html>", "a web page"),
            (b"<HTML>", "a web page"),
            (b"PK\x03\x04....archive/data.pkl", "torch.onnx.export"),
            (b"PK\x03\x04....model.onnx", "zip archive"),
            (b"\x80\x02}q\x00", "a pickle"),
            (b"\x40\x00\x00\x00\x00\x00\x00\x00{\"w\":", "safetensors"),
            (b"GGUF\x03\x00", "GGUF"),
            (b"\x1c\x00\x00\x00TFL3", "tf2onnx"),
            (b"\x89HDF\r\n", "HDF5"),
            (b"\x1f\x8b\x08", "gzip"),
            (&cut, "it ends after 105 bytes, of at least 1005"),
        ] {
            let message = sniff(file).unwrap_or_default();
            assert!(message.contains(expected), "{expected}: {message:?}");
        }
        for file in [
            &b""[..],
            b"no",
            b"\x08",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x08\x09\x3a\x00",
            &[0xff; 64],
        ] {
            assert_eq!(sniff(file), None, "{file:?}");
        }
    }
}
