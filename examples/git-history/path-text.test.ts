import fc from 'fast-check';
import { pathBytes, pathText } from './src/path-text';

test('a path that is UTF-8 is itself, whatever is in it', () => {
  for (const name of [
    'src/a b.ts',
    'dé/日本語',
    "it's",
    'two\nlines\t',
    'a"b',
    'a\\b',
    'constructor',
    'x/__proto__',
    '\ufeffbom',
  ])
    expect(pathText(Buffer.from(name))).toBe(name);
});

test('any other is in quotes of git, and so are a leading quote and the one name that objects cannot hold', () => {
  expect(pathText(Buffer.from('caf\xe9', 'latin1'))).toBe('"caf\\351"');
  expect(pathText(Buffer.from('\xff"\\ \n', 'latin1'))).toBe('"\\377\\042\\134 \\012"');
  expect(pathText(Buffer.from('"a"'))).toBe('"\\042a\\042"');
  expect(pathText(Buffer.from('__proto__'))).toBe('"\\137_proto__"');
});

test('any path gives its bytes back, and no two paths are one text', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 1 }).map((it) => Buffer.from(it)),
    fc
      .string({ minLength: 1, unit: fc.constantFrom('"', '\\', '0', '3', '7', 'a', '_', 'é', '\xff') })
      .map((it) => Buffer.from(it, 'latin1')),
    fc.string({ minLength: 1 }).map((it) => Buffer.from(it)),
  );
  fc.assert(fc.property(bytes, (it) => expect(pathBytes(pathText(it))).toEqual(it)));
  expect(pathBytes(pathText(Buffer.from('__proto__')))).toEqual(Buffer.from('__proto__'));
});
