import path from 'node:path';
import type { EventStore } from '@backstory/core';
import type { ReplaySource } from '@backstory/replay';
import { loadConfig, loadOtherBuild } from '../config.js';
import type { Definition } from '../definition.js';
import { namedStorage } from '../named-storage.js';
import type { Transpiled } from '../transpile-cache.js';

/** What a worker has to know to fold a log with some build of an application. All of it is text. */
export interface BuildPlace {
  readonly cwd: string;
  /** `--config`, where it is given. */
  readonly config?: string;
  /** `--store`, where it is given. */
  readonly store?: string;
  /** Another build, whose aggregates fold what is in the store of the first. */
  readonly against?: string;
}

/** A build with the log open, for reading. */
export interface OpenBuild {
  readonly source: ReplaySource;
  readonly close: () => Promise<void>;
}

/** Loads a build, unless it is loaded, and opens the log. @throws InvalidConfiguration */
export async function openBuild(
  place: BuildPlace,
  { loaded, transpiled }: { readonly loaded?: Definition | undefined; readonly transpiled?: Transpiled } = {},
): Promise<OpenBuild> {
  const { cwd, config, store, against } = place;
  const needsOwn = loaded === undefined && (against === undefined || store === undefined);
  const own = loaded ?? (needsOwn ? await loadConfig({ cwd }, config, transpiled) : undefined);
  const build = against === undefined ? own! : await loadOtherBuild(path.resolve(cwd, against), '--against');
  const storage = store === undefined ? own!.store : await namedStorage(store, cwd);
  const opened = await storage.open({ readOnly: true });
  const events: EventStore = opened.events;
  return { source: { events, aggregates: build.aggregates }, close: () => opened.close() };
}
