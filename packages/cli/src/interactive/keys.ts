import type { Key as Keypress } from 'node:readline';

/** A key as the screen knows it. */
export interface Key {
  /** The character, or the name: `left`, `ctrl-c`, `enter` … */
  readonly name: string;
  /** What it writes where text is asked for. */
  readonly text?: string;
  /** It was not pressed but pasted: it is text and no command. */
  readonly isPasted?: boolean;
}

/** Makes keys of what `readline` reads, which knows the sequences of terminals, also when they come in parts. */
export class KeyReader {
  private isPasting = false;

  read(text: string | undefined, { name, ctrl, meta, shift }: Keypress): readonly Key[] {
    if (name === 'paste-start' || name === 'paste-end') {
      this.isPasting = name === 'paste-start';
      return [];
    }
    if (ctrl && name === 'c') this.isPasting = false;
    // eslint-disable-next-line no-control-regex -- a key that writes something writes no control character
    const isText = text !== undefined && text !== '' && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
    if (this.isPasting) return isText ? [{ name: text, text, isPasted: true }] : [];
    if (ctrl && name !== undefined) return [{ name: `ctrl-${name}` }];
    // Escape, and soon after it something else.
    if (meta && name !== undefined && name !== 'escape')
      return [{ name: 'escape' }, ...this.read(name.length === 1 && shift ? name.toUpperCase() : name, {})];
    if (isText) return [{ name: text === ' ' ? 'space' : text, text }];
    // So it calls what it does not know.
    if (name === undefined || name === 'undefined') return [];
    if (name === 'tab' && shift) return [{ name: 'shift-tab' }];
    return [{ name: name === 'return' ? 'enter' : name }];
  }
}
