import { execFileSync } from 'node:child_process';
import { history } from '@backstory/replay';
import type { App } from 'backstory';
import { pathBytes } from './src/path-text';

/** What `git ls-tree -r -z` prints of a commit, byte for byte. */
export function listedByGit(folder: string, commit: string): Buffer {
  const argv = ['--no-replace-objects', 'ls-tree', '-r', '-z', commit];
  return execFileSync('git', argv, { cwd: folder, maxBuffer: 2 ** 28, stdio: 'pipe' });
}

/** What it would print of a state that was folded from events. */
export function listed(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).map(([name, entry]) => ({ name: pathBytes(name), entry }));
  entries.sort((a, b) => Buffer.compare(a.name, b.name));
  return Buffer.concat(
    entries.flatMap(({ name, entry }) => [Buffer.from(`${entry}\t`), name, Buffer.from([0])]),
  );
}

/** A version of a branch at which git has something to say, with both answers. */
export interface Compared {
  readonly version: number;
  readonly commit: string;
  readonly folded: Buffer;
  readonly git: Buffer;
}

/** Replays a branch once and asks git at each version after a whole commit: at all of them, or at so many, evenly spread. */
export async function* compareWithGit(
  app: App,
  stream: string,
  { folder, atMost = Infinity }: { readonly folder: string; readonly atMost?: number },
): AsyncGenerator<Compared, void> {
  const versions: number[] = [];
  for await (const { events } of app.events.readStream(stream))
    for (const { type, version } of events) if (type !== 'branch.files-changed') versions.push(version);
  const every = Math.max(1, versions.length / atMost);
  const asked = new Set(versions.filter((_, i) => Math.floor(i / every) !== Math.floor((i - 1) / every)));
  asked.add(versions.at(-1)!);
  for await (const { event, after } of history(app, stream)) {
    if (!asked.has(event.version)) continue;
    const { head, files } = after as { head: string; files: Record<string, string> };
    yield { version: event.version, commit: head, folded: listed(files), git: listedByGit(folder, head) };
  }
}
