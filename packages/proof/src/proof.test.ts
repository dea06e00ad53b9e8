import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { runCheckProof } from './run-check-proof.js';
import { InvalidHead, InvalidKeyRing, InvalidProof, UnusableKey, type ProofProblem } from './errors.js';
import { readHeader, writeHeader } from './event-header.js';
import { KeyRing } from './key-ring.js';
import { checkProof, readProof, writeProof, type InclusionProof } from './proof.js';
import { trustKey } from './public-key-trust.js';
import { newPrivateKey, publicKeyPem, readPrivateKey, readPublicKey } from './signing-key.js';
import { headHash, readHead, signHead, writeHead, type TreeHead } from './tree-head.js';

const GOLDEN = path.join(__dirname, 'golden');
const golden = (name: string) => fs.readFileSync(path.join(GOLDEN, name));
const PROOFS = ['inclusion-1.json', 'inclusion-hidden-1.json', 'consistency-1.json'];
const pem = golden('public-key.pem').toString();
const trust = trustKey(pem);
const ring = () => KeyRing.read(golden('keys-1.jsonl').toString());

const problemOf = (work: () => unknown): ProofProblem | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof InvalidProof) return error.problem;
    throw error;
  }
};

describe('the formats, version 1, are readable for ever', () => {
  test.each(PROOFS)('%s', (name) => {
    const proof = checkProof(golden(name), trust);
    expect(checkProof(golden(name), ring())).toEqual(proof);
    expect(writeProof(proof)).toBe(golden(name).toString());
    expect(checkProof(writeProof(proof, 'line'), trust)).toEqual(proof);
    expect(readProof(writeProof(proof, 'line'))).toEqual(proof);
  });

  test('a head, which any sha256sum can follow', () => {
    const text = golden('head-1.json').toString();
    const head = readHead(text);
    expect(`${writeHead(head)}\n`).toBe(text);
    expect(trust.judge(head)).toBeUndefined();
    const sum = execFileSync('sha256sum', { input: text.trimEnd() }).toString();
    expect(sum.slice(0, 64)).toBe(headHash(head));
  });

  test('a key ring: added, retired, revoked', () => {
    const text = golden('keys-1.jsonl').toString();
    expect(ring().write()).toBe(text);
    expect(ring().keys.map(({ status, lastSeal, reason }) => [status, lastSeal, reason])).toEqual([
      ['retired', 2, 'a year has passed'],
      ['revoked', null, 'its machine was lost'],
      ['in-force', null, null],
    ]);
  });
});

describe('a proof fails', () => {
  // The last byte is a line break.
  test.each(PROOFS)('for every byte of %s that is changed, added or taken out', (name) => {
    const bytes = golden(name);
    const passed: string[] = [];
    const attempt = (what: string, changed: Uint8Array) => {
      if (problemOf(() => checkProof(changed, trust)) === undefined) passed.push(what);
    };
    for (let i = 0; i < bytes.length; i++) {
      for (const flip of [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[i]! ^= flip;
        attempt(`${i} ^ ${flip}`, changed);
      }
      attempt(`without ${i}`, Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + 1)]));
      attempt(`twice ${i}`, Buffer.concat([bytes.subarray(0, i + 1), bytes.subarray(i)]));
      attempt(`blank at ${i}`, Buffer.concat([bytes.subarray(0, i), Buffer.from(' '), bytes.subarray(i)]));
    }
    expect(passed).toEqual([]);
  });

  const inclusion = () => readProof(golden('inclusion-1.json')) as InclusionProof;
  const changed = (change: Partial<InclusionProof>) => writeProof({ ...inclusion(), ...change });
  const hidden = (text: string) => text.replace(/"(data|metadata)": "(\\.|[^"])*"/g, '"$1": null');

  test.each<[ProofProblem, () => string]>([
    ['form', () => '{}'],
    ['form', () => 'not JSON'],
    ['form', () => writeProof(inclusion()).replace('backstory.proof/1', 'backstory.proof/2')],
    ['form', () => writeProof(inclusion()).replace('"kind"', '"kind" ')],
    ['form', () => writeProof(inclusion()).replace('"leafIndex": 4', '"leafIndex": 4.0')],
    ['form', () => writeProof(inclusion()).replace('"path"', '"more": 1, "path"')],
    ['form', () => changed({ data: '"\ud800"' })],
    ['form', () => changed({ metadata: '"\udc00"' })],
    ['form', () => changed({ event: { ...inclusion().event, id: '\ud800' } })],
    ['data', () => changed({ data: '{"amount":4,"n":1}' })],
    ['metadata', () => changed({ metadata: inclusion().metadata!.replace('c4', 'c5') })],
    ['path', () => changed({ event: { ...inclusion().event, recordedAt: 1 } })],
    ['path', () => changed({ leafIndex: 3 })],
    ['path', () => changed({ leafIndex: 7 })],
    ['path', () => changed({ path: inclusion().path.slice(1) })],
    ['path', () => changed({ data: null, dataHash: '0'.repeat(64) })],
    ['signature', () => changed({ head: { ...inclusion().head, sealedAt: '2020-01-01T00:00:00.000Z' } })],
  ])('%s', (problem, file) => expect(problemOf(() => checkProof(file(), trust))).toBe(problem));

  test('in bytes that are no UTF-8, where leniency would make them the text that was signed', () => {
    const text = changed({ data: '\ufffd', dataHash: '0'.repeat(64) });
    const bytes = Buffer.from(text);
    const at = bytes.indexOf(Buffer.from('\ufffd'));
    const broken = Buffer.concat([bytes.subarray(0, at), Buffer.of(0xff), bytes.subarray(at + 3)]);
    expect(problemOf(() => readProof(bytes))).toBeUndefined();
    expect(problemOf(() => readProof(broken))).toBe('form');
  });

  test('and without its texts it proves their hashes all the same', () => {
    expect(hidden(golden('inclusion-1.json').toString())).toBe(golden('inclusion-hidden-1.json').toString());
  });

  test('when a seal does not follow the other', () => {
    const proof = readProof(golden('consistency-1.json'));
    if (proof.kind !== 'consistency') throw new Error('it is');
    const { first, second } = proof;
    const other = (change: object) => problemOf(() => checkProof(writeProof({ ...proof, ...change }), trust));
    expect(other({ first: second, second: first, path: [] })).toBe('order');
    expect(other({ second: { ...second, previous: '0'.repeat(64) } })).toBe('order');
    expect(other({ second: { ...second, logId: 'other' } })).toBe('order');
    expect(other({ first: { ...first, root: second.root }, second: { ...second, sequence: 3 } })).toBe(
      'path',
    );
  });
});

