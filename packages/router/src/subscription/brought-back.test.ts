import { Recorder, memory, type EventStore, type OpenStorage } from '@backstory/core';
import { Subscriptions } from '@backstory/router';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { watching } from '../../../../test/support/subscribing.js';
import { partitionName, partitionOf } from './key-partition.js';

/** A log that another one may take the place of while it is in use, as a server does that is brought back. */
class Replaceable {
  readonly events: EventStore;

  constructor(private log: EventStore) {
    this.events = new Proxy({} as EventStore, {
      get: (_, name: keyof EventStore) => {
        const value = this.log[name];
        return typeof value === 'function' ? value.bind(this.log) : value;
      },
    });
  }

  /** Leads back to what was there up to a position. */
  async bringBack(upTo: number): Promise<void> {
    const before = this.log;
    const { logId } = await before.identity();
    const { events } = await memory().open();
    for await (const page of before.readAll({ upTo, includeSystem: true }))
      for (const { stream, ...event } of page.events)
        await events.append([{ stream, expected: 'any', events: [event] }]);
    const identity = async () => ({ ...(await events.identity()), logId });
    this.log = new Proxy(events, {
      get: (target, name: keyof EventStore) => {
        const value = name === 'identity' ? identity : target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}

let storage: OpenStorage;
let log: Replaceable;
let record: ReturnType<typeof recording>;
const running: Subscriptions[] = [];
beforeEach(async () => {
  storage = await memory().open();
  log = new Replaceable(storage.events);
  record = recording(log.events);
});
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
});

function start(): Subscriptions {
  const recorder = new Recorder(log.events, { source: 'test' });
  const subscriptions = new Subscriptions({ events: log.events, state: storage.state, recorder });
  running.push(subscriptions);
  return subscriptions;
}

const faulted = (subscriptions: Subscriptions) =>
  eventually(async () => {
    const status = await subscriptions.status('fraud');
    return status.state === 'faulted' && status;
  });

it('what was read of a log is not stored once the log is brought back, whose state may have come back with it', async () => {
  let handled = 0;
  const subscriptions = start();
  await record('1', new Deposited(1));
  // No checkpoint is kept by itself while the log is replaced.
  await subscriptions.add(watching('fraud', () => handled++, { checkpointMs: 600_000 }));
  await eventually(() => handled === 1);
  const { position } = await subscriptions.status('fraud');
  await record('1', new Deposited(2));
  await eventually(() => handled === 2);
  await log.bringBack(1);
  for (let i = 0; i < 5; i++) await record('2', new Deposited(3));

  await subscriptions.close();
  const kept = await start().status('fraud');
  expect(kept.position).toBe(position);
});

it('what was finished ahead in a log that was brought back is not taken for finished in what came after', async () => {
  const [slow, beside] = inOnePartition();
  const handled: string[] = [];
  let release = (): void => undefined;
  const hung = new Promise<void>((end) => (release = end));
  let isHung = true;
  const handler = async (
    _event: unknown,
    { id, stream }: { readonly id: string; readonly stream: string },
  ) => {
    if (isHung && stream === `account-${slow}`) await hung;
    handled.push(id);
  };
  const before = start();
  await before.add(watching('fraud', handler, { stopTimeoutMs: 1 }));
  await record(slow, new Deposited(1));
  const [lost] = await record(beside, new Deposited(2));
  await eventually(() => handled.includes(lost!));
  await before.close();
  isHung = false;
  release();
  // The others would show it as well: they have got past what was lost.
  const name = 'backstory.subscriptions/fraud/progress';
  const rows = await storage.state.read((view) => view.list(name));
  const others = rows
    .map(({ key }) => key)
    .filter((key) => key !== partitionName(partitionOf(`account-${slow}`)));
  expect(others).toHaveLength(63);
  await storage.state.transaction([], (tx) => tx.deleteMany(name, others));

  await log.bringBack(1);
  const came: string[] = [];
  for (let i = 0; i < 9; i++) came.push(...(await record(beside, new Deposited(3))));
  const after = start();
  await after.add(watching('fraud', handler));
  const { reason } = await faulted(after);
  expect(reason).toMatch(/which was there before, is not there at position/);
  await after.reset('fraud', 'beginning', { actor: 'ann' });
  await eventually(() => came.every((id) => handled.includes(id)));
});

/** Two accounts whose streams fall into one partition. */
function inOnePartition(): readonly [string, string] {
  const other = Array.from({ length: 1_000 }, (_, i) => String(i + 2));
  return ['1', other.find((it) => partitionOf(`account-${it}`) === partitionOf('account-1'))!];
}
