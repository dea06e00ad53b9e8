import { cellsOf, fitted, sentence, type Charset, type Line } from './line.js';
import type { Question, Size, Viewing } from './viewing.js';

/** The last line of the screen, or lines: a question, how far work is, what there is to say, or the keys. */
export function lastLines(viewing: Viewing, size: Size, charset: Charset): LastLines {
  const { prompt, busy, notice, count, help } = viewing;
  if (busy) {
    const percent = busy.of === 0 ? 0 : Math.floor((100 * busy.done) / busy.of);
    return only({ text: `${busy.text}: ${percent} %`, tone: 'changed' }, { text: '  (Ctrl-C stops)' });
  }
  if (prompt) return promptLine(QUESTIONS[prompt.question], prompt.text, size.columns, charset);
  if (count !== '') return only({ text: count, tone: 'strong' });
  if (notice)
    return noticeLines({ text: notice.text, tone: notice.isBad ? 'bad' : 'changed' }, size, charset);
  return only({ text: help === undefined ? KEYS : HELP_KEYS, tone: 'faint' });
}

interface LastLines {
  readonly lines: readonly Line[];
  /** Where the cursor is in them. */
  readonly cursor?: number;
}

const KEYS = 'h l step  g G first/last  : go  / t u find  n N again  w watch  ? help  q quit';
const HELP_KEYS = 'j k scroll, any other key goes back';

const QUESTIONS: Readonly<Record<Question, string>> = {
  go: 'go to version or time: ',
  find: 'find the next change of: ',
  text: 'find the next event with: ',
  until: 'Replay until: ',
  watch: 'watch: ',
};

function only(...spans: Line): LastLines {
  return { lines: [spans] };
}

/** Over as many lines as it needs, up to a quarter of the screen. */
function noticeLines(notice: Line[number], { rows, columns }: Size, charset: Charset): LastLines {
  const most = Math.max(1, Math.floor(rows / 4));
  const whole = [...sentence(notice, columns, charset)];
  if (whole.length <= most) return { lines: whole };
  return { lines: [...whole.slice(0, most - 1), whole.slice(most - 1).flat()] };
}

/** The end of what is typed is seen, whatever its length. */
function promptLine(question: string, text: string, columns: number, charset: Charset): LastLines {
  const asked = fitted([{ text: question, tone: 'strong' }], Math.floor(columns / 2), charset);
  const room = Math.max(0, columns - cellsOf(asked, charset) - 1);
  const characters = [...charset.safe(text)].slice(-room);
  const typed = () => [...asked, { text: characters.join('') }];
  while (cellsOf(typed(), charset) > columns - 1 && characters.length > 0) characters.shift();
  return { lines: [typed()], cursor: Math.min(columns - 1, cellsOf(typed(), charset)) };
}