describe('whose signature counts', () => {
  const keys = [1, 2, 3].map(() => readPrivateKey(newPrivateKey()));
  const [one, two, three] = keys as [(typeof keys)[0], (typeof keys)[0], (typeof keys)[0]];
  const at = new Date('2026-11-20T12:00:00.000Z');
  const base = readHead(golden('head-1.json').toString());
  const signed = (key: typeof one, keys: string, sequence = 2): TreeHead => {
    const { keyId: _id, signature: _signature, ...unsigned } = base;
    return signHead({ ...unsigned, sequence, keys }, key);
  };
  const begun = KeyRing.begin(one, at);
  const added = begun.with({ action: 'add', publicKey: two.publicKey }, one, at);

  test('that of a key in force, under a ring that is known', () => {
    expect(begun.judge(signed(one, begun.hash))).toBeUndefined();
    expect(added.judge(signed(one, begun.hash))).toBeUndefined();
    expect(added.judge(signed(two, added.hash))).toBeUndefined();
    expect(begun.judge(signed(one, added.hash))).toBe('unknown-ring');
    expect(begun.judge(signed(two, begun.hash))).toBe('unknown-key');
    expect(added.judge(signed(two, begun.hash))).toBe('key-not-yet-added');
    expect(added.judge({ ...signed(one, begun.hash), epoch: 2 })).toBe('signature');
    expect(trustKey(publicKeyPem(two.publicKey)).judge(signed(one, begun.hash))).toBe('unknown-key');
  });

  test('that of a retired key up to its last seal, that of a revoked one not at all', () => {
    const retired = added.with({ action: 'retire', keyId: one.keyId, lastSeal: 2 }, two, at);
    expect(retired.judge(signed(one, begun.hash, 2))).toBeUndefined();
    expect(retired.judge(signed(one, begun.hash, 3))).toBe('retired-key');
    const revoked = retired.with({ action: 'revoke', keyId: one.keyId, reason: 'stolen' }, two, at);
    expect(revoked.judge(signed(one, begun.hash, 1))).toBe('revoked-key');
    expect(revoked.continues(added)).toBe(true);
    expect(added.continues(revoked)).toBe(false);
  });

  test('and a ring accepts only what a key in force has signed', () => {
    const retired = added.with({ action: 'retire', keyId: one.keyId, lastSeal: 2 }, two, at);
    const change = { action: 'add', publicKey: three.publicKey } as const;
    expect(() => retired.with(change, one, at)).toThrow(InvalidKeyRing);
    expect(() => begun.with(change, two, at)).toThrow(/Statement 2 .* not in force/);
    expect(() => added.with({ action: 'add', publicKey: two.publicKey }, one, at)).toThrow(
      /was there before/,
    );
    expect(() => retired.with({ action: 'retire', keyId: one.keyId, lastSeal: 1 }, two, at)).toThrow(
      /not in force/,
    );
    expect(() => added.with({ action: 'revoke', keyId: three.keyId }, two, at)).toThrow(/not in force/);
  });

  test('a statement in whose place another one is signed is missed by the next', () => {
    const forked = begun.with({ action: 'add', publicKey: three.publicKey, reason: 'forked' }, one, at);
    const [, instead] = forked.write().split('\n');
    const other = added.with({ action: 'retire', keyId: one.keyId, lastSeal: 2 }, one, at);
    const replaced = other.write().split('\n').toSpliced(1, 1, instead!).join('\n');
    expect(() => KeyRing.read(replaced)).toThrow(/Statement 3 .* does not follow the one before it/);
  });

  test('a ring that was altered in any byte is refused, and so is one with a statement taken out', () => {
    const text = golden('keys-1.jsonl');
    const passed: number[] = [];
    for (let i = 0; i < text.length; i++) {
      const changed = Buffer.from(text);
      changed[i]! ^= 1;
      try {
        KeyRing.read(changed.toString());
        passed.push(i);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidKeyRing);
      }
    }
    expect(passed).toEqual([]);
    const lines = text.toString().split('\n');
    expect(() => KeyRing.read(lines.toSpliced(1, 1).join('\n'))).toThrow(/does not follow/);
    const spaced = lines.with(-2, lines.at(-2)!.replace(',', ', '));
    expect(() => KeyRing.read(spaced.join('\n'))).toThrow(/was edited/);
    expect(() => KeyRing.read('')).toThrow(InvalidKeyRing);
    expect(() => KeyRing.read(lines.slice(0, 2).join('\n'))).toThrow(/cut off/);
    // A ring that ends earlier is a ring: which one is the newest, a later seal says.
    expect(KeyRing.read(`${lines[0]}\n`).judge(signed(one, ring().hash))).toBe('unknown-key');
  });

  test('a key may be encrypted, and what is no key is told', () => {
    const text = newPrivateKey('secret');
    expect(readPrivateKey(text, 'secret').keyId).toHaveLength(64);
    expect(() => readPrivateKey(text)).toThrow(/is encrypted: give its passphrase/);
    expect(() => readPrivateKey(text, 'wrong')).toThrow(/does not open/);
    expect(() => readPrivateKey('nonsense')).toThrow(UnusableKey);
    expect(() => readPublicKey(newPrivateKey())).toThrow(/private key/);
    expect(() => readPublicKey('nonsense')).toThrow(UnusableKey);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pems = [rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }), publicKeyPem(rsa.publicKey)];
    expect(() => readPrivateKey(String(pems[0]))).toThrow(/of type rsa/);
    expect(() => readPublicKey(String(pems[1]))).toThrow(/of type rsa/);
  });
});

