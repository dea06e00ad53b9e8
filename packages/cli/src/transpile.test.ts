import vm from 'node:vm';
import { createJiti } from 'jiti';
import { remembering, transpiler } from './transpile.js';
import type { Transpiled } from './transpile-cache.js';

const plain = createJiti(__filename, { fsCache: false, interopDefault: false });

/** Runs what becomes of a source and gives its exports. */
function run(source: string, transform: ReturnType<typeof transpiler>): Record<string, any> {
  const { code } = transform({ source, filename: __filename, ts: true });
  const exports = {};
  vm.runInThisContext(`(function (exports) {${code}\n})`)(exports);
  return exports;
}

const DECORATED = `
  const D = (target: object, key: string) => {};
  export class A { @D at: number = 1; @D later!: string; }
`;
const FIELD = 'const D = (target: object, key: string) => {};\nexport class A { @D at: number = 1; }';

test('the compiler of the project decorates properties', () => {
  const { A } = run(DECORATED, transpiler(__filename, plain));
  expect(new A()).toEqual({ at: 1, later: undefined });
});

test('without a compiler, code that decorates properties says what it needs, and all other code runs', () => {
  const without = transpiler(__filename, plain, { ts: null });
  expect(run('export const x: number = 1;', without)['x']).toBe(1);
  const { A } = run(FIELD, without);
  expect(() => new A()).toThrow(
    expect.objectContaining({
      code: 'BACKSTORY_CONFIGURATION',
      facts: { problem: 'no-compiler' },
      message: expect.stringContaining('npm install --save-dev typescript'),
    }),
  );
});

test('another thread transpiles only what it was not given', () => {
  const transpiled: Transpiled = new Map();
  const made = jest.fn(() => transpiler(__filename, plain));
  expect(run('export const x: number = 1;', remembering(transpiled, made))['x']).toBe(1);
  const again = remembering(structuredClone(transpiled), made);
  expect(run('export const x: number = 1;', again)['x']).toBe(1);
  expect(made).toHaveBeenCalledTimes(1);
  expect(run('export const x: number = 2;', again)['x']).toBe(2);
  expect(made).toHaveBeenCalledTimes(2);
});
