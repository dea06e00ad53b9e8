import type { RecordedEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import { changesBetween } from '@backstory/replay';
import { completed } from './completed.js';
import { frameOf } from './frame.js';
import type { Key } from './keys.js';
import { ASCII, UNICODE, cellsOf, type Line } from './line.js';
import { press } from './press.js';
import { viewingOf, withStep, type Shown, type Viewing } from './viewing.js';
import type { Pressed } from './wish.js';

const SIZE = { rows: 24, columns: 80 };

function shownOf(version: number, before: Json, state: Json, data: unknown = {}): Shown {
  const event: RecordedEvent = {
    id: 'id-1',
    stream: 'cart-1',
    version,
    position: 10 * version,
    type: 'cart.changed',
    schemaVersion: 1,
    data,
    metadata: { correlationId: 'flow', source: 'shop', occurredAt: '2026-11-20T12:00:00.000Z', actor: 'ann' },
    recordedAt: new Date('2026-11-20T12:00:00.000Z'),
  };
  return {
    version,
    event,
    before,
    state,
    changes: changesBetween(before, state),
    failure: null,
    cause: null,
  };
}

const MANY = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key${i}`, i]));

function viewing(shown: Shown = shownOf(3, { ...MANY, key7: 0 }, MANY)): Viewing {
  return viewingOf({ stream: 'cart-1', type: undefined, head: 9 }, shown);
}

const screen = (it: Viewing, size = SIZE, charset = UNICODE) =>
  frameOf(it, size, charset).lines.map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );

/** Presses keys, one after another; a string presses each of its characters. */
function pressed(from: Viewing, ...keys: readonly string[]): Pressed {
  return keys
    .flatMap((it): readonly Key[] => {
      if (it.startsWith('<')) return [{ name: it.slice(1, -1) }];
      return [...it].map((text) => ({ name: text === ' ' ? 'space' : text, text }));
    })
    .reduce<Pressed>((at, key) => press(at.viewing, key, SIZE, UNICODE), { viewing: from });
}

describe('a frame', () => {
  test('has exactly the rows of the screen, none wider than it, at any size and whatever is shown', () => {
    const hostile = { a: '\u001b[2J世界🎉'.repeat(100), ['\u202e'.repeat(50)]: [[], {}, null] };
    const all = [
      viewing(),
      viewing(shownOf(1, {}, hostile, hostile)),
      viewing(shownOf(1, null, null)),
      pressed(viewing(), 'wkey7', '<enter>', 'wkey8', '<enter>', '/key').viewing,
      pressed(viewing(), '?').viewing,
      pressed(viewing(), '<tab>', 'z').viewing,
      { ...viewing(), notice: { text: 'a rather long sentence '.repeat(40), isBad: true } },
      { ...viewing(), busy: { text: 'Going', done: 0, of: 0 } },
    ];
    for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 12, 24, 60])
      for (const columns of [1, 2, 3, 10, 39, 80, 120, 300])
        for (const it of all)
          for (const charset of [UNICODE, ASCII]) {
            const { lines, cursor } = frameOf(it, { rows, columns }, charset);
            expect(lines).toHaveLength(rows);
            const widest = Math.max(...lines.map((line: Line) => cellsOf(line, charset)));
            expect({ rows, columns, fits: widest <= columns }).toEqual({ rows, columns, fits: true });
            if (cursor) expect(cursor.column < columns && cursor.row < rows).toBe(true);
          }
  });

  test('gives the part that scrolls what it wants, and the others their share', () => {
    const state = screen(viewing());
    expect(state.findIndex((it) => it.includes('[state]'))).toBe(7);
    expect(state.find((it) => it.includes('[state]'))).toMatch(/ 1-15 of 52 ──$/);
    const event = screen(pressed(viewing(shownOf(3, {}, MANY, MANY)), '<tab>').viewing);
    expect(event[1]).toMatch(/^──\[cart\.changed .* 1-9 of 60 ──$/);
    expect(event.filter((it) => /^── (changed 50|state) /.test(it))).toHaveLength(2);
  });

  test('from 120 columns on has the state beside the event and what it changed', () => {
    const wide = { rows: 12, columns: 120 };
    const sides = screen(viewing(), wide)
      .slice(1, -1)
      .map((it) => it.split('│'));
    expect(sides.map((it) => it.length)).toEqual(Array(10).fill(2));
    expect(new Set(sides.map(([left]) => left!.length))).toEqual(new Set([59]));
    const [left, right] = [0, 1].map((side) => sides.map((it) => it[side]!.trimEnd()));
    expect(left![0]).toMatch(/^── cart\.changed/);
    expect(left!.join('\n')).toContain('  ~ key7  0 → 7');
    expect(right!.slice(0, 3)).toEqual([
      expect.stringMatching(/^──\[state\]─+ 1-9 of 52 ──$/),
      '{',
      '  "key0": 0,',
    ]);
    const down = press(viewing(), { name: 'pagedown' }, wide, UNICODE).viewing;
    expect(screen(down, wide)[1]).toMatch(/ 9-17 of 52 ──$/);
    expect(screen(viewing(), { ...wide, columns: 119 }).join('')).not.toContain('│');
  });

  test('of 3 rows shows the version and something of the state', () => {
    expect(screen(viewing(), { rows: 3, columns: 20 })).toEqual([
      ' cart-1     v3 of 9',
      '{',
      'h l step  g G first…',
    ]);
  });

  test('keeps the state scrolled to where it was at the next step', () => {
    const scrolled = pressed(viewing(), '5j').viewing;
    const next = withStep(scrolled, shownOf(4, MANY, { ...MANY, key6: 99 }));
    expect(screen(next)).toContain('  "key6": 99,');
    expect(screen(next).find((it) => it.includes('[state]'))).toContain(' 6-');
    expect(screen(withStep(scrolled, shownOf(5, MANY, { short: 1 })))).toContain('  "short": 1');
  });

  test('shows a watched path, and what it was where this version changed it', () => {
    const it = pressed(viewing(), 'wkey7', '<enter>', 'wkey8', '<enter>', 'wnone', '<enter>').viewing;
    expect(screen(it).slice(1, 4)).toEqual([' * key7  7  was 0', ' * key8  8', ' * none  (none)']);
    expect(screen(pressed(it, 'wkey8', '<enter>').viewing)[2]).toBe(' * none  (none)');
    expect(screen(pressed(it, 'W').viewing)[1]).toMatch(/^── cart\.changed/);
  });

  test('cuts long lines, or shows them whole', () => {
    const it = viewing(shownOf(1, {}, { text: `${'x'.repeat(200)}end` }));
    expect(screen(it).join('\n')).not.toContain('end');
    expect(screen(pressed(it, 'z').viewing).join('\n')).toContain('end"');
  });

  test('shows a state that is no object', () => {
    expect(screen(viewing(shownOf(1, 1, null)))).toContain('null');
    expect(screen(viewing(shownOf(1, 1, 42))).join('\n')).toContain('~ (all of it)  1 → 42');
  });

  test('shows why a state is not known', () => {
    const failure = { version: 2, error: new RangeError('no such shelf') };
    const shown = { ...shownOf(3, {}, {}), before: undefined, state: undefined, changes: null, failure };
    const text = screen(viewing(shown)).join('\n');
    expect(text).toContain('not known since version 2');
    expect(text).toContain('no such shelf');
  });
});

describe('a key', () => {
  test.each([
    ['l', { version: 4, isRelative: true }],
    ['h', { version: 2, isRelative: true }],
    ['<right>', { version: 4, isRelative: true }],
    [' ', { version: 4, isRelative: true }],
    ['12l', { version: 15, isRelative: true }],
    ['12h', { version: -9, isRelative: true }],
    ['g', { version: 1 }],
    ['7g', { version: 7 }],
    ['7G', { version: 7 }],
    ['G', { version: Infinity, isRelative: true }],
    ['F', { version: Infinity, isRelative: true }],
  ])('%s goes to a version', (keys, wish) => {
    expect(pressed(viewing(), keys).wish).toEqual({ kind: 'go', ...wish });
  });

  test('that means nothing does nothing, and drops what was counted', () => {
    expect(pressed(viewing(), 'x')).toEqual({ viewing: viewing() });
    expect(pressed(viewing(), '5', '<f7>', 'l').wish).toMatchObject({ version: 4 });
  });

  test('that was pasted is no command', () => {
    const key = { name: 'q', text: 'q', isPasted: true };
    expect(press(viewing(), key, SIZE, UNICODE)).toEqual({ viewing: viewing() });
    const asked = pressed(viewing(), '/').viewing;
    expect(press(asked, key, SIZE, UNICODE).viewing.prompt).toMatchObject({ text: 'q' });
  });

  test('scrolls no further than there is', () => {
    const at = (...keys: readonly string[]) => pressed(viewing(), ...keys).viewing.scrolled.state;
    expect([at('j'), at('jjk'), at('k'), at('999j'), at('999jk')]).toEqual([1, 1, 0, 37, 36]);
    expect([at('<pagedown>'), at('<pagedown>', '<pageup>'), at('9', '<pagedown>')]).toEqual([14, 0, 37]);
  });

  test('ends the help, unless it scrolls it', () => {
    const help = pressed(viewing(), '?').viewing;
    expect(pressed(help, 'l')).toMatchObject({ viewing: { help: undefined } });
    expect(pressed(help, 'l').wish).toBeUndefined();
    expect(pressed(help, 'j').viewing.help).toBe(0);
    expect(press(help, { name: 'j' }, { rows: 5, columns: 80 }, UNICODE).viewing.help).toBe(1);
  });

  test('leaves, suspends, draws again; Ctrl-C only says how to leave', () => {
    expect(['q', '<ctrl-z>', '<ctrl-l>'].map((it) => pressed(viewing(), it).wish)).toEqual([
      { kind: 'leave' },
      { kind: 'suspend' },
      { kind: 'redraw' },
    ]);
    const { viewing: after, wish } = pressed(viewing(), '<ctrl-c>');
    expect({ wish, text: after.notice?.text }).toEqual({ wish: undefined, text: 'Press q to leave.' });
  });

  test('n and N look for what / looks for, else for what is watched', () => {
    expect(pressed(viewing(), 'n').viewing.notice?.text).toContain('Nothing is looked for');
    const watching = pressed(viewing(), 'wkey1', '<enter>', 'wkey2', '<enter>').viewing;
    const watched = { kind: 'find', sought: { paths: ['key1', 'key2'] } };
    expect(pressed(watching, 'N').wish).toEqual({ ...watched, direction: -1 });
    const { viewing: found, wish } = pressed(watching, '/key3', '<enter>');
    expect(wish).toEqual({ kind: 'find', sought: { paths: ['key3'] }, direction: 1 });
    expect(pressed(found, 'n').wish).toMatchObject({ sought: { paths: ['key3'] } });
    const text = pressed(found, 'tpen (red)', '<enter>', 'N');
    expect(text.wish).toEqual({ kind: 'find', sought: { text: 'pen (red)' }, direction: -1 });
    for (const search of '/t') expect(pressed(found, search, '<enter>', 'n').wish).toMatchObject(watched);
  });
});

describe('a question', () => {
  test('for a place takes a version or a time', () => {
    const asked = (text: string) => pressed(viewing(), `:${text}`, '<enter>');
    expect(asked('12').wish).toEqual({ kind: 'go', version: 12 });
    expect(asked('v12').wish).toEqual({ kind: 'go', version: 12 });
    expect(asked('2026-11-20').wish).toEqual({ kind: 'go-at', at: new Date('2026-11-20T23:59:59.999Z') });
    expect(asked('soon')).toMatchObject({ viewing: { notice: { isBad: true } } });
    expect(asked('')).toEqual({ viewing: viewing() });
  });

  test('is edited, given up, and its end is seen however long it becomes', () => {
    const text = (...keys: readonly string[]) => pressed(viewing(), ':', ...keys).viewing.prompt?.text;
    expect(text('ab世', '<backspace>', 'c')).toBe('abc');
    expect(text('ab', '<ctrl-u>', 'c')).toBe('c');
    expect(text('a.bc', '<ctrl-w>')).toBe('a.');
    for (const keys of [['<escape>'], ['ab', '<ctrl-c>'], ['<backspace>']])
      expect(text(...keys)).toBeUndefined();
    const long = pressed(viewing(), `/${'x'.repeat(2_000)}`).viewing;
    expect(long.prompt!.text).toHaveLength(1_000);
    const end = pressed(viewing(), `/${'y'.repeat(500)}end`).viewing;
    expect(screen(end).at(-1)).toMatch(/^find the next change of: y+end$/);
    expect(frameOf(end, SIZE, UNICODE).cursor).toEqual({ row: 23, column: 79 });
  });

  test('refuses what is no path', () => {
    expect(pressed(viewing(), 'wa..b', '<enter>').viewing).toMatchObject({
      watched: [],
      notice: { isBad: true, text: expect.stringContaining('is no path') },
    });
  });

  test('completes a path as far as there is one way to go on', () => {
    const value = { balance: 1, ban: 2, lines: [{ sku: 'a', 'odd key': 1 }], other: 'x' };
    const state = { value, type: undefined };
    expect(completed('b', state)).toBe('ba');
    expect(completed('bal', state)).toBe('balance');
    expect(completed('li', state)).toBe('lines');
    expect(completed('lines[', state)).toBe('lines[0]');
    expect(completed('lines[0][', state)).toBe('lines[0]["odd key"]');
    expect(completed('z', state)).toBe('z');
    expect(completed('a', undefined)).toBe('a');
  });
});
