import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeEnvelope } from '@backstory/core/store';
import { sqlite } from '@backstory/sqlite';
import { VERBS } from './verbs.js';
import { Noted, Opened, fillShop, shopOn, type ShopApp } from '../../../test/support/shop';

// The real executable, hence what was built: `npm test` builds first.
const BIN = path.resolve(__dirname, '../bin/backstory.js');

let folder: string;
/** For what a command is told to write. */
let elsewhere: string;

beforeEach(() => {
  elsewhere = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cli-out-'));
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cli-')));
});
afterEach(() => [folder, elsewhere].forEach((it) => fs.rmSync(it, { recursive: true })));

function start(argv: readonly string[], cwd = folder) {
  const { FORCE_COLOR: _forced, NO_COLOR: _none, ...env } = process.env;
  return spawn(process.execPath, [BIN, ...argv], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function backstory(argv: readonly string[], cwd = folder) {
  const child = start(argv, cwd);
  const ran = { stdout: '', stderr: '' };
  child.stdout.on('data', (it) => (ran.stdout += it));
  child.stderr.on('data', (it) => (ran.stderr += it));
  const [exitCode] = (await once(child, 'close')) as [number];
  return { exitCode, ...ran };
}

const write = (name: string, text: string) => {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
};

async function fill(work: (app: ShopApp) => Promise<unknown> = fillShop) {
  await shopOn(sqlite(path.join(folder, 'shop.db'))).run(work);
}

const CONFIG = `
import { sqlite } from '@backstory/sqlite';
import { defineBackstory } from 'backstory';
import { Cart } from './cart';
export default defineBackstory({ name: 'shop', store: sqlite('shop.db'), aggregates: [Cart] });
`;

// Class fields, a parameter property, decorators on class, method and property, and metadata of a class declared later.
const CART = `
import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate, Field, Ignores, instant } from 'backstory';
import type { Money } from './money.js';

@DomainEvent('cart.opened') class Opened { constructor(readonly owner: string) {} }
@DomainEvent('cart.line-added') class LineAdded { constructor(readonly sku: string, public readonly quantity: number) {} }
@DomainEvent('cart.priced') class Priced { constructor(readonly prices: Record<string, Money>) {} }
@DomainEvent('cart.noted') class Noted { constructor(private readonly text: string) {} }

enum Size { Small = 'small', Large = 'large' }

@Ignores(Noted)
@Aggregate('cart')
export class Cart extends EventSourcedAggregate {
  owner?: string;
  size: Size = Size.Small;
  @Field(instant) since: Date = new Date(0);
  private readonly skus: string[] = [];
  declare readonly never: string;
  @EventHandler(Opened) protected opened(event: Opened) { this.owner = event.owner; }
  @EventHandler(LineAdded) private lineAdded({ sku, quantity }: LineAdded): void {
    this.skus.push(sku satisfies string);
    if (quantity > 1) this.size = Size.Large;
  }
  @EventHandler(Priced) protected priced(_event: Priced) {}
}
`;

describe('a configuration in TypeScript', () => {
  beforeEach(async () => {
    write('cart.ts', CART);
    write('money.ts', 'export type Money = number;');
    write('backstory.config.ts', CONFIG);
    await fill();
  });

  test('is found upwards and loaded without a build step; its paths are relative to it', async () => {
    fs.mkdirSync(path.join(folder, 'src/deep'), { recursive: true });
    const { exitCode, stdout, stderr } = await backstory(
      ['state', 'cart-1', '--json'],
      path.join(folder, 'src/deep'),
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      verb: 'state',
      data: {
        version: 4,
        state: { size: 'large', since: '1970-01-01T00:00:00.000Z', skus: ['pen', 'ink'], owner: 'Ann' },
      },
    });
  });

  test('is given with --config, and its store replaced with --store', async () => {
    fs.mkdirSync(path.join(folder, 'elsewhere'));
    fs.renameSync(path.join(folder, 'backstory.config.ts'), path.join(folder, 'other.ts'));
    const elsewhere = path.join(folder, 'elsewhere');
    const given = await backstory(['diff', 'cart-1', '1', '2', '--config', '../other.ts'], elsewhere);
    expect(given).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('size') });
    fs.renameSync(path.join(folder, 'shop.db'), path.join(elsewhere, 'copy.db'));
    const argv = ['--config', '../other.ts', '--store', 'sqlite:copy.db', 'replay', 'cart-1'];
    expect(await backstory(argv, elsewhere)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('v4'),
    });
  });

  test('and the application it describes are not needed to look at events', async () => {
    write('backstory.config.ts', 'throw new Error("must not be loaded");');
    for (const verb of [['streams'], ['events'], ['stats'], ['trace', 'nope']]) {
      const { exitCode, stderr } = await backstory([...verb, '--store', 'sqlite:shop.db']);
      expect({ verb, exitCode, stderr }).toEqual({
        verb,
        exitCode: verb[0] === 'trace' ? 1 : 0,
        stderr: verb[0] === 'trace' ? expect.stringContaining('error: ') : '',
      });
    }
  });

  test('means what the tsconfig.json of the project says', async () => {
    fs.rmSync(path.join(folder, 'backstory.config.ts'));
    const fields =
      'class K { z = String(this.p); constructor(readonly p: number) {} }\nthrow new Error(`z is ${new K(1).z}`);';
    write('a/tsconfig.json', '{ "compilerOptions": { "useDefineForClassFields": false } }');
    write('a/backstory.config.ts', fields);
    expect((await backstory(['streams'], path.join(folder, 'a'))).stderr).toContain('z is 1');
    write('b/base.json', '{ "compilerOptions": { "target": "es2022" } }');
    write('b/tsconfig.json', '{ "extends": "./base.json" }');
    write('b/backstory.config.ts', fields);
    expect((await backstory(['streams'], path.join(folder, 'b'))).stderr).toContain('z is undefined');
    write(
      'b/backstory.config.ts',
      'const D = (_: unknown, context: { kind: string }) => { throw new Error(`kind is ${context?.kind}`); };\n@D class K {}',
    );
    expect((await backstory(['streams'], path.join(folder, 'b'))).stderr).toContain('kind is class');
  });

  test('of JavaScript works as well', async () => {
    fs.rmSync(path.join(folder, 'backstory.config.ts'));
    write(
      'backstory.config.mjs',
      "export default { name: 'x', aggregates: [], store: { description: 'x', open() { throw new Error('opened') } } };",
    );
    expect((await backstory(['streams'])).stderr).toContain('Unexpected Error: opened');
    fs.rmSync(path.join(folder, 'backstory.config.mjs'));
    write('backstory.config.cjs', "module.exports = { name: 'x' };");
    expect((await backstory(['streams'])).stderr).toContain('is not an application');
  });
});

