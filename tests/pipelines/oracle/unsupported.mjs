/** A case that transformers.js has no means for. */
export class Unsupported extends Error {}

/** Fails if `parameters` has others than `known`. */
export function allow(parameters, known) {
    const other = Object.keys(parameters).filter((key) => !known.includes(key));
    if (other.length) throw new Unsupported(`no parameter ${other.join(', ')}`);
}
