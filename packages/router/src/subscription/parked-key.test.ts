import { StoredParked, storedParked, writeParked, type ParkedKey } from './parked-key.js';

const PARKED: ParkedKey = {
  key: 'account-1',
  state: 'dead',
  from: 1,
  cursor: 1,
  eventId: 'e-1',
  eventType: 'account.deposited',
  stream: 'account-1',
  handler: 'watch',
  attempts: 5,
  reason: 'poison',
  error: { name: 'Error', message: 'unlucky' },
  parkedAt: '2026-11-20T00:00:00.000Z',
};

const stored = (parked: ParkedKey) => new StoredParked(parked.key, writeParked(parked));

it('that a key is dead is known without reading its record, whatever stands in it', () => {
  const sly = '{"state":"dead"}';
  const edited = { data: sly, actor: sly };
  const retrying: ParkedKey = { ...PARKED, key: sly, state: 'retrying', edited };
  expect(stored(PARKED).isDead).toBe(true);
  expect(stored(retrying).isDead).toBe(false);
  expect(stored(retrying).read()).toMatchObject(retrying);
  expect(stored({ ...PARKED, state: 'draining' }).isDead).toBe(false);
});

it('a record of another format is read at once, and refused', () => {
  const later = new StoredParked('account-1', '{"format":"backstory.parked-key/2","state":"dead"}');
  expect(later.isDead).toBe(false);
  expect(() => later.read()).toThrow(/backstory\.parked-key\/2/);
});

it('each record of a page is its own, whatever stands beside it', () => {
  const page = [
    PARKED,
    { ...PARKED, key: 'Ångström/2', state: 'retrying' as const },
    { ...PARKED, key: '3', error: { name: 'Error', message: '𝒳 "state":"dead"' } },
  ];
  const rows = page.map((it) => ({ key: `07/${it.key}`, value: writeParked(it) }));
  const read = storedParked(rows);
  expect(read.map((it) => [it.key, it.isDead])).toEqual([
    ['account-1', true],
    ['Ångström/2', false],
    ['3', true],
  ]);
  expect(read.map((it) => it.read())).toMatchObject(page);
});
