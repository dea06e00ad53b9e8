import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { Context } from './context.js';
import type { ContextFields } from './context-fields.js';
import { isName } from './names.js';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE_64 = '00-00000000000000008448eb211c80319c-b7ad6b7169203331-01';

const id = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((it) => isName(it, 128) && it === it.trim());
const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((it) => isName(it, 1_024));
const ownName = fc.oneof(
  words.map((it) => `Own ${it}`),
  fc.constantFrom('toString', 'constructor', 'hasOwnProperty'),
);

const hex = (length: number) =>
  fc
    .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
    .map((it) => `1${it.slice(1)}`);
const traceparent = fc
  .tuple(hex(32), hex(16), fc.constantFrom('00', '01'))
  .map(([trace, span, flags]) => `00-${trace}-${span}-${flags}`);

const fields: fc.Arbitrary<ContextFields> = fc.record(
  {
    correlationId: id,
    causationId: id,
    actor: words,
    tenant: words,
    command: words,
    commandId: words,
    priority: fc.constantFrom('low' as const, 'normal' as const, 'high' as const, 'critical' as const),
    traceparent,
    origin: words,
    own: fc.dictionary(ownName, words, { minKeys: 1, noNullPrototype: true }),
  },
  { requiredKeys: [] },
);

it('a context that travels in headers arrives equal, whatever letters it has', () => {
  fc.assert(
    fc.property(fields, fc.constantFrom(undefined, 'single' as const, 'multi' as const), (given, b3) => {
      const headers = Context.of(given).toHeaders(b3 ? { b3 } : {});
      for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7e]*$/);
      const shouted = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
      );
      expect(Context.fromHeaders(headers).fields).toEqual(Context.of(given).fields);
      expect(Context.fromHeaders(shouted).fields).toEqual(Context.of(given).fields);
    }),
  );
});

it('long own values travel, longer ones than 1,024 bytes are left out', () => {
  const of = (length: number) =>
    Context.fromHeaders(Context.of({ own: { note: 'x'.repeat(length) } }).toHeaders());
  expect(of(1_024).fields.own).toEqual({ note: 'x'.repeat(1_024) });
  expect(of(1_025).fields).toEqual({});
});

it('a lone surrogate in a context does not break the request', () => {
  expect(Context.of({ actor: 'a\ud83d' }).toHeaders()).toEqual({ 'x-actor': 'a%EF%BF%BD' });
});

it.each([
  ['x-correlation-id', '%'],
  ['x-correlation-id', 'a%00b'],
  ['x-correlation-id', ''],
  ['x-correlation-id', 'c'.repeat(129)],
  ['x-correlation-id', '%ED%A0%80'],
  ['x-priority', 'urgent'],
  ['x-backstory-own-zz', 'v'],
  ['x-backstory-own-', 'v'],
  ['x-backstory-own-' + Buffer.from('actor').toString('hex'), 'v'],
  ['x-backstory-own-' + Buffer.from('source').toString('hex'), 'v'],
  ['x-backstory-own-' + Buffer.from('__proto__').toString('hex'), 'v'],
  ['traceparent', 'nonsense'],
  ['traceparent', TRACE.toUpperCase()],
  ['traceparent', TRACE.replace(/^00/, 'ff')],
  ['traceparent', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
  ['traceparent', `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`],
  ['tracestate', 'vendor=1'],
  ['b3', '0'],
  ['b3', 'xyz-1'],
  ['b3', `${'0'.repeat(32)}-b7ad6b7169203331-1`],
  ['x-b3-traceid', '8448eb211c80319c'],
  // Nobody has decided whether it is traced.
  ['b3', '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'],
])('a malformed header, or one that decides nothing, is left out: %s: %s', (name, value) => {
  expect(Context.fromHeaders({ [name]: value, 'x-actor': 'ann' }).fields).toEqual({ actor: 'ann' });
});

it.each<[string, Record<string, string>, string]>([
  ['W3C before B3', { traceparent: TRACE, b3: `${'1'.repeat(32)}-${'2'.repeat(16)}-0` }, TRACE],
  [
    'B3 where W3C is malformed',
    { traceparent: 'x', b3: '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1' },
    TRACE,
  ],
  [
    'a single header with 64 bits, debug and parent',
    { b3: '8448EB211C80319C-B7AD6B7169203331-d-05e3ac9a4f6e3b90' },
    TRACE_64,
  ],
  [
    'several headers',
    {
      'X-B3-TraceId': '0af7651916cd43dd8448eb211c80319c',
      'X-B3-SpanId': 'b7ad6b7169203331',
      'X-B3-Sampled': '1',
    },
    TRACE,
  ],
  [
    'several headers with the debug flag',
    { 'x-b3-traceid': '8448eb211c80319c', 'x-b3-spanid': 'b7ad6b7169203331', 'x-b3-flags': '1' },
    TRACE_64,
  ],
  ['not sampled', { b3: '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0' }, TRACE.replace(/1$/, '0')],
])('a trace is read from %s', (_, headers, expected) => {
  expect(Context.fromHeaders(headers).fields).toEqual({ traceparent: expected });
});

it('tracestate is kept with the traceparent it came with, and only with it', () => {
  expect(Context.fromHeaders({ traceparent: TRACE, tracestate: 'v=1' }).fields.tracestate).toBe('v=1');
  const b3 = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1';
  expect(Context.fromHeaders({ b3, tracestate: 'v=1' }).fields).toEqual({ traceparent: TRACE });
});

it('headers as node gives them: lists are joined, what is absent is absent', () => {
  expect(Context.fromHeaders({ 'x-actor': ['ann'], 'x-tenant': undefined }).fields).toEqual({ actor: 'ann' });
});

it('headers are written as they were written first', () => {
  const context = Context.of({
    correlationId: 'order/7 ü',
    causationId: 'e-1',
    actor: 'Ann Ørsted <ann@example.com>',
    tenant: 't1',
    command: 'pay',
    commandId: 'c-1',
    priority: 'high',
    traceparent: TRACE,
    tracestate: 'vendor=1,other=2',
    origin: 'kafka:orders/3/1207',
    own: { 'Shift Ω': 'früh, 100 %' },
  });
  const golden = JSON.parse(
    fs.readFileSync(path.join(__dirname, 'golden/context-headers.json'), 'utf8'),
  ) as Record<string, Record<string, string>>;
  expect(context.toHeaders()).toEqual(golden['w3c']);
  expect(context.toHeaders({ b3: 'single' })).toEqual({ ...golden['w3c'], ...golden['b3-single'] });
  expect(context.toHeaders({ b3: 'multi' })).toEqual({ ...golden['w3c'], ...golden['b3-multi'] });
  expect(Context.fromHeaders(golden['w3c']!).fields).toEqual(context.fields);
});

it('what is no text at all is left out like what is malformed', () => {
  const strange = { 'x-actor': null, 'x-tenant': Buffer.from('t'), 'x-command': 7, 'x-origin': ['a', 'b'] };
  expect(Context.fromHeaders(strange as never).toJSON()).toEqual({ origin: 'a,b' });
});

it('a trace state of more than 1,024 bytes, or with control characters, is left out', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const read = (tracestate: string) => Context.fromHeaders({ traceparent, tracestate }).toJSON();
  expect(read('x'.repeat(1_024))).toHaveProperty('tracestate');
  for (const tracestate of ['x'.repeat(1_025), 'a=\u001b[2J', ''])
    expect(read(tracestate)).toEqual({ traceparent });
});
