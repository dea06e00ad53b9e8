import type { StateTransaction, StateView } from '@backstory/core/state';
import { readFormat } from '@backstory/core/store';

/** Something that a run of a handler or command asked of the schedules: a run that follows asks the same. */
export interface Asked {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly became: 'scheduled' | 'cancelled' | 'in-doubt' | 'firing' | 'unknown';
}

/** So long is it remembered: as long as outcomes are kept, unless a subscription says otherwise. */
export const REMEMBERED_MS = 30 * 86_400_000;

export async function wasAsked(view: StateView, token: string): Promise<Asked | undefined> {
  const text = await view.get(ASKED, token);
  return text === undefined ? undefined : readFormat<Asked>(text, FORMAT);
}

/** Remembers it, and forgets those beside it that are old: tokens are hashes, so each is beside another again and again. */
export async function noteAsked(tx: StateTransaction, token: string, asked: Asked): Promise<void> {
  for (const { key, value } of await tx.list(ASKED, { after: token, limit: 2 }))
    if (readFormat<Asked>(value, FORMAT).at < asked.at - REMEMBERED_MS) await tx.delete(ASKED, key);
  await tx.put(ASKED, token, JSON.stringify({ format: FORMAT, ...asked }));
}

const ASKED = 'schedules.asked';
const FORMAT = 'backstory.schedule-asked/1';