describe('a configuration that cannot be used ends with exit code 3 and says why', () => {
  const refusal = async (text: string | undefined, ...argv: string[]) => {
    if (text !== undefined) write('backstory.config.ts', text);
    const { exitCode, stdout } = await backstory(['state', 'cart-1', '--json', ...argv]);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; facts: object } };
    expect({ exitCode, code: error.code }).toEqual({ exitCode: 3, code: 'BACKSTORY_CONFIGURATION' });
    return error;
  };
  const file = () => path.join(folder, 'backstory.config.ts');

  test('a syntax error has its file, line and column', async () => {
    const { message, facts } = await refusal('export const a = 1;\nexport default {\n  b: : 2,\n};\n');
    expect(facts).toEqual({ problem: 'syntax', file: file(), line: 3, column: 6 });
    expect(message).toBe(`${file()}:3:6: Expression expected. Correct the syntax.`);
  });

  test('also in a file that it imports', async () => {
    write('cart.ts', 'export class Cart {\n  x = ;\n}\n');
    const { facts } = await refusal("import { Cart } from './cart';\nexport default Cart;\n");
    expect(facts).toMatchObject({ problem: 'syntax', file: path.join(folder, 'cart.ts'), line: 2 });
  });

  test('no default export, or one that is not an application', async () => {
    const none = await refusal('export const bank = 1;');
    expect(none).toMatchObject({ facts: { problem: 'no-default-export', file: file() } });
    expect(none.message).toContain('write "export default defineBackstory({ … })"');
    expect(await refusal('export default { name: "x" };')).toMatchObject({
      facts: { problem: 'not-a-definition' },
    });
  });

  test('decorators that mean nothing name the class and the file', async () => {
    const { message, facts } = await refusal(
      "import { Aggregate, EventSourcedAggregate, defineBackstory, memory } from 'backstory';\n" +
        "@Aggregate('with-dash') class A extends EventSourcedAggregate {}\n" +
        "export default defineBackstory({ name: 'x', store: memory(), aggregates: [A] });",
    );
    expect(facts).toMatchObject({ problem: 'failed', file: file() });
    expect(message).toContain(`${file()}: A has the category "with-dash"`);
  });

  test('a module that is missing, or code that throws', async () => {
    expect(await refusal("import 'no-such-module';\nexport default 1;")).toMatchObject({
      facts: { problem: 'failed' },
      message: expect.stringContaining("Cannot find module 'no-such-module'"),
    });
    expect(await refusal("throw new RangeError('boo');")).toMatchObject({
      message: `${file()} could not be loaded: RangeError: boo`,
    });
  });

  test('a file that is not there or not a file', async () => {
    expect(await refusal(undefined, '--config', 'nope.ts')).toMatchObject({ facts: { problem: 'missing' } });
    expect(await refusal(undefined, '--config', '.')).toMatchObject({
      facts: { problem: 'unreadable', file: folder },
    });
  });

  test('another installation of Backstory', async () => {
    write('node_modules/backstory/package.json', '{ "name": "backstory", "main": "index.js" }');
    write('node_modules/backstory/index.js', '');
    const { message, facts } = await refusal("export { default } from 'backstory';");
    expect(facts).toMatchObject({ problem: 'other-installation' });
    expect(message).toContain('npx backstory');
  });
});

