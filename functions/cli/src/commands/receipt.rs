//! `amaas receipt`.

use amaas_local::env_variables::format_signers;
use std::io::Read;
use std::path::Path;

use amaas_wire::dsse::VerifyingKey;
use amaas_wire::receipt::{Receipt, ReceiptError, SignedReceipt, split_comment};
use jiff::Timestamp;

use crate::arguments::{ReceiptCommand, VerifyReceipt};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, receipts: &ReceiptCommand) -> Result<(), CliError> {
    match receipts {
        ReceiptCommand::Verify(arguments) => verify(settings, arguments),
    }
}

/// Writes the receipt of an answer to `path`.
pub(crate) fn write(receipt: Option<&SignedReceipt>, path: &Path) -> Result<(), CliError> {
    let receipt = receipt
        .ok_or_else(|| CliError::new("the answer has no receipt").hint("a function signs receipts if sealing is on"))?;
    std::fs::write(path, format!("{receipt}\n")).map_err(|error| CliError::file(path, &error))
}

fn verify(settings: &Settings, arguments: &VerifyReceipt) -> Result<(), CliError> {
    let VerifyReceipt { receipt, input, output, .. } = arguments;
    let from_stdin =
        [Some(receipt), input.as_ref(), output.as_ref()].into_iter().flatten().filter(|path| is_stdin(path));
    if from_stdin.count() > 1 {
        return Err(CliError::usage("standard input can be one of receipt, input and output"));
    }
    let known = settings.pinned(&arguments.signers)?;
    let document = read(receipt)?;
    let (stream, envelope) = match split_comment(&document) {
        Some((content, envelope)) => (Some(content), envelope),
        None => (None, std::str::from_utf8(&document).unwrap_or_default()),
    };
    let signed: SignedReceipt = envelope.parse().map_err(refused)?;
    let verified = signed.verify(&known).map_err(refused)?;
    let mut fits = Vec::new();
    if let Some(path) = input {
        verified.is_of_input(&read(path)?).map_err(refused)?;
        fits.push("input");
    }
    let output = output.as_deref().map(read).transpose()?;
    // A stored stream ends with its receipt.
    let kept = output.as_deref().map(|output| split_comment(output).map_or(output, |(content, _)| content));
    for content in [kept, stream].into_iter().flatten() {
        verified.is_of_output(content).map_err(refused)?;
    }
    if kept.or(stream).is_some() {
        fits.push("output");
    }
    let by: Vec<_> = known.into_iter().filter(|signer| signed.verify(&[*signer]).is_ok()).collect();
    print(settings, verified, &by, &fits)
}

fn print(settings: &Settings, receipt: &Receipt, by: &[VerifyingKey], fits: &[&str]) -> Result<(), CliError> {
    if settings.json {
        let by: Vec<_> = by.iter().map(ToString::to_string).collect();
        return output::json(&serde_json::json!({ "receipt": receipt, "signers": by, "fits": fits }));
    }
    output::line(output::table(["RECEIPT", &receipt.request_id], rows(receipt)))?;
    output::line(format_args!("verified with signer {}", format_signers(by)))?;
    match fits {
        [] => output::note("neither input nor output was compared with it: --input and --output do that"),
        fits => output::line(format_args!("fits the {}", fits.join(" and the ")))?,
    }
    Ok(())
}

fn rows(receipt: &Receipt) -> impl Iterator<Item = [String; 2]> {
    let Receipt { tenant, model, version, digest, usage, input, output, .. } = receipt;
    let tokens = usage.usage.tokens.map_or(String::new(), |tokens| format!(", {tokens} tokens"));
    [
        ("time", time(receipt.time)),
        ("tenant", tenant.clone()),
        ("model", format!("{model}, version {version}")),
        ("digest", digest.tagged()),
        ("charged", format!("{} {}", usage.units, usage.unit)),
        ("usage", format!("{} rows{tokens}, {} ms", usage.usage.rows, usage.usage.billed_ms)),
        ("input", input.to_string()),
        ("output", output.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| [name.to_owned(), value])
}

fn time(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| seconds.to_string(), |timestamp| timestamp.to_string())
}

#[allow(clippy::needless_pass_by_value)] // reads well as `map_err(refused)`
fn refused(error: ReceiptError) -> CliError {
    let failure = CliError::new(&error);
    match error {
        ReceiptError::Envelope(amaas_wire::dsse::DsseError::UnknownSigner) => {
            failure.hint(
                "`amaas keys signer MODEL` shows who signs for a model, for --signer; beside `amaas dev` `amaas keys signer dev`",
            )
        }
        _ => failure,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    if !is_stdin(path) {
        return std::fs::read(path).map_err(|error| CliError::file(path, &error));
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| CliError::file(path, &error))?;
    Ok(bytes)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
