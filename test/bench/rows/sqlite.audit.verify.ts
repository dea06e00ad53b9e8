import { sqliteAudit } from '../audit/sqlite-audit.js';
import type { Row } from '../row.js';

export const row: Row = {
  name: 'sqlite.audit.verify',
  unit: 'events/s',
  target: 0.5,
  ours: 'verifies the whole log against its seal: reads both, hashes, and compares every line',
  bare: 'SELECT of the same columns after the last position, 1,000 rows at a time, until there are none',
  prepare: (setting) => sqliteAudit(setting, 'verify'),
};