test('a head that is not exactly as it was written is refused', () => {
  const text = golden('head-1.json').toString();
  for (const wrong of ['', '{}', ` ${text}`, text.replace('1', '2'), text.replace('{', '{ '), `${text}\n`])
    expect(() => trust.judge(readHead(wrong)) ?? fail()).toThrow();
  expect(() => readHead('{"format":"backstory.head/2"}')).toThrow(InvalidHead);
  function fail(): never {
    throw new Error('it is good');
  }
});

test('a header is exact text', () => {
  const header = {
    position: 1,
    stream: 'a "b" \u2028 ü',
    version: 1,
    id: 'x',
    type: 't',
    schemaVersion: 1,
    appendIndex: 0,
    recordedAt: -1,
  };
  expect(writeHeader(header)).toBe('[1,1,"a \\"b\\" \u2028 ü",1,"x","t",1,0,-1]');
  expect(readHeader(writeHeader(header))).toEqual(header);
  for (const wrong of [
    '',
    '[]',
    '[2,1,"s",1,"x","t",1,0,1]',
    '[1,1,"s",1,"x","t",1,0,1 ]',
    '[1,1.5,"s",1,"x","t",1,0,1]',
  ])
    expect(readHeader(wrong)).toBeUndefined();
});

test('a header is what JSON.stringify writes of the list, whatever is in its names', () => {
  const name = fc.string({ unit: 'binary' });
  const number = fc.oneof(fc.integer(), fc.maxSafeInteger());
  fc.assert(
    fc.property(
      name,
      name,
      name,
      fc.array(number, { minLength: 5, maxLength: 5 }),
      (stream, id, type, numbers) => {
        const [position, version, schemaVersion, appendIndex, recordedAt] = numbers as [
          number,
          number,
          number,
          number,
          number,
        ];
        const list = [1, position, stream, version, id, type, schemaVersion, appendIndex, recordedAt];
        const header = { position, stream, version, id, type, schemaVersion, appendIndex, recordedAt };
        expect(writeHeader(header)).toBe(JSON.stringify(list));
      },
    ),
  );
  const header = {
    position: 1,
    stream: 's',
    version: 1,
    id: 'i',
    type: 't',
    schemaVersion: 1,
    appendIndex: 0,
  };
  expect(writeHeader({ ...header, recordedAt: NaN })).toBe('[1,1,"s",1,"i","t",1,0,null]');
});

