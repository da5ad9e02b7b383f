// Compares the document of oracle.mjs, on standard input, with the answers of Python in `../cases`.
//
// Prints one line for each export, and one for each case that differs. Scores may differ by 1e-4, boxes by half a
// pixel before they are cut to whole ones, masks by 0.1 % of their pixels.
//
// `results.json` has the count of equal cases of each export, which may only rise; `--update` writes it. `differences.md`
// explains the others.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';

const root = path.dirname(import.meta.dirname);
const TOLERANCE = 1e-4;
const MASK_SHARE = 0.001;
const RESULTS = path.join(import.meta.dirname, 'results.json');

async function main() {
    const answers = JSON.parse(readFileSync(0, 'utf8'));
    const totals = { equal: 0, different: 0, unsupported: 0 };
    const equal = {};
    for (const [name, cases] of Object.entries(answers)) {
        const document = JSON.parse(readFileSync(path.join(root, 'cases', `${name}.json`), 'utf8'));
        const lines = [];
        const counts = { equal: 0, different: 0, unsupported: 0 };
        for (const item of document.cases) {
            const [outcome, reason] = await compareCase(item, cases[item.name], document.publish?.tolerance);
            counts[outcome] += 1;
            totals[outcome] += 1;
            if (reason) lines.push(`    ${outcome} ${item.name}: ${reason}`);
        }
        equal[name] = counts.equal;
        console.log(`${name}  ${document.pipeline}  ${summary(counts)}`);
        for (const line of lines) console.log(line);
    }
    console.log(`all  ${summary(totals)}`);
    if (process.argv.includes('--update')) writeFileSync(RESULTS, `${JSON.stringify(equal, null, 1)}\n`);
    else ratchet(equal);
}

/** Fails if an export has fewer equal cases than `results.json` says, or is missing. */
function ratchet(equal) {
    for (const [name, expected] of Object.entries(JSON.parse(readFileSync(RESULTS, 'utf8')))) {
        if ((equal[name] ?? 0) >= expected) continue;
        console.log(`${name}: expected ${expected} equal cases, got ${equal[name] ?? 'no answers'}`);
        process.exitCode = 1;
    }
}

const summary = (counts) => Object.entries(counts).map(([key, count]) => `${key} ${count}`).join('  ');

async function compareCase(item, found, tolerance = TOLERANCE) {
    if (found.unsupported) return ['unsupported', found.unsupported];
    for (const [i, expected] of item.transformers.entries()) {
        const reason = await difference(expected, found[i], tolerance, `[${i}]`);
        if (reason) return ['different', reason];
    }
    return ['equal'];
}

/** Where and how two predictions differ, or nothing. Keys that only one of them has do not count. */
async function difference(expected, found, tolerance, at) {
    if (typeof expected === 'number' && typeof found === 'number') {
        const gap = Math.abs(expected - found);
        return gap > tolerance ? `${at} ${expected} is ${found} (${gap.toExponential(1)})` : undefined;
    }
    if (Array.isArray(expected) && Array.isArray(found)) {
        if (expected.length !== found.length) return `${at} ${expected.length} values are ${found.length}`;
    }
    if (expected === null || typeof expected !== 'object') {
        return (expected ?? null) === (found ?? null) ? undefined : `${at} ${show(expected)} is ${show(found)}`;
    }
    for (const key of Object.keys(expected)) {
        if (found?.[key] === undefined) continue;
        const reason =
            key === 'mask'
                ? await maskDifference(expected.mask, found.mask, `${at}.mask`)
                : key === 'box'
                  ? boxDifference(expected, found.box, `${at}.box`)
                  : await difference(expected[key], found[key], tolerance, `${at}.${key}`);
        if (reason) return reason;
    }
}

function boxDifference({ box_exact }, found, at) {
    for (const [i, key] of ['xmin', 'ymin', 'xmax', 'ymax'].entries()) {
        const within = found[key] >= Math.trunc(box_exact[i] - 0.5) && found[key] <= Math.trunc(box_exact[i] + 0.5);
        if (!within) return `${at}.${key} ${box_exact[i]} is ${found[key]}`;
    }
}

async function maskDifference(expected, found, at) {
    const [a, b] = await Promise.all([expected, found].map(pixels));
    if (a.length !== b.length) return `${at} ${a.length} pixels are ${b.length}`;
    const share = a.filter((value, i) => value > 127 !== b[i] > 127).length / a.length;
    return share > MASK_SHARE ? `${at} ${(share * 100).toFixed(2)} % of pixels` : undefined;
}

async function pixels(mask) {
    return sharp(Buffer.from(mask, 'base64')).toColourspace('b-w').raw().toBuffer();
}

const show = (value) => JSON.stringify(value)?.slice(0, 60);

await main();
