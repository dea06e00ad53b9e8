import fs from 'node:fs';
import path from 'node:path';
import { logs, metrics, spans } from '@backstory/core/observe';
import { ASKED, OTHERWISE } from '../support/asked-signals.js';

type Rows = Readonly<Record<string, readonly string[]>>;

/** What is missing of it: a row, or an attribute of one. */
function missing(asked: Rows, table: Rows): string[] {
  return Object.entries(asked).flatMap(([name, attributes]) => {
    const row = table[name];
    if (!row) return [name];
    const has = (attribute: string) => row.some((it) => it === attribute || it === `backstory.${attribute}`);
    return attributes.filter((it) => !has(it)).map((it) => `${name} ${it}`);
  });
}

const METRICS: Rows = Object.fromEntries(
  metrics.map(({ name, attributes }) => [name.replace('backstory.', ''), attributes]),
);
const SPANS: Rows = Object.fromEntries(spans.map(({ name, attributes }) => [name, attributes]));
const EVENTS: Rows = Object.assign({}, ...spans.map(({ events }) => events));

test('every signal that is asked for is in the table, or a decision says how it is told otherwise', () => {
  const notThere = [
    ...missing(ASKED.spans, SPANS),
    ...missing(ASKED.events, EVENTS),
    ...missing(ASKED.metrics, METRICS),
  ];
  expect(notThere).toEqual(OTHERWISE);
  const written = new Set(logs.map(({ logType }) => logType));
  expect(ASKED.logs.filter((it) => !written.has(it))).toEqual([]);
});

test('the decision names each that is told otherwise', () => {
  const file = path.join(__dirname, '../../docs/decisions/0033-signals-told-otherwise.md');
  const decision = fs.readFileSync(file, 'utf8');
  const names = OTHERWISE.map((it) => ((ASKED.spans as Rows)[it] ? it : it.split(' ').at(-1)!));
  expect(names.filter((it) => !decision.includes(`\`${it}`))).toEqual([]);
});

test('every event of a span that the table has is asked for, or part of a run', () => {
  expect(Object.keys(EVENTS).filter((it) => !(it in ASKED.events))).toEqual(['progress']);
});
