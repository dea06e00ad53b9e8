import type { AlertRule } from './rule.js';
import { each, failureShare, stat } from './value.js';

/** Rules that hold for most applications: of errors, latency, memory, processors and back pressure. */
export const SHIPPED_RULES: readonly AlertRule[] = [
  {
    name: 'errors',
    value: each({
      commands: failureShare('backstory.command.duration'),
      storing: failureShare('backstory.append.duration'),
      handling: failureShare('backstory.process.duration'),
      projecting: failureShare('backstory.projection.batch.duration'),
    }),
    when: { gt: 0.05 },
    severity: { warning: 0.05, critical: 0.25 },
    summary: 'More than 5 % of what was tried in the last five minutes failed.',
  },
  {
    name: 'latency',
    value: each({
      commands: stat('backstory.command.duration', 'mean'),
      storing: stat('backstory.append.duration', 'mean'),
      handling: stat('backstory.process.duration', 'mean'),
    }),
    when: { gt: 1 },
    severity: { warning: 1, critical: 5 },
    summary: 'It took more than a second on average in the last five minutes.',
  },
  {
    name: 'memory',
    value: stat('backstory.process.memory.share', 'last', { by: 'of' }),
    when: { gt: 0.8 },
    severity: { warning: 0.8, critical: 0.95 },
    forMs: 60_000,
    summary: 'The process takes more than 80 % of the memory that it may.',
  },
  {
    name: 'cpu',
    value: stat('backstory.process.cpu', 'mean', { windowMs: 60_000 }),
    when: { gt: 0.9 },
    forMs: 60_000,
    summary: 'The process keeps a processor busy by more than 90 %: JavaScript has no other.',
  },
  {
    name: 'back-pressure',
    value: stat('backstory.subscription.back_pressure', 'last', { by: 'backstory.subscription' }),
    when: { gt: 0 },
    forMs: 60_000,
    summary: 'A subscription reads no more, because what it holds has no room.',
  },
];
