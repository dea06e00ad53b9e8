import { changeTexts } from '../change-text.js';
import { failureOf } from '../failure.js';
import { whyTexts } from '../why-text.js';
import { fitted, sentence, wrapped, type Charset, type Line } from './line.js';
import type { Part, Shown, Viewing } from './viewing.js';

/** What each part of the screen says, whole, in lines that fit the width. */
export type PartLines = Readonly<Record<Part, readonly Line[]>>;

/** Made once for every step: a state may have a million lines. */
export function partLines(
  viewing: Viewing,
  widths: Readonly<Record<Part, number>>,
  charset: Charset,
): PartLines {
  const { shown, isWrapped, part } = viewing;
  const key = JSON.stringify([widths, charset.rule, isWrapped, part === 'event']);
  const found = made.get(shown);
  if (found?.key === key) return found.lines;
  const fit = (lines: readonly Line[], width: number): readonly Line[] =>
    lines.flatMap((line) =>
      isWrapped ? [...wrapped(line, width, charset)] : [fitted(line, width, charset)],
    );
  const { event, changes, state } = widths;
  const lines = {
    event: fit(eventLines(shown, { columns: event, isWhole: part === 'event' }), event),
    changes: fit(changesLines(shown, isWrapped ? Infinity : changes, charset), changes),
    state:
      shown.state === undefined
        ? whyNot(shown, state, charset)
        : fit(
            json(shown.state).map((text) => [{ text }]),
            state,
          ),
  };
  made.set(shown, { key, lines });
  return lines;
}

const made = new WeakMap<Shown, { readonly key: string; readonly lines: PartLines }>();

/** What stands in the heading of each part. */
export function headingsOf({ shown }: Viewing): Readonly<Record<Part, Line>> {
  const { event, version, changes } = shown;
  const none = version === 0 ? 'before the first event' : 'an event that cannot be read';
  const at = event ? `  ${event.recordedAt.toISOString()}  position ${event.position}` : '';
  return {
    event: [{ text: event?.type ?? none, tone: 'strong' }, { text: at }],
    changes: [{ text: changes !== null && changes.length > 1 ? `changed ${changes.length}` : 'changed' }],
    state: [{ text: 'state' }],
  };
}

function eventLines({ event, cause }: Shown, { columns, isWhole }: EventRoom): readonly Line[] {
  if (!event) return [];
  const { correlationId, ...others } = event.metadata;
  const facts = { id: event.id, ...others, schemaVersion: event.schemaVersion };
  const short = JSON.stringify(event.data);
  const data: readonly Line[] =
    isWhole && short.length + 8 > columns
      ? [fact('data', ''), ...json(event.data).map((text): Line => [{ text: `  ${text}` }])]
      : [fact('data', short)];
  return [
    ...data,
    ...whyTexts(event, cause).map((text): Line => [{ text: `  ${text}` }]),
    fact('correlation', correlationId),
    ...(isWhole ? Object.entries(facts).map(([name, value]) => fact(name, value)) : []),
  ];
}

interface EventRoom {
  readonly columns: number;
  /** All that is known of it is shown, over as many lines as that takes. */
  readonly isWhole: boolean;
}

function fact(name: string, value: unknown): Line {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return [{ text: `  ${name}  `, tone: 'faint' }, { text }];
}

const TONES = { '+': 'good', '-': 'bad', '~': 'changed' } as const;

function changesLines(
  { changes, version }: Shown,
  columns: number,
  { arrow, ellipsis, safe }: Charset,
): readonly Line[] {
  if (changes === null) return [[{ text: '  not known', tone: 'faint' }]];
  if (changes.length === 0) return version === 0 ? [] : [[{ text: '  nothing', tone: 'faint' }]];
  const cut = (text: string, width: number) =>
    text.length <= width ? text : `${text.slice(0, Math.max(0, width - ellipsis.length))}${ellipsis}`;
  const style = { width: columns - 2, arrow, plain: safe, cut };
  return changeTexts(changes, style).map(({ mark, name, value }) => [
    { text: `  ${mark} `, tone: TONES[mark] },
    { text: `${name}  ${value}` },
  ]);
}

/** Why the state is not known. It is to be read, whatever room it takes. */
function whyNot({ failure, version }: Shown, columns: number, charset: Charset): readonly Line[] {
  if (!failure) return [];
  const since =
    failure.version > 0 && failure.version < version ? [`not known since version ${failure.version}`] : [];
  return [...since, ...failureOf(failure.error).message.split('\n')].flatMap((text) => [
    ...sentence({ text, tone: 'bad' }, columns, charset),
  ]);
}

function json(value: unknown): readonly string[] {
  return JSON.stringify(value, undefined, 2).split('\n');
}
