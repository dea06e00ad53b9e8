import { Context, Recorder, memory } from '@backstory/core';
import { MemoryEventStore, MemoryLog } from '@backstory/core/store';
import { Broken, Cart, Noted, fillShop, openShop, type ShopApp } from '../../../test/support/shop';
import { auditEntries, type AuditEntry, type ReportQuery } from './audit-entries.js';
import { auditReport, type ReportOptions } from './audit-report.js';

let app: ShopApp;
let ids: Awaited<ReturnType<typeof fillShop>>;
beforeEach(async () => {
  ({ app } = await openShop());
  ids = await fillShop(app);
});
afterEach(() => app.close());

async function entries(query: ReportQuery = {}, source: Parameters<typeof auditEntries>[0] = app) {
  const found: AuditEntry[] = [];
  for await (const entry of auditEntries(source, query)) found.push(entry);
  return found;
}

async function report(options: ReportOptions, source: Parameters<typeof auditReport>[0] = app) {
  let text = '';
  for await (const part of auditReport(source, options)) text += part;
  return text;
}

describe('an entry', () => {
  test('says who did what, when, why, and with which effect', async () => {
    const [first, second, , fourth, fifth] = await entries();
    expect(first).toMatchObject({
      position: 1,
      actor: 'ann',
      application: 'shop',
      stream: 'cart-1',
      version: 1,
      type: 'cart.opened',
      command: 'open',
      cause: null,
      effect: { kind: 'changes', changes: [{ path: 'owner', after: 'Ann' }] },
    });
    expect(second).toMatchObject({
      actor: null,
      effect: { changes: [{ path: 'lines[0]', after: { sku: 'pen', quantity: 2 } }] },
    });
    expect(fifth).toMatchObject({
      type: 'payment.taken',
      cause: { id: ids.added, event: { stream: 'cart-1', version: 4, type: 'cart.line-added', position: 4 } },
      correlationId: fourth!.correlationId,
      effect: { kind: 'unknown', reason: expect.stringContaining('payment') as string },
    });
  });

  test('is chosen by stream, type, time and actor', async () => {
    const positions = async (query: ReportQuery) => (await entries(query)).map(({ position }) => position);
    const [, , third] = await entries();
    expect(await positions({ streams: ['cart-1'] })).toEqual([1, 2, 3, 4]);
    expect(await positions({ types: ['cart.line-added', 'payment.taken'] })).toEqual([2, 4, 5]);
    expect(await positions({ actor: 'ann' })).toEqual([1, 4, 5, 6]);
    expect(await positions({ from: third!.recordedAt, to: third!.recordedAt })).toEqual([3]);
    // The effect is that on the state, whatever was chosen.
    const [only] = await entries({
      types: ['cart.line-added'],
      streams: ['cart-1'],
      from: third!.recordedAt,
    });
    expect(only).toMatchObject({
      effect: { changes: [{ path: 'lines[1]', after: { sku: 'ink', quantity: 1 } }] },
    });
  });

  test('of a stream that cannot be folded says so, and the others are told', async () => {
    await app.record('cart-1', [new Broken('throw')]);
    await app.record('cart-1', [new Noted('after')]);
    await app.record('cart-2', [new Noted('other')]);
    const found = await entries({ streams: ['cart-1', 'cart-2'] });
    expect(found.slice(-3).map(({ effect }) => effect)).toEqual([
      { kind: 'unknown', reason: expect.stringContaining('no such shelf') },
      { kind: 'unknown', reason: expect.stringContaining('no such shelf') },
      { kind: 'changes', changes: [] },
    ]);
  });

  test('of very many streams in turns has the effects that each has alone', async () => {
    for (let round = 0; round < 3; round++)
      for (let i = 0; i < 80; i++) await app.record(`cart-many${i}`, [new Noted(`${round}`)]);
    const found = await entries({ actor: 'nobody' });
    expect(found).toEqual([]);
    const all = await entries({ types: ['cart.noted'] });
    expect(all.filter(({ effect }) => effect.kind === 'changes')).toHaveLength(241);
  });

  test('with metadata and data that somebody broke is told as far as it goes', async () => {
    const log = new MemoryLog();
    const store = new MemoryEventStore({}, log);
    await new Recorder(store, { source: 's' }).record([
      { stream: 'cart-1', expected: 'any', events: [{ type: 'cart.opened', data: '{}' }] },
    ]);
    const entry = log.entries[0]!;
    log.entries[0] = {
      ...entry,
      event: { ...entry.event, metadata: '{"actor":', data: '{"ow', recordedAt: new Date(NaN) },
    };
    const source = { events: store, aggregates: [Cart] };
    expect(await entries({}, source)).toMatchObject([
      { actor: null, correlationId: null, cause: null, data: '{"ow' },
    ]);
    for (const format of ['markdown', 'html', 'csv'] as const)
      expect(await report({ format }, source)).toContain('no time');
  });
});

