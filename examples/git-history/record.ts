import path from 'node:path';
import { parseArgs } from 'node:util';
import history from './backstory.config';
import { importBranch } from './src/import-branch';

// npm run record -- <repository> [--branch main] [--as name]

record().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

async function record(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { branch: { type: 'string' }, as: { type: 'string' } },
  });
  const onProgress = (done: number) => {
    if (process.stderr.isTTY && done % 100 === 0) process.stderr.write(`\r${done} commits\r`);
  };
  const { stream, head, commits, rewound } = await history.run((app) =>
    importBranch(app, folderOf(positionals[0] ?? '.'), { ...values, onProgress }),
  );
  if (rewound)
    console.log(
      `The branch was rewritten: it went from ${rewound.from} back to ${rewound.to}, and on from there.`,
    );
  const recorded = `${commits} ${commits === 1 ? 'commit' : 'commits'} recorded`;
  console.log(head ? `${stream}: ${recorded}, now at ${head}.` : `${stream} has no commits yet.`);
}

/** npm changes to the folder of the package, and says where it came from. */
function folderOf(given: string): string {
  const isNpm = process.env['npm_lifecycle_event'] === 'record';
  return path.resolve((isNpm && process.env['INIT_CWD']) || process.cwd(), given);
}
