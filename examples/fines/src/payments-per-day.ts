import { count, sum, tumbling, windows } from 'backstory/streams';
import { PaymentReceived } from './fine';

const HOUR = 3_600_000;

/** What was paid on each day. The log has days of Rome, which begin at 22:00 or 23:00 UTC; payments come up to two days late. */
export const paymentsPerDay = windows('payments-per-day', {
  version: 1,
  key: () => 'all',
  events: { PaymentReceived },
  value: { PaymentReceived: ({ amount }) => amount },
  shape: tumbling({ sizeMs: 24 * HOUR, offsetMs: -2 * HOUR, latenessMs: 48 * HOUR }),
}).reduce({ payments: count(), cents: sum() });
