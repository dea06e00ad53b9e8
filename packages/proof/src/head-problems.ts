import type { HeadProblem } from './errors.js';

/** What people are told of a head that nobody can rely on. */
export const HEAD_PROBLEMS: Readonly<Record<HeadProblem, string>> = {
  form: 'it is not written as a tree head is.',
  'unknown-key': 'it is signed by a key that you do not believe.',
  signature: 'its signature is wrong: the head was altered.',
  'retired-key': 'its key was retired before: somebody used it afterwards.',
  'revoked-key': 'its key was revoked: ask for proof from a seal signed by another key.',
  'key-not-yet-added': 'its key was not yet in the key ring when it says it was signed.',
  'unknown-ring': 'it was signed under a key ring that yours does not contain: ask for the newer key ring.',
};
