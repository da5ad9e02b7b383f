//! Amazon Linux 2023, on which Lambda runs zips (`provided.al2023`).
//!
//! The runtime is made from Amazon Linux 2023's minimal container image: glibc 2.34, and `libgcc_s` and `libstdc++` of GCC 11
//! (the package manager there, libdnf, is C++, and lists of the image's packages name libgcc 11.4.1). So a zip contains neither.
//! Those of a newer build machine need a newer glibc (Debian 12's `libgcc_s` 2.35, its `libstdc++` 2.36), and a function would
//! fail because of these copies. Other installed libraries may disappear with any update, so they do not count.

use super::contents::PackageContents;
use super::target::{TargetSystem, check};
use crate::architecture::Architecture;
use crate::error::CliError;

pub(super) struct AmazonLinux(Architecture);

impl AmazonLinux {
    /// Refuses `contents` that need something neither they nor Amazon Linux have.
    pub(super) fn check(contents: &PackageContents) -> Result<(), CliError> {
        let here = Self(contents.architecture);
        let interpreter = contents.bootstrap.elf.interpreter.as_deref().unwrap_or_default();
        if interpreter != here.interpreter() {
            return Err(CliError::usage(format!(
                "bootstrap asks for the loader {interpreter}, where {} has {}",
                here.name(),
                here.interpreter()
            ))
            .hint(here.without_version()));
        }
        check(contents, &here)
    }

    fn interpreter(&self) -> &'static str {
        match self.0 {
            Architecture::X86_64 => "/lib64/ld-linux-x86-64.so.2",
            Architecture::Arm64 => "/lib/ld-linux-aarch64.so.1",
        }
    }
}

impl TargetSystem for AmazonLinux {
    fn has(&self, library: &str) -> bool {
        LIBRARIES.contains(&library) || self.interpreter().rsplit('/').next() == Some(library)
    }

    fn has_version(&self, _library: &str, version: &str) -> bool {
        // glibc's markers of a link format that older loaders do not understand; the first came with 2.36.
        if version.starts_with("GLIBC_ABI_") {
            return false;
        }
        let newest = NEWEST_VERSIONS.iter().find_map(|(prefix, newest)| Some((version.strip_prefix(prefix)?, *newest)));
        newest.is_none_or(|(asked, newest)| number(asked).is_none_or(|asked| asked.as_slice() <= newest))
    }

    fn name(&self) -> String {
        "Amazon Linux 2023 (glibc 2.34, GCC 11), on which Lambda runs zips".to_owned()
    }

    fn without_library(&self) -> String {
        "bring it with --include FILE, or make an image with --image".to_owned()
    }

    fn without_version(&self) -> String {
        format!(
            "build for an older glibc: `pip install cargo-zigbuild` and --arch {}, or a build machine with glibc 2.34 or older \
             such as Amazon Linux 2023 or Debian 11; or make an image with --image, which brings a glibc",
            self.0
        )
    }
}

/// The numbers of a version, such as 2 and 34; `None` for a word such as `PRIVATE`.
fn number(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// The libraries of glibc and GCC.
const LIBRARIES: [&str; 10] = [
    "libanl.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
];

/// The newest symbol versions that glibc 2.34 and GCC 11 define.
const NEWEST_VERSIONS: [(&str, &[u32]); 4] =
    [("GLIBC_", &[2, 34]), ("GLIBCXX_", &[3, 4, 29]), ("CXXABI_", &[1, 3, 13]), ("GCC_", &[11, 0])];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_and_not_texts() {
        let here = AmazonLinux(Architecture::X86_64);
        for (version, there) in [
            ("GLIBC_2.2.5", true),
            ("GLIBC_2.34", true),
            ("GLIBC_2.35", false),
            ("GLIBC_2.100", false),
            ("GLIBC_3.1", false),
            ("GLIBC_PRIVATE", true),
            ("GLIBC_ABI_DT_RELR", false),
            ("GLIBCXX_3.4.9", true),
            ("GLIBCXX_3.4.29", true),
            ("GLIBCXX_3.4.30", false),
            ("CXXABI_1.3.14", false),
            ("CXXABI_TM_1", true),
            ("GCC_4.2.0", true),
            ("GCC_12.0.0", false),
        ] {
            assert_eq!(here.has_version("libc.so.6", version), there, "{version}");
        }
    }
}