// What somebody might have typed into a form, in the hope that somebody else opens it.
const HOSTILE = [
  '=HYPERLINK("http://evil.example","Click")',
  "@SUM(1+1)*cmd|' /C calc'!A0",
  '+1+1',
  '-2+3',
  '\t=1+1',
  ' ＝1+1',
  '<script>alert(1)</script><img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  '[click](javascript:alert(1)) ![x](http://evil.example/x.png) **bold** `code` <b>',
  '# heading\n---\n| a | b |\n```\n</pre>',
  '\u001b[31mred\u001b[2J\u202egnp.exe\u0000\u009b0m',
  'a,b\r\n"c"',
  'x; =1+1;-2',
  `www.evil.example http://evil.example ${'long '.repeat(20_000)}`,
  'x;"=1+1&";y',
];

describe('what stands in events is text, however it is written', () => {
  async function hostile() {
    const { events } = await memory().open();
    for (const text of HOSTILE) {
      const recorder = new Recorder(events, { source: text.replace(/\0/g, '') });
      const actor = text;
      await Context.of({ actor, command: text }).run(() =>
        recorder.record([
          {
            stream: 'cart-1',
            expected: 'any',
            events: [{ type: 'cart.noted', data: JSON.stringify({ text }) }],
          },
        ]),
      );
    }
    return { events, aggregates: [Cart] };
  }

  test('in HTML', async () => {
    const html = await report({ format: 'html' }, await hostile());
    const body = html.slice(html.indexOf('<tbody>'));
    const tags = new Set([...body.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, tag]) => tag));
    expect([...tags].sort()).toEqual([
      'b',
      'body',
      'br',
      'html',
      'p',
      'pre',
      'small',
      'table',
      'tbody',
      'td',
      'time',
      'tr',
    ]);
    expect(body).not.toMatch(/<[^>]*(on\w+|src|href|style)\s*=/i);
    expect(html).toContain(`default-src 'none'`);
    expect(body).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    expect(html.length).toBeLessThan(80_000);
  });

  test('in CSV, where no cell is a formula and every row has as many cells', async () => {
    const csv = await report({ format: 'csv' }, await hostile());
    const rows = parsedCsv(csv.replace(/^\ufeff/, ''));
    expect(new Set(rows.map((cells) => cells.length))).toEqual(new Set([17]));
    expect(rows).toHaveLength(HOSTILE.length + 1);
    for (const cell of rows.slice(1).flat()) {
      expect(cell).not.toMatch(/(^|;)[\s"]*[=+\-@|%＝＋－＠]/);
      expect(cell.length).toBeLessThanOrEqual(32_767);
    }
    const actors = rows.slice(1).map((cells) => cells[3]);
    expect(actors[0]).toBe(`'=HYPERLINK("http://evil.example","Click")`);
    expect(actors[11]).toBe('a,b\\u000d\\u000a"c"');
    expect(actors[12]).toBe("x;' =1+1;'-2");
    expect(actors.at(-1)).toBe(`x;'"=1+1&";y`);
    expect(rows[1]!.at(-1)).toBe('no');
    const verified = parsedCsv(
      await report({ format: 'csv', verified: 'nothing had changed' }, await hostile()),
    );
    expect(verified.map((cells) => cells.at(-1)).slice(0, 2)).toEqual(['verified', 'nothing had changed']);
    expect(csv.split('\r\n').at(-1)).toBe('');
  });

  test('in Markdown, of which every line is one of ours', async () => {
    const text = await report({ format: 'markdown' }, await hostile());
    const lines = text.split('\n').filter((line) => line !== '');
    const ours =
      /^(# What was done|## \d+ · cart\.noted|- \*\*\w+\*\* .*|`{3,}(json)?|\{"text":.*|\d+ events\.)$/;
    expect(lines.filter((line) => !ours.test(line))).toEqual([]);
    const prose = lines.filter((line) => line.startsWith('- **'));
    expect(prose.join('\n')).not.toMatch(/(?<!\\)<(?!\\)|(?<!\\)\[|(?<!\\)`|http:\/\/|www\.evil/);
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  });
});

/** RFC 4180, to the letter. */
function parsedCsv(text: string): string[][] {
  const rows: string[][] = [];
  let cells: string[] = [];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    cells.push(quoted?.replaceAll('""', '"') ?? bare!);
    if (end === ',') continue;
    rows.push(cells);
    cells = [];
  }
  return rows;
}

test('a report begins with what it is about', async () => {
  const options = { streams: ['cart-1'], actor: 'ann', title: 'Cart 1', verified: 'yes' };
  const text = await report({ format: 'markdown', ...options });
  expect(text).toMatch(
    /^# Cart 1\n\n- \*\*log\*\* \S+, up to position 6\n- \*\*made\*\* \S+\n- \*\*streams\*\* cart-1\n- \*\*actor\*\* ann\n- \*\*verified\*\* yes\n/,
  );
  expect(text).toMatch(/\n2 events\.\n$/);
  expect(await report({ format: 'html', ...options })).toMatch(/<title>Cart 1<\/title>.*<p>2 events\.<\/p>/s);
});