describe('the program check-proof', () => {
  const file = (name: string) => path.join(GOLDEN, name);

  test('says what is proven, with a key or with a key ring', () => {
    const ran = runCheckProof(['inclusion-1.json', '--key', 'public-key.pem'], GOLDEN);
    expect(ran).toMatchObject({ exitCode: 0, complaint: '' });
    expect(ran.said).toMatch(/^PROVEN: account\.deposited is version 3 of account-0 "ü", at position 5\./);
    expect(ran.said).toContain('data: {"amount":4,"n":1.0}');
    expect(runCheckProof(['consistency-1.json', '--keys', 'keys-1.jsonl'], GOLDEN)).toMatchObject({
      exitCode: 0,
      said: expect.stringContaining('contains all 3 events') as string,
    });
  });

  test('ends with 1 when it is not proven, and with 2 when it was not asked properly', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'check-proof-'));
    const forged = path.join(folder, 'forged.json');
    fs.writeFileSync(
      forged,
      golden('inclusion-1.json').toString().replace('"leafIndex": 4', '"leafIndex": 5'),
    );
    expect(runCheckProof([forged, '--key', file('public-key.pem')], '/')).toEqual({
      exitCode: 1,
      said: '',
      complaint: 'NOT PROVEN: This event is not in the log that was sealed: its path misses the root.\n',
    });
    fs.rmSync(folder, { recursive: true });
    for (const argv of [
      [],
      ['a.json'],
      [file('inclusion-1.json'), '--key', 'none.pem'],
      [file('inclusion-1.json'), '--key', 'a', '--keys', 'b'],
      [file('inclusion-1.json'), '--what'],
      [file('inclusion-1.json'), 'other', '--key', 'a'],
      [file('inclusion-1.json'), '--key', file('inclusion-1.json')],
    ])
      expect(runCheckProof(argv, '/')).toMatchObject({ exitCode: 2, said: '' });
    expect(runCheckProof([file('inclusion-1.json'), '--key', 'none.pem'], '/').complaint).toContain(
      'error: /none.pem is not there: give a file that is.',
    );
    expect(runCheckProof(['--help'], '/')).toMatchObject({ exitCode: 0, complaint: '' });
  });

  test('a proof that is made to break the program is not proven, like any other', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'check-proof-'));
    const hostile = path.join(folder, 'hostile.json');
    const text = golden('inclusion-1.json').toString();
    const long = Array<string>(300_000).fill('0'.repeat(64));
    for (const changed of [
      text.replace(/"format": "[^"]*"/, '"format": { "toString": 1 }'),
      text.replace(/"path": \[[^\]]*\]/, `"path": ${JSON.stringify(long)}`),
    ]) {
      expect(changed).not.toBe(text);
      fs.writeFileSync(hostile, changed);
      expect(runCheckProof([hostile, '--key', file('public-key.pem')], '/')).toMatchObject({ exitCode: 1 });
    }
    fs.rmSync(folder, { recursive: true });
  });

  test('makes harmless what a terminal would obey', () => {
    const { said } = runCheckProof(['inclusion-1.json', '--key', 'public-key.pem'], GOLDEN);
    expect(said).not.toMatch(/[^\P{Cc}\n]/u);
  });

  // What was built, as `npx check-proof` finds it: nothing but Node.
  test('runs from its own folder alone', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'check-proof-'));
    for (const part of ['bin', 'dist'])
      fs.cpSync(path.join(__dirname, '..', part), path.join(folder, part), { recursive: true });
    const bin = path.join(folder, 'bin/check-proof.js');
    const ran = spawnSync(process.execPath, [bin, 'inclusion-1.json', '--key', 'public-key.pem'], {
      cwd: GOLDEN,
      encoding: 'utf8',
    });
    fs.rmSync(folder, { recursive: true });
    expect(ran).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^PROVEN/) as string });
  });
});
