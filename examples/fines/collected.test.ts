import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineBackstory, sqlite } from 'backstory';
import { collected, collectedByArticle } from './src/collected';
import { Fine } from './src/fine';
import { FINES_LOG, importFines } from './src/import-fines';
import { readXes } from '../xes/read-xes';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'fines-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('what was collected under each article is the sum of the payments that the log has of its fines', async () => {
  const store = sqlite(path.join(folder, 'fines.db'));
  const definition = { name: 'fines', store, aggregates: [Fine], projections: [collected] };
  await defineBackstory(definition).run(async (app) => {
    await importFines(app);
    await app.caughtUp(collected, (await app.events.identity()).head);
    const found = await collectedByArticle(app);
    const expected = new Map<number, { payments: number; cents: number }>();
    for (const { events } of await readXes(FINES_LOG)) {
      const article = Number(events[0]!.attributes['article']);
      for (const { activity, attributes } of events) {
        if (activity !== 'Payment') continue;
        const { payments, cents } = expected.get(article) ?? { payments: 0, cents: 0 };
        const paid = Math.round(Number(attributes['paymentAmount']) * 100);
        expected.set(article, { payments: payments + 1, cents: cents + paid });
      }
    }
    expect(new Map(found.map(({ article, ...sums }) => [article, sums]))).toEqual(expected);
    const sums = found.map(({ cents }) => cents);
    expect(sums).toEqual([...sums].sort((a, b) => b - a));
    expect(found.length).toBeGreaterThan(5);
  });
});
