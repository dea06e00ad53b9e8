import { test } from 'node:test';
import { Big } from 'backstory';
import { given } from '@backstory/testing';
import { Invoice, InvoiceIssued, InvoiceRefused, Line } from './invoice';

const issued = new InvoiceIssued(
  'ann',
  [new Line('consulting', 3, new Big('99.90'))],
  new Date('2026-12-24'),
);

void test('an invoice is issued once', () => {
  given(Invoice, [issued])
    .when((invoice) => invoice.issue('ann', issued.lines, issued.due))
    .expect(InvoiceRefused);
});
