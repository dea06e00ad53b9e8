import { Big } from 'backstory';
import { given } from '@backstory/testing';
import {
  Invoice,
  InvoiceIssued,
  InvoiceRefused,
  InvoiceSettled,
  Line,
  PaymentReceived,
  ReminderSent,
} from './invoice';

// The code of docs/guides/testing.md. It runs here, and in a project of its own under the settings that the guide gives.

const lines = [new Line('consulting', 3, new Big('99.90'))];
const due = new Date('2026-12-24T00:00:00.000Z');
const issued = new InvoiceIssued('ann', lines, due);

test('an invoice is issued once', () => {
  given(Invoice)
    .when((invoice) => invoice.issue('ann', lines, due))
    .expect([issued]);

  given(Invoice, [issued])
    .when((invoice) => invoice.issue('ann', lines, due))
    .expect(InvoiceRefused);
});

test('the last payment settles an invoice', () => {
  given(Invoice, [issued, new PaymentReceived(new Big('200'), 'bank-77')])
    .when((invoice) => invoice.pay(new Big('99.70'), 'bank-78'))
    .expect([new PaymentReceived(new Big('99.70'), 'bank-78'), new InvoiceSettled()]);
});

test('a payment is never taken twice, nor for more than is open', () => {
  const paid = new PaymentReceived(new Big('200'), 'bank-77');

  given(Invoice, [issued, paid])
    .when((invoice) => invoice.pay(new Big('200'), 'bank-77'))
    .expect([]);

  given(Invoice, [issued, paid])
    .when((invoice) => invoice.pay(new Big('100'), 'bank-78'))
    .expect(/Only 99.70 is open/);
});

test('what an invoice keeps', () => {
  given(Invoice, [issued])
    .when((invoice) => invoice.pay(new Big('200'), 'bank-77'))
    .expect({
      events: [new PaymentReceived(new Big('200'), 'bank-77')],
      state: { open: new Big('99.70'), payments: new Map([['bank-77', new Big('200')]]) },
    });
});

test('nobody is reminded before the day', () => {
  const remind = (today: string) =>
    given(Invoice, [issued]).when((invoice) => invoice.remind(new Date(today), 'mail'));

  remind('2026-12-24').expect(InvoiceRefused);
  remind('2026-12-25').expect([new ReminderSent('mail')]);
});

test('what takes time is awaited', async () => {
  const askBank = async () => new Big('200');

  await given(Invoice, [issued])
    .when(async (invoice) => invoice.pay(await askBank(), 'bank-77'))
    .expect([new PaymentReceived(new Big('200'), 'bank-77')]);
});
