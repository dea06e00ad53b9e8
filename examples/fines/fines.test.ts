import { defineBackstory, memory, type App } from 'backstory';
import { Fine } from './src/fine';
import { FINES_LOG, importFines } from './src/import-fines';
import { readXes, type XesCase } from '../xes/read-xes';

const cents = (amount: string | undefined) => Math.round(Number(amount) * 100);

describe('the real log of road-traffic fines', () => {
  let app: App;
  let cases: readonly XesCase[];

  beforeAll(async () => {
    app = await defineBackstory({ name: 'fines', store: memory(), aggregates: [Fine] }).start();
    cases = await readXes(FINES_LOG);
    expect(await importFines(app)).toEqual({ cases: 100, events: 390 });
  });
  afterAll(() => app.close());

  test('is recorded whole: every case a stream, every event in its order with its own time', async () => {
    for (const { name, events } of cases) {
      const recorded = await collect(app.repository(Fine).eventsSince(name));
      expect(recorded.map(({ metadata }) => metadata.occurredAt)).toEqual(
        events.map(({ at }) => at.toISOString()),
      );
      expect(recorded.map(({ metadata }) => metadata.command)).toEqual(
        events.map(({ activity }) => activity),
      );
    }
    expect((await app.events.identity()).head).toBe(390);
  });

  test('gives what each driver has paid, as the log itself keeps count in totalPaymentAmount', async () => {
    for (const { name, events } of cases) {
      const counted = events
        .filter(({ activity }) => activity === 'Payment')
        .map(({ attributes }) => attributes['totalPaymentAmount']);
      const fine = await app.repository(Fine).load(name);
      expect([name, fine.paid]).toEqual([name, cents(counted.at(-1) ?? '0')]);
    }
  });

  test('gives what each driver had paid at every earlier version, too', async () => {
    let compared = 0;
    for (const { name, events } of cases) {
      for (const [i, { activity, attributes }] of events.entries()) {
        if (activity !== 'Payment') continue;
        const fine = await app.repository(Fine).load(name, { atVersion: i + 1 });
        expect([name, i, fine.paid]).toEqual([name, i, cents(attributes['totalPaymentAmount'])]);
        compared++;
      }
    }
    expect(compared).toBe(58);
  });

  test('gives the amount of each fine with its penalty, and the sum of its expenses', async () => {
    for (const { name, events } of cases) {
      const fine = await app.repository(Fine).load(name);
      const last = (key: string) => events.flatMap(({ attributes }) => attributes[key] ?? []).at(-1);
      const expenses = events.reduce((sum, { attributes }) => sum + cents(attributes['expense'] ?? '0'), 0);
      expect([name, fine.amount, fine.expenses]).toEqual([name, cents(last('amount')), expenses]);
    }
  });

  test('links each step of a case to the step before it, and to nothing outside its case', async () => {
    for (const { name } of cases) {
      const recorded = await collect(app.repository(Fine).eventsSince(name));
      expect(new Set(recorded.map(({ metadata }) => metadata.correlationId))).toEqual(
        new Set([`case-${name}`]),
      );
      expect(recorded.map(({ metadata }) => metadata.causationId)).toEqual([
        undefined,
        ...recorded.slice(0, -1).map(({ id }) => id),
      ]);
    }
  });

  test('is imported again without recording anything twice', async () => {
    const before = await app.events.identity();
    await importFines(app);
    expect(await app.events.identity()).toEqual(before);
  });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
