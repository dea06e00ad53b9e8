import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rm, writeFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { BackstoryError } from '@backstory/core';
import { InvalidOption, isSystemStream, writeEnvelope } from '@backstory/core/store';
import { writeHead, writeProof, type EventHeader, type KeyRing, type TreeHead } from '@backstory/proof';
import { stateAt, type ReplaySource } from '@backstory/replay';
import { eventsOf, metadataOf, type ReportQuery } from './audit-entries.js';
import { auditReport } from './audit-report.js';
import { NotProvable } from './errors.js';
import { writingTo } from './file-failure.js';
import { packageReadme } from './package-readme.js';
import { MOST_PROOFS, proveEvents, withTexts } from './prove.js';
import { headerOfLine, positionOfLine } from './seal-format.js';
import type { SealedLines } from './sealed-lines.js';

/** What a package for an auditor is made of. */
export interface ExportOptions extends ReportQuery {
  /** A new or empty folder. */
  readonly into: string;
  readonly sealed: SealedLines;
  readonly keys: KeyRing;
  /** What verifying the log said; it stands in the report and in the instructions. */
  readonly verified: string;
}

/** What is in a package. */
export interface ExportResult {
  readonly folder: string;
  readonly events: number;
  readonly streams: number;
  readonly head: TreeHead;
  readonly files: readonly string[];
}

/**
 * Writes a folder that an auditor can be given: the events chosen, a proof of each, the states they led to, reports, keys, the head,
 * instructions, and a program that checks all of it offline. Only what is sealed is part of it.
 *
 * @throws NotProvable when an event is not as it was sealed, or one that is sealed is not given; AuditFileUnwritable, InvalidOption
 */
export async function exportPackage(source: ReplaySource, options: ExportOptions): Promise<ExportResult> {
  const { into } = options;
  await writingTo(into, () => mkdir(into, { recursive: true }));
  if ((await readdir(into)).length > 0)
    throw new InvalidOption('into', `must be a new or an empty folder, not ${into}.`);
  try {
    return await writingTo(into, () => writePackage(source, options));
  } catch (error) {
    // Half a package would be in the way of the next one.
    for (const name of await readdir(into)) await rm(path.join(into, name), { recursive: true, force: true });
    throw error;
  }
}

async function writePackage(source: ReplaySource, options: ExportOptions): Promise<ExportResult> {
  const { into, sealed, keys, verified, ...asked } = options;
  const { head } = sealed;
  // What is not sealed is no part of it, nor of its reports.
  const query = { ...asked, upTo: Math.min(head.position, asked.upTo ?? head.position) };
  const chosen = await writeEvents(source, { into, query });
  await writeProofs(source, { into, sealed, chosen, query });
  if (chosen.positions.size === 0) throw new NotProvable('events', 'not-sealed', NO_EVENT);
  await writeStates(source, into, chosen.versions);
  for (const [format, name] of [
    ['html', 'report.html'],
    ['csv', 'report.csv'],
  ] as const)
    await writeParts(path.join(into, name), auditReport(source, { format, verified, ...query }));
  await writeFile(path.join(into, 'head.json'), `${writeHead(head)}\n`);
  await writeFile(path.join(into, 'keys.jsonl'), keys.write());
  await copyChecker(into);
  const events = chosen.positions.size;
  const streams = chosen.versions.size;
  await writeFile(path.join(into, 'README.md'), packageReadme({ head, events, streams, verified }));
  const files = await writeSums(into);
  return { folder: into, events, streams, head, files };
}

const NO_EVENT =
  'No event that is sealed was chosen: look at --stream, --type, --actor and the times, or seal the log first.';

/** Which events are in the package, and the last of each stream. */
interface Chosen {
  /** Where the log gave an event, whoever did it. */
  readonly given: ReadonlySet<number>;
  readonly positions: ReadonlySet<number>;
  readonly versions: ReadonlyMap<string, number>;
}

async function writeEvents(
  { events: store }: ReplaySource,
  { into, query }: { readonly into: string; readonly query: ReportQuery },
): Promise<Chosen> {
  const given = new Set<number>();
  const positions = new Set<number>();
  const versions = new Map<string, number>();
  async function* lines() {
    for await (const events of eventsOf(store, query)) {
      for (const { position } of events) given.add(position);
      const kept = events.filter(
        (event) => query.actor === undefined || metadataOf(event).actor === query.actor,
      );
      for (const { position, stream, version } of kept) {
        positions.add(position);
        versions.set(stream, version);
      }
      if (positions.size > MOST_PROOFS) throw new NotProvable('events', 'too-many', TOO_MANY);
      yield kept.map((event) => `${writeEnvelope(event)}\n`).join('');
    }
  }
  await writeParts(path.join(into, 'events.jsonl'), lines());
  return { given, positions, versions };
}

const TOO_MANY = `A package holds at most ${MOST_PROOFS.toLocaleString('en-US')} events: choose fewer, with --stream, --type, --from or --to.`;

