import { defineBackstory, memory } from 'backstory';
import definition from './backstory.config';
import { Fine } from './src/fine';
import { FINES_LOG, importFines } from './src/import-fines';
import { OutstandingFine, outstandingByArticleAndMonth } from './src/outstanding';
import { readXes } from '../xes/read-xes';

test('what is outstanding by article and month is the sum of what the fines themselves say', async () => {
  const { aggregates, projections } = definition;
  await defineBackstory({ name: 'fines', store: memory(), aggregates, projections }).run(async (app) => {
    await importFines(app);
    await app.caughtUp(OutstandingFine, (await app.events.identity()).head);
    expect(await app.projection(OutstandingFine).count()).toBe(100);
    const expected = new Map<string, number>();
    for (const { name, events } of await readXes(FINES_LOG)) {
      const { article, outstanding } = await app.repository(Fine).load(name);
      const month = events[0]!.at.toISOString().slice(0, 7);
      if (outstanding > 0) {
        const key = `${article} ${month}`;
        expected.set(key, (expected.get(key) ?? 0) + outstanding);
      }
    }
    const found = await outstandingByArticleAndMonth(app);
    expect(new Map(found.map(({ article, month, cents }) => [`${article} ${month}`, cents]))).toEqual(
      expected,
    );
    expect(found.length).toBeGreaterThan(10);
  });
});
