import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { hexOf, sha256 } from './digest.js';
import { InvalidProof, ProofError } from './errors.js';
import { HEAD_PROBLEMS } from './head-problems.js';
import { isHeader, writeHeader } from './event-header.js';
import { isExactText, isInstant, jsonIn, membersOf } from './exact-json.js';
import { KeyRing } from './key-ring.js';
import { checkProof, type InclusionProof } from './proof.js';
import { readHead, writeHead, type TreeHead, type Trust } from './tree-head.js';

/** What checking an auditor's package gave. */
export interface PackageCheck {
  /** How many events are proven. */
  readonly events: number;
  /** The head that all proofs lead to; `undefined` when it cannot be read. */
  readonly head: TreeHead | undefined;
  /** What is wrong, the first hundred of it; nothing when the package is whole. */
  readonly problems: readonly string[];
}

/**
 * Checks a package that `backstory audit export` made: that every file is as it was written, and that every event in it is
 * proven by its proof, against one signed head, which its own key ring knows. Without `trust` that ring alone is believed.
 */
export function checkPackage(folder: string, trust?: Trust): PackageCheck {
  const check = new PackageChecker(folder);
  try {
    check.sums();
    check.proofs(trust);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!(error instanceof ProofError) && code === undefined) throw error;
    check.problem(message);
  }
  return check;
}

class PackageChecker implements PackageCheck {
  events = 0;
  head: TreeHead | undefined;
  readonly problems: string[] = [];
  /** Of the last event. */
  private position = 0;

  constructor(private readonly folder: string) {}

  problem(text: string): void {
    if (this.problems.length < 100) this.problems.push(text);
  }

  /** As `sha256sum -c SHA256SUMS` does; and nothing lies in the package that has no sum. */
  sums(): void {
    const listed = new Set(['SHA256SUMS']);
    const present = this.regularFiles();
    for (const line of this.text('SHA256SUMS').trimEnd().split('\n')) {
      const [, sum, file] = /^([0-9a-f]{64}) {2}([\w./-]+)$/.exec(line) ?? [];
      if (sum === undefined || file === undefined || file.includes('..'))
        this.problem(`SHA256SUMS: "${line}" is no sum.`);
      else if (!present.has(file)) this.problem(`${file} is missing.`);
      else if (sumOf(this.file(file)) !== sum) this.problem(`${file} is not as it was written.`);
      if (file !== undefined) listed.add(file);
    }
    for (const file of present)
      if (!listed.has(file)) this.problem(`${file} lies in the package and is not in SHA256SUMS.`);
  }

  /** What is neither file nor folder has no place in a package: reading it could lead elsewhere, or never end. */
  private regularFiles(): ReadonlySet<string> {
    const files = new Set<string>();
    for (const entry of fs.readdirSync(this.folder, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) continue;
      const name = path
        .relative(this.folder, path.join(entry.parentPath, entry.name))
        .split(path.sep)
        .join('/');
      if (entry.isFile()) files.add(name);
      else throw new InvalidProof('form', `${name} is no regular file.`);
    }
    return files;
  }

  proofs(given?: Trust): void {
    const own = KeyRing.read(this.text('keys.jsonl'));
    const head = readHead(this.text('head.json'));
    this.head = head;
    // A package holds together by its own ring, whoever else is believed.
    const problem = given?.judge(head) ?? own.judge(head);
    if (problem) this.problem(`head.json: ${HEAD_PROBLEMS[problem]}`);
    // Every proof has this head, so that it was judged once.
    const same: Trust = { judge: (it) => (writeHead(it) === writeHead(head) ? problem : 'unknown-key') };
    const proofs = linesOf(this.file('proofs.jsonl'));
    for (const event of linesOf(this.file('events.jsonl'))) this.event(event, proofs.next().value, same);
    if (this.events === 0 && this.problems.length === 0) this.problem('There is no event in it.');
    if (!proofs.next().done) this.problem('proofs.jsonl has proofs of events that events.jsonl lacks.');
  }

  private event(line: string, proofLine: string | void, trust: Trust): void {
    const event = membersOf(jsonIn(line)) as Envelope | undefined;
    const position = typeof event?.position === 'number' ? event.position : '?';
    if (!event || proofLine === undefined)
      return this.problem(`The event at position ${position} has no proof.`);
    const isWritten = event.format === FORMAT && Object.keys(event).join() === MEMBERS;
    if (!isWritten || JSON.stringify(event) !== line)
      return this.problem(`The event at position ${position} does not stand as it was written.`);
    if (position === '?' || !(position > this.position))
      return this.problem(`The event at position ${position} does not follow the one before it.`);
    this.position = position;
    try {
      const proof = checkProof(`${proofLine}\n`, trust);
      if (proof.kind === 'inclusion' && isOf(proof, event)) this.events++;
      else this.problem(`The proof of the event at position ${position} is that of another.`);
    } catch (error) {
      if (!(error instanceof InvalidProof)) throw error;
      this.problem(`The event at position ${position} is not proven: ${error.message}`);
    }
  }

  private file(name: string): string {
    return path.join(this.folder, name);
  }

  private text(name: string): string {
    return fs.readFileSync(this.file(name), 'utf8');
  }
}

const FORMAT = 'backstory.event/1';
const MEMBERS = 'format,id,stream,version,position,appendIndex,type,schemaVersion,recordedAt,data,metadata';

/** A line of events.jsonl. */
interface Envelope {
  readonly format: string;
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly appendIndex: number;
  readonly recordedAt: string;
  readonly data: string;
  readonly metadata: string;
}

function isOf({ event: proven, dataHash, metadataHash }: InclusionProof, event: Envelope): boolean {
  const isExact = [event.data, event.metadata].every(isExactText) && isInstant(event.recordedAt);
  const header = { ...event, recordedAt: isExact ? Date.parse(event.recordedAt) : NaN };
  // What stands in it may be anything: writing a header of it could throw.
  if (!isHeader(header) || writeHeader(header) !== writeHeader(proven)) return false;
  return hexOf(sha256(event.data)) === dataHash && hexOf(sha256(event.metadata)) === metadataHash;
}

/** The SHA-256 of a file in hexadecimal, however large it is. */
function sumOf(file: string): string {
  const sum = createHash('sha256');
  for (const chunk of chunksOf(file)) sum.update(chunk);
  return sum.digest('hex');
}

/** The lines of a file, however large it is. */
function* linesOf(file: string): Generator<string, void> {
  let rest = Buffer.alloc(0);
  for (const chunk of chunksOf(file)) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const line = rest.subarray(0, end);
      // What is none is read as if it were the character that stands for it.
      if (!isUtf8(line))
        throw new InvalidProof('form', `${path.basename(file)} holds bytes that are no UTF-8.`);
      yield line.toString();
      rest = rest.subarray(end + 1);
    }
  }
  if (rest.length > 0) throw new InvalidProof('form', `${path.basename(file)} is cut off.`);
}

/** What a file holds, part by part; each is good until the next is asked for. */
function* chunksOf(file: string): Generator<Buffer, void> {
  const descriptor = fs.openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(2 ** 20);
    for (let read = fs.readSync(descriptor, chunk); read > 0; read = fs.readSync(descriptor, chunk))
      yield chunk.subarray(0, read);
  } finally {
    fs.closeSync(descriptor);
  }
}
