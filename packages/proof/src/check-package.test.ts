import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { checkPackage } from './check-package.js';
import { hexOf, sha256 } from './digest.js';
import { writeHeader } from './event-header.js';
import { KeyRing } from './key-ring.js';
import { MerkleTree, leafOf } from './merkle-tree.js';
import { writeProof } from './proof.js';
import { trustKey } from './public-key-trust.js';
import { newPrivateKey, publicKeyPem, readPrivateKey } from './signing-key.js';
import { signHead, writeHead } from './tree-head.js';

let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-package-'))));
afterEach(() => fs.rmSync(folder, { recursive: true }));

const EVENT = { stream: 'a-1', id: 'i', type: 't', schemaVersion: 1, appendIndex: 0 };
const SEALED = { data: '{"name":"a\ufffdb"}', metadata: '{"by":"\ufffd"}' };
const key = readPrivateKey(newPrivateKey());
const ring = KeyRing.begin(key, new Date());

interface Written {
  /** The texts that the package shows of its first event. */
  readonly shown?: typeof SEALED;
  /** Which of its two events stand in it, in which order. */
  readonly order?: readonly number[];
  /** Of which events it has proofs, in which order. */
  readonly proven?: readonly number[];
  readonly keys?: string;
  /** Behind the last event. */
  readonly end?: string;
}

/** A package of two events. */
function writePackage(written: Written = {}) {
  const { shown = SEALED, order = [0, 1], proven = order, keys = ring.write(), end = '\n' } = written;
  const events = [1, 2].map((at) => ({ ...EVENT, position: at, version: at, recordedAt: 0 }));
  const [dataHash, metadataHash] = [sha256(SEALED.data), sha256(SEALED.metadata)];
  const leaves = events.map((event) => leafOf(sha256(writeHeader(event)), dataHash, metadataHash));
  const tree = new MerkleTree();
  for (const leaf of leaves) tree.append(leaf);
  const range = { sequence: 1, logId: 'l', epoch: 1, fromSize: 0, fromPosition: 0, treeSize: 2, position: 2 };
  const said = { root: hexOf(tree.root()), lines: '0'.repeat(64), sealedAt: new Date(0).toISOString() };
  const head = signHead({ ...range, ...said, previous: null, keys: ring.hash }, key);
  const hashes = { dataHash: hexOf(dataHash), metadataHash: hexOf(metadataHash) };
  const lines = order.map((at) => {
    const { id, stream, version, position, appendIndex, type, schemaVersion } = events[at]!;
    const envelope = { id, stream, version, position, appendIndex, type, schemaVersion };
    const texts = { recordedAt: new Date(0).toISOString(), ...(at === 0 ? shown : SEALED) };
    return JSON.stringify({ format: 'backstory.event/1', ...envelope, ...texts });
  });
  const proofs = proven.map((at) => {
    const path = [hexOf(leaves[1 - at]!)];
    const proof = { event: events[at]!, data: null, metadata: null, ...hashes, leafIndex: at, path, head };
    return writeProof({ kind: 'inclusion', ...proof }, 'line');
  });
  const files = {
    'events.jsonl': `${lines.join('\n')}${end}`,
    'proofs.jsonl': proofs.join(''),
    'head.json': `${writeHead(head)}\n`,
    'keys.jsonl': keys,
  };
  const sums = Object.entries(files).map(([name, text]) => `${hexOf(sha256(text))}  ${name}\n`);
  for (const [name, text] of Object.entries({ ...files, SHA256SUMS: sums.join('') }))
    fs.writeFileSync(path.join(folder, name), text);
}

test('a package that is whole has no problem', () => {
  writePackage();
  expect(checkPackage(folder)).toMatchObject({ events: 2, problems: [] });
});

test.each([
  ['twice', [0, 0, 1], 1],
  ['twice at the end', [0, 1, 1], 2],
  ['out of order', [1, 0], 1],
])('an event that stands there %s is a problem', (_, order, position) => {
  writePackage({ order });
  expect(checkPackage(folder).problems).toEqual([
    `The event at position ${position} does not follow the one before it.`,
  ]);
});

test('bytes that are no UTF-8 are not taken for the character that stands for such', () => {
  writePackage();
  const file = path.join(folder, 'events.jsonl');
  const text = fs.readFileSync(file).toString('latin1');
  fs.writeFileSync(file, Buffer.from(text.replace('\xef\xbf\xbd', '\xff'), 'latin1'));
  const names = ['events.jsonl', 'proofs.jsonl', 'head.json', 'keys.jsonl'];
  const sums = names.map((name) => `${hexOf(sha256(fs.readFileSync(path.join(folder, name))))}  ${name}\n`);
  fs.writeFileSync(path.join(folder, 'SHA256SUMS'), sums.join(''));
  expect(checkPackage(folder).problems).toEqual(['events.jsonl holds bytes that are no UTF-8.']);
});

test('a proof of an event that is not in it is a problem', () => {
  writePackage({ order: [0], proven: [0, 1] });
  expect(checkPackage(folder)).toMatchObject({
    events: 1,
    problems: ['proofs.jsonl has proofs of events that events.jsonl lacks.'],
  });
});

describe('where a key is given, the package is whole as well', () => {
  const trust = trustKey(publicKeyPem(key.publicKey));
  const problems = (written: Written) => {
    writePackage(written);
    return checkPackage(folder, trust).problems;
  };

  test('it has a key ring, which knows its head', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ keys: ring.write().replace('add', 'ada') })).toEqual([
      expect.stringContaining('Statement 1'),
    ]);
    const other = KeyRing.begin(readPrivateKey(newPrivateKey()), new Date());
    expect(problems({ keys: other.write() })).toContain(
      'head.json: it is signed by a key that you do not believe.',
    );
  });

  test('its last event has an end', () => {
    expect(problems({ end: '' })).toEqual(['events.jsonl is cut off.']);
  });
});

test.each([
  ['format', 'backstory.event/2'],
  ['format', { note: 'this event was withdrawn' }],
  ['recordedAt', '1970-01-01T01:00:00.000+01:00'],
  ['recordedAt', '1970-01-01'],
])('%s as it was not written is a problem: %j', (member, value) => {
  writePackage({ shown: { ...SEALED, [member]: value } });
  expect(checkPackage(folder)).toMatchObject({ problems: [expect.stringContaining('at position 1 ')] });
});

test.each([
  ['data', { ...SEALED, data: '{"name":"a\ud800b"}' }],
  ['metadata', { ...SEALED, metadata: '{"by":"\udfff"}' }],
])('%s that only hashing makes the text that was sealed is not proven', (_, shown) => {
  writePackage({ shown });
  expect(checkPackage(folder)).toMatchObject({
    events: 1,
    problems: ['The proof of the event at position 1 is that of another.'],
  });
});
