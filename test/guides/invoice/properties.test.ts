import fc from 'fast-check';
import { Big, defineBackstory, memory } from 'backstory';
import { Invoice, InvoiceRefused, Line } from './invoice';

// The code of docs/guides/testing.md.

const due = new Date('2026-12-24T00:00:00.000Z');

test('whatever is paid in whatever order, an invoice never takes more than it asks for', async () => {
  const payment = fc.record({
    cents: fc.integer({ min: 1, max: 5_000 }),
    reference: fc.constantFrom('a', 'b', 'c', 'd'),
  });

  await fc.assert(
    fc.asyncProperty(fc.array(payment, { maxLength: 12 }), async (payments) => {
      const definition = defineBackstory({ name: 'billing', store: memory(), aggregates: [Invoice] });
      await definition.run(async (app) => {
        const invoices = app.repository(Invoice);
        await invoices.update('1', (it) => it.issue('bob', [new Line('x', 1, new Big(100))], due), {
          create: true,
        });

        for (const { cents, reference } of payments) {
          const pay = (invoice: Invoice) => invoice.pay(new Big(cents).div(100), reference);
          await invoices.update('1', pay).catch((error: unknown) => {
            if (!(error instanceof InvoiceRefused)) throw error;
          });
        }

        const invoice = await invoices.load('1');
        const paid = [...invoice.payments.values()].reduce((sum, amount) => sum.plus(amount), new Big(0));
        expect(paid.plus(invoice.open)).toEqual(new Big(100));
        expect(invoice.open.gte(0)).toBe(true);
        expect(invoice.status).toBe(invoice.open.eq(0) ? 'settled' : 'open');
      });
    }),
  );
});
