import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sqlite } from '@backstory/sqlite';
import { runCli, runJson } from '../../../../test/support/run-cli';
import { Noted, fillShop, shopOn, type Shop } from '../../../../test/support/shop';

const root = path.join(__dirname, '..', '..', '..', '..');
let cwd: string;
let definition: Shop;
let ids: Awaited<ReturnType<typeof fillShop>>;
const here = (name: string) => path.join(cwd, name);
const text = (name: string) => fs.readFileSync(here(name), 'utf8');
const show = (...argv: string[]) => runCli(argv, { cwd, definition });
const json = async (...argv: string[]) => {
  const { exitCode, envelope } = await runJson(argv, { cwd, definition });
  return { exitCode, ...envelope };
};

beforeEach(async () => {
  cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cli-capture-'));
  definition = shopOn(sqlite(here('shop.db')));
  ids = await definition.run(fillShop);
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

test('a stream is taken out, restored elsewhere, and answers as before, without what was redacted', async () => {
  const before = createHash('sha256')
    .update(fs.readFileSync(here('shop.db')))
    .digest('hex');
  const { stdout } = await show('capture', 'cart-1', '--redact', 'owner,metadata.actor', '--redact', 'sku');
  expect(stdout).toBe('4 events of cart-1 in cart-1.ndjson\nredacted: owner, metadata.actor, sku\n');
  expect(
    createHash('sha256')
      .update(fs.readFileSync(here('shop.db')))
      .digest('hex'),
  ).toBe(before);
  expect(text('cart-1.ndjson')).not.toMatch(/"Ann"|"ann"|:"pen"/);
  await show('import', 'cart-1.ndjson', '--restore', '--store', 'sqlite:copy.db');
  const { data } = await json('state', 'cart-1', '--store', 'sqlite:copy.db');
  expect(data).toMatchObject({
    version: 4,
    state: { owner: expect.stringMatching(/^redacted-/), lines: [{ quantity: 2 }, { quantity: 1 }] },
  });
});

test('a version that the stream has not is refused, and nothing is written', async () => {
  const { exitCode, stderr } = await show('capture', 'cart-1', '--at-version', '5');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: 'error: cart-1 is at version 4, so it has no version 5: choose one from 1 to 4.\n',
  });
  expect(fs.readdirSync(cwd)).not.toContain('cart-1.ndjson');
});

test('a flow has no version at which it could be captured', async () => {
  const { exitCode, stderr } = await show('capture', ids.correlationId, '--at-version', '1', '--out', 'flow');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: `error: ${ids.correlationId} is a flow, and --at-version is of a stream: leave it out, or capture one of its streams.\n`,
  });
  expect(fs.readdirSync(cwd)).not.toContain('flow');
});

test('an empty key, which anybody could guess, is refused', async () => {
  const { exitCode, stderr } = await show('capture', 'cart-1', '--redact', 'owner', '--key', '');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr:
      'error: --key is empty, so anybody could make the same pseudonyms: give a text, or leave --key out.\n',
  });
  expect(fs.readdirSync(cwd)).not.toContain('cart-1.ndjson');
});

test('what is left of it in other places is said', async () => {
  const { stderr } = await show('capture', 'cart-1', '--redact', 'owner');
  expect(stderr).toBe('');
  await definition.run((app) => app.record('cart-1', [new Noted('for Ann')]));
  const argv = ['capture', 'cart-1', '--redact', 'stream,owner', '--key', 'k'];
  const again = await show(...argv);
  expect(again.stderr).toBe('What is redacted still stands in text (1 event): --redact text as well.\n');
  expect(again.stdout).toMatch(/ in cart-\d\.ndjson\n/);
  expect((await json(...argv, '--out', 'b')).data).toMatchObject({ leftovers: { text: 1 } });
  const elsewhere = await runCli([...argv, '--store', 'sqlite:shop.db', '--out', 'c'], { cwd });
  expect(elsewhere.stderr).toMatch(/^Which fields are personal is not known without a configuration/);
});

test('a flow is taken out with all streams that it touched', async () => {
  const { data } = await json(
    'capture',
    ids.correlationId,
    '--out',
    'flow.ndjson',
    '--redact',
    'stream',
    '--key',
    'k',
  );
  expect(data).toMatchObject({ file: 'flow.ndjson', test: null, events: 6, redacted: ['stream'] });
  expect(data.streams).toEqual([
    expect.stringMatching(/^cart-\d$/),
    expect.stringMatching(/^payment-\d$/),
    expect.stringMatching(/^cart-\d$/),
  ]);
  expect((await json('capture', 'cart-1', '--at-version', '2')).data).toMatchObject({ events: 2, upTo: 2 });
});

