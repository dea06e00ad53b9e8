import { createHash } from 'node:crypto';
import { appendIds, deriveId, newId } from './ids.js';

it('new ids are UUIDs of version 7 and sort by time', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    ids.push(newId());
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect([...ids].sort()).toEqual(ids);
});

it('derived ids are for ever what they were first', () => {
  expect(deriveId('handler', 's', 'h', 'e-1', 0, 'a-1')).toBe('c52c4995-e161-8427-8c0a-07c3f5c91c32');
  expect(deriveId('command', 'pay ü', 3, 'a-1')).toBe('238aecab-a04b-8526-95bf-8594d783661d');
});

it('derived ids are UUIDs of version 8 made from the SHA-256 of their parts', () => {
  const id = deriveId('a', 1);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const hash = createHash('sha256').update('["a",1]').digest('hex');
  expect([id.slice(0, 8), id.slice(24)]).toEqual([hash.slice(0, 8), hash.slice(20, 32)]);
});

it('parts that are put together otherwise give other ids', () => {
  const ids = [
    deriveId('a', 'b'),
    deriveId('ab'),
    deriveId('a', 'b', ''),
    deriveId('1'),
    deriveId(1),
    deriveId('a","b'),
  ];
  expect(new Set(ids).size).toBe(6);
});

it('the ids of an append count up from its own, and go on from zero at the end of 48 bits', () => {
  expect(appendIds('01890000-0000-7000-8000-0000000000fe', 4).map((id) => id.slice(-6))).toEqual([
    '0000fe',
    '0000ff',
    '000100',
    '000101',
  ]);
  expect(appendIds('01890000-0000-7000-8000-fffffffffffe', 4)).toEqual([
    '01890000-0000-7000-8000-fffffffffffe',
    '01890000-0000-7000-8000-ffffffffffff',
    '01890000-0000-7000-8000-000000000000',
    '01890000-0000-7000-8000-000000000001',
  ]);
  expect(appendIds('x', 1)).toEqual(['x']);
});
