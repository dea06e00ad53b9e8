import { Context, type RecordedEvent } from '@backstory/core';
import type { Batch, BatchDelivery } from './batch.js';
import type { Delivery, Effects } from './delivery.js';
import type { Entry } from './entry.js';
import type { BatchPart, Lane } from './partition.js';
import type { Handler } from './reaction.js';
import type { SubscriptionDefinition } from './subscription-definition.js';
import { within } from './within.js';

/** The handler of several events at once that is next for a key; `undefined`: it is one event's turn alone. */
export function batchHandlerOf(definition: SubscriptionDefinition, lane: Lane): Handler | undefined {
  if (lane.stands || lane.replaying || lane.isProbe || lane.alone > 0) return undefined;
  const [handler] = definition.handlersOf(lane.queue[0]!);
  return handler?.batch && handler;
}

/** Puts the first events of a key together with those of others in its partition that are ready, as many as there may be. */
export function gather(definition: SubscriptionDefinition, leader: Lane, batch: Batch): readonly BatchPart[] {
  const parts: BatchPart[] = [];
  const left = { events: batch.size, bytes: batch.bytes };
  const { lanes, replaying } = leader.partition;
  for (const lane of [leader, ...lanes.values()]) {
    if (left.events <= 0 || left.bytes <= 0) break;
    const isFree = lane === leader || lane.state === 'ready' || lane.gathering !== undefined;
    if (!isFree || parts.some((it) => it.lane === lane)) continue;
    if (replaying?.state === 'running' && replaying.key === lane.key) continue;
    if (batchHandlerOf(definition, lane)?.batch !== batch) continue;
    const entries = firstOf(definition, lane, { batch, left, isFirst: parts.length === 0 });
    if (entries.length > 0) parts.push({ lane, entries });
    // What cannot be read has its own turn, and comes first of its key.
    else if (lane === leader) return [];
  }
  return parts;
}

/** Whether it may still grow for a while: the time that is left for that, else 0. */
export function waitOf(parts: readonly BatchPart[], { size, bytes, waitMs }: Batch): number {
  const leader = parts[0]!.lane;
  const entries = parts.flatMap((it) => it.entries);
  if (waitMs === 0 || entries.length >= size) return 0;
  if (entries.reduce((sum, it) => sum + bytesOf(it), 0) >= bytes) return 0;
  leader.gathering ??= performance.now();
  return Math.max(0, Math.ceil(leader.gathering + waitMs - performance.now()));
}

/** The handler, to be run as any other, with all these events. */
export function together(
  { subscription, effects }: { readonly subscription: string; readonly effects: Effects },
  handler: Handler,
  parts: readonly BatchPart[],
): Handler {
  const all = parts.flatMap(({ lane, entries }) =>
    entries.map((entry) => ({ lane, recorded: entry.recorded! })),
  );
  all.sort((a, b) => a.recorded.position - b.recorded.position);
  for (const { lane } of parts) {
    clearTimeout(lane.timer);
    lane.gathering = undefined;
    lane.state = 'running';
  }
  const given = (delivery: Delivery): BatchDelivery => {
    let times = 0;
    const { attempt } = delivery;
    const by = { subscription, handler: handler.name };
    return {
      ...{ ...by, attempt },
      get signal() {
        return delivery.signal;
      },
      once: async (effect) => {
        const { signal } = delivery;
        signal.throwIfAborted();
        const by = { handler: handler.name, nth: times++, signal };
        const places = all.map(({ lane, recorded: event }) => ({ lane, event, ...by }));
        return delivery.turn((begin) =>
          effects.onceEach(places, (tx, fresh) => {
            begin();
            const recorded = fresh.map((i) => all[i]!.recorded);
            return within(signal, () => effect(tx, recorded));
          }),
        );
      },
      handling: (it, run) => Context.handling(it, by).run(run),
    };
  };
  const events: readonly RecordedEvent<object>[] = all.map(({ recorded }) => recorded);
  const run: Handler['run'] = (_event, _recorded, delivery) =>
    Context.none.run(() => handler.batch!.run(events, given(delivery)));
  return { ...handler, run, events: events.length };
}

interface Bounds {
  readonly batch: Batch;
  readonly left: { events: number; bytes: number };
  readonly isFirst: boolean;
}

function firstOf(
  definition: SubscriptionDefinition,
  lane: Lane,
  { batch, left, isFirst }: Bounds,
): readonly Entry[] {
  const entries: Entry[] = [];
  for (const entry of lane.queue) {
    const isFit = left.events > 0 && (left.bytes >= bytesOf(entry) || (isFirst && entries.length === 0));
    if (!isFit || definition.handlersOf(entry)[0]?.batch !== batch) break;
    try {
      entry.recorded ??= definition.read(entry.stored);
    } catch {
      break;
    }
    left.events--;
    left.bytes -= bytesOf(entry);
    entries.push(entry);
  }
  return entries;
}

function bytesOf({ stored: { data, metadata } }: Entry): number {
  return Buffer.byteLength(data) + Buffer.byteLength(metadata);
}
