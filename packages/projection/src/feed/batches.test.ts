import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { silent } from '@backstory/core/observe';
import { batches } from './batches.js';

let storage: OpenStorage;
let stopping: AbortController;
beforeEach(async () => {
  storage = await memory().open();
  stopping = new AbortController();
});
afterEach(async () => {
  stopping.abort();
  await storage.close();
});

async function record(count: number): Promise<void> {
  const events = Array.from({ length: count }, () => ({ type: 'happened', data: '{}' }));
  const write = { stream: 'thing-1', expected: 'any', events } as const;
  await new Recorder(storage.events, { source: 'test' }).record([write]);
}

function read(most: number) {
  const reading = { after: 0, types: ['happened'], most, eventsPerSecond: undefined, name: 'test' };
  return batches(storage.events, { ...reading, signal: stopping.signal, observer: silent });
}

it.each([1, 1_999, 2_000, 4_000, 4_001])(
  'what there is comes in one batch where it fits, also when it fills its pages to the last event (%i)',
  async (count) => {
    await record(count);
    const { value } = await read(10_000).next();
    expect(value).toMatchObject({ checkpoint: { through: count } });
    expect(value!.events).toHaveLength(count);
  },
);

it('a batch that is full does not wait for more', async () => {
  await record(5_000);
  const found = read(4_000);
  expect((await found.next()).value!.events).toHaveLength(4_000);
  expect((await found.next()).value!.events).toHaveLength(1_000);
});

it('what comes later is the next batch', async () => {
  await record(2_000);
  const found = read(10_000);
  await found.next();
  await record(3);
  expect((await found.next()).value).toMatchObject({ checkpoint: { through: 2_003 } });
});
