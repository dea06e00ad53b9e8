import { memory, type OpenStorage } from '@backstory/core';
import { EventHandler, Fields, instant } from '@backstory/events';
import { Deposited, Withdrawn, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { projectionsOn } from '../../../../test/support/projecting.js';
import type { Emit } from '../results/emit.js';
import type { RecordedEvent } from '@backstory/core';
import type { Projections } from '../projections.js';
import { deleted } from './deleted.js';
import { projection } from './functional-projection.js';
import { Projection } from './projection-decorator.js';
import { modelOf, type ProjectionSource } from './projection-source.js';

let storage: OpenStorage;
const running: Projections[] = [];
beforeEach(async () => void (storage = await memory().open()));
afterEach(async () => {
  for (const it of running.splice(0)) await it.close();
  await storage.close();
});

async function folded(source: ProjectionSource, ...happened: readonly object[]): Promise<Projections> {
  const projections = projectionsOn(storage, [source]);
  running.push(projections);
  await recording(storage.events)('1', ...happened);
  await projections.start();
  await projections.caughtUp(source, happened.length);
  return projections;
}

@Projection('dues', { version: 1, key: () => ['one', 'two'] })
@Fields({ due: instant })
class Dues {
  due = new Date(0);
  @EventHandler(Deposited) deposited(_event: Deposited, { recordedAt }: RecordedEvent<Deposited>): void {
    this.due = recordedAt;
    this.due.setUTCFullYear(2050);
  }
}

it('each document is given a time of its own, which is not that of the log', async () => {
  const dues = (await folded(Dues, new Deposited(1))).of(Dues);
  const years = [...(await dues.getMany(['one', 'two'])).values()].map(({ due }) => due.getUTCFullYear());
  expect(years).toEqual([2050, 2050]);
  for await (const { events } of storage.events.readAll())
    for (const { recordedAt } of events) expect(recordedAt.getUTCFullYear()).toBeLessThan(2050);
  expect((await dues.asOf(1).get('two'))!.due.getUTCFullYear()).toBe(2050);
});

it('what is emitted once the fold is over is refused', async () => {
  const kept: Emit[] = [];
  const told = projection('told', {
    version: 1,
    initial: { n: 0 },
    events: { Deposited },
    fold: {
      Deposited: (document, _event, _recorded, _key, emit) => {
        emit('in time');
        kept.push(emit);
        return document;
      },
    },
  });
  const projections = await folded(told, new Deposited(1));
  expect(() => kept[0]!('late')).toThrow(/A fold of told is over: emit in it/);
  await recording(storage.events)('1', new Deposited(2));
  await projections.caughtUp(told, 2);
  const results = (await projections.of(told).results('account-1')).map(({ result }) => result);
  expect(results).toEqual(['in time', 'in time']);
});

@Projection('closings', { version: 1 })
class Closings {
  n = 0;
  @EventHandler(Deposited) deposited(): void {
    this.n++;
  }
  @EventHandler(Withdrawn) withdrawn(): typeof deleted {
    return deleted;
  }
  @EventHandler(Withdrawn) noticed(): void {
    this.n += 100;
  }
}

it('what a handler has deleted only another event begins anew, and no later handler of the same', async () => {
  const projections = await folded(Closings, new Deposited(1), new Withdrawn(1));
  expect(await projections.of(Closings).get('account-1')).toBeUndefined();
  await recording(storage.events)('1', new Deposited(1));
  await projections.caughtUp(Closings, 3);
  expect(await projections.of(Closings).get('account-1')).toEqual({ n: 1 });
});

@Projection('hidden', { version: 1 })
class Hidden {
  total = 0;
  #seen = 0;
  @EventHandler(Deposited) deposited(): void {
    this.total = ++this.#seen;
  }
}

it('private fields, which are not stored, are refused before anything is folded', () => {
  expect(() => modelOf(Hidden)).toThrow(/#seen/);
});

it('a reason that is a sentence ends once', async () => {
  const failing = projection('failing', {
    version: 1,
    initial: { n: 0 },
    events: { Deposited },
    fold: {
      Deposited: () => {
        throw new Error('Not today.');
      },
    },
  });
  await recording(storage.events)('1', new Deposited(1));
  const projections = projectionsOn(storage, [failing]);
  running.push(projections);
  await projections.start();
  const { reason } = await eventually(async () => {
    const status = await projections.status('failing');
    return status.state === 'faulted' && status;
  });
  expect(reason).toMatch(/: Not today\. Nothing was skipped\./);
});

const parts = { version: 1, initial: {}, events: { Deposited }, fold: { Deposited: (it: object) => it } };
it.each<[string, unknown, RegExp]>([
  ['nothing', undefined, /options: must be an object, not undefined/],
  ['null', null, /options: must be an object, not null/],
  ['no initial', { ...parts, initial: undefined }, /odd needs `initial`/],
  ['an initial that is a promise', { ...parts, initial: async () => ({}) }, /`initial` of odd/],
  [
    'an event that is none',
    { ...parts, events: { Deposited: undefined } },
    /odd has Deposited among its `events`/,
  ],
  ['a misspelt part', { ...parts, folds: {} }, /folds: is no option here/],
])('%s of a projection is refused, by name', (_, given, message) => {
  expect(() => modelOf(projection('odd', given as never))).toThrow(message);
});
