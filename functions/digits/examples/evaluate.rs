//! Accuracy of the digits model on MNIST's 10,000 test images, through the whole stack: each image is a PNG, sent sealed through the
//! SDK to the model, which is served over HTTP and was loaded from an object store over S3.
//!
//! ```text
//! cargo run -p amaas-digits --example evaluate-digits -- --data mnist.npz [--drawn]
//! ```
//!
//! With `--drawn` each image is sent as a drawing: ten times as large, black on white, off centre, as a JPEG. That measures the
//! normalisation to MNIST's form too.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::Path;
use std::time::Instant;

use amaas::task::{DigitClassification, Image};
use amaas::{Answer, Model};
use amaas_digits::Digits;
use amaas_engine::runtime;
use amaas_local::served_model::ServedModel;
use amaas_model::task::{Rows, Tasks};
use amaas_store::live;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, replace, resize};
use image::{GrayImage, ImageFormat, Luma};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    runtime::disable_telemetry_or_reexec()?;
    amaas_serve::telemetry::init("warn,s3s=error,s3s_fs=error");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (file, form) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--data", file] => (file, Form::AsItIs),
        ["--data", file, "--drawn"] => (file, Form::Drawn),
        _ => return Err("usage: evaluate --data mnist.npz [--drawn]".into()),
    };
    let digits = read(Path::new(file))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(evaluate(digits, form))
}

async fn evaluate(digits: Vec<Digit>, form: Form) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tasks = Tasks::default().with::<Rows<Digits>>();
    let served = ServedModel::start(folder.path(), amaas_digits::bundle(live())?, &tasks).await?;

    let bar = ProgressBar::new(digits.len() as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} images  {per_sec}  {eta} left")?);
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    let mut counts = [[0_usize; 2]; 10];
    let mut rest = digits.chunks(IMAGES_A_CALL).map(<[Digit]>::to_vec);
    loop {
        while calls.len() < CALLS
            && let Some(call) = rest.next()
        {
            calls.spawn(judge(served.model(), call, form));
        }
        let Some(judged) = calls.join_next().await else { break };
        for (label, read) in judged?? {
            counts[usize::from(label)][usize::from(label == read)] += 1;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    report(counts, begun);
    Ok(())
}

/// The label of each image, and the predicted digit.
async fn judge(model: Model, digits: Vec<Digit>, form: Form) -> Result<Vec<(u8, u8)>> {
    let labels: Vec<u8> = digits.iter().map(|digit| digit.label).collect();
    let pack = move || digits.iter().map(|digit| packed(&digit.pixels, form)).collect::<Result<Vec<_>>>();
    let answer: Answer<DigitClassification> = model.predict_many(&tokio::task::spawn_blocking(pack).await??).await?;
    Ok(labels.into_iter().zip(answer.predictions().iter().map(|prediction| prediction.digit)).collect())
}

fn packed(pixels: &GrayImage, form: Form) -> Result<Image> {
    let mut file = Cursor::new(Vec::new());
    match form {
        Form::AsItIs => pixels.write_to(&mut file, ImageFormat::Png)?,
        Form::Drawn => {
            let mut page = GrayImage::from_pixel(500, 400, Luma([0]));
            replace(&mut page, &resize(pixels, 280, 280, FilterType::CatmullRom), 170, 40);
            page.iter_mut().for_each(|level| *level = 255 - *level);
            page.write_with_encoder(JpegEncoder::new_with_quality(&mut file, 85))?;
        }
    }
    Ok(Image::from(file.into_inner()))
}

#[allow(clippy::cast_precision_loss)] // far fewer images than a float can count
fn report(counts: [[usize; 2]; 10], begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    let (right, total): (usize, usize) = (counts.iter().map(|row| row[1]).sum(), counts.iter().flatten().sum());
    println!("accuracy {:.4} ({right} of {total} right)", right as f64 / total as f64);
    for (digit, [wrong, right]) in counts.iter().enumerate() {
        println!("  {digit}: {right} of {}", wrong + right);
    }
    println!("{:.0} images/s ({seconds:.2} s, {CALLS} callers, {IMAGES_A_CALL} images a call)", total as f64 / seconds);
}

/// How an image is sent.
#[derive(Clone, Copy)]
enum Form {
    /// 28 × 28, white on black, as a PNG.
    AsItIs,
    Drawn,
}

#[derive(Clone)]
struct Digit {
    pixels: GrayImage,
    label: u8,
}

fn read(path: &Path) -> Result<Vec<Digit>> {
    let mut arrays = zip::ZipArchive::new(std::fs::File::open(path)?)?;
    let mut array = |name: &str| -> Result<Vec<u8>> {
        let mut file = Vec::new();
        arrays.by_name(name)?.read_to_end(&mut file)?;
        // NumPy's format 1.0: magic, version, the header's length in two bytes, the header, the values.
        let header = file.get(8..10).ok_or("an array is cut short")?;
        let header = 10 + usize::from(u16::from_le_bytes([header[0], header[1]]));
        Ok(file.split_off(header.min(file.len())))
    };
    let (pixels, labels) = (array("x_test.npy")?, array("y_test.npy")?);
    if pixels.len() != labels.len() * 28 * 28 {
        return Err("x_test and y_test are not of as many images of 28 by 28 bytes".into());
    }
    let image = |pixels: &[u8]| GrayImage::from_raw(28, 28, pixels.to_vec()).ok_or("an image is cut short");
    pixels.chunks(28 * 28).zip(labels).map(|(pixels, label)| Ok(Digit { pixels: image(pixels)?, label })).collect()
}

const CALLS: usize = 8;
const IMAGES_A_CALL: usize = 32;
