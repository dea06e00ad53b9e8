import { setImmediate as turn } from 'node:timers/promises';
import {
  DomainEvent,
  decider,
  defineBackstory,
  instant,
  memory,
  type EventSourcedAggregate,
} from 'backstory';
import { silent, type LoadEnd, type Observer } from '@backstory/core/observe';
import { settled } from './docs/blocks';
import { runCli } from './support/run-cli';

@DomainEvent('lamp.switched')
class Switched {
  constructor(readonly at: string) {}
}
const events = { Switched };
const decide = { flip: (_: unknown, at: string) => new Switched(at) };

const Lamp = decider('lamp', {
  initial: (): 'off' | 'on' => 'off',
  events,
  decide,
  evolve: { Switched: (state) => (state === 'off' ? 'on' : 'off') },
});
const Meter = decider('meter', {
  initial: 0,
  events,
  decide,
  evolve: { Switched: (count) => count + 1 },
  snapshots: { every: 5 },
});
interface Page {
  readonly day: string;
}
interface DiaryState {
  readonly last: Date | null;
  readonly days: readonly string[];
  /** The last page is also the open one: what nobody changes may stand in two places. */
  readonly pages: readonly Page[];
  readonly open: Page | null;
}
const Diary = decider('diary', {
  initial: (): DiaryState => ({ last: null, days: [], pages: [], open: null }),
  fields: { last: instant },
  events,
  decide,
  evolve: {
    Switched(diary, { at }) {
      const open = { day: at };
      return { last: new Date(at), days: [...diary.days, at], pages: [...diary.pages, open], open };
    },
  },
  snapshots: { every: 5 },
});

type Form = new () => EventSourcedAggregate & { readonly state: unknown; flip(at: string): void };

/** Every load, as it ended. */
function watching() {
  const ends: LoadEnd[] = [];
  const observer: Observer = {
    ...silent,
    load: (_start, work) => work((end) => void ends.push(end())),
  };
  return { ends, observer };
}

async function home() {
  const { ends, observer } = watching();
  const definition = defineBackstory({
    name: 'home',
    store: memory(),
    aggregates: [Lamp, Meter, Diary],
    observer,
  });
  const app = await definition.start();
  for (let i = 1; i <= 12; i++) {
    const at = `2026-01-${String(i).padStart(2, '0')}T00:00:00.000Z`;
    for (const form of [Lamp, Meter, Diary] as readonly Form[])
      await app.repository(form).update('1', (it) => it.flip(at), { create: true, command: 'flip' });
  }
  return { app, definition, ends };
}

test('a state that is no object is shown, compared and replayed as what it is', async () => {
  const { app, definition } = await home();
  const ask = async (...argv: string[]) => {
    const { exitCode, stdout, stderr } = await runCli(argv, { definition });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    return settled(stdout);
  };
  expect(await ask('state', 'lamp-1', '--at-version', '3')).toMatch(/\n\n"on"$/);
  expect(await ask('state', 'meter-1')).toMatch(/\n\n12$/);
  expect(await ask('state', 'meter-1', '--at-version', '0')).toMatch(/\n\n0$/);
  expect(await ask('diff', 'meter-1', '2', '7')).toMatch(/~ \(all of it\) {2}2 → 7$/);
  expect(await ask('diff', 'lamp-1', '1', '3')).not.toContain('~');
  expect(await ask('replay', 'lamp-1', '--from', '12')).toContain('~ (all of it)  "on" → "off"');
  expect(await ask('replay', 'diary-1', '--from', '12')).toContain('+ days[11]   "<now>"');
  const { events: recorded } = await firstPage(app.events.readStream('lamp-1'));
  const { correlationId } = JSON.parse(recorded[0]!.metadata) as { correlationId: string };
  expect(await ask('trace', correlationId)).toContain('lamp.switched  lamp-1 v1');
  await app.close();
});

test('snapshots of a decider are kept, and give the same state', async () => {
  const { app, ends } = await home();
  for (const form of [Meter, Diary] as readonly Form[]) {
    const things = app.repository(form);
    let loaded = await things.load('1');
    // They are written after the load that finds them missing.
    for (let i = 0; i < 100 && ends.at(-1)!.from !== 'snapshot'; i++) {
      await turn();
      loaded = await things.load('1');
    }
    expect(ends.at(-1)).toMatchObject({ from: 'snapshot', version: 12 });
    const folded = await things.load('1', { atVersion: 4 });
    expect(folded.version).toBe(4);
    if (form === Meter) expect(loaded.state).toBe(12);
    else expect(loaded.state).toMatchObject({ last: new Date('2026-01-12') });
    loaded.flip('2026-02-01');
    expect(loaded.version).toBe(13);
  }
  await app.close();
});

async function firstPage<T>(pages: AsyncIterable<T>): Promise<T> {
  for await (const page of pages) return page;
  throw new Error('There is no page.');
}
