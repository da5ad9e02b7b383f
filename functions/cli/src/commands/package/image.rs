//! The container image of a function, as an OCI layout that any tool can push: base, libraries, then the program, which changes
//! most often. Nothing is executed to make it, and the same files give the same digest.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use oci_spec::image::{
    Arch, Config, Descriptor, History, ImageConfiguration, ImageManifestBuilder, MediaType, Os, Platform,
};

use super::base::OpenedBaseImage;
use super::certificates;
use super::contents::PackageContents;
use super::layer::ImageLayer;
use super::layout::{LayoutWriter, is_archive};
use super::megabytes;
use super::system::SystemLibraries;
use super::target::check;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

/// The base of an image.
pub(super) enum BaseImageSource {
    /// The image in this layout folder.
    Image(PathBuf),
    /// Libraries of the system at this root, or of this machine or its cross compiler.
    System(Option<PathBuf>),
}

/// Writes the image of `function` to `path`.
pub(super) fn write(
    settings: &Settings,
    function: &str,
    contents: &PackageContents,
    base: BaseImageSource,
    path: &Path,
) -> Result<(), CliError> {
    let time = time()?;
    let layout = LayoutWriter::begin(path, time.as_second().unsigned_abs())?;
    let mut image = ImageBuilder::new(&layout, contents, time);
    match base {
        BaseImageSource::Image(folder) => image.build_on(OpenedBaseImage::open(folder, contents)?, contents)?,
        BaseImageSource::System(root) => {
            let system = SystemLibraries::gather(contents, root)?;
            check(contents, &system)?;
            image.add("the loader and the libraries that the programs need", &system.layer())?;
        }
    }
    image.add_contents(contents)?;
    let layers = image.layers.len();
    let manifest = image.finish(function, contents)?;
    let digest = manifest.digest().to_string();
    let bytes = layout.finish(manifest)?;
    report(settings, contents, path, layers, &digest, bytes)
}

fn report(
    settings: &Settings,
    contents: &PackageContents,
    path: &Path,
    layers: usize,
    digest: &str,
    bytes: u64,
) -> Result<(), CliError> {
    let transport = if is_archive(path) { "oci-archive" } else { "oci" };
    // Without the option, skopeo may rewrite the manifest.
    let push = format!("skopeo copy --preserve-digests {transport}:{} docker://REPOSITORY:TAG", path.display());
    if settings.json {
        return output::json(&serde_json::json!({
            "path": path, "bytes": bytes, "layers": layers, "architecture": contents.architecture.to_string(),
            "digest": digest, "push": push,
        }));
    }
    output::line(format_args!(
        "{}  {:.1} MB in {layers} layers, {}",
        path.display(),
        megabytes(usize::try_from(bytes).unwrap_or(usize::MAX)),
        contents.architecture
    ))?;
    output::line(format_args!("digest {digest}"))?;
    output::line(format_args!("push   {push}"))
}

/// Builds an image.
struct ImageBuilder<'a> {
    layout: &'a LayoutWriter,
    layers: Vec<Descriptor>,
    annotations: HashMap<String, String>,
    config: ImageConfiguration,
    env: Vec<String>,
    labels: HashMap<String, String>,
    /// The certificates that go with the libraries, if the base has none.
    certificates: Option<Vec<u8>>,
}

impl<'a> ImageBuilder<'a> {
    fn new(layout: &'a LayoutWriter, contents: &PackageContents, time: Timestamp) -> Self {
        let mut config = ImageConfiguration::default();
        config.set_created(Some(time.to_string()));
        config.set_architecture(Arch::from(contents.architecture.oci())).set_os(Os::Linux);
        let (annotations, labels) = (HashMap::new(), HashMap::new());
        Self { layout, layers: Vec::new(), annotations, config, env: Vec::new(), labels, certificates: None }
    }

    /// Takes over the layers and the environment of `base`.
    fn build_on(&mut self, base: OpenedBaseImage, contents: &PackageContents) -> Result<(), CliError> {
        check(contents, &base)?;
        for layer in &base.layers {
            let (path, digest) = base.blob(layer)?;
            self.layout.copy(&path, digest)?;
        }
        if !base.has_certificates() {
            self.certificates = Some(certificates::find(&[Path::new("/")])?);
        }
        self.annotations.insert(format!("{ANNOTATION}base.digest"), base.digest);
        self.layers = base.layers;
        self.config.set_rootfs(base.config.rootfs().clone()).set_history(base.config.history().clone());
        if let Some(execution) = base.config.config() {
            self.env = execution.env().clone().unwrap_or_default();
            self.labels = execution.labels().clone().unwrap_or_default();
        }
        Ok(())
    }

    fn add_contents(&mut self, contents: &PackageContents) -> Result<(), CliError> {
        let mut libraries = ImageLayer::default();
        for file in &contents.libraries {
            libraries.program(&format!("{LAMBDA_TASK_ROOT}/{}", file.name), &file.bytes);
        }
        let certificates = self.certificates.take();
        if let Some(certificates) = &certificates {
            libraries.file(CERTIFICATES_PATH, certificates);
            self.set("SSL_CERT_FILE", &format!("/{CERTIFICATES_PATH}"));
        }
        self.add("ONNX Runtime", &libraries)?;
        let mut program = ImageLayer::default();
        program.program(&format!("{LAMBDA_TASK_ROOT}/{}", contents.bootstrap.name), &contents.bootstrap.bytes);
        self.add("the function", &program)
    }

