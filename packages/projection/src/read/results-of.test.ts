import { Recorder, memory, type OpenStorage, type RecordedEvent } from '@backstory/core';
import { DomainEvent, EventTypes } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { Projections } from '../projections.js';

@DomainEvent('thing.counted')
class Counted {
  constructor(readonly n: number) {}
}
const types = new EventTypes([Counted]);

/** Version 1 has a document a stream, version 2 one for all. */
const tellers = (version: 1 | 2) =>
  projection('tellers', {
    version,
    ...(version === 2 && { key: () => 'all' }),
    initial: { count: 0 },
    events: { Counted },
    fold: {
      Counted: ({ count }, { n }, _recorded, _key, emit) => {
        emit({ n });
        return { count: count + 1 };
      },
    },
  });

let storage: OpenStorage;
const running: Projections[] = [];
beforeEach(async () => void (storage = await memory().open()));
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
  await storage.close();
});

async function recorded(n: number): Promise<RecordedEvent<object>> {
  const events = [types.encode(new Counted(n))];
  await new Recorder(storage.events, { source: 'test' }).record([
    { stream: 'thing-1', expected: 'any', events },
  ]);
  const { head } = await storage.events.identity();
  for await (const page of storage.events.readAll({ after: head - 1 })) return types.decode(page.events[0]!);
  throw new Error('It was not recorded.');
}

async function run(version: 1 | 2): Promise<Projections> {
  const own = new Projections({ ...storage, recorder: new Recorder(storage.events, { source: 'test' }) });
  own.declare(tellers(version));
  running.push(own);
  await own.start();
  return own;
}

it('results that another version has kept, under other keys, are never taken for none: they are waited for', async () => {
  const event = await recorded(7);
  const first = await run(1);
  await first.caughtUp('tellers', 1);
  const second = await run(2);
  await second.filled('tellers', 2);
  const now = { timeoutMs: 0 };
  const given = (key: string) => [{ key, position: 1, result: { n: 7 } }];
  expect(await first.named('tellers').resultsOf(event, now)).toEqual(given('thing-1'));
  await expect(second.named('tellers').resultsOf(event, now)).rejects.toMatchObject({
    code: 'BACKSTORY_NOT_CAUGHT_UP',
    isInfrastructure: true,
    message: expect.stringMatching(
      /made by code of version 1, and the code here, of version 2, .*swap once version 2 is filled/,
    ) as string,
  });
  const waiting = second.named('tellers').resultsOf(event);
  await second.swap('tellers');
  expect(await waiting).toEqual(given('all'));
  await expect(first.named('tellers').resultsOf(event, now)).rejects.toThrow(/use code of version 2/);
});
