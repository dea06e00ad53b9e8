import path from 'node:path';
import validate from 'validate-npm-package-name';
import { UsageError } from '../errors.js';

/**
 * The name of a new project: the one given, or one made of the folder's name, which may be anything.
 *
 * @throws UsageError when a name was given that npm does not allow
 */
export function projectName(folder: string, given?: string): string {
  if (given !== undefined) {
    const [problem] = problemsOf(given);
    if (problem === undefined) return given;
    throw new UsageError('invalid-name', `--name ${given} is no name for a package: ${problem}.`);
  }
  const name = path
    .basename(folder)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mark}/gu, '')
    .replace(/[^a-z0-9._~-]+/g, '-')
    .replace(/^[._~-]+|[._~-]+$/g, '')
    .slice(0, LONGEST);
  return problemsOf(name).length === 0 ? name : name === '' ? FALLBACK : `${name}-app`;
}

const FALLBACK = 'my-app';
const LONGEST = 200;

function problemsOf(name: string): readonly string[] {
  const { errors = [], warnings = [] } = validate(name);
  return [...errors, ...warnings];
}
