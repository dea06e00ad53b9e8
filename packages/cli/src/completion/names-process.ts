import type { EventStore } from '@backstory/core';
import type { Naming } from '../named-option.js';
import { withLog } from '../open.js';
import { categoryNames, streamNames, typeNames } from './log-names.js';
import type { FoundNames, StoreOptions } from './completer.js';

// A process of its own: an application that hangs, ends the process or talks while it is loaded disturbs nobody.

const LOOKUPS: Partial<Record<Naming, (log: EventStore, prefix: string) => Promise<FoundNames>>> = {
  stream: streamNames,
  category: categoryNames,
  type: typeNames,
};

async function main([what, prefix = '', options = '{}']: readonly string[]): Promise<void> {
  const find = LOOKUPS[what as Naming];
  if (!find) return;
  const io = { cwd: process.cwd(), enterFolder: (folder: string) => process.chdir(folder) };
  const call = { io, options: JSON.parse(options) as StoreOptions };
  const found = await withLog(call, (log) => find(log, prefix));
  process.send?.(found, () => process.exit());
}

main(process.argv.slice(2)).catch(() => process.exit(1));
