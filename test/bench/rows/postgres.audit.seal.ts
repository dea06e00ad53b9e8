import { postgresAudit } from '../audit/postgres-audit.js';
import type { Row } from '../row.js';

export const row: Row = {
  name: 'postgres.audit.seal',
  unit: 'events/s',
  target: 0.5,
  ours: 'seals the whole log: reads it, hashes it into a tree, writes a line for each event, signs and records the head',
  bare: 'a prepared SELECT of the same columns after the last position, 1,000 rows at a time; rows as arrays of texts',
  prepare: (setting) => postgresAudit(setting, 'seal'),
};
