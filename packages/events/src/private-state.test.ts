import { transformSync } from '@swc/core';
import ts from 'typescript';
import type { AnyClass } from './class-table.js';
import { refusePrivateState } from './private-state.js';

const SECRET = 'class Secret { #balance = 0; read() { return this.#balance; } }';
const METHOD = 'class Fine { balance = 0; #read() { return this.balance; } read() { return this.#read(); } }';

const evaluate = (source: string, name: string) =>
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what other compilers wrote must be run
  new Function('require', 'exports', `${source}; return ${name};`)(() => ({}), {}) as AnyClass;
const byTypeScript = (target: ts.ScriptTarget) => (source: string) =>
  ts.transpile(source, { target, module: ts.ModuleKind.None });
const bySwc = (source: string) =>
  transformSync(source, { swcrc: false, jsc: { target: 'es2021', externalHelpers: false } }).code;

const compilers: [string, (source: string) => string][] = [
  ['nobody', (source) => source],
  ['TypeScript to ES2021', byTypeScript(ts.ScriptTarget.ES2021)],
  ['TypeScript to ES2015', byTypeScript(ts.ScriptTarget.ES2015)],
  ['swc to ES2021', bySwc],
];

it.each(compilers)('#fields are found in a class compiled by %s', (_, compile) => {
  expect(() => refusePrivateState(evaluate(compile(SECRET), 'Secret'))).toThrow(
    'Secret keeps state in #balance, which cannot be seen from outside: use TypeScript private instead.',
  );
});

it.each(compilers)('#methods are no state, compiled by %s', (_, compile) => {
  expect(() => refusePrivateState(evaluate(compile(METHOD), 'Fine'))).not.toThrow();
});

it.each([
  ['esbuild', 'class Secret { constructor() { __privateAdd(this, _balance, 0); } }'],
  ['Babel', 'class Secret { constructor() { _classPrivateFieldInitSpec(this, _balance, 0); } }'],
])('the helper of %s is known', (_, source) => {
  expect(() => refusePrivateState(evaluate(source, 'Secret'))).toThrow('#balance');
});

it.each([
  ['text', 'class A { a = "#b"; c = `#d ${1} #e`; f = /#g/ }'],
  ['comments', 'class A { /* #b = 1 */ // #c\n }'],
  ['another class inside', 'class A { make() { return class { #b = 1; c = () => this.#b }; } }'],
  ['a braced heritage', 'const mixin = () => Object; class A extends mixin({ b: {} }) { c = 1 }'],
  ['a #method that is perhaps there', 'class A { #b() {} c = (it) => it?.#b }'],
  ['a #method compiled by esbuild', 'class A { constructor() { __privateAdd(this, _A_instances); } }'],
])('%s is no private state', (_, source) => {
  expect(() => refusePrivateState(evaluate(source, 'A'))).not.toThrow();
});

it.each([
  ['an accessor', 'class A { static #s = 1; get s() { return A.#s } }', '#s'],
  ['among public fields', 'class A { a = 1; #b; c = () => this.#b; d = () => #b in this }', '#b'],
  [
    'in an ancestor',
    'class B { #b = 1; b = () => this.#b } class A extends B { a = 1 }',
    'B keeps state in #b',
  ],
  [
    'after a braced heritage',
    'const mixin = () => Object; class A extends mixin({ b: {} }) { #c = 1 }',
    '#c',
  ],
])('it is found %s', (_, source, message) => {
  expect(() => refusePrivateState(evaluate(source, 'A'))).toThrow(message);
});

it('the framework’s own base and what is below it may do as they like', () => {
  class Root {
    #own = 1;
    own = () => this.#own;
  }
  class Base extends Root {}
  class A extends Base {}
  expect(() => refusePrivateState(A, Base)).not.toThrow();
});