describe('a store that cannot be used ends with exit code 3', () => {
  test.each<[string, (file: string) => void | Promise<void>]>([
    ['missing', () => undefined],
    [
      'not-a-store',
      (file: string) => fs.writeFileSync(file, 'This is a text of some length, but no database.'.repeat(50)),
    ],
    ['not-a-store', (file: string) => fs.mkdirSync(file)],
    ['newer-schema', makeNewer],
  ])('%s', async (problem, make) => {
    await make(path.join(folder, 'x.db'));
    const { exitCode, stdout } = await backstory(['events', '--store', 'sqlite:x.db', '--json']);
    expect({ exitCode, error: JSON.parse(stdout).error }).toMatchObject({
      exitCode: 3,
      error: { code: 'BACKSTORY_STORE_UNUSABLE', facts: { problem } },
    });
  });
});

/** A store whose header says that a later release wrote it (https://sqlite.org/fileformat.html, user version). */
async function makeNewer(file: string) {
  await shopOn(sqlite(file)).run(async () => undefined);
  const opened = fs.openSync(file, 'r+');
  fs.writeSync(opened, Buffer.from([0, 0, 3, 231]), 0, 4, 60);
  fs.closeSync(opened);
}

test('looking changes nothing: neither the log nor what is in the folder', async () => {
  write('cart.ts', CART);
  write('backstory.config.ts', CONFIG);
  await shopOn(sqlite(path.join(folder, 'shop.db'))).run(async (app) => {
    const { correlationId, added } = await fillShop(app);
    const before = await seen(app);
    const verbs = [
      ['streams'],
      ['events'],
      ['state', 'cart-1'],
      ['replay', 'cart-1'],
      ['blame', 'cart-1', 'owner', '--why'],
      ['bisect', 'cart-1', '--where', 'owner == "Ann"'],
      ['diff', 'cart-1', '0', '4'],
      ['whatif', 'cart-1', '--skip', '4'],
      ['check', 'record', '--file', path.join(elsewhere, 'record')],
      ['check', '--file', path.join(elsewhere, 'record')],
      ['verify'],
      ['trace', correlationId],
      ['lifecycle', added],
      ['health'],
      ['monitor', '--once'],
      ['alerts', 'list'],
      ['stats'],
      ['route', 'list'],
      ['capture', 'cart-1', '--out', path.join(elsewhere, 'cart.ndjson')],
      ['export', '--out', path.join(elsewhere, 'shop.ndjson')],
      ['completion', 'bash'],
    ];
    const asked = new Set(verbs.map(([name]) => name));
    const others = VERBS.map(({ name }) => name).filter((it) => !asked.has(it));
    expect(others.sort()).toEqual([...WRITERS, ...LOOKED_AT_ELSEWHERE].sort());
    for (const argv of [...verbs, ['state', 'cart-77']]) {
      const { exitCode, stderr } = await backstory(argv);
      // 1: a finding.
      const findsSomething = argv[0] === 'verify' || argv[1] === 'cart-77';
      expect([argv, exitCode, stderr]).toEqual([argv, findsSomething ? 1 : 0, expect.anything()]);
    }
    expect(await seen(app)).toEqual(before);
  });
});

