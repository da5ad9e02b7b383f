// Images and sounds of the cases.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { RawImage } from '@huggingface/transformers';
import { Unsupported } from './unsupported.mjs';

/** The image that an input names. */
export function readImage(root, input) {
    return RawImage.read(path.join(root, input.file));
}

/** Samples of a WAV file of `rate` as FP32; transformers.js itself decodes and resamples in browsers only. */
export function readSound(root, input, rate) {
    if (!input.file.endsWith('.wav')) throw new Unsupported('transformers.js decodes sound in browsers only');
    const bytes = readFileSync(path.join(root, input.file));
    const format = chunk(bytes, 'fmt ');
    const [kind, channels, found, bits] = [
        format.readUInt16LE(0),
        format.readUInt16LE(2),
        format.readUInt32LE(4),
        format.readUInt16LE(14),
    ];
    if (found !== rate) throw new Unsupported('transformers.js resamples in browsers only');
    const data = chunk(bytes, 'data');
    const size = bits / 8;
    const frames = Math.floor(data.length / size / channels);
    const read = sampleReader(data, kind, bits);
    return Float32Array.from({ length: frames }, (_, frame) => {
        let sum = 0;
        for (let channel = 0; channel < channels; ++channel) sum += read((frame * channels + channel) * size);
        return sum / channels;
    });
}

function chunk(bytes, name) {
    for (let at = 12; at + 8 <= bytes.length; ) {
        const length = bytes.readUInt32LE(at + 4);
        if (bytes.toString('latin1', at, at + 4) === name) return bytes.subarray(at + 8, at + 8 + length);
        at += 8 + length + (length % 2);
    }
    throw new Error(`no chunk ${name}`);
}

function sampleReader(data, kind, bits) {
    const FLOAT = 3;
    if (kind === FLOAT) return (at) => data.readFloatLE(at);
    if (bits === 8) return (at) => (data[at] - 128) / 128;
    return (at) => data.readIntLE(at, bits / 8) / 2 ** (bits - 1);
}
