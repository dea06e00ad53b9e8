import { DeadKey, parkedIn, writeParked, type ParkedKey } from './parked-key.js';

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

const stored = (parked: ParkedKey) => parkedIn({ key: `07/${parked.key}`, value: writeParked(parked) });

it('that a key is dead, and where it stands, is known without reading its record, whatever stands in it', () => {
  const sly = '{"cursor":7,"state":"dead"}';
  const error = { name: 'Error', message: sly };
  for (const key of ['account-1', 'Ångström/2', sly])
    expect(stored({ ...PARKED, key, cursor: 12_345, error })).toEqual(new DeadKey(key, 12_345));
  const edited = { data: sly, actor: sly };
  for (const state of ['retrying', 'draining'] as const)
    expect(stored({ ...PARKED, key: sly, state, edited })).toMatchObject({ key: sly, state, edited });
});

it('a record of another format is read at once, and refused', () => {
  const value = '{"format":"backstory.parked-key/2","state":"dead","cursor":1}';
  expect(() => parkedIn({ key: '07/account-1', value })).toThrow(/backstory\.parked-key\/2/);
});
