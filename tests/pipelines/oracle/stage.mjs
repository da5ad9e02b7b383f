// transformers.js reads NAME/onnx/model.onnx: links every export into a temporary folder in that form.

import { mkdirSync, mkdtempSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Answers the temporary folder. */
export function stage(exports) {
    const folder = mkdtempSync(path.join(tmpdir(), 'pipelines-oracle-'));
    for (const name of readdirSync(exports)) {
        const source = path.join(exports, name);
        if (name === 'recipe' || !statSync(source).isDirectory()) continue;
        mkdirSync(path.join(folder, name, 'onnx'), { recursive: true });
        linkAll(source, path.join(folder, name));
    }
    return folder;
}

function linkAll(source, target) {
    for (const file of readdirSync(source)) {
        const from = path.join(source, file);
        if (file === 'onnx') {
            for (const network of readdirSync(from)) symlinkSync(path.join(from, network), path.join(target, 'onnx', network));
        } else {
            symlinkSync(from, path.join(target, file.includes('.onnx') ? 'onnx' : '', file));
        }
    }
}
