import type { Dispatcher } from './dispatcher.js';
import { leftOutAt, writeLeftOut } from './left-out.js';
import type { Parking } from './parking.js';
import type { Lane } from './partition.js';
import type { ParkedRequest } from './request.js';

/** A request, and the key it is stored under. */
export interface StoredRequest {
  readonly at: string;
  readonly partition: number;
  readonly request: ParkedRequest;
}

/**
 * Does what is asked of parked keys in the partitions that this process owns. A request goes with the checkpoint that its
 * effect is in; one for a key that is at work just now stays for the next time.
 */
export function carryOut(dispatcher: Dispatcher, requests: readonly StoredRequest[]): void {
  const { partitions } = dispatcher;
  for (const { at, partition: number, request } of requests) {
    const partition = partitions.get(number);
    if (!partition || partition.isClosing || partition.carriedOut.has(at)) continue;
    const lanes =
      request.key === undefined
        ? [...partition.lanes.values()].filter(({ state }) => state === 'dead')
        : [partition.lanes.get(request.key)].filter((lane) => lane?.parked !== undefined);
    const isDone = lanes.map((lane) => act(dispatcher, lane!, request));
    if (!isDone.every((it) => it)) continue;
    partition.done.add(at);
    partition.carriedOut.add(at);
  }
}

/** `false`: the key is at work. */
function act({ parking, outcomes }: Dispatcher, lane: Lane, request: ParkedRequest): boolean {
  const parked = lane.parked!;
  const { covered } = lane.partition.tracker;
  if (!change(parking, lane, request)) return false;
  const { action } = request;
  if (action === 'skip' || action === 'discard') {
    const { actor, at, reason } = request;
    const { key, eventId, cursor: from } = parked;
    const upTo = action === 'skip' ? from : covered;
    const done = [...lane.partition.marks.values()]
      .filter((it) => it.key === key && it.position >= from && it.position <= upTo)
      .map((it) => it.at);
    const leftOut = {
      ...{ action, key, eventId, from, upTo, actor, at, done },
      ...(reason !== undefined && { reason }),
    };
    lane.partition.leftOut.set(leftOutAt(leftOut), writeLeftOut(leftOut));
    outcomes.leftOut(lane.partition, parked, leftOut);
  }
  return true;
}

function change(parking: Parking, lane: Lane, { action, data, actor }: ParkedRequest): boolean {
  switch (action) {
    case 'discard':
      return parking.discard(lane);
    case 'skip':
      return parking.drain(lane, { cursor: lane.parked!.cursor + 1, handler: '' }, 'skip');
    case 'retry':
      return parking.drain(lane, {});
    case 'edit':
      return parking.drain(lane, { edited: { data: data!, actor } });
  }
}