    fn add(&mut self, what: &str, layer: &ImageLayer<'_>) -> Result<(), CliError> {
        let (descriptor, digest) = self.layout.layer(layer)?;
        self.layers.push(descriptor);
        let mut files = self.config.rootfs().clone();
        files.diff_ids_mut().push(format!("sha256:{digest}"));
        let mut step = History::default();
        step.set_created(self.config.created().clone()).set_created_by(Some(format!("amaas package: {what}")));
        let mut history = self.config.history().clone().unwrap_or_default();
        history.push(step);
        self.config.set_rootfs(files).set_history(Some(history));
        Ok(())
    }

    fn finish(mut self, function: &str, contents: &PackageContents) -> Result<Descriptor, CliError> {
        // As in Lambda's zips: every library finds those of --include in the folder of ONNX Runtime.
        let libraries = match self.variable("LD_LIBRARY_PATH") {
            Some(folders) => format!("/{LAMBDA_TASK_ROOT}/lib:{folders}"),
            None => format!("/{LAMBDA_TASK_ROOT}/lib"),
        };
        self.set("LD_LIBRARY_PATH", &libraries);
        if self.variable("PATH").is_none() {
            self.set("PATH", "/usr/local/bin:/usr/bin:/bin");
        }
        self.set("AMAAS_HOST", "0.0.0.0");
        self.set("ORT_DISABLE_TELEMETRY", "1");
        let names = names(function);
        self.annotations.extend(names.clone());
        self.labels.extend(names);
        self.labels.remove(SNAPSTART);
        if memchr::memmem::find(&contents.bootstrap.bytes, RESTORE_REQUEST).is_some() {
            self.labels.insert(SNAPSTART.to_owned(), "Allow".to_owned());
        }
        let mut execution = Config::default();
        execution.set_user(Some("65532:65532".to_owned())).set_exposed_ports(Some(vec!["8080/tcp".to_owned()]));
        execution
            .set_entrypoint(Some(vec![format!("/{LAMBDA_TASK_ROOT}/bootstrap")]))
            .set_working_dir(Some(format!("/{LAMBDA_TASK_ROOT}")));
        execution.set_env(Some(self.env)).set_labels(Some(self.labels));
        self.config.set_config(Some(execution));
        let mut platform = Platform::default();
        platform.set_architecture(self.config.architecture().clone()).set_os(Os::Linux);
        let manifest = ImageManifestBuilder::default()
            .schema_version(2_u32)
            .media_type(MediaType::ImageManifest)
            .config(self.layout.document(MediaType::ImageConfig, &self.config)?)
            .layers(self.layers)
            .annotations(self.annotations)
            .build()
            .map_err(CliError::new)?;
        let mut descriptor = self.layout.document(MediaType::ImageManifest, &manifest)?;
        let reference = HashMap::from([(format!("{ANNOTATION}ref.name"), VERSION.to_owned())]);
        descriptor.set_platform(Some(platform)).set_annotations(Some(reference));
        Ok(descriptor)
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.env.iter().find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='))
    }

    fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|variable| variable.split('=').next() != Some(name));
        self.env.push(format!("{name}={value}"));
    }
}

/// The image's description, as annotations for registries and labels for container engines.
fn names(function: &str) -> HashMap<String, String> {
    [("title", function), ("version", VERSION), ("licenses", env!("CARGO_PKG_LICENSE"))]
        .map(|(name, value)| (format!("{ANNOTATION}{name}"), value.to_owned()))
        .into()
}

/// The one time stamp of the image. It is constant, so that the digest is reproducible.
pub(super) fn time() -> Result<Timestamp, CliError> {
    let Some(seconds) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(Timestamp::UNIX_EPOCH) };
    let parsed = seconds.to_str().and_then(|seconds| seconds.parse::<u32>().ok());
    let time = parsed.and_then(|seconds| Timestamp::from_second(seconds.into()).ok());
    time.ok_or_else(|| {
        CliError::usage(format!(
            "SOURCE_DATE_EPOCH: expected seconds since 1970 up to {}, got {}",
            u32::MAX,
            seconds.display()
        ))
    })
}

/// Lambda's folder of a function's code, without the leading slash.
const LAMBDA_TASK_ROOT: &str = "var/task";
/// The path of certificates that the base lacks. The base's own folder for them may be a link elsewhere.
const CERTIFICATES_PATH: &str = "var/task/certificates.pem";
/// Lets Lambda take a snapshot of a ready program. Only programs with hooks get it: they drop their keys before a snapshot
/// (`host/lambda.rs` of amaas-serve); others would leave keys in it. An image with both was not tried on Lambda.
const SNAPSTART: &str = "com.amazonaws.lambda.feature.snapstart";
/// The request to the Runtime API of a program with hooks.
const RESTORE_REQUEST: &[u8] = b"/runtime/restore/next";
const ANNOTATION: &str = "org.opencontainers.image.";
const VERSION: &str = env!("CARGO_PKG_VERSION");
