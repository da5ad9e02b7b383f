// Answers every case of `../cases` with transformers.js, and prints one JSON document:
// { "EXPORT": { "case": [prediction for each input] | { "unsupported": "reason" } } }
//
// usage: node oracle.mjs [NAME…]

import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { env, pipeline } from '@huggingface/transformers';
import { ANSWERS, TASKS, Unsupported } from './answers.mjs';
import { stage } from './stage.mjs';

const root = path.dirname(import.meta.dirname);

async function main(names) {
    const staged = stage(path.join(root, 'exports'));
    env.allowRemoteModels = false;
    env.localModelPath = staged;
    const answers = {};
    try {
        for (const name of exportNames(names)) answers[name] = await answerExport(name, staged);
    } finally {
        rmSync(staged, { recursive: true });
    }
    process.stdout.write(JSON.stringify(answers) + '\n');
}

function exportNames(names) {
    const files = readdirSync(path.join(root, 'cases')).filter((file) => file.endsWith('.json'));
    const all = files.map((file) => path.basename(file, '.json')).sort();
    return names.length ? all.filter((name) => names.includes(name)) : all;
}

async function answerExport(name, staged) {
    const document = JSON.parse(readFileSync(path.join(root, 'cases', `${name}.json`), 'utf8'));
    const task = TASKS[document.pipeline];
    if (!task) return withReason(document, 'no such pipeline');
    const folder = path.join(staged, name);
    if (!existsSync(path.join(folder, 'config.json'))) return withReason(document, 'no config.json');
    let run;
    try {
        run = await pipeline(task, name, { dtype: 'fp32', device: 'cpu', ...externalData(folder) });
    } catch (error) {
        return withReason(document, `loading: ${oneLine(error)}`);
    }
    const answers = {};
    for (const item of document.cases) answers[item.name] = await answerCase(run, document, item, folder);
    await run.dispose();
    return answers;
}

function withReason(document, reason) {
    return Object.fromEntries(document.cases.map((item) => [item.name, { unsupported: reason }]));
}

async function answerCase(run, document, item, folder) {
    const { inputs, parameters = {} } = item.request;
    try {
        const predictions = [];
        for (const input of inputs) {
            predictions.push(await ANSWERS[document.pipeline](run, input, parameters, { document, folder, root }));
        }
        return predictions;
    } catch (error) {
        return { unsupported: error instanceof Unsupported ? error.message : `error: ${oneLine(error)}` };
    }
}

function externalData(folder) {
    const files = readdirSync(path.join(folder, 'onnx'));
    return files.includes('model.onnx_data') ? { use_external_data_format: true } : {};
}

function oneLine(error) {
    return String(error?.message ?? error).replace(/\s+/g, ' ').slice(0, 200);
}

await main(process.argv.slice(2));
