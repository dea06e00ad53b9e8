import { Recorder, readRecorded, type EventStore, type RecordedEvent } from '@backstory/core';
import { EventTypes } from '@backstory/events';
import {
  count,
  distinct,
  mostFrequent,
  percentiles,
  session,
  sliding,
  sum,
  tumbling,
  windows,
  type WindowShape,
} from '@backstory/projection/streams';
import { Deposited, Withdrawn } from './bank-events.js';

/** Every kind of window. */
export const SHAPES: Readonly<Record<string, WindowShape>> = {
  tumbling: tumbling({ sizeMs: 100, latenessMs: 30 }),
  sliding: sliding({ sizeMs: 100, everyMs: 40, latenessMs: 30 }),
  sessions: session({ gapMs: 20, latenessMs: 30 }),
  hundreds: tumbling({ count: 7 }),
  last: sliding({ count: 5, every: 3 }),
  'last in time': sliding({ count: 5, everyMs: 60 }),
};

/** Windows of deposits by account and of all; a withdrawal only says what time it is. */
export const allWindows = Object.entries(SHAPES).map(([name, shape]) => windowsOf(name, shape));

export function windowsOf(name: string, shape: WindowShape, version = 1) {
  return windows(name, {
    version,
    key: ({ stream }) => [stream, 'all'],
    events: { Deposited, Withdrawn },
    value: { Deposited: ({ amount }) => amount, Withdrawn: () => undefined },
    shape,
  }).reduce({
    count: count(),
    sum: sum(),
    different: distinct((it) => it),
    often: mostFrequent(2, (it) => it),
    at: percentiles([50]),
  });
}

const types = new EventTypes([Deposited, Withdrawn]);
const EPOCH = Date.UTC(2026, 0, 1);

/** Records events of accounts, by number, with the times at which they happened: milliseconds since the beginning of 2026. */
export function recordingAt(events: EventStore) {
  const recorder = new Recorder(events, { source: 'test' });
  return async (account: number, at: number, event: object) => {
    const metadata = { occurredAt: new Date(EPOCH + at).toISOString() };
    const write = {
      stream: `account-${account}`,
      expected: 'any' as const,
      events: [{ ...types.encode(event), metadata }],
    };
    return recorder.record([write]);
  };
}

/** What a fold of the log from its beginning makes of the windows of a key, at a position: what is open, and what was closed by then. */
export async function freshly(
  events: EventStore,
  { fold }: ReturnType<typeof windowsOf>,
  { key, upTo }: { readonly key: string; readonly upTo?: number },
) {
  const document = fold.begin();
  const closed: unknown[] = [];
  for await (const page of events.readAll(upTo === undefined ? {} : { upTo }))
    for (const stored of page.events) {
      const recorded = readRecorded(stored) as RecordedEvent<{ readonly amount: number }>;
      if (key !== 'all' && recorded.stream !== key) continue;
      const value = recorded.type === 'account.deposited' ? recorded.data.amount : undefined;
      for (const result of fold.add(document, value as never, recorded))
        closed.push({ key, position: recorded.position, result });
    }
  return { open: fold.open(document), closed, current: fold.current(document) };
}
