import { carryOut, unread } from './carry-out.js';
import { parkedAt, readParked } from './parked-key.js';
import type { Lane } from './partition.js';
import { readReplays } from './replay-request.js';
import { Replays, type ReplaysParts } from './replays.js';
import { readRequests, type ParkedRequest } from './request.js';

/** What carrying out works with. */
export interface RequestsParts extends ReplaysParts {
  /** What was asked for is about an event that was dealt with meanwhile. */
  readonly voided: (request: ParkedRequest) => void;
}

/** Looks for what is asked of the partitions that this process owns, and does it. */
export class Requests {
  private readonly replays: Replays;

  constructor(private readonly parts: RequestsParts) {
    this.replays = new Replays(parts);
  }

  async carryOut(): Promise<void> {
    const { state, dispatcher, collections } = this.parts;
    const requests = await state.read((view) => readRequests(view, collections));
    await this.recall([...unread(dispatcher, requests)]);
    carryOut(dispatcher, requests, this.parts.voided);
    for (const partition of dispatcher.partitions.values()) dispatcher.parking.goOn(partition);
    this.replays.begin(await state.read((view) => readReplays(view, collections)));
  }

  /** Reads the records of dead keys. They are this process's as long as it has their partitions. */
  private async recall(lanes: readonly Lane[]): Promise<void> {
    const { state, collections } = this.parts;
    for (let from = 0; from < lanes.length; from += PAGE) {
      const page = new Map(
        lanes.slice(from, from + PAGE).map((it) => [parkedAt(it.partition.number, it.key), it]),
      );
      const found = await state.read((view) => view.getMany(collections.parked, [...page.keys()]));
      for (const [at, text] of found) page.get(at)!.recall(readParked(text));
    }
  }
}

const PAGE = 1_000;
