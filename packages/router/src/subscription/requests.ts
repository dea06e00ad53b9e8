import { carryOut } from './carry-out.js';
import { readReplays } from './replay-request.js';
import { Replays, type ReplaysParts } from './replays.js';
import { readRequests } from './request.js';

/** Looks for what is asked of the partitions that this process owns, and does it. */
export class Requests {
  private readonly replays: Replays;

  constructor(private readonly parts: ReplaysParts) {
    this.replays = new Replays(parts);
  }

  async carryOut(): Promise<void> {
    const { state, dispatcher, collections } = this.parts;
    carryOut(dispatcher, await state.read((view) => readRequests(view, collections)));
    this.replays.begin(await state.read((view) => readReplays(view, collections)));
  }
}
