import { statSync } from 'node:fs';
import { StoreUnusable } from '@backstory/core';

/** Remembers which file stands at a path. What is written to a file that was moved away reaches nobody who opens the path. */
export class FilePlace {
  private readonly file: string | undefined;

  constructor(
    readonly path: string,
    private readonly store: string,
  ) {
    this.file = fileAt(path);
  }

  /** @throws StoreUnusable where it is another file by now, or none */
  check(): void {
    if (fileAt(this.path) === this.file) return;
    const message =
      'the file was deleted, moved or replaced while it was open, and nothing more is written to what is left of it. ' +
      'Close the store, see what is in its place, and open it again.';
    throw new StoreUnusable(this.store, 'missing', message);
  }
}

function fileAt(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found && `${found.dev}:${found.ino}`;
}
