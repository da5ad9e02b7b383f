"""Images and sounds of the cases, drawn and computed here."""

import os

import numpy
import soundfile
from PIL import Image
from transformers.image_utils import load_image

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "inputs")


def file(name):
    """How a case names an input file."""
    return {"file": f"inputs/{name}"}


def path(value):
    """The path of an input that a case names."""
    return os.path.join(ROOT, value["file"])


IMAGES = [
    file(name)
    for name in (
        "wide-150x100.png",
        "tall-90x160.png",
        "grey-64x48.png",
        "rgba-50x70.png",
        "palette-40x30.png",
        "tiny-16x16.png",
        "lossless-240x100.webp",
    )
]
ODD_IMAGES = [file(name) for name in ("wide-300x200.jpg", "subsampled-300x200.jpg", "rotated-by-exif-80x60.jpg", "lossy-120x90.webp")]
SOUNDS = [file(name) for name in ("tone-16k-mono.wav", "sweep-16k-mono.wav", "noise-16k-mono.wav")]
OTHER_RATES = [file(name) for name in ("sweep-8k-mono.wav", "chord-44k1-stereo.wav")]
OTHER_WAV = [file(name) for name in ("sweep-16k-float.wav", "sweep-16k-24bit.wav", "tone-8k-8bit.wav")]
CODED = [file(name) for name in ("chord-16k-stereo.flac", "sweep-16k-mono.ogg", "chord-44k1-stereo.mp3")]


def load_images():
    """All images, as the pipelines of `transformers` load them."""
    return [load_image(path(value)) for value in IMAGES + ODD_IMAGES]


def exact(width, height=None):
    """An image that a preprocessor of this size does not have to resize."""
    return file(f"exact-{width}x{height or width}.png")


EXACT_SIZES = [(32, 32), (35, 35), (36, 36), (40, 40), (44, 44), (54, 54), (64, 64), (96, 64)]


def write():
    """Writes all files of `inputs/`."""
    os.makedirs(FOLDER, exist_ok=True)
    _write_images()
    _write_sounds()


def _scene(width, height, seed):
    """Gradients, discs, stripes and a little noise, as RGB."""
    random = numpy.random.RandomState(seed)
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    canvas = numpy.stack([x / width, y / height, (x + y) / (width + height)], -1) * 160 + 40
    for _ in range(6):
        centre, radius = random.rand(2) * (width, height), (0.1 + 0.25 * random.rand()) * min(width, height)
        inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
        canvas[inside] = random.rand(3) * 255
    stripes = (x * (0.3 + random.rand()) + y * random.rand()) % 14 < 4
    canvas[stripes & (y > height * 0.6)] *= 0.5
    canvas += random.randn(height, width, 3) * 6
    return Image.fromarray(canvas.clip(0, 255).astype(numpy.uint8), "RGB")


def _write_images():
    def to(name):
        return os.path.join(FOLDER, name)

    _scene(150, 100, 1).save(to("wide-150x100.png"), optimize=True)
    _scene(300, 200, 1).save(to("wide-300x200.jpg"), quality=88, subsampling=0)
    _scene(300, 200, 2).save(to("subsampled-300x200.jpg"), quality=80, subsampling=2)
    _scene(90, 160, 3).save(to("tall-90x160.png"), optimize=True)
    _scene(64, 48, 4).convert("L").save(to("grey-64x48.png"))
    for width, height in EXACT_SIZES:
        _scene(width, height, width).save(path(exact(width, height)), optimize=True)
    transparent = _scene(50, 70, 5).convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize((50, 70)))
    transparent.save(to("rgba-50x70.png"))
    _scene(40, 30, 6).quantize(32).save(to("palette-40x30.png"))
    _scene(16, 16, 7).save(to("tiny-16x16.png"))
    _scene(240, 100, 8).save(to("lossless-240x100.webp"), lossless=True)
    _scene(120, 90, 9).save(to("lossy-120x90.webp"), quality=80)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn a quarter clockwise
    _scene(80, 60, 10).save(to("rotated-by-exif-80x60.jpg"), quality=90, subsampling=0, exif=exif)


def _write_sounds():
    def to(name):
        return os.path.join(FOLDER, name)

    tone = _time(0.5, 16000, lambda t: 0.4 * numpy.sin(2 * numpy.pi * 440 * t))
    noise = 0.2 * numpy.random.RandomState(0).randn(9600)
    soundfile.write(to("tone-16k-mono.wav"), tone, 16000, "PCM_16")
    soundfile.write(to("sweep-16k-mono.wav"), _sweep(16000), 16000, "PCM_16")
    soundfile.write(to("noise-16k-mono.wav"), noise.clip(-1, 1), 16000, "PCM_16")
    soundfile.write(to("sweep-8k-mono.wav"), _sweep(8000), 8000, "PCM_16")
    soundfile.write(to("chord-44k1-stereo.wav"), _chord(44100, 0.4), 44100, "PCM_16")
    soundfile.write(to("sweep-16k-24bit.wav"), _sweep(16000)[:6000], 16000, "PCM_24")
    soundfile.write(to("tone-8k-8bit.wav"), _time(0.5, 8000, lambda t: 0.5 * numpy.sin(2764 * t)), 8000, "PCM_U8")
    soundfile.write(to("chord-16k-stereo.flac"), _chord(16000, 0.8), 16000, "PCM_16")
    soundfile.write(to("chord-44k1-stereo.mp3"), _chord(44100, 0.8), 44100, format="MP3", subtype="MPEG_LAYER_III")

    # These two hold the time or a random number, and would change with each run.
    if not os.path.exists(to("sweep-16k-float.wav")):
        soundfile.write(to("sweep-16k-float.wav"), _sweep(16000)[:6000], 16000, "FLOAT")
    if not os.path.exists(to("sweep-16k-mono.ogg")):
        soundfile.write(to("sweep-16k-mono.ogg"), _sweep(16000), 16000, format="OGG", subtype="VORBIS")


def _time(seconds, rate, wave):
    return wave(numpy.arange(int(seconds * rate)) / rate)


def _sweep(rate):
    """From 200 to 3,000 Hz in 0.9 s, with a slow change of loudness."""
    return _time(0.9, rate, lambda t: 0.5 * numpy.sin(2 * numpy.pi * (200 * t + 1556 * t**2)) * numpy.cos(3 * t))


def _chord(rate, seconds):
    """Two tones, one for each channel."""
    left = _time(seconds, rate, lambda t: 0.4 * numpy.sin(2 * numpy.pi * 330 * t) * numpy.exp(-t))
    right = _time(seconds, rate, lambda t: 0.3 * numpy.sin(2 * numpy.pi * (500 + 400 * t) * t))
    return numpy.stack([left, right], 1)


def read_sound(value):
    """Samples as FP32 and their rate; channels are averaged."""
    samples, rate = soundfile.read(path(value), dtype="float32", always_2d=True)
    return samples.mean(1), rate
