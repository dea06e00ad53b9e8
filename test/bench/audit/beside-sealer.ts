import { once } from 'node:events';
import path from 'node:path';
import type { OpenStorage } from '@backstory/core';
import { spawnWorker } from '../../support/spawn-worker.js';
import { stamped } from '../payload.js';
import type { Contest, Side } from '../row.js';

/** A log to which is appended while it is sealed. */
export interface Sealed {
  readonly storage: OpenStorage;
  /** Appends of one round, of 10 events each. */
  readonly appends: number;
  /** What the process that seals is told: its folder, and the log. */
  readonly sealer: readonly string[];
  /** Counts the events of `beside` after a position with the bare driver. */
  readonly count: (after: number) => number | Promise<number>;
}

/** The same appends while another process seals the log from its beginning, and while nobody does. */
export async function besideSealer({
  storage,
  appends,
  sealer,
  count,
}: Sealed): Promise<Pick<Contest, 'amount' | 'expected' | 'ours' | 'bare'>> {
  let version = 0;
  let seen = (await storage.events.identity()).head;
  let stop = async () => undefined as void;
  const run = async () => {
    for (let i = 0; i < appends; i++) {
      await storage.events.append([{ stream: 'beside', expected: version, events: stamped(version, 10) }]);
      version += 10;
    }
  };
  const proof = async () => {
    await stop();
    const counted = await count(seen);
    seen = (await storage.events.identity()).head;
    return `${counted} events`;
  };
  const ours: Side = {
    async before() {
      const child = spawnWorker(path.join(__dirname, 'sealer.worker.ts'), sealer);
      const ended = once(child, 'exit');
      stop = async () => {
        child.kill('SIGKILL');
        await ended;
        stop = async () => undefined;
      };
      await once(child, 'message');
    },
    run,
    proof,
  };
  return { amount: appends * 10, expected: `${appends * 10} events`, ours, bare: { run, proof } };
}
