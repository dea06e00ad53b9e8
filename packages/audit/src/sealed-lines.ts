import type { EventStore } from '@backstory/core';
import type { TreeHead } from '@backstory/proof';
import type { AuditFolder } from './audit-folder.js';
import { AuditFolderIncomplete, NotProvable } from './errors.js';
import { LineHasher } from './line-hasher.js';
import { logLines } from './log-lines.js';
import type { LogRange } from './log-reader.js';
import { lastRecorded } from './recorded-heads.js';
import { lineIn, linesOfBytes, readLine, type SealLine } from './seal-format.js';

/** Everything that one head covers, as lines in order. */
export interface SealedLines {
  readonly head: TreeHead;
  lines(): AsyncGenerator<SealLine, void>;
}

/** The lines of an audit folder, up to one of its seals. @throws AuditFolderIncomplete, NotProvable */
export async function sealedIn(folder: AuditFolder, sequence?: number): Promise<SealedLines> {
  const sequences = await folder.sequences();
  const wanted = sequence ?? sequences.at(-1);
  if (wanted === undefined) throw new AuditFolderIncomplete(folder.folder, 'seals');
  const last = sequences.indexOf(wanted);
  const whole = last === wanted - 1;
  if (!whole)
    throw new NotProvable(
      `seal ${wanted}`,
      'no-such-seal',
      last < 0
        ? `There is no seal ${wanted} in ${folder.folder}: the next one is made once something was recorded, see "backstory audit seal".`
        : `A seal before seal ${wanted} is missing in ${folder.folder}: "backstory audit seal" makes it again from the log.`,
    );
  const { head } = await folder.seal(wanted);
  return { head, lines: () => linesOf(folder, sequences.slice(0, last + 1)) };
}

/** The lines of a log itself, up to the last head that is recorded in it. @throws NotProvable */
export async function sealedInLog(store: EventStore): Promise<SealedLines> {
  const { logId } = await store.identity();
  const head = await lastRecorded(store, logId);
  if (!head)
    throw new NotProvable(logId, 'not-sealed', 'This log has no seal: make one with "backstory audit seal".');
  return { head, lines: () => linesOfLog(store, { after: 0, upTo: head.position }) };
}

async function* linesOf(folder: AuditFolder, sequences: readonly number[]): AsyncGenerator<SealLine, void> {
  for (const sequence of sequences) {
    const lines = await (await folder.seal(sequence)).lines();
    try {
      let before: SealLine | undefined;
      for (let text = await lines.next(); text !== undefined; text = await lines.next()) {
        const line = readLine(text);
        if (before && line) yield before;
        // A break in a name of an event that was sealed with it.
        before = line ?? (before && { ...before, header: `${before.header}\n${text}` });
      }
      if (before) yield before;
    } finally {
      await lines.close();
    }
  }
}

/** The lines of a part of a log, whether they are sealed or not. */
export async function* linesOfLog(store: EventStore, range: LogRange): AsyncGenerator<SealLine, void> {
  const hasher = new LineHasher();
  try {
    for await (const part of logLines(store, range, { hasher, size: 0 })) {
      if ('message' in part) continue;
      for (const text of linesOfBytes(part.lines)) yield lineIn(text);
    }
  } finally {
    await hasher.close();
  }
}
