"""Resampling as the audio pipelines of `transformers` do it (torchaudio's default), without torchaudio.

A low-pass filter of windowed sinc functions: Hann window, six zero crossings on each side, cut at 0.99 of the lower
Nyquist frequency.
"""

import math

import torch

ZERO_CROSSINGS = 6
ROLLOFF = 0.99


def resample(samples, source, target):
    """A FP32 array at another rate; `ceil(target * n / source)` samples."""
    if source == target:
        return samples
    divisor = math.gcd(source, target)
    source, target = source // divisor, target // divisor
    kernels, width = _kernels(source, target)
    wave = torch.from_numpy(samples)[None, None]
    padded = torch.nn.functional.pad(wave, (width, width + source))
    phases = torch.nn.functional.conv1d(padded, kernels, stride=source)[0]
    length = math.ceil(target * len(samples) / source)
    return phases.T.reshape(-1)[:length].numpy()


def _kernels(source, target):
    """One filter for each phase of the output, `[target, 1, taps]`, and how many samples it reaches to the left."""
    cut = min(source, target) * ROLLOFF
    width = math.ceil(ZERO_CROSSINGS * source / cut)
    taps = torch.arange(-width, width + source, dtype=torch.float64) / source
    phases = -torch.arange(target, dtype=torch.float64) / target
    time = ((phases[:, None] + taps[None, :]) * cut).clamp(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = torch.cos(time * math.pi / ZERO_CROSSINGS / 2) ** 2
    return (torch.sinc(time) * window * (cut / source)).float()[:, None], width
