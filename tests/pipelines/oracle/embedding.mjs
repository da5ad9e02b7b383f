// Sentence embeddings: transformers.js pools and normalises as its caller says; the folder's files say how.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Unsupported, allow } from './unsupported.mjs';

const POOLING = {
    pooling_mode_cls_token: 'cls',
    pooling_mode_mean_tokens: 'mean',
    pooling_mode_lasttoken: 'last_token',
};

/** One vector, or one for each token if the case's export is not pooled. */
export async function embed(run, text, parameters, { document, folder }) {
    allow(parameters, ['normalize', 'prompt_name', 'truncate', 'dimensions']);
    const settings = readSettings(folder);
    const pooling = document.publish?.pooling ?? settings.pooling;
    const prompts = settings.prompts ?? {};
    const prompt = prompts[parameters.prompt_name ?? settings.default_prompt_name] ?? '';
    const normalize = Boolean(settings.normalize || parameters.normalize);
    let vectors = await run(prompt + text, { pooling, normalize: normalize && !parameters.dimensions });
    if (parameters.dimensions) {
        vectors = vectors.slice(null, [0, parameters.dimensions]);
        if (normalize) vectors = vectors.normalize(2, -1);
    }
    return vectors.tolist()[0];
}

function readSettings(folder) {
    const read = (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
    if (!existsSync(path.join(folder, 'modules.json'))) return {};
    const modes = read('1_Pooling/config.json');
    const chosen = Object.keys(modes).filter((key) => key.startsWith('pooling_mode_') && modes[key]);
    if (chosen.length !== 1 || !POOLING[chosen[0]]) throw new Unsupported(`no pooling ${chosen.join(' with ')}`);
    if (modes.include_prompt === false) throw new Unsupported('no pooling without the prompt');
    const normalize = read('modules.json').some((module) => module.type.endsWith('Normalize'));
    return { ...read('config_sentence_transformers.json'), pooling: POOLING[chosen[0]], normalize };
}
