import { charsetOf, requireScreen } from '../interactive/screen.js';
import { fitted, type Line } from '../interactive/line.js';
import type { Key } from '../interactive/keys.js';
import type { VerbCall } from '../verb.js';
import { snapshotLines } from './snapshot-lines.js';
import type { Snapshot } from './snapshot.js';

/** Shows one moment after another on a screen of its own, until the person leaves. */
export async function showLive(
  call: VerbCall,
  moments: AsyncGenerator<Snapshot, void>,
  stop: () => void,
): Promise<void> {
  const terminal = requireScreen(call, { option: 'monitor', plain: 'give --once.' });
  const charset = charsetOf(call.io);
  let lines: readonly Line[] = [];
  let leave: () => void = () => undefined;
  const left = new Promise<'left'>((resolve) => (leave = () => resolve('left')));
  const draw = (how: 'draw' | 'redraw') => {
    const { rows, columns } = terminal.size;
    const shown = lines.slice(0, Math.max(1, rows - 1)).map((line) => fitted(line, columns, charset));
    while (shown.length < rows - 1) shown.push([]);
    const cut = lines.length > rows - 1 ? `${lines.length - rows + 1} more lines need a larger screen  ` : '';
    const last: Line = [
      { text: fitted([{ text: `${cut}q leaves` }], columns, charset)[0]!.text, tone: 'faint' },
    ];
    terminal[how]({ lines: rows > 1 ? [...shown, last] : shown, cursor: undefined });
  };
  call.io.signal?.addEventListener('abort', leave, { once: true });
  terminal.open({
    key: ({ name, isPasted }: Key) => {
      if (!isPasted && LEAVE.has(name)) leave();
      if (name === 'ctrl-z') terminal.suspend();
    },
    changed: () => draw('redraw'),
    gone: leave,
  });
  try {
    for (;;) {
      const next = await Promise.race([moments.next(), left]);
      if (next === 'left' || next.done) return;
      lines = snapshotLines(next.value, charset);
      draw('draw');
    }
  } finally {
    terminal.close();
    stop();
    // What is being read is waited for: the store is closed next.
    await moments.return();
  }
}

const LEAVE: ReadonlySet<string> = new Set(['q', 'ctrl-c', 'ctrl-d', 'escape']);
