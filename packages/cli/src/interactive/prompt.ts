import { Expression } from '@backstory/router/filter';
import { readStatePath } from '@backstory/replay/paths';
import { upTo } from '../instant.js';
import { completed } from './completed.js';
import type { Key } from './keys.js';
import { stateOf, type Question, type Sought, type Viewing } from './viewing.js';
import type { Pressed } from './wish.js';

/** What a key does while something is asked for. */
export function pressInPrompt(viewing: Viewing, prompt: NonNullable<Viewing['prompt']>, key: Key): Pressed {
  const { question, text } = prompt;
  const typed = (now: string, notice?: string): Pressed => ({
    viewing: {
      ...viewing,
      prompt: { question, text: now },
      notice: notice === undefined ? undefined : { text: notice, isBad: false },
    },
  });
  const closed = { ...viewing, prompt: undefined, notice: undefined };
  if (key.text !== undefined) return typed((text + key.text).slice(0, LONGEST));
  switch (key.name) {
    case 'enter':
      return answered(closed, question, text.trim());
    case 'tab':
      return question === 'find' || question === 'watch'
        ? typed(completed(text, stateOf(viewing)))
        : { viewing };
    case 'backspace':
      return text === '' ? { viewing: closed } : typed([...text].slice(0, -1).join(''));
    case 'ctrl-u':
      return typed('');
    case 'ctrl-w':
      return typed(text.replace(/([^.[\]\s]+|.)\s*$/u, ''));
    case 'escape':
    case 'ctrl-c':
      return { viewing: closed };
    default:
      return { viewing };
  }
}

const LONGEST = 1_000;

/** @throws nothing: what cannot be read is said, and the question stays closed */
function answered(viewing: Viewing, question: Question, text: string): Pressed {
  const isSearch = question === 'find' || question === 'text';
  if (text === '') return { viewing: isSearch ? { ...viewing, sought: undefined } : viewing };
  try {
    return ANSWERS[question](viewing, text);
  } catch (error) {
    return {
      viewing: { ...viewing, notice: { text: (error as Error).message.split('\n')[0]!, isBad: true } },
    };
  }
}

const ANSWERS: Readonly<Record<Question, (viewing: Viewing, text: string) => Pressed>> = {
  go: (viewing, text) => ({
    viewing: { ...viewing, isFollowing: false },
    wish: /^v?\d+$/.test(text)
      ? { kind: 'go', version: Number(text.replace('v', '')) }
      : { kind: 'go-at', at: upTo(text) },
  }),
  find: (viewing, path) => {
    readStatePath(path);
    return finding(viewing, { paths: [path] });
  },
  text: (viewing, text) => finding(viewing, { text }),
  until: (viewing, where) => {
    Expression.of(where);
    return { viewing: { ...viewing, isFollowing: false }, wish: { kind: 'until', where } };
  },
  watch: (viewing, path) => {
    readStatePath(path);
    const { watched } = viewing;
    const others = watched.filter((it) => it !== path);
    return { viewing: { ...viewing, watched: others.length < watched.length ? others : [...watched, path] } };
  },
};

function finding(viewing: Viewing, sought: Sought): Pressed {
  return { viewing: { ...viewing, sought }, wish: { kind: 'find', sought, direction: 1 } };
}
