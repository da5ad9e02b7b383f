//! `amaas env`: the Terraform or `tofu` outputs of a deployed model, as assignments for a shell.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;

use amaas_local::dev::quoted;

use crate::arguments::EnvArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

type VariableMap = BTreeMap<String, String>;

/// The output `env`: a map by model in the root module, one set of variables in a stack of one model.
#[derive(Deserialize)]
#[serde(untagged)]
enum EnvOutput {
    One(VariableMap),
    ByModel(BTreeMap<String, VariableMap>),
}

pub(crate) fn run(settings: &Settings, arguments: &EnvArguments) -> Result<(), CliError> {
    let written = env_output(&arguments.terraform, arguments.command.as_deref())?;
    let written = serde_json::from_slice(&written).map_err(|error| {
        CliError::new(format!("the output `env` of {} is none of amaas: {error}", arguments.terraform.display()))
            .hint("hand the output of the module on: output \"env\" { value = module.amaas.env }")
    })?;
    let variables = select_variables(written, arguments.model.as_deref())?;
    if let Some(name) = variables.keys().find(|name| !is_exported_name(name)) {
        return Err(CliError::new(format!("the output `env` has {name:?}, which is no variable of amaas")).hint(
            "it may have AMAAS_… and AWS_REGION: a shell evaluates the lines, and others would change what it runs",
        ));
    }
    if settings.json {
        return output::json(&variables);
    }
    if !variables.contains_key("AMAAS_ENDPOINT") {
        output::note("no AMAAS_ENDPOINT: the model has no URL (url.mode is OFF), so only its alias can be invoked");
    }
    for (name, value) in &variables {
        output::line(format_args!("export {name}={}", quoted(value)))?;
    }
    Ok(())
}

/// The output `env` of the configuration in `folder`, as JSON.
fn env_output(folder: &Path, named: Option<&Path>) -> Result<Vec<u8>, CliError> {
    if !folder.is_dir() {
        return Err(CliError::usage(format!("{} is not a folder", folder.display()))
            .hint("give the folder in which you ran `terraform apply`, such as infra/examples/minimal"));
    }
    let (program, ran) = match named {
        Some(program) => (program, run_in(program, folder).map_err(|error| not_run(program, &error))?),
        None => run_first_installed(folder)?,
    };
    if ran.status.success() {
        return Ok(ran.stdout);
    }
    let program = program.display();
    Err(CliError::new(format!("{program} has no output `env` in {}: {}", folder.display(), failure_reason(&ran)))
        .hint(format!("run `{program} init` and `{program} apply` there first")))
}

/// Why a program failed: its error, without the warnings before it and the frame around it.
fn failure_reason(ran: &Output) -> String {
    let said = String::from_utf8_lossy(&ran.stderr);
    let error = said.find("Error: ").map_or(&*said, |start| &said[start..]);
    let words: Vec<_> = error.split_whitespace().filter(|word| !word.chars().all(|c| "│╷╵".contains(c))).collect();
    if words.is_empty() { format!("it said nothing, and ended with {}", ran.status) } else { words.join(" ") }
}

