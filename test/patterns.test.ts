import type { OpenStorage } from '@backstory/core';
import type { ProjectionSource, Projections } from '@backstory/projection';
import { pattern, step, type PatternDocument } from '@backstory/projection/streams';
import { Deposited, Withdrawn } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { projectionsOn } from './support/projecting.js';
import { seededRandom } from './support/seeded-random.js';
import { recordingAt } from './support/windowed.js';
import { IN_TIME } from './support/eventually.js';

const seed = Number(process.env['BACKSTORY_TEST_SEED'] ?? Date.now() % 1_000_000);

/** A deposit, then a withdrawal of as much or more within 100 ms, without a deposit of 9 in between. */
const drained = pattern('drained', { version: 1, withinMs: 100, initial: { came: 0 } }).find({
  steps: [
    step(Deposited, { when: ({ amount }) => amount < 9, keep: ({ amount }) => ({ came: amount }) }),
    step(Withdrawn, { when: ({ amount }, { came }) => amount >= came }),
  ],
  without: [step(Deposited, { when: ({ amount }) => amount === 9 })],
});

type When = 'any' | 'odd' | 'as much';
/** A step, and what is required of the amount. */
interface Wanted {
  readonly isIn: boolean;
  readonly when: When;
}
interface Rules {
  readonly steps: readonly Wanted[];
  readonly without: readonly Wanted[];
  readonly withinMs: number;
  readonly maxOpen: number;
}
interface Happened {
  readonly stream: string;
  readonly position: number;
  readonly at: number;
  readonly amount: number;
  readonly isIn: boolean;
}

const isMeant = (when: When, amount: number, came: number) =>
  when === 'any' || (when === 'odd' ? amount % 2 === 1 : amount >= came);

function anyRules(among: (n: number) => number): Rules {
  const whens: readonly When[] = ['any', 'odd', 'as much'];
  const wanted = (): Wanted => ({ isIn: among(2) === 0, when: whens[among(3)]! });
  return {
    steps: Array.from({ length: 2 + among(3) }, wanted),
    without: Array.from({ length: among(3) }, wanted),
    withinMs: 1 + among(150),
    maxOpen: among(2) === 0 ? 100 : 1 + among(3),
  };
}

function patternOf(name: string, { steps, without, ...rules }: Rules) {
  const stepOf = ({ isIn, when }: Wanted) =>
    step<Deposited, { came: number }>(isIn ? Deposited : Withdrawn, {
      when: ({ amount }, { came }) => isMeant(when, amount, came),
      keep: ({ amount }) => ({ came: amount }),
    });
  const key = ({ stream }: { readonly stream: string }) => [stream, 'all'];
  return pattern(name, { version: 1, key, initial: { came: 0 }, ...rules }).find({
    steps: steps.map(stepOf),
    without: without.map(stepOf),
  });
}

/** Goes through what follows each first step by itself; of those that wait at the same time the first is forgotten once they are too many. */
function searched({ steps, without, withinMs, maxOpen }: Rules, happened: readonly Happened[]) {
  const kinds = new Set([...steps, ...without].map(({ isIn }) => isIn));
  const own = happened.filter(({ isIn }) => kinds.has(isIn));
  const latest = own.map((_, i) => Math.max(...own.slice(0, i + 1).map(({ at }) => at)));
  const fits = (wanted: Wanted, { isIn, amount }: Happened, came: number) =>
    wanted.isIn === isIn && isMeant(wanted.when, amount, came);
  /** Where it ends, and whether it was found then. */
  const followed = (i: number) => {
    const taken = [own[i]!];
    for (let j = i + 1; j < own.length; j++) {
      const it = own[j]!;
      const last = taken.at(-1)!;
      if (latest[j]! > own[i]!.at + withinMs) return { i, end: j, taken: undefined };
      if (it.at < last.at) continue;
      if (fits(steps[taken.length]!, it, last.amount)) taken.push(it);
      else if (without.some((wanted) => fits(wanted, it, last.amount)))
        return { i, end: j, taken: undefined };
      if (taken.length === steps.length) return { i, end: j, taken };
    }
    return { i, end: Infinity, taken: undefined };
  };
  const begun = own.flatMap((it, i) =>
    fits(steps[0]!, it, 0) && latest[i]! <= it.at + withinMs ? [followed(i)] : [],
  );
  const forgotten = new Set<unknown>();
  for (const { i } of begun) {
    const waiting = begun.filter((it) => it.i <= i && it.end > i && !forgotten.has(it));
    if (waiting.length > maxOpen) forgotten.add(waiting[0]);
  }
  const kept = begun.filter((it) => !forgotten.has(it));
  const found = kept.flatMap(({ taken }) => (taken ? [taken.map(({ position }) => position)] : []));
  return {
    found: found.sort((a, b) => a.at(-1)! - b.at(-1)! || a[0]! - b[0]!),
    forgotten: forgotten.size,
    open: kept.filter(({ end }) => end === Infinity).length,
  };
}

