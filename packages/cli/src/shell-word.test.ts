import { execFileSync } from 'node:child_process';
import { shellWord } from './shell-word.js';

it.each(['cart-1', '-x', 'a.b:c/d@e'])('%s is a word as it is', (text) => {
  expect(shellWord(text)).toBe(text);
});

it.each(['a b', '', "it's", '$(touch x)', 'a;b', '`x`', 'a"b', 'ünï-💥', '~', '*', "''", '\\'])(
  'a shell takes %s for one word, and for nothing else',
  (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text);
  },
);
