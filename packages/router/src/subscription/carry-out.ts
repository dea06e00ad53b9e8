import type { Dispatcher } from './dispatcher.js';
import { leftOutAt, withDone, writeLeftOut } from './left-out.js';
import { DeadKey } from './parked-key.js';
import type { Parking } from './parking.js';
import type { Lane, Partition } from './partition.js';
import { isVoid, type ParkedRequest } from './request.js';

/** A request, and the key it is stored under. */
export interface StoredRequest {
  readonly at: string;
  readonly partition: number;
  readonly request: ParkedRequest;
}

/**
 * Does what is asked of parked keys in the partitions that this process owns. A request goes with the checkpoint that its
 * effect is in; one for a key that is at work just now stays for the next time, and one for a key that stands at another event by then
 * is void: it is about an event that was dealt with.
 */
export function carryOut(
  dispatcher: Dispatcher,
  requests: readonly StoredRequest[],
  voided: (request: ParkedRequest) => void,
): void {
  for (const { at, partition, request } of due(dispatcher, requests)) {
    const lanes = meant(partition, request);
    // Its partition came while others were read.
    if (lanes.some(isUnread)) continue;
    if (isVoid(request, lanes[0]?.stands?.cursor)) voided(request);
    else if (!lanes.map((lane) => act(dispatcher, lane, request)).every((it) => it)) continue;
    partition.done.add(at);
    partition.carriedOut.add(at);
  }
}

/** Keys of which something is asked, and whose records were left in the state store. */
export function unread(dispatcher: Dispatcher, requests: readonly StoredRequest[]): ReadonlySet<Lane> {
  const lanes = due(dispatcher, requests).flatMap(({ partition, request }) => meant(partition, request));
  return new Set(lanes.filter(isUnread));
}

const isUnread = ({ stands }: Lane) => stands instanceof DeadKey;

function due({ partitions }: Dispatcher, requests: readonly StoredRequest[]) {
  return requests.flatMap(({ partition: number, ...it }) => {
    const partition = partitions.get(number);
    const isDue = partition && !partition.isClosing && !partition.carriedOut.has(it.at);
    return isDue ? [{ ...it, partition }] : [];
  });
}

function meant({ lanes }: Partition, { key }: ParkedRequest): readonly Lane[] {
  if (key === undefined) return [...lanes.values()].filter(({ state }) => state === 'dead');
  const lane = lanes.get(key);
  return lane?.stands ? [lane] : [];
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
    const asked = { action, key, eventId, from, upTo, actor, at, done: [] };
    const marks = [...lane.partition.marks.values()];
    const leftOut = withDone({ ...asked, ...(reason !== undefined && { reason }) }, marks);
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