/** Verbs that write, or that have actions that do. */
const WRITERS = [
  'import',
  'store',
  'subscriptions',
  'dead-letters',
  'schedules',
  'projections',
  'audit',
  'init',
];
/** It goes on until it is interrupted: see the next test. */
const LOOKED_AT_ELSEWHERE = ['tail'];

/** A digest of every stored event, and each file of the folder with its size. */
async function seen(app: ShopApp) {
  const digest = createHash('sha256');
  for await (const { events } of app.events.readAll({ includeSystem: true }))
    for (const event of events) digest.update(writeEnvelope(event));
  const files = fs.readdirSync(folder).map((name) => [name, fs.statSync(path.join(folder, name)).size]);
  return { log: digest.digest('hex'), identity: await app.events.identity(), files };
}

test('tail shows what another process records, and Ctrl-C ends it with exit code 0', async () => {
  await shopOn(sqlite(path.join(folder, 'shop.db'))).run(async (app) => {
    await app.record('cart-1', [new Opened('Ann')]);
    const child = start(['tail', '--store', 'sqlite:shop.db', '--json']);
    const ended = once(child, 'close');
    let stdout = '';
    let recorded: Promise<unknown> | undefined;
    child.stdout.on('data', (it) => {
      stdout += it;
      recorded ??= app.record('cart-2', [new Noted('from elsewhere')]);
      if (stdout.split('\n').length > 2) child.kill('SIGINT');
    });
    expect(await ended).toEqual([0, null]);
    await recorded;
    expect(
      stdout
        .trim()
        .split('\n')
        .map((it) => JSON.parse(it).data.event.data),
    ).toEqual([{ owner: 'Ann' }, { text: 'from elsewhere' }]);
  });
});

