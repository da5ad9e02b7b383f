//! The two processor architectures of Lambda, and their names in other systems.

use std::fmt;

use clap::ValueEnum;

/// A processor architecture, by Lambda's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    /// Also written amd64
    #[value(name = "x86_64", alias = "amd64")]
    X86_64,
    /// Also written aarch64
    #[value(name = "arm64", alias = "aarch64")]
    Arm64,
}

impl Architecture {
    /// This machine's; `None` if Lambda does not have it.
    pub(crate) fn here() -> Option<Self> {
        [Self::X86_64, Self::Arm64].into_iter().find(|architecture| architecture.cpu() == std::env::consts::ARCH)
    }

    /// Whether programs of this machine run on it.
    pub(crate) fn is_here(self) -> bool {
        std::env::consts::OS == "linux" && Self::here() == Some(self)
    }

    /// The one with this `e_machine` in ELF files.
    pub(crate) fn of_elf(machine: u16) -> Option<Self> {
        // EM_X86_64 and EM_AARCH64.
        match machine {
            62 => Some(Self::X86_64),
            183 => Some(Self::Arm64),
            _ => None,
        }
    }

    /// Its name in Rust and GNU targets.
    pub(crate) fn cpu(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// Its name in container images.
    pub(crate) fn oci(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The folder of its libraries in multiarch systems, and the prefix of its compilers.
    pub(crate) fn gnu(self) -> String {
        format!("{}-linux-gnu", self.cpu())
    }

    /// Cargo's target.
    pub(crate) fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.cpu())
    }

    /// The suffix of package names.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::X86_64 => "",
            Self::Arm64 => "-arm64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}
