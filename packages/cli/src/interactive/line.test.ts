import fc from 'fast-check';
import { ASCII, UNICODE, cellsOf, fitted, sentence, wrapped, type Line } from './line.js';

const textOf = (line: Line) => line.map(({ text }) => text).join('');
const rows = (line: Line, width: number, charset = UNICODE) => [...wrapped(line, width, charset)].map(textOf);

test('a line that fits is left alone, and one that does not ends with an ellipsis', () => {
  const line = [{ text: 'abc' }, { text: 'def', tone: 'bad' as const }];
  expect(fitted(line, 6, UNICODE)).toEqual(line);
  expect(textOf(fitted(line, 5, UNICODE))).toBe('abcd…');
  expect(textOf(fitted(line, 5, ASCII))).toBe('abcd~');
  expect(textOf(fitted(line, 1, UNICODE))).toBe('a');
});

test('wide characters take two cells, and are never cut in half', () => {
  expect(rows([{ text: '世界🎉x' }], 5)).toEqual(['世界', '🎉x']);
  expect(textOf(fitted([{ text: '世界世界' }], 6, UNICODE))).toBe('世界…');
  expect(rows([{ text: '世x' }], 1)).toEqual(['x']);
});

test('a letter with thousands of marks is one letter with a few', () => {
  const [row] = rows([{ text: `o${'\u0300'.repeat(5_000)}` }], 80);
  expect(row!.length).toBeLessThan(3_000);
  expect(cellsOf([{ text: `e\u0301` }], UNICODE)).toBe(1);
});

test('any text becomes rows that fit, hold all of it, and hold nothing that acts on a terminal', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());
  fc.assert(
    fc.property(fc.array(fc.record({ text })), fc.integer({ min: 2, max: 40 }), (line, width) => {
      for (const charset of [UNICODE, ASCII]) {
        for (const row of wrapped(line, width, charset)) {
          expect(cellsOf(row, charset)).toBeLessThanOrEqual(width);
          expect(charset.safe(textOf(row))).toBe(textOf(row));
        }
        expect(cellsOf(fitted(line, width, charset), charset)).toBeLessThanOrEqual(width);
      }
      expect(rows(line, width, ASCII).join('')).toBe(ASCII.safe(textOf(line)));
      expect(rows(line, width, ASCII).join('')).toMatch(/^[\x20-\x7e]*$/);
    }),
  );
});

test('of a very long line no more is looked at than is shown', () => {
  const safe = jest.fn(UNICODE.safe);
  fitted([{ text: 'é'.repeat(10_000_000) }], 80, { ...UNICODE, safe });
  expect(safe.mock.calls.reduce((sum, [text]) => sum + text.length, 0)).toBeLessThan(10_000);
});

test('a sentence is broken between words, and a word where there is no other way', () => {
  const broken = (text: string, width: number) => [...sentence({ text }, width, UNICODE)].map(textOf);
  expect(broken('No aggregate folds it', 14)).toEqual(['No aggregate', 'folds it']);
  expect(broken('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
  expect(broken('', 3)).toEqual([]);
});
