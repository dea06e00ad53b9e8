import { postgresAudit } from '../audit/postgres-audit.js';
import type { Row } from '../row.js';

export const row: Row = {
  name: 'postgres.audit.verify',
  unit: 'events/s',
  target: 0.5,
  ours: 'verifies the whole log against its seal: reads both, hashes, and compares every line',
  bare: 'a prepared SELECT of the same columns after the last position, 1,000 rows at a time; rows as arrays of texts',
  prepare: (setting) => postgresAudit(setting, 'verify'),
};
