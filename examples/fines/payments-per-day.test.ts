import { defineBackstory, memory } from 'backstory';
import definition from './backstory.config';
import { FINES_LOG, importFines } from './src/import-fines';
import { paymentsPerDay } from './src/payments-per-day';
import { readXes } from '../xes/read-xes';

test('what was paid on each day is what the log says of that day', async () => {
  const { aggregates, projections } = definition;
  await defineBackstory({ name: 'fines', store: memory(), aggregates, projections }).run(async (app) => {
    await importFines(app);
    await app.caughtUp(paymentsPerDay, (await app.events.identity()).head);
    const days = app.windows(paymentsPerDay);
    const closed = (await days.closed('all', { limit: 1_000 })).map(({ result }) => result);
    const found = [...closed, ...(await days.open('all'))].map(({ from, to, values }) => {
      return { from: Date.parse(from), to: Date.parse(to), ...values };
    });
    const payments = (await readXes(FINES_LOG)).flatMap(({ events }) =>
      events.filter(({ activity }) => activity === 'Payment'),
    );
    const rome = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Rome', dateStyle: 'short' });
    const expected = new Map<string, { payments: number; cents: number }>();
    for (const { at, attributes } of payments) {
      const { payments: before = 0, cents = 0 } = expected.get(rome.format(at)) ?? {};
      const paid = Math.round(Number(attributes['paymentAmount']) * 100);
      expected.set(rome.format(at), { payments: before + 1, cents: cents + paid });
    }
    // Every time in the log is a midnight of Rome.
    const dayOf = ({ from }: { from: number }) => rome.format(from + 3_600_000);
    expect(new Map(found.map((it) => [dayOf(it), { payments: it.payments, cents: it.cents }]))).toEqual(
      expected,
    );
    expect(found.length).toBe(expected.size);
    expect(found.length).toBeGreaterThan(40);
    expect((await app.projection(paymentsPerDay).get('all'))!.late).toBe(0);
  });
});
