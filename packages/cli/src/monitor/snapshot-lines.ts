import { cellsOf, type Charset, type Line, type Tone } from '../interactive/line.js';
import type { ConsumerSnapshot, Snapshot } from './snapshot.js';

/** A moment in lines: the log, every consumer, and what is not well. */
export function snapshotLines(snapshot: Snapshot, charset: Charset): readonly Line[] {
  const { application, collectedAt, health, log, consumers } = snapshot;
  const unwell = health.checks.filter(({ status }) => status !== 'ok');
  return [
    [
      { text: application, tone: 'strong' },
      { text: '  ' },
      { text: health.status, tone: toneOf(health.status) },
      { text: `  ${collectedAt}`, tone: 'faint' },
    ],
    [{ text: 'log  ', tone: 'faint' }, { text: logText(log) }],
    [],
    ...(consumers.length === 0
      ? [[{ text: 'No subscription or projection was ever started.', tone: 'faint' as const }]]
      : table(consumers, charset)),
    ...(unwell.length === 0 ? [] : [[]]),
    ...unwell.map(({ name, status, why = '' }): Line => [
      { text: status.padEnd('degraded'.length), tone: toneOf(status) },
      { text: '  ' },
      { text: name, tone: 'name' },
      { text: `  ${why}` },
    ]),
  ];
}

/** `ok`, and live, are good; what somebody should look at is neither good nor bad. */
function toneOf(status: string): Tone {
  if (status === 'ok' || status === 'live') return 'good';
  return status === 'failed' || status === 'faulted' || status === 'stopped' ? 'bad' : 'changed';
}

function logText(log: Snapshot['log']): string {
  if (!log) return 'cannot be read';
  const { head, rate, lastHour, today } = log;
  return [
    `position ${head}`,
    ...(rate === undefined ? [] : [`${rateText(rate)} a second`]),
    ...(lastHour === undefined ? [] : [`${lastHour} in the last hour`]),
    ...(today === undefined ? [] : [`${today} today`]),
  ].join(', ');
}

function rateText(rate: number): string {
  return rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
}

/** As `lagText` has it, in fewer words: on a screen the heading says the rest. */
function lagOf({ lag: { events, seconds } }: ConsumerSnapshot): string {
  return seconds === 0 ? 'none' : `${events}, ${rateText(seconds)} s`;
}

interface Column {
  readonly head: string;
  readonly text: (it: ConsumerSnapshot) => string | number | undefined;
  readonly tone?: (it: ConsumerSnapshot) => Tone | undefined;
  readonly isNumber?: boolean;
}

const COLUMNS: readonly Column[] = [
  { head: 'consumer', text: ({ kind, name }) => `${kind} ${name}`, tone: () => 'name' },
  { head: 'state', text: ({ state }) => state, tone: ({ state }) => toneOf(state) },
  { head: 'position', text: ({ position }) => position, isNumber: true },
  { head: '/s', text: ({ rate }) => (rate === undefined ? '' : rateText(rate)), isNumber: true },
  { head: 'lag', text: lagOf, isNumber: true },
  { head: 'retry', text: ({ retrying }) => retrying, isNumber: true },
  { head: 'dead', text: ({ dead }) => dead, tone: ({ dead }) => (dead ? 'bad' : undefined), isNumber: true },
  {
    head: 'held',
    text: ({ buffered, isFull }) => (isFull ? `${buffered} full` : buffered),
    tone: ({ isFull }) => (isFull ? 'changed' : undefined),
    isNumber: true,
  },
  { head: 'run by', text: ({ processes }) => processes, isNumber: true },
];

function table(consumers: readonly ConsumerSnapshot[], charset: Charset): readonly Line[] {
  const cells = COLUMNS.map(({ text }) => consumers.map((it) => String(text(it) ?? '')));
  const widths = cells.map((column, i) =>
    Math.max(COLUMNS[i]!.head.length, ...column.map((text) => cellsOf([{ text }], charset))),
  );
  const row = (of: (column: number) => { readonly text: string; readonly tone?: Tone | undefined }): Line =>
    COLUMNS.flatMap(({ isNumber }, i) => {
      const { text, tone } = of(i);
      const gap = { text: ' '.repeat(widths[i]! - cellsOf([{ text }], charset)) };
      const cell = { text, tone };
      return [...(isNumber ? [gap, cell] : [cell, gap]), { text: '  ' }];
    });
  return [
    row((i) => ({ text: COLUMNS[i]!.head, tone: 'faint' })),
    ...consumers.map((it, at) => row((i) => ({ text: cells[i]![at]!, tone: COLUMNS[i]!.tone?.(it) }))),
  ];
}
