import { LogDiverged, type EventStore } from '@backstory/core';
import { verifyCheckpoint, type Checkpoint } from '@backstory/core/store';

/** Why a checkpoint is not of the log that is there; `undefined` where it is, or where nothing was folded yet. */
export async function divergence(
  events: EventStore,
  checkpoint: Checkpoint | undefined,
): Promise<LogDiverged | undefined> {
  if (!checkpoint) return undefined;
  try {
    await verifyCheckpoint(events, checkpoint);
    return undefined;
  } catch (error) {
    if (error instanceof LogDiverged) return error;
    throw error;
  }
}