async function writeProofs(
  { events: store }: ReplaySource,
  {
    into,
    sealed,
    chosen,
    query,
  }: {
    readonly into: string;
    readonly sealed: SealedLines;
    readonly chosen: Chosen;
    readonly query: ReportQuery;
  },
): Promise<void> {
  const { positions, given } = chosen;
  const proofs = await proveEvents(sealed, (line) => {
    const header = headerOfLine(line);
    const position = header?.position ?? positionOfLine(line) ?? 0;
    if (header && !given.has(position) && isAskedFor(header, query)) throw withheld(header);
    return positions.has(position);
  });
  const byPosition = new Map(proofs.map((proof) => [proof.event.position, proof]));
  async function* lines() {
    for await (const events of eventsOf(store, query)) {
      const texts = events
        .filter(({ position }) => positions.has(position))
        .map((event) => {
          const proof = byPosition.get(event.position);
          if (!proof)
            throw new NotProvable(
              event.id,
              'damaged',
              `Event ${event.id} was never sealed where it stands: run "backstory audit verify".`,
            );
          withTexts(proof, event);
          return writeProof(proof, 'line');
        });
      yield texts.join('');
    }
  }
  await writeParts(path.join(into, 'proofs.jsonl'), lines());
}

/** Save for who did it, which no header says. */
function isAskedFor(
  header: EventHeader,
  { from, to, upTo, streams, types, includeSystem }: ReportQuery,
): boolean {
  const { position, stream, type, recordedAt } = header;
  return (
    position <= upTo! &&
    (streams?.includes(stream) ?? true) &&
    (types?.includes(type) ?? true) &&
    recordedAt >= (from?.getTime() ?? -Infinity) &&
    recordedAt <= (to?.getTime() ?? Infinity) &&
    (includeSystem === true || !isSystemStream(stream))
  );
}

/** The log is read by indexes, and one may not have it. */
function withheld({ id, stream, version, position }: EventHeader): NotProvable {
  const message = `${stream} v${version}, position ${position}, is sealed and was asked for, and the log does not give it: run "backstory audit verify", and look at the indexes with the database's own means.`;
  return new NotProvable(id, 'damaged', message);
}

/** The state of each stream after the last of its events that is in the package. */
async function writeStates(source: ReplaySource, into: string, versions: Chosen['versions']): Promise<void> {
  async function* lines() {
    for (const [stream, atVersion] of versions)
      yield `${JSON.stringify(await stateOf(source, stream, atVersion))}\n`;
  }
  await writeParts(path.join(into, 'states.jsonl'), lines());
}

async function stateOf(source: ReplaySource, stream: string, atVersion: number): Promise<object> {
  try {
    const { version, state } = await stateAt(source, stream, { atVersion });
    return { stream, version, state };
  } catch (error) {
    if (!(error instanceof BackstoryError)) throw error;
    return { stream, version: atVersion, unknown: error.message };
  }
}

/** The package that checks proofs has no dependencies, so what was built of it is all that is needed. */
async function copyChecker(into: string): Promise<void> {
  const built = path.join(path.dirname(require.resolve('@backstory/proof')), '../dist');
  const to = path.join(into, 'checker');
  await mkdir(to);
  for (const file of await readdir(built))
    if (file.endsWith('.js')) await copyFile(path.join(built, file), path.join(to, file));
  await writeFile(path.join(into, 'check.js'), CHECK);
  // Also where the folder lies in somebody's project of ES modules.
  await writeFile(path.join(into, 'package.json'), '{"type":"commonjs"}\n');
}

const CHECK = `// Checks this package: node check.js [--key public.pem | --keys keys.jsonl]
// or a single proof: node check.js proof.json --key public.pem
// Whoever does not believe the package uses a check-proof of their own: npx -p @backstory/proof check-proof --package .
const { runCheckProof } = require('./checker/run-check-proof.js');

const { exitCode, said, complaint } = runCheckProof(process.argv.slice(2), process.cwd(), __dirname);
process.stdout.write(said);
process.stderr.write(complaint);
process.exitCode = exitCode;
`;

async function writeParts(file: string, parts: AsyncIterable<string>): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    for await (const part of parts) await append(handle, part);
  } finally {
    await handle.close();
  }
}

async function append(handle: FileHandle, text: string): Promise<void> {
  if (text !== '') await handle.appendFile(text);
}

/** For `sha256sum -c`. */
async function writeSums(into: string): Promise<readonly string[]> {
  const names = await readdir(into, { recursive: true, withFileTypes: true });
  const files = names
    .filter((it) => it.isFile())
    .map((it) => path.relative(into, path.join(it.parentPath, it.name)));
  const sorted = files.map((it) => it.split(path.sep).join('/')).sort();
  const lines: string[] = [];
  for (const file of sorted) {
    const sum = createHash('sha256');
    // In parts: no buffer holds a file of several gigabytes.
    for await (const part of createReadStream(path.join(into, file))) sum.update(part as Buffer);
    lines.push(`${sum.digest('hex')}  ${file}\n`);
  }
  await writeFile(path.join(into, 'SHA256SUMS'), lines.join(''));
  return [...sorted, 'SHA256SUMS'];
}