describeEachStorage(patternsAre);

function patternsAre(stores: TestStorage): void {
  let opened: OpenStorage;
  const running: Projections[] = [];
  beforeEach(async () => {
    opened = await stores.opened(await stores.storage());
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });
  const run = async (sources: readonly ProjectionSource[] = [drained]) => {
    const projections = projectionsOn(opened, sources, { leaseMs: 2_000 });
    running.push(projections);
    await projections.start();
    return projections;
  };

  it(`are found once for each beginning, through restarts, and again by a rebuild (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const record = recordingAt(opened.events);
    const happened: { stream: string; position: number; at: number; amount: number; isIn: boolean }[] = [];
    let at = 0;
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 20; i++) {
        at += Math.floor(random() * 30);
        const [amount, isIn] = [1 + Math.floor(random() * 9), random() < 0.6];
        const account = 1 + Math.floor(random() * 2);
        const { position } = await record(account, at, isIn ? new Deposited(amount) : new Withdrawn(amount));
        happened.push({ stream: `account-${account}`, position, at, amount, isIn });
      }
      const projections = await run();
      await projections.caughtUp('drained', happened.length, IN_TIME);
      await projections.close();
    }
    const projections = await run();
    for (const key of ['account-1', 'account-2']) {
      const own = happened.filter(({ stream }) => stream === key);
      const expected = own.flatMap((start, i) => {
        if (!start.isIn || start.amount === 9) return [];
        const end = own.slice(i + 1).find((it) => (it.isIn ? it.amount === 9 : it.amount >= start.amount));
        return end && !end.isIn && end.at <= start.at + 100 ? [`${start.amount} until ${end.position}`] : [];
      });
      const found = await projections.of(drained).results(key);
      expect(found.map(({ position, result }) => `${result.memory.came} until ${position}`).sort()).toEqual(
        expected.sort(),
      );
      expect(found.map(({ position }) => position)).toEqual(
        found.map(({ position }) => position).sort((a, b) => a - b),
      );
    }
    await projections.fill('drained');
    expect(await projections.verify('drained')).toMatchObject({ isEqual: true, documents: 2 });
  });

  it(`of any kind are what a naive search finds, however late and at once it comes, through restarts (seed ${seed})`, async () => {
    const random = seededRandom(seed + 1);
    const among = (n: number) => Math.floor(random() * n);
    const record = recordingAt(opened.events);
    const all = Array.from({ length: 12 }, (_, i) => ({ name: `any-${i}`, rules: anyRules(among) }));
    const sources = all.map(({ name, rules }) => patternOf(name, rules));
    const happened: Happened[] = [];
    const ids: string[] = [];
    let now = 500;
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 25; i++) {
        now += among(3) === 0 ? 0 : among(25);
        const at = among(4) === 0 ? now - among(120) : now;
        const [account, amount, isIn] = [1 + among(2), 1 + among(5), among(2) === 0];
        const recorded = await record(account, at, isIn ? new Deposited(amount) : new Withdrawn(amount));
        happened.push({ stream: `account-${account}`, position: recorded.position, at, amount, isIn });
        ids.push(...recorded.ids);
      }
      const projections = await run(sources);
      // Of some nobody knows how far they are when it ends.
      for (const { name } of all.slice(0, round * 3))
        await projections.caughtUp(name, happened.length, IN_TIME);
      await projections.close();
    }
    const projections = await run(sources);
    let matches = 0;
    for (const [i, { name, rules }] of all.entries()) {
      await projections.caughtUp(name, happened.length, IN_TIME);
      for (const key of ['account-1', 'account-2', 'all']) {
        const documents = projections.of(sources[i]!);
        const of = (upTo: number) =>
          happened.filter(({ stream, position }) => position <= upTo && (key === 'all' || stream === key));
        const standing = (document: PatternDocument<unknown> | undefined) =>
          document && { found: document.found, forgotten: document.forgotten, open: document.open.length };
        const wanted = searched(rules, of(Infinity));
        const results = await documents.results(key, { limit: 1_000 });
        const positions = results.map(({ result }) => result.events.map((id) => ids.indexOf(id) + 1));
        expect({ rules, key, found: positions }).toEqual({ rules, key, found: wanted.found });
        expect(results.map(({ position }) => position)).toEqual(wanted.found.map((it) => it.at(-1)));
        expect({ rules, ...standing(await documents.get(key)) }).toEqual({
          ...{ rules, ...wanted },
          found: wanted.found.length,
        });
        const upTo = 10 + among(happened.length - 10);
        const then = searched(rules, of(upTo));
        expect({ rules, upTo, ...standing(await documents.asOf(upTo).get(key)) }).toEqual({
          ...{ rules, upTo, ...then },
          found: then.found.length,
        });
        matches += wanted.found.length;
      }
    }
    expect(matches).toBeGreaterThan(20);
  });
}
