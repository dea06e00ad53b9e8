import type { Charset } from './line.js';
import { roomOf } from './frame.js';
import { HELP } from './help.js';
import type { Key } from './keys.js';
import { pressInPrompt } from './prompt.js';
import type { Part, Question, Size, Viewing } from './viewing.js';
import type { Pressed, Wish } from './wish.js';

/** What a key does to the screen. */
export function press(viewing: Viewing, key: Key, size: Size, charset: Charset): Pressed {
  if (viewing.prompt) return pressInPrompt(viewing, viewing.prompt, key);
  // Pasted by mistake: it is no command.
  if (key.isPasted) return { viewing };
  if (viewing.help !== undefined) return { viewing: pressInHelp(viewing, viewing.help, key, size) };
  if (/^\d$/.test(key.name) && viewing.count.length < 15)
    return { viewing: { ...viewing, count: viewing.count + key.name, notice: undefined } };
  const at = { ...viewing, count: '', notice: undefined };
  const action = ACTIONS.get(key.name);
  return action ? action(at, { count: Number(viewing.count), size, charset }) : { viewing: at };
}

interface Given {
  /** 0: none was given. */
  readonly count: number;
  readonly size: Size;
  readonly charset: Charset;
}

type Action = (viewing: Viewing, given: Given) => Pressed;

const go =
  (to: (viewing: Viewing, count: number) => { version: number; isRelative?: boolean }): Action =>
  (viewing, { count }) => ({
    viewing: { ...viewing, isFollowing: false },
    wish: { kind: 'go', ...to(viewing, count) },
  });

const step = (direction: 1 | -1) =>
  go(({ shown }, count) => ({ version: shown.version + direction * (count || 1), isRelative: true }));

const ask =
  (question: Question): Action =>
  (viewing) => ({ viewing: { ...viewing, prompt: { question, text: '' } } });

const only =
  (wish: Wish): Action =>
  (viewing) => ({ viewing, wish });

const scroll =
  (lines: (count: number, page: number) => number): Action =>
  (viewing, { count, size, charset }) => {
    const { part, scrolled } = viewing;
    const { height, furthest } = roomOf(viewing, size, charset)[part];
    // From where it is seen to be: the part may have become shorter.
    const from = Math.min(scrolled[part], furthest);
    const to = Math.max(0, Math.min(furthest, from + lines(count || 1, Math.max(1, height - 2))));
    return { viewing: { ...viewing, scrolled: { ...scrolled, [part]: to } } };
  };

const turnTo =
  (direction: 1 | -1): Action =>
  (viewing) => {
    const at = TURNS.indexOf(viewing.part) + direction + TURNS.length;
    return { viewing: { ...viewing, part: TURNS[at % TURNS.length]! } };
  };

const TURNS: readonly Part[] = ['state', 'event', 'changes'];

const find =
  (direction: 1 | -1): Action =>
  (viewing) => {
    const watched = viewing.watched.length > 0 ? { paths: viewing.watched } : undefined;
    const sought = viewing.sought ?? watched;
    if (sought) return { viewing, wish: { kind: 'find', sought, direction } };
    const text = 'Nothing is looked for: give a path with /, a text with t, or watch a path with w.';
    return { viewing: { ...viewing, notice: { text, isBad: false } } };
  };

const untilAgain: Action = (viewing) =>
  viewing.until === undefined
    ? { viewing: { ...viewing, prompt: { question: 'until', text: '' } } }
    : { viewing, wish: { kind: 'until', where: viewing.until } };

const follow: Action = (viewing) => ({
  viewing: { ...viewing, isFollowing: !viewing.isFollowing },
  ...(viewing.isFollowing ? {} : { wish: { kind: 'go', version: Infinity, isRelative: true } }),
});

const interrupt: Action = (viewing) => {
  const text = 'Press q to leave.';
  return { viewing: { ...viewing, isFollowing: false, notice: { text, isBad: false } } };
};

const on = (names: string, action: Action) => names.split(' ').map((name) => [name, action] as const);

const ACTIONS: ReadonlyMap<string, Action> = new Map([
  ...on('l right space enter', step(1)),
  ...on('h left backspace b', step(-1)),
  ...on(
    'g home',
    go((_, count) => ({ version: count || 1 })),
  ),
  ...on(
    'G end',
    go((_, count) => (count ? { version: count } : { version: Infinity, isRelative: true })),
  ),
  ...on(
    'j down',
    scroll((count) => count),
  ),
  ...on(
    'k up',
    scroll((count) => -count),
  ),
  ...on(
    'pagedown ctrl-f ctrl-d',
    scroll((count, page) => count * page),
  ),
  ...on(
    'pageup ctrl-b ctrl-u',
    scroll((count, page) => -count * page),
  ),
  ...on('tab', turnTo(1)),
  ...on('shift-tab', turnTo(-1)),
  ...on(':', ask('go')),
  ...on('/', ask('find')),
  ...on('t', ask('text')),
  ...on('u', ask('until')),
  ...on('U', untilAgain),
  ...on('w', ask('watch')),
  ...on('W', (viewing) => ({ viewing: { ...viewing, watched: [] } })),
  ...on('n', find(1)),
  ...on('N', find(-1)),
  ...on('z', (viewing) => ({ viewing: { ...viewing, isWrapped: !viewing.isWrapped } })),
  ...on('F', follow),
  ...on('? f1', (viewing) => ({ viewing: { ...viewing, help: 0 } })),
  ...on('ctrl-l r', only({ kind: 'redraw' })),
  ...on('ctrl-z', only({ kind: 'suspend' })),
  ...on('q Q', only({ kind: 'leave' })),
  ...on('ctrl-c', interrupt),
]);

function pressInHelp(viewing: Viewing, help: number, { name }: Key, { rows }: Size): Viewing {
  const furthest = Math.max(0, HELP.length - Math.max(1, rows - 2));
  const by = { j: 1, down: 1, k: -1, up: -1, pagedown: rows, pageup: -rows }[name];
  return { ...viewing, help: by === undefined ? undefined : Math.max(0, Math.min(furthest, help + by)) };
}
