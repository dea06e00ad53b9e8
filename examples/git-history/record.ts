import path from 'node:path';
import { parseArgs } from 'node:util';
import history from './backstory.config';
import { importBranch } from './src/import-branch';

// npm run record -- <repository> [--branch main] [--as name]
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { branch: { type: 'string' }, as: { type: 'string' } },
});
// npm changes to the folder of the package, and says where it came from.
const isNpm = process.env['npm_lifecycle_event'] === 'record';
const from = (isNpm && process.env['INIT_CWD']) || process.cwd();
const folder = path.resolve(from, positionals[0] ?? '.');

history
  .run(async (app) => {
    const { stream, head, commits, rewound } = await importBranch(app, folder, {
      ...values,
      onProgress: (done) => {
        if (process.stderr.isTTY && done % 100 === 0) process.stderr.write(`\r${done} commits`);
      },
    });
    if (rewound)
      console.log(
        `The branch was rewritten: it went from ${rewound.from} back to ${rewound.to}, and on from there.`,
      );
    console.log(
      head
        ? `${stream}: ${commits} ${commits === 1 ? 'commit' : 'commits'} recorded, now at ${head}.`
        : `${stream} has no commits yet.`,
    );
  })
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
