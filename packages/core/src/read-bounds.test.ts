import { InvalidQuery } from './errors.js';
import { resolveQuery, resolveSlice, resolveStreamsQuery } from './read-bounds.js';

it('a query without filters reads the whole log but for system streams', () => {
  expect(resolveQuery()).toMatchObject({ after: 0, upTo: 2 ** 53 - 1, pageSize: 500, includeSystem: false });
  expect(resolveQuery({ categories: ['_ops'] }).includeSystem).toBe(true);
  expect(resolveQuery({ streams: ['_ops-1'], includeSystem: false }).includeSystem).toBe(false);
  expect(resolveStreamsQuery({ categories: ['_ops'] }).includeSystem).toBe(true);
});

it('a name given twice counts once', () => {
  expect(resolveQuery({ types: ['a', 'b', 'a'] }).types).toEqual(['a', 'b']);
});

it.each(['\ud83d', 'a\0b'])('a filter that no name in the log can match is refused: %j', (name) => {
  for (const option of ['types', 'streams', 'categories', 'ids', 'correlationIds', 'causationIds'] as const) {
    expect(() => resolveQuery({ [option]: ['fine', name] })).toThrow(InvalidQuery);
  }
  expect(() => resolveStreamsQuery({ after: name })).toThrow(expect.objectContaining({ option: 'after' }));
});

it('a slice has bounds that are whole numbers', () => {
  expect(() => resolveSlice('a-1', { after: -1 })).toThrow(expect.objectContaining({ option: 'after' }));
  expect(() => resolveSlice('a-1', { upToPosition: 0.5 })).toThrow(
    expect.objectContaining({ option: 'upToPosition' }),
  );
  expect(() => resolveSlice('a-1', { pageSize: 10_001 })).toThrow(
    expect.objectContaining({ option: 'pageSize' }),
  );
  expect(resolveSlice('a-1', { limit: 0, pageSize: 10_000 })).toMatchObject({
    limit: 0,
    pageSize: 10_000,
    after: 0,
  });
});

it('a stream that no store can hold is no stream to read', () => {
  expect(() => resolveSlice('a-\ud800')).toThrow(/stream/);
  expect(() => resolveSlice(7 as never)).toThrow(/stream/);
});
