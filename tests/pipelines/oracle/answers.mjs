// One function for each pipeline: an answer of transformers.js for one input, in the shape of the task specification.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { softmax } from '@huggingface/transformers';
import { embed } from './embedding.mjs';
import { readImage, readSound } from './inputs.mjs';
import { Unsupported, allow } from './unsupported.mjs';

export { Unsupported };

/** The task of transformers.js for each pipeline. */
export const TASKS = {
    'text-classification': 'text-classification',
    'text-ranking': 'text-classification',
    'zero-shot-classification': 'zero-shot-classification',
    'token-classification': 'token-classification',
    'question-answering': 'question-answering',
    'fill-mask': 'fill-mask',
    'feature-extraction': 'feature-extraction',
    'image-classification': 'image-classification',
    'zero-shot-image-classification': 'zero-shot-image-classification',
    'object-detection': 'object-detection',
    'image-segmentation': 'image-segmentation',
    'image-feature-extraction': 'image-feature-extraction',
    'audio-classification': 'audio-classification',
    'automatic-speech-recognition': 'automatic-speech-recognition',
};

export const ANSWERS = {
    'text-classification': classifyText,
    'text-ranking': rank,
    'zero-shot-classification': classifyZeroShot,
    'token-classification': classifyTokens,
    'question-answering': answerQuestion,
    'fill-mask': fillMask,
    'feature-extraction': embed,
    'image-classification': classifyImage,
    'zero-shot-image-classification': classifyImageZeroShot,
    'object-detection': detect,
    'image-segmentation': segment,
    'image-feature-extraction': imageFeatures,
    'audio-classification': classifySound,
    'automatic-speech-recognition': recognize,
};

async function classifyText(run, input, parameters) {
    allow(parameters, ['top_k', 'truncation']);
    if (typeof input !== 'string') return classifyPair(run, input);
    return run(input, { top_k: parameters.top_k ?? null });
}

// The pipeline takes no pairs: its tokenizer and network do.
async function classifyPair(run, { text, text_pair }) {
    const { id2label } = run.model.config;
    const scores = softmax(await pairLogits(run, text, text_pair));
    return sorted(scores.map((score, i) => ({ label: id2label[i], score })));
}

async function pairLogits(run, text, text_pair) {
    const { logits } = await run.model(run.tokenizer(text, { text_pair, padding: true, truncation: true }));
    return [...logits.data];
}

// The documentation's form for cross-encoders.
async function rank(run, { query, documents }, parameters, { folder }) {
    allow(parameters, ['top_n', 'truncation']);
    const config = JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8'));
    const identity = config.sbert_ce_default_activation_function?.endsWith('Identity');
    const ranking = [];
    for (const [index, document] of documents.entries()) {
        const [logit] = await pairLogits(run, query, document);
        ranking.push({ index, score: identity ? logit : 1 / (1 + Math.exp(-logit)) });
    }
    return sorted(ranking).slice(0, parameters.top_n);
}

async function classifyZeroShot(run, input, parameters) {
    const { candidate_labels, ...options } = parameters;
    const answer = await run(input, candidate_labels, options);
    return answer.labels.map((label, i) => ({ label, score: answer.scores[i] }));
}

async function classifyTokens(run, input, parameters) {
    allow(parameters, ['aggregation_strategy', 'ignore_labels']);
    if (!['none', 'simple', undefined].includes(parameters.aggregation_strategy)) {
        throw new Unsupported(`no aggregation ${parameters.aggregation_strategy}`);
    }
    const answer = await run(input, parameters);
    return answer.map(({ index, ...entity }) => entity);
}

async function answerQuestion(run, { question, context }, parameters) {
    allow(parameters, ['top_k']);
    const answer = await run(question, context, parameters);
    return Array.isArray(answer) ? answer : [answer];
}

async function fillMask(run, input, parameters) {
    allow(parameters, ['top_k']);
    if (input.split(run.tokenizer.mask_token).length > 2) throw new Unsupported('fills the first mask only');
    return run(input, parameters);
}

async function classifyImage(run, input, parameters, { root }) {
    allow(parameters, ['top_k']);
    return run(await readImage(root, input), { top_k: parameters.top_k ?? 5 });
}

async function classifyImageZeroShot(run, input, parameters, { root }) {
    const { candidate_labels, hypothesis_template = 'This is a photo of {}.' } = parameters;
    return run(await readImage(root, input), candidate_labels, { hypothesis_template });
}

async function detect(run, input, parameters, { root }) {
    allow(parameters, ['threshold']);
    return run(await readImage(root, input), { threshold: parameters.threshold ?? 0.5 });
}

// `subtask` is left out: naming one fails in transformers.js, which then chooses as `transformers` does.
async function segment(run, input, parameters, { root }) {
    const defaults = { threshold: 0.9, mask_threshold: 0.5, overlap_mask_area_threshold: 0.5 };
    const { subtask, ...options } = { ...defaults, ...parameters };
    const segments = await run(await readImage(root, input), options);
    return Promise.all(segments.map(async (item) => ({ ...item, mask: await png(item.mask) })));
}

async function png(mask) {
    return (await mask.toSharp().png().toBuffer()).toString('base64');
}

async function imageFeatures(run, input, parameters, { root }) {
    const features = await run(await readImage(root, input), parameters);
    return features.tolist()[0];
}

async function classifySound(run, input, parameters, { root }) {
    const rate = run.processor.feature_extractor.config.sampling_rate;
    return run(readSound(root, input, rate), { top_k: parameters.top_k ?? 5 });
}

async function recognize(run, input, parameters, { root }) {
    allow(parameters, []);
    return run(readSound(root, input, run.processor.feature_extractor.config.sampling_rate));
}

function sorted(predictions) {
    return predictions.sort((a, b) => b.score - a.score);
}
