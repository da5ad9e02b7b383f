//! The base of an image without a base image: the loader, the libraries that the programs need, and the few files that glibc and
//! TLS read. All come from this machine, or from the root folder of another system.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use super::certificates;
use super::contents::PackageContents;
use super::elf::ElfInfo;
use super::layer::ImageLayer;
use super::target::TargetSystem;
use crate::architecture::Architecture;
use crate::error::CliError;

/// The files of a system that a package needs.
pub(super) struct SystemLibraries {
    architecture: Architecture,
    roots: Vec<PathBuf>,
    loader: SystemFile,
    libraries: BTreeMap<String, SystemFile>,
    certificates: Vec<u8>,
}

/// A file that was found.
struct SystemFile {
    /// Its path under its root, without the leading slash.
    path: String,
    bytes: Vec<u8>,
    elf: ElfInfo,
}

impl SystemLibraries {
    /// Finds the files that `contents` need in the system at `root`. Without `root` that is this machine, or for another processor the
    /// cross compiler's folder, as Debian and others have it.
    pub(super) fn gather(contents: &PackageContents, root: Option<PathBuf>) -> Result<Self, CliError> {
        let architecture = contents.architecture;
        let roots = match root {
            Some(root) => vec![root],
            None if architecture.is_here() => vec![PathBuf::from("/")],
            None => vec![Path::new("/usr").join(architecture.gnu()), PathBuf::from("/")],
        };
        let interpreter = contents.bootstrap.elf.interpreter.as_deref().unwrap_or_default().trim_start_matches('/');
        let loader = roots.iter().find_map(|root| SystemFile::read(root, interpreter.to_owned(), architecture));
        let loader = loader
            .ok_or_else(|| missing(architecture, &roots, &format!("bootstrap needs the loader /{interpreter}")))?;
        let certificates = match roots.as_slice() {
            [root] => certificates::find(&[root, Path::new("/")])?,
            _ => certificates::find(&[Path::new("/")])?,
        };
        let mut system = Self { architecture, roots, loader, libraries: BTreeMap::new(), certificates };
        system.gather_libraries(contents)?;
        Ok(system)
    }

    /// The layer of all these files.
    pub(super) fn layer(&self) -> ImageLayer<'_> {
        let mut layer = ImageLayer::default();
        for found in self.libraries.values().chain([&self.loader]) {
            layer.program(&found.path, &found.bytes);
        }
        layer.file(certificates::BUNDLE_PATHS[0], &self.certificates);
        layer.file("etc/nsswitch.conf", NSSWITCH.as_bytes());
        layer.file("etc/passwd", PASSWD.as_bytes());
        layer.file("etc/group", GROUP.as_bytes());
        layer.shared_folder("tmp");
        layer
    }

    fn gather_libraries(&mut self, contents: &PackageContents) -> Result<(), CliError> {
        let needed =
            contents.iter().flat_map(|file| file.elf.needed.iter().map(|library| (file.name.clone(), library.clone())));
        let mut queue: VecDeque<(String, String)> = needed.collect();
        while let Some((by, library)) = queue.pop_front() {
            if self.has(&library) || contents.library(&library).is_some() {
                continue;
            }
            let found = self.find(&library);
            let found = found
                .ok_or_else(|| missing(self.architecture, &self.roots, &format!("{by} needs the library {library}")))?;
            // glibc resolves names itself since 2.34. Before, these libraries did, and no program names them.
            if library == "libc.so.6" && !found.elf.defines.contains("GLIBC_2.34") {
                queue.extend(["libnss_dns.so.2", "libnss_files.so.2"].map(|nss| (library.clone(), nss.to_owned())));
            }
            queue.extend(found.elf.needed.iter().map(|needed| (library.clone(), needed.clone())));
            self.libraries.insert(library, found);
        }
        Ok(())
    }

    fn find(&self, library: &str) -> Option<SystemFile> {
        let gnu = self.architecture.gnu();
        let multiarch = [format!("lib/{gnu}"), format!("usr/lib/{gnu}")];
        let folders = multiarch.into_iter().chain(["lib64", "usr/lib64", "lib", "usr/lib"].map(str::to_owned));
        let paths: Vec<_> = folders.map(|folder| format!("{folder}/{library}")).collect();
        let places = self.roots.iter().flat_map(|root| paths.iter().map(move |path| (root, path)));
        places.into_iter().find_map(|(root, path)| SystemFile::read(root, path.clone(), self.architecture))
    }
}

impl SystemFile {
    /// The file at `path` under `root`, if there is one for the architecture.
    fn read(root: &Path, path: String, architecture: Architecture) -> Option<Self> {
        let bytes = std::fs::read(root.join(&path)).ok()?;
        let elf = ElfInfo::parse(&bytes).ok().filter(|elf| elf.architecture == architecture)?;
        Some(Self { path, bytes, elf })
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl TargetSystem for SystemLibraries {
    fn has(&self, library: &str) -> bool {
        self.libraries.contains_key(library) || self.loader.name() == library || is_of_the_driver(library)
    }

    fn has_version(&self, library: &str, version: &str) -> bool {
        let found = self.libraries.get(library).or_else(|| (self.loader.name() == library).then_some(&self.loader));
        found.is_none_or(|found| found.elf.defines.contains(version))
    }

    fn name(&self) -> String {
        format!("the system at {}", list(&self.roots))
    }

    fn without_library(&self) -> String {
        remedy(self.architecture)
    }

    fn without_version(&self) -> String {
        format!(
            "build for an older glibc: `pip install cargo-zigbuild` and --arch {}; or take a newer system with --sysroot or --base",
            self.architecture
        )
    }
}

/// Whether a library comes with NVIDIA's driver: the host mounts it into containers.
pub(super) fn is_of_the_driver(library: &str) -> bool {
    matches!(library, "libcuda.so.1" | "libnvidia-ml.so.1")
}

fn missing(architecture: Architecture, roots: &[PathBuf], what: &str) -> CliError {
    CliError::usage(format!("{what}, for {architecture} not in the system at {}", list(roots)))
        .hint(remedy(architecture))
}

fn remedy(architecture: Architecture) -> String {
    let gnu = architecture.gnu();
    let install = if architecture.is_here() {
        "install it".to_owned()
    } else {
        format!("`apt-get install g++-{}`, which has glibc's and GCC's", gnu.replace('_', "-"))
    };
    format!("{install}, bring it with --include FILE, or take another system with --sysroot or an image with --base")
}

fn list(roots: &[PathBuf]) -> String {
    roots.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(" and ")
}

const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";
const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";
