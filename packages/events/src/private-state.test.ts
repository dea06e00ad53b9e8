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

class Base {}

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

it.each(compilers)('#methods are no state of an aggregate, compiled by %s', (_, compile) => {
  expect(() => refusePrivateState(evaluate(compile(METHOD), 'Fine'), Base)).not.toThrow();
});

it.each(compilers)('#methods of what is read back are refused, compiled by %s', (_, compile) => {
  const cls = evaluate(compile(METHOD), 'Fine');
  expect(() => refusePrivateState(cls, Base)).not.toThrow();
  expect(() => refusePrivateState(cls)).toThrow(
    /^Fine has #(read|methods), which an instance gets from its constructor alone, and that does not run when one is read back: use TypeScript private instead\.$/,
  );
});

it.each([
  ['a getter', 'get #b() { return 1 }', '#b'],
  ['a getter and its setter, once', 'get #b() { return 1 } set #b(it) {}', '#b'],
  ['an asynchronous generator', 'async *#b() {}', '#b'],
  ['a method after a static field', 'static a = 1; #b() {}', '#b'],
])('what is read back may not have %s', (_, members, name) => {
  const [plain, inherited] = [`class A { ${members} }`, `class B { ${members} } class A extends B {}`];
  expect(() => refusePrivateState(evaluate(plain, 'A'))).toThrow(`A has ${name}, which`);
  expect(() => refusePrivateState(evaluate(inherited, 'A'))).toThrow(`B has ${name}, which`);
});

it.each(['static #b() {}', 'static get #b() { return 1 }', 'static async *#b() {}'])(
  'what is read back may have %s, which its class calls',
  (member) => {
    expect(() => refusePrivateState(evaluate(`class A { ${member} }`, 'A'))).not.toThrow();
  },
);

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
  ['a #method that is perhaps there', 'class A { static #b() {} c = (it) => it?.#b }'],
])('%s is no private state', (_, source) => {
  expect(() => refusePrivateState(evaluate(source, 'A'))).not.toThrow();
});

it.each([
  ['esbuild', 'class A { constructor() { __privateAdd(this, _A_instances); } }'],
  ['Babel', 'class A { constructor() { _classPrivateMethodInitSpec(this, _A_brand); } }'],
])('what %s makes of #methods is known', (_, source) => {
  const cls = evaluate(source, 'A');
  expect(() => refusePrivateState(cls, Base)).not.toThrow();
  expect(() => refusePrivateState(cls)).toThrow('A has #methods, which');
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