/// The output of the first of [`PROGRAMS`] that is installed.
fn run_first_installed(folder: &Path) -> Result<(&'static Path, Output), CliError> {
    for program in PROGRAMS.map(Path::new) {
        match run_in(program, folder) {
            Ok(ran) => return Ok((program, ran)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(not_run(program, &error)),
        }
    }
    Err(CliError::usage(format!("neither {} is installed and on PATH", PROGRAMS.join(" nor ")))
        .hint("install one of them, or name a program with --command"))
}

fn run_in(program: &Path, folder: &Path) -> io::Result<Output> {
    let mut chdir = std::ffi::OsString::from("-chdir=");
    chdir.push(folder);
    Command::new(program).arg(chdir).args(["output", "-no-color", "-json", "env"]).output()
}

fn not_run(program: &Path, error: &io::Error) -> CliError {
    CliError::usage(format!("{} could not be run: {error}", program.display()))
        .hint("is it installed, and on PATH? --command takes a name or a path")
}

/// The variables of `model`, or without `model` those of all models, if they share an endpoint.
fn select_variables(written: EnvOutput, model: Option<&str>) -> Result<VariableMap, CliError> {
    let mut models = match written {
        EnvOutput::One(variables) if variables.is_empty() => BTreeMap::new(),
        EnvOutput::One(variables) => {
            let name = variables.get("AMAAS_MODEL").cloned().unwrap_or_default();
            BTreeMap::from([(name, variables)])
        }
        EnvOutput::ByModel(models) => models,
    };
    let names = models.keys().cloned().collect::<Vec<_>>().join(", ");
    if let Some(model) = model {
        return models.remove(model).ok_or_else(|| {
            CliError::usage(format!("no model {model:?} is deployed there")).hint(format!("one of: {names}"))
        });
    }
    let Some((_, mut common)) = models.pop_first() else {
        return Err(CliError::new("no model is deployed there").hint("add one to `models` and apply"));
    };
    if models.is_empty() {
        return Ok(common);
    }
    common.remove("AMAAS_MODEL");
    for mut variables in models.into_values() {
        variables.remove("AMAAS_MODEL");
        if variables != common {
            return Err(CliError::usage("each model there has an endpoint of its own")
                .hint(format!("--model with one of: {names}")));
        }
    }
    Ok(common)
}

/// Whether the module's output has variables of this name. Others, such as `PATH` or `LD_PRELOAD`, could make the shell run other
/// programs or send AWS credentials elsewhere.
fn is_exported_name(name: &str) -> bool {
    let ours = name.strip_prefix("AMAAS_").filter(|rest| !rest.is_empty());
    let plain =
        |rest: &str| rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    name == "AWS_REGION" || ours.is_some_and(plain)
}

/// The programs that write the state of `infra/`, in the order in which they are tried.
const PROGRAMS: [&str; 2] = ["terraform", "tofu"];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, model: Option<&str>) -> Result<VariableMap, CliError> {
        select_variables(serde_json::from_str(json).expect("an output"), model)
    }

    #[test]
    fn one_model_needs_no_name() {
        for json in [r#"{"AMAAS_MODEL":"a","AMAAS_ENDPOINT":"u"}"#, r#"{"a":{"AMAAS_MODEL":"a","AMAAS_ENDPOINT":"u"}}"#]
        {
            let whole = BTreeMap::from([("AMAAS_MODEL".into(), "a".into()), ("AMAAS_ENDPOINT".into(), "u".into())]);
            assert_eq!(of(json, None).expect("the one"), whole);
            assert_eq!(of(json, Some("a")).expect("by name"), whole);
            assert!(of(json, Some("b")).is_err());
        }
    }

    #[test]
    fn several_models_need_one_unless_they_share_an_endpoint() {
        let one = r#"{"a":{"AMAAS_MODEL":"a","AMAAS_ENDPOINT":"u"},"b":{"AMAAS_MODEL":"b","AMAAS_ENDPOINT":"u"}}"#;
        assert_eq!(of(one, None).expect("one endpoint"), BTreeMap::from([("AMAAS_ENDPOINT".into(), "u".into())]));
        let two = r#"{"a":{"AMAAS_MODEL":"a","AMAAS_ENDPOINT":"u"},"b":{"AMAAS_MODEL":"b"}}"#;
        assert!(of(two, None).is_err());
        assert_eq!(of(two, Some("a")).expect("by name")["AMAAS_ENDPOINT"], "u");
        assert!(of("{}", None).is_err());
    }

    #[test]
    fn names_that_would_change_what_a_shell_runs_are_none() {
        for name in ["AMAAS_ENDPOINT", "AMAAS_ENDPOINT_BGE_SMALL_2", "AWS_REGION"] {
            assert!(is_exported_name(name), "{name}");
        }
        for name in [
            "",
            "AMAAS_",
            "AMAAS_A B",
            "AMAAS_A;rm",
            "AMAAS_$(id)",
            "AMAAS_Ä",
            "amaas_a",
            "PATH",
            "LD_PRELOAD",
            "BASH_ENV",
            "AWS_ENDPOINT_URL",
            "AWS_PROFILE",
            "XAMAAS_A",
        ] {
            assert!(!is_exported_name(name), "{name}");
        }
    }
}