test.each([
  [['capture', 'cart-1', '--redact', 'ownr'], 2, { reason: 'nothing-to-redact' }, /their data have .*owner/],
  [
    ['capture', 'cart-1', '--redact', 'metadata.tenant'],
    2,
    { reason: 'nothing-to-redact' },
    /none of the events/,
  ],
  [['capture', 'payment-9', '--test', 'x.test.ts'], 2, { reason: 'no-aggregate' }, /folds payment-9/],
  [['capture', 'cart-99'], 1, { stream: 'cart-99' }, /no stream/],
  [['capture', 'cart-1', '--out', 'shop.db'], 2, { reason: 'file-in-use' }, /is there already/],
  [['capture', 'cart-1', '--test', 'shop.db'], 2, { reason: 'file-in-use' }, /is there already/],
] as const)('%j is refused, and leaves nothing', async (argv, exitCode, facts, message) => {
  const ran = await json(...argv);
  expect(ran).toMatchObject({ exitCode, error: { facts, message: expect.stringMatching(message) } });
  expect(fs.readdirSync(cwd).filter((it) => !it.startsWith('shop.db'))).toEqual([]);
});

test('Ctrl-C leaves nothing', async () => {
  const io = { cwd, definition, signal: AbortSignal.abort() };
  expect((await runCli(['capture', 'cart-1'], io)).exitCode).toBe(130);
  expect(fs.existsSync(here('cart-1.ndjson.part'))).toBe(false);
});

describe('the test', () => {
  const CONFIG = `import { sqlite } from '@backstory/sqlite';
import { defineBackstory } from 'backstory';
import { Cart, PaymentTaken } from ${JSON.stringify(path.join(root, 'test/support/shop'))};
export default defineBackstory({ name: 'shop', store: sqlite('shop.db'), aggregates: [Cart], events: [PaymentTaken] });
`;

  /** Runs Jest in the folder, as a project of its own that has installed what was built here. */
  function jest(): { readonly status: number | null; readonly said: string } {
    fs.writeFileSync(
      here('jest.config.js'),
      `const { swcOptions } = require(${JSON.stringify(path.join(root, 'scripts/swc-options.js'))});
module.exports = {
  testEnvironment: 'node',
  transform: { '\\\\.ts$': ['@swc/jest', swcOptions({ legacyDecorator: true, decoratorMetadata: true })] },
};`,
    );
    if (!fs.existsSync(here('node_modules')))
      fs.symlinkSync(path.join(root, 'node_modules'), here('node_modules'));
    const argv = [path.join(root, 'node_modules/jest/bin/jest.js'), '--cacheDirectory', here('cache')];
    const env = { ...process.env, CI: '1', NODE_OPTIONS: '' };
    const { status, stderr } = spawnSync(process.execPath, argv, { cwd, encoding: 'utf8', env });
    return { status, said: stderr };
  }

  test('that is written runs in a folder of its own, and fails where the state is another', async () => {
    fs.writeFileSync(here('backstory.config.ts'), CONFIG);
    const argv = [
      'capture',
      ids.correlationId,
      '--out',
      'flow.ndjson',
      '--test',
      'tests/flow.test.ts',
      '--redact',
      'owner',
      '--key',
      'k',
    ];
    fs.mkdirSync(here('tests'));
    expect((await show(...argv)).stdout).toContain('a test that reproduces it in tests/flow.test.ts');
    const written = text('tests/flow.test.ts');
    expect(written).not.toContain('Ann');
    const golden = fs.readFileSync(path.join(__dirname, 'golden', 'flow.test.ts.txt'), 'utf8');
    expect(written.replace(/\d{4}-\d\d-\d\dT[\d:.]*Z/g, '…')).toBe(golden);
    const passed = jest();
    expect(passed.said).toMatch(/Tests: +2 passed, 2 total/);
    fs.writeFileSync(here('tests/flow.test.ts'), written.replace('"quantity":2', '"quantity":3'));
    const failed = jest();
    expect(failed).toMatchObject({ status: 1 });
    expect(failed.said).toMatch(/The state of Cart is another than expected/);
  });
});
