import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkPackage } from './check-package.js';
import { InvalidKeyRing, InvalidProof, ProofError } from './errors.js';
import { KeyRing } from './key-ring.js';
import { checkProof, type Proof } from './proof.js';
import { trustKey } from './public-key-trust.js';
import type { Trust } from './tree-head.js';

/** What the program says, and its exit code: 0 proven, 1 not proven, 2 the command line means nothing. */
export interface CheckProofRun {
  readonly exitCode: 0 | 1 | 2;
  readonly said: string;
  readonly complaint: string;
}

const USAGE = `Usage: check-proof <proof.json> --key <public.pem> | --keys <keys.jsonl>
       check-proof --package <folder> [--key <public.pem> | --keys <keys.jsonl>]

Checks offline that an event stands in a sealed log, that one seal continues another,
or everything in a package that was exported for an auditor.
Exit codes: 0 proven, 1 not proven, 2 usage.
`;

/**
 * The program `check-proof`: a proof, a key, yes or no. Nothing else is needed, least of all the log. `own`: the package that is
 * meant where none, and no proof, is named.
 */
export function runCheckProof(argv: readonly string[], cwd: string, own?: string): CheckProofRun {
  try {
    const asked = optionsIn(argv, own);
    if (asked === 'help') return { exitCode: 0, said: USAGE, complaint: '' };
    if (asked.package !== undefined) return packageRun(asked.package, asked, cwd);
    const trust = trustIn(asked, cwd);
    const proof = checkProof(read(asked.proof!, cwd), trust);
    return { exitCode: 0, said: `${provenLines(proof).map(plain).join('\n')}\n`, complaint: '' };
  } catch (error) {
    if (error instanceof InvalidProof || error instanceof InvalidKeyRing)
      return { exitCode: 1, said: '', complaint: `NOT PROVEN: ${plain(error.message)}\n` };
    const message = plain((error as Error).message);
    return {
      exitCode: 2,
      said: '',
      complaint: `error: ${message}\n${error instanceof ProofError ? '' : USAGE}`,
    };
  }
}

/** What a proof that was checked says, for people. */
export function provenLines(proof: Proof): readonly string[] {
  if (proof.kind === 'consistency') {
    const { first, second } = proof;
    return [
      `PROVEN: seal ${second.sequence} of ${second.sealedAt} contains all ${first.treeSize} events of seal ${first.sequence}, unchanged.`,
      `        log ${second.logId}, ${second.treeSize} events, signed by ${second.keyId.slice(0, 16)}`,
    ];
  }
  const { event, data, metadata, head } = proof;
  return [
    `PROVEN: ${event.type} is version ${event.version} of ${event.stream}, at position ${event.position}.`,
    `        recorded ${instant(event.recordedAt)}, id ${event.id}`,
    `        sealed ${head.sealedAt} as one of ${head.treeSize} events, signed by ${head.keyId.slice(0, 16)}`,
    data === null ? '        data: not shown; its hash is proven' : `        data: ${data}`,
    metadata === null ? '        metadata: not shown; its hash is proven' : `        metadata: ${metadata}`,
  ];
}

/** Without a key the package's own is believed, and which one that is has to be compared by people. */
function packageRun(folder: string, asked: Asked, cwd: string): CheckProofRun {
  const given = asked.key !== undefined || asked.keys !== undefined;
  const { events, head, problems } = checkPackage(
    path.resolve(cwd, folder),
    given ? trustIn(asked, cwd) : undefined,
  );
  if (problems.length > 0 || !head) {
    const complaint = problems.map((problem) => `NOT PROVEN: ${plain(problem)}\n`).join('');
    return { exitCode: 1, said: '', complaint };
  }
  const lines = [
    `PROVEN: all ${events} events of this package were in log ${head.logId} when seal ${head.sequence} was made, ${head.sealedAt}.`,
    `        signed by ${head.keyId}`,
    given
      ? '        which is a key that you gave'
      : '        which is the key of this package itself: compare it with the one that you were given elsewhere',
    '        states and reports in it are worked out from the events, and not proven',
  ];
  return { exitCode: 0, said: `${lines.map(plain).join('\n')}\n`, complaint: '' };
}

interface Asked {
  readonly proof: string | undefined;
  readonly package: string | undefined;
  readonly key: string | undefined;
  readonly keys: string | undefined;
}

function optionsIn(argv: readonly string[], own: string | undefined): Asked | 'help' {
  const options = {
    key: { type: 'string' },
    keys: { type: 'string' },
    package: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
  if (values.help) return 'help';
  const [proof, ...more] = positionals;
  const { key, keys, package: folder = proof === undefined ? own : undefined } = values;
  if ((folder === undefined) === (proof === undefined) || more.length > 0)
    throw new Error('Give one proof file, or --package.');
  if (key !== undefined && keys !== undefined) throw new Error(ONE_OF);
  if (folder === undefined && key === undefined && keys === undefined) throw new Error(ONE_OF);
  return { proof, package: folder, key, keys };
}

const ONE_OF = 'Give either --key, one public key, or --keys, a key ring.';

function trustIn({ key, keys }: Asked, cwd: string): Trust {
  if (key !== undefined) return trustKey(read(key, cwd).toString());
  return KeyRing.read(read(keys!, cwd).toString());
}

function read(given: string, cwd: string): Buffer {
  const file = path.resolve(cwd, given);
  if (!fs.existsSync(file)) throw new Error(`${file} is not there: give a file that is.`);
  return fs.readFileSync(file);
}

function instant(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}

/** What could move the cursor, hide or reorder what a terminal shows, written out. */
function plain(text: string): string {
  return text.replace(UNSAFE, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