test('whatif --code folds with another build, and says where there is none', async () => {
  await fill();
  write('backstory.config.ts', CONFIG);
  write('cart.ts', CART);
  write('money.ts', 'export class Money {}');
  write('fixed/backstory.config.ts', CONFIG);
  write('fixed/money.ts', 'export class Money {}');
  write(
    'fixed/cart.ts',
    CART.replace('this.owner = event.owner;', 'this.owner = event.owner.toUpperCase();'),
  );
  const found = async (...argv: string[]) => {
    const { exitCode, stdout } = await backstory(['whatif', 'cart-1', ...argv, '--json']);
    return { exitCode, ...(JSON.parse(stdout) as { data?: any; error?: any }) };
  };
  const { exitCode, data } = await found('--code', 'fixed');
  expect({ exitCode, changes: data.changes }).toEqual({
    exitCode: 0,
    changes: [{ path: 'owner', before: 'Ann', after: 'ANN' }],
  });
  expect((await found('--code', '.')).data.changes).toEqual([]);
  expect(await found('--code', 'nowhere')).toMatchObject({
    exitCode: 3,
    error: { code: 'BACKSTORY_CONFIGURATION', facts: { problem: 'missing' } },
  });
});

test('a reader that has seen enough ends it quietly', async () => {
  await fill((app) =>
    app.record(
      'cart-1',
      [...Array<null>(5_000)].map(() => new Noted('x'.repeat(200))),
    ),
  );
  const child = start(['events', '--all', '--store', 'sqlite:shop.db']);
  let stderr = '';
  child.stderr.on('data', (it) => (stderr += it));
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect({ ended: await ended, stderr }).toEqual({ ended: [0, null], stderr: '' });
});

test('a usage error of the real executable ends with exit code 2', async () => {
  expect(await backstory(['stat'])).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: "error: Unknown command 'stat'. Did you mean one of state, stats? See backstory --help.\n",
  });
});

describe('what an application does while it is loaded spoils no document and hides no failure', () => {
  const APP = `import { sqlite } from '@backstory/sqlite';
    import { defineBackstory } from 'backstory';
    export default defineBackstory({ name: 'shop', store: sqlite('shop.db') });`;

  test('what it prints goes to standard error', async () => {
    await fill();
    write('backstory.config.ts', `console.log('loading'); process.stdout.write('loaded\\n'); ${APP}`);
    const { exitCode, stdout, stderr } = await backstory(['streams', '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'loading\nloaded\n' });
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  });

  test.each([
    ['ends the process', 'process.exit(0)', /ended the process/],
    ['waits for what never comes', 'await new Promise(() => undefined)', /never comes/],
    ['throws nothing', 'throw undefined', /could not be loaded: undefined/],
    ['rejects without anybody waiting', `Promise.reject(new Error('no broker')); ${APP}`, /no broker/],
    [
      'throws later',
      `setTimeout(() => { throw new Error('too late') }, 1); await new Promise((it) => setTimeout(it, 500)); export default 1`,
      /too late/,
    ],
  ])('one that %s is a failure of the configuration, in one document', async (_, source, message) => {
    await fill();
    write('backstory.config.mjs', source);
    const { exitCode, stdout, stderr } = await backstory(['streams', '--json']);
    const { ok, verb, error } = JSON.parse(stdout) as {
      ok: boolean;
      verb: string;
      error: { code: string; message: string };
    };
    expect({ exitCode, stderr, ok, verb, code: error.code }).toEqual({
      exitCode: 3,
      stderr: '',
      ok: false,
      verb: 'streams',
      code: 'BACKSTORY_CONFIGURATION',
    });
    expect(error.message).toMatch(message);
  });
});

const full = fs.existsSync('/dev/full') ? test : test.skip;
full('output that cannot be written is said, with exit code 3', async () => {
  await fill();
  const disk = fs.openSync('/dev/full', 'w');
  const argv = [BIN, 'events', '--store', 'sqlite:shop.db'];
  const child = spawn(process.execPath, argv, { cwd: folder, stdio: ['ignore', disk, 'pipe'] });
  let stderr = '';
  child.stderr!.on('data', (it) => (stderr += it));
  const [exitCode] = (await once(child, 'close')) as [number];
  fs.closeSync(disk);
  expect(exitCode).toBe(3);
  expect(stderr).toContain('error: The output cannot be written: ');
});
