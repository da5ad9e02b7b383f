//! What a function runs on: the two processors that Lambda has, and who calls them what.

use std::fmt;

use clap::ValueEnum;

/// A processor, in Lambda's words.
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
    /// This machine's; `None` where it is one that Lambda does not have.
    pub(crate) fn here() -> Option<Self> {
        [Self::X86_64, Self::Arm64].into_iter().find(|architecture| architecture.cpu() == std::env::consts::ARCH)
    }

    /// Whether this machine's programs can be packaged for it.
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

    /// In Rust's words, and GNU's.
    pub(crate) fn cpu(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// In the words of container images.
    pub(crate) fn oci(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The folder that its libraries have in multiarch systems, and the beginning of its compilers' names.
    pub(crate) fn gnu(self) -> String {
        format!("{}-linux-gnu", self.cpu())
    }

    /// The target that cargo builds for.
    pub(crate) fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.cpu())
    }

    /// What the names of packages end with.
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
