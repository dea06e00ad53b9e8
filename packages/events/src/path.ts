/** A step into a value: the key of an object or the index of an array. */
export type PathStep = string | number;

/**
 * Where in a value something is, as text: `lines[2].sku`, or `account.opened.lines[2].sku` with a `root` to begin with.
 * A key that is not a plain name is quoted as in JSON, so that no two places share a text: `prices["a.b"]`, `seats["2"]`.
 */
export function formatPath(path: readonly PathStep[], root = ''): string {
  const steps = path.map(formatStep).join('');
  return root === '' ? steps.replace(/^\./, '') : root + steps;
}

function formatStep(step: PathStep): string {
  if (typeof step === 'number') return `[${step}]`;
  return PLAIN.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

const PLAIN = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u;
