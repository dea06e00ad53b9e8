import fs from 'node:fs';
import path from 'node:path';
import { hexOf, sha256 } from './digest.js';
import { InvalidProof, ProofError } from './errors.js';
import { writeHeader } from './event-header.js';
import { jsonIn, membersOf } from './exact-json.js';
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
 * proven by its proof, against one signed head. Without `trust` the package's own key ring is believed.
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

  constructor(private readonly folder: string) {}

  problem(text: string): void {
    if (this.problems.length < 100) this.problems.push(text);
  }

  /** As `sha256sum -c SHA256SUMS` does. */
  sums(): void {
    for (const line of this.text('SHA256SUMS').trimEnd().split('\n')) {
      const [, sum, file] = /^([0-9a-f]{64}) {2}([\w./-]+)$/.exec(line) ?? [];
      if (sum === undefined || file === undefined || file.includes('..'))
        this.problem(`SHA256SUMS: "${line}" is no sum.`);
      else if (hexOf(sha256(fs.readFileSync(this.file(file)))) !== sum)
        this.problem(`${file} is not as it was written.`);
    }
  }

  proofs(trust: Trust = KeyRing.read(this.text('keys.jsonl'))): void {
    const head = readHead(this.text('head.json'));
    this.head = head;
    const problem = trust.judge(head);
    if (problem) this.problem(`head.json: ${problem}`);
    // Every proof has this head, so that it was judged once.
    const same: Trust = { judge: (it) => (writeHead(it) === writeHead(head) ? problem : 'unknown-key') };
    const proofs = linesOf(this.file('proofs.jsonl'));
    for (const event of linesOf(this.file('events.jsonl'))) this.event(event, proofs.next().value, same);
    if (!proofs.next().done) this.problem('proofs.jsonl has proofs of events that events.jsonl lacks.');
  }

  private event(line: string, proofLine: string | void, trust: Trust): void {
    const event = membersOf(jsonIn(line)) as Envelope | undefined;
    const position = String(event?.position ?? '?');
    if (!event || proofLine === undefined)
      return this.problem(`The event at position ${position} has no proof.`);
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

/** A line of events.jsonl. */
interface Envelope {
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
  const header = writeHeader({ ...event, recordedAt: Date.parse(event.recordedAt) });
  const texts = [event.data, event.metadata].map(String);
  const [data, metadata] = texts.map((text) => hexOf(sha256(text)));
  return header === writeHeader(proven) && data === dataHash && metadata === metadataHash;
}

/** The lines of a file, however large it is. */
function* linesOf(file: string): Generator<string, void> {
  const descriptor = fs.openSync(file, 'r');
  try {
    let rest = Buffer.alloc(0);
    const chunk = Buffer.alloc(2 ** 20);
    for (let read = fs.readSync(descriptor, chunk); read > 0; read = fs.readSync(descriptor, chunk)) {
      rest = Buffer.concat([rest, chunk.subarray(0, read)]);
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
        yield rest.subarray(0, end).toString();
        rest = rest.subarray(end + 1);
      }
    }
    if (rest.length > 0) yield rest.toString();
  } finally {
    fs.closeSync(descriptor);
  }
}
