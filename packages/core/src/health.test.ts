import { healthOf, type HealthOptions, type Watched } from './observability.js';

type Consumer = Partial<Awaited<ReturnType<Watched['subscriptions']['list']>>[number]>;

function app(subscriptions: readonly Consumer[] | Error, identity = async () => ({ head: 9 })): Watched {
  const whole = (it: Consumer) => ({
    ...{ name: 'fraud', state: 'live', position: 9, lag: { events: 0, seconds: 0 } },
    ...{ parked: { retrying: 0, dead: 0 }, members: [], savedAt: ago(1) },
    ...it,
  });
  const list = async () => {
    if (subscriptions instanceof Error) throw subscriptions;
    return subscriptions.map(whole);
  };
  return {
    ...{ name: 'bank', events: { identity } },
    ...{ subscriptions: { list }, projections: { list: async () => [] } },
  } as unknown as Watched;
}

function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1_000).toISOString();
}

const BEHIND = { state: 'catching-up', lag: { events: 40, seconds: 90 } };

test.each<[string, Consumer, HealthOptions, string, string | undefined]>([
  ['one that is up to date', {}, {}, 'ok', undefined],
  ['one that is a little behind', { ...BEHIND, lag: { events: 1, seconds: 3 } }, {}, 'ok', undefined],
  [
    ...(['one that is behind and keeps checkpoints', BEHIND, {}, 'degraded'] as const),
    'it is behind by 40 positions, 90 s, and moving',
  ],
  [
    ...(['one that stands still', { ...BEHIND, savedAt: ago(61) }, {}, 'failed'] as const),
    'it is behind by 40 positions, 90 s, and has not moved for 61 s',
  ],
  ['one that may take longer', { ...BEHIND, savedAt: ago(61) }, { lagSeconds: 100 }, 'ok', undefined],
  [
    ...(['one that may stand longer', { ...BEHIND, savedAt: ago(61) }] as const),
    ...([{ stalledSeconds: 70 }, 'degraded', 'it is behind by 40 positions, 90 s, and moving'] as const),
  ],
  [
    'one that is faulted',
    { state: 'faulted', reason: 'no such type' },
    {},
    'failed',
    'faulted: no such type',
  ],
  ['one that is paused', { state: 'paused', reason: 'by ann' }, {}, 'degraded', 'paused: by ann'],
  ['one that nobody runs', { state: 'stopped' }, {}, 'degraded', 'no process runs it'],
  [
    ...(['one that nobody runs while events wait', { ...BEHIND, state: 'stopped' }, {}, 'failed'] as const),
    'no process runs it, and it is behind by 40 positions, 90 s',
  ],
  ['one with dead keys', { parked: { retrying: 0, dead: 2 } }, {}, 'degraded', '2 keys are dead'],
])('%s', async (_, consumer, options, status, why) => {
  const { checks, ...health } = await healthOf(app([consumer]), options);
  expect(checks).toEqual([
    { name: 'store', status: 'ok' },
    { name: 'subscription fraud', status, ...(why !== undefined && { why }) },
  ]);
  expect(health).toEqual({ status, collectedAt: expect.any(String) });
});

test('one that has kept no checkpoint is neither well nor ill', async () => {
  const { savedAt: _, ...consumer } = { ...BEHIND, savedAt: undefined };
  const found = app([consumer]);
  const list = found.subscriptions.list;
  const without = async () => (await list()).map(({ savedAt: __, ...it }) => it);
  const { status } = await healthOf({ ...found, subscriptions: { ...found.subscriptions, list: without } });
  expect(status).toBe('unknown');
});

test('a projection counts by the checkpoint of the generation that is read', async () => {
  const generations = [
    { generation: 1, savedAt: ago(70) },
    { generation: 2, savedAt: ago(1) },
  ];
  const orders = { name: 'orders', position: 1, ...BEHIND, generation: 1, generations };
  const projections = { list: async () => [orders] };
  const { checks } = await healthOf({ ...app([]), projections });
  expect(checks.at(-1)).toMatchObject({ name: 'projection orders', status: 'failed' });
});

test('what cannot be read is unknown, and a store that does not answer has failed', async () => {
  const unread = await healthOf(app(new Error('no such table')));
  expect(unread.status).toBe('unknown');
  expect(unread.checks[1]).toEqual({ name: 'subscriptions', status: 'unknown', why: 'no such table' });
  const hanging = app([], () => new Promise(() => undefined));
  const { status, checks } = await healthOf(hanging, { timeoutMs: 10 });
  expect([status, checks]).toEqual([
    'failed',
    [{ name: 'store', status: 'failed', why: 'it did not answer within 0.01 s' }],
  ]);
  await expect(healthOf(app([]), { timeoutMs: 0 })).rejects.toThrow('timeoutMs');
});
