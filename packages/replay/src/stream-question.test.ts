import { streamQuestion } from './stream-question.js';

test('a question to streams knows their names, and says which there are', () => {
  const head = {
    stream: 'cart-7',
    version: 2,
    position: 9,
    recordedAt: new Date('2026-11-20T12:00:00.000Z'),
  };
  expect(streamQuestion('version >= 2 && category == "cart" && streamId == "7"')(head)).toBe(true);
  expect(streamQuestion('recordedAt < "2026-11-20"')(head)).toBe(false);
  expect(() => streamQuestion('data.x')).toThrow('there is no data here: there are stream, category');
});
