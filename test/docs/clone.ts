import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A copy of the examples in which a reader's commands are typed, with the packages as they are built here. */
export class Clone {
  readonly folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-reader-')));

  constructor(private readonly root: string) {
    const examples = path.join(root, 'examples');
    fs.cpSync(examples, path.join(this.folder, 'examples'), {
      recursive: true,
      filter: (file) => !/node_modules|\.db(-\w+)?$|[\\/]dist$/.test(path.relative(examples, file)),
    });
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(this.folder, 'node_modules'));
  }

  /** What a shell says to a command. `npx` is left out: it finds the same commands, and takes its time. */
  type(command: string, folder = '.'): { readonly said: string; readonly status: number | null } {
    const bin = path.join(this.root, 'node_modules', '.bin');
    const { stdout, stderr, status } = spawnSync('sh', ['-ec', command.replace(/\bnpx (?!-)/g, '')], {
      cwd: path.join(this.folder, folder),
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: `${bin}${path.delimiter}${process.env['PATH']}`,
        NO_COLOR: '1',
        // However busy the machine is.
        BACKSTORY_COMPLETION_MS: '30000',
      },
    });
    return { said: stdout + stderr, status };
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true });
  }
}
