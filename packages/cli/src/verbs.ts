import type { Verb } from './verb.js';

export interface VerbEntry {
  readonly name: string;
  readonly summary: string;
  /** Loads the verb's file, so that a command loads only what it runs. */
  readonly load: () => Promise<Verb>;
}

/** Every verb of the command, in the order of the help. */
export const VERBS: readonly VerbEntry[] = [
  {
    name: 'streams',
    summary: 'list the streams of the log',
    load: async () => (await import('./verbs/streams.js')).verb,
  },
  {
    name: 'events',
    summary: 'list events, filtered',
    load: async () => (await import('./verbs/events.js')).verb,
  },
  {
    name: 'state',
    summary: 'what a stream is, or was at a version or a time',
    load: async () => (await import('./verbs/state.js')).verb,
  },
  {
    name: 'replay',
    summary: 'each event of a stream, who caused it, what it changed',
    load: async () => (await import('./verbs/replay.js')).verb,
  },
  {
    name: 'blame',
    summary: 'which event made a value what it is, who caused it, and why',
    load: async () => (await import('./verbs/blame.js')).verb,
  },
  {
    name: 'bisect',
    summary: 'the first version at which something holds',
    load: async () => (await import('./verbs/bisect.js')).verb,
  },
  {
    name: 'diff',
    summary: 'what is different between two versions of a stream',
    load: async () => (await import('./verbs/diff.js')).verb,
  },
  {
    name: 'whatif',
    summary: 'what a stream would be without, with or in another order of events',
    load: async () => (await import('./verbs/whatif.js')).verb,
  },
  {
    name: 'check',
    summary: 'does the present code make of the history what earlier code made of it',
    load: async () => (await import('./verbs/check.js')).verb,
  },
  {
    name: 'verify',
    summary: 'is the log, and what is kept beside it, as it should be',
    load: async () => (await import('./verbs/verify.js')).verb,
  },
  {
    name: 'trace',
    summary: 'a flow, as the tree of what caused what',
    load: async () => (await import('./verbs/trace.js')).verb,
  },
  {
    name: 'lifecycle',
    summary: 'what became of an event: when it was stored, who handled it, how it went',
    load: async () => (await import('./verbs/lifecycle.js')).verb,
  },
  {
    name: 'health',
    summary: 'whether the store answers and every consumer moves',
    load: async () => (await import('./verbs/health.js')).verb,
  },
  {
    name: 'monitor',
    summary: 'the log, every consumer, and what is not well, live',
    load: async () => (await import('./verbs/monitor.js')).verb,
  },
  {
    name: 'alerts',
    summary: 'what was raised; what the rules would have said about the past',
    load: async () => (await import('./verbs/alerts.js')).verb,
  },
  {
    name: 'tail',
    summary: 'follow the log live',
    load: async () => (await import('./verbs/tail.js')).verb,
  },
  {
    name: 'stats',
    summary: 'how much of what is in the log',
    load: async () => (await import('./verbs/stats.js')).verb,
  },
  {
    name: 'route',
    summary: 'which rules lead an event to which topics, and why',
    load: async () => (await import('./verbs/route.js')).verb,
  },
  {
    name: 'capture',
    summary: 'take a stream or a flow out of the log, redacted, as a file and as a test',
    load: async () => (await import('./verbs/capture.js')).verb,
  },
  {
    name: 'export',
    summary: 'write events to a file: CloudEvents, or XES for process mining',
    load: async () => (await import('./verbs/export.js')).verb,
  },
  {
    name: 'import',
    summary: 'make a log of a file of events, or record them as new facts',
    load: async () => (await import('./verbs/import.js')).verb,
  },
  {
    name: 'store',
    summary: 'look what the store is made of; make it, move it on, adopt or drop it',
    load: async () => (await import('./verbs/store.js')).verb,
  },
  {
    name: 'subscriptions',
    summary: 'how subscriptions are doing and what became of events; pause, resume, reset or replay one',
    load: async () => (await import('./verbs/subscriptions.js')).verb,
  },
  {
    name: 'dead-letters',
    summary: 'what could not be handled, why, and what to do with it',
    load: async () => (await import('./verbs/dead-letters.js')).verb,
  },
  {
    name: 'schedules',
    summary: 'what is kept for later; cancel it, or retry what failed',
    load: async () => (await import('./verbs/schedules.js')).verb,
  },
  {
    name: 'projections',
    summary: 'how read models are doing; rebuild, verify, swap or roll back one',
    load: async () => (await import('./verbs/projections.js')).verb,
  },
  {
    name: 'audit',
    summary: 'seal the log, find what was altered, prove, report',
    load: async () => (await import('./verbs/audit.js')).verb,
  },
  {
    name: 'init',
    summary: 'begin a project that tests, runs and explains itself',
    load: async () => (await import('./verbs/init.js')).verb,
  },
  {
    name: 'completion',
    summary: 'print a script that lets a shell complete what is typed',
    load: async () => (await import('./verbs/completion.js')).verb,
  },
];

/** The verb that a command line names, also where the command line is wrong. */
export function verbIn(argv: readonly string[]): string | undefined {
  return argv.find((word) => VERBS.some(({ name }) => name === word));
}
