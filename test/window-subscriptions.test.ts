import { DomainEvent, defineBackstory, type App } from 'backstory';
import { reaction, subscriber } from 'backstory/subscriptions';
import { tumbling } from 'backstory/streams';
import { Deposited, Withdrawn } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { eventually } from './support/eventually.js';
import { eventsOf } from './support/sqlite-files.js';
import { windowsOf } from './support/windowed.js';

@DomainEvent('report.day-closed')
class DayClosed {
  constructor(
    readonly from: string,
    readonly sum: number,
  ) {}
}

const days = windowsOf('days', tumbling({ sizeMs: 100 }));
const DAY = Date.UTC(2026, 0, 1);

describeEachStorage(resultsReach);

function resultsReach(stores: TestStorage): void {
  let app: App;
  /** Fails after everything was recorded, so often. */
  let failures: number;
  beforeEach(async () => {
    failures = 0;
    const storage = await stores.storage();
    const definition = defineBackstory({
      name: 'bank',
      store: storage,
      events: [Deposited, Withdrawn, DayClosed],
      projections: [days],
      subscribers: [
        (its) =>
          subscriber({
            name: 'report',
            key: () => 'all',
            retry: { attempts: 3, delayMs: 5 },
            breaker: { keys: 10, probeMs: 10, maxProbeMs: 20 },
            on: [Deposited, Withdrawn].map((event) =>
              reaction(event, async (_, recorded) => {
                for (const { key, result } of await its.windows(days).closedBy(recorded, { timeoutMs: 500 }))
                  await its.record(`report-${key}`, [new DayClosed(result.from, result.values.sum)]);
                if (failures-- > 0) throw new Error('just before the end');
              }),
            ),
          }),
      ],
    });
    app = await definition.start();
  });
  afterEach(() => app.close());

  const deposit = async (account: number, at: number, amount: number) =>
    app.record(`account-${account}`, [new Deposited(amount)], { occurredAt: new Date(DAY + at) });
  const reported = async () => {
    const events = await eventsOf(app.events, { types: ['report.day-closed'] });
    return events.map(({ stream, data }) => ({ stream, ...(JSON.parse(data) as DayClosed) }));
  };
  const from = (at: number) => new Date(DAY + at).toISOString();
  const EXPECTED = [
    { stream: 'report-all', from: from(0), sum: 12 },
    { stream: 'report-account-1', from: from(0), sum: 5 },
    { stream: 'report-all', from: from(100), sum: 2 },
  ];
  const happen = async () => {
    await deposit(1, 10, 5);
    await deposit(2, 20, 7);
    await deposit(1, 150, 2);
    return (await deposit(2, 250, 1)).position;
  };

  it('a closed window becomes one event, though its handler fails after it, and is run again from the beginning', async () => {
    failures = 2;
    await app.handled('report', await happen());
    // Account 2 closes its first window with its second event.
    const expected = [
      ...EXPECTED.slice(0, 2),
      { stream: 'report-account-2', from: from(0), sum: 7 },
      EXPECTED[2]!,
    ];
    const inOrder = (all: typeof expected) =>
      [...all].sort((a, b) => (a.stream + a.from < b.stream + b.from ? -1 : 1));
    expect(inOrder(await reported())).toEqual(inOrder(expected));
    await app.subscriptions.reset('report', 'beginning', { actor: 'ann' });
    const { head } = await app.events.identity();
    await app.handled('report', head);
    expect(await reported()).toHaveLength(4);
    const [first] = await eventsOf(app.events, { types: ['report.day-closed'] });
    const { causationId } = JSON.parse(first!.metadata) as { causationId: string };
    const closing = (await eventsOf(app.events, { ids: [causationId] }))[0]!;
    expect(closing.position).toBe(3);
  });

  it('while the projection is paused the subscription waits and parks nothing, and then goes on', async () => {
    await app.projections.pause('days', { actor: 'ann' });
    await eventually(async () => (await app.projections.status('days')).state === 'paused');
    const position = await happen();
    const { reason } = await eventually(async () => {
      const status = await app.subscriptions.status('report');
      return status.state === 'paused' && status;
    });
    expect(reason).toMatch(/days is at position .*paused/);
    expect(await app.subscriptions.parked('report')).toEqual([]);
    await app.projections.resume('days', { actor: 'ann' });
    await app.handled('report', position);
    expect(await reported()).toHaveLength(4);
  });
}
