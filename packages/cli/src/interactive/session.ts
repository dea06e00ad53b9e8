import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { EventStore } from '@backstory/core';
import { causesOf, type CursorStep, type CursorWait, type ReplayCursor } from '@backstory/replay';
import { Interrupted } from '../errors.js';
import { failureOf } from '../failure.js';
import { frameOf } from './frame.js';
import type { Key } from './keys.js';
import type { Charset } from './line.js';
import { press } from './press.js';
import type { Terminal } from './terminal.js';
import { viewingOf, withStep, type Shown, type Sought, type Viewing } from './viewing.js';
import type { Wish } from './wish.js';

/** What a session works with. */
export interface SessionParts {
  readonly cursor: ReplayCursor;
  readonly log: EventStore;
  readonly terminal: Terminal;
  readonly charset: Charset;
  readonly signal?: AbortSignal | undefined;
}

/** Where a session begins: at a version, or where something begins to hold from there on. */
export interface Begin {
  readonly from: number;
  readonly where?: string;
}

const TURN_MS = 50;
const SHOW_BUSY_MS = 200;
const LOOK_AGAIN_MS = 100;
const TYPED_AHEAD = 10_000;

/** A person at a terminal who walks through a stream: takes keys one after another, does what they wish, shows the result. */
export class Session {
  private readonly waiting: (() => Promise<void>)[] = [];
  private isTaking = false;
  /** Ends the work that goes on. */
  private work: AbortController | undefined;
  private isWoken = false;
  private over: (error?: Error) => void = () => undefined;

  private constructor(
    private readonly parts: SessionParts,
    private viewing: Viewing,
  ) {}

  /** Ends when the person leaves. @throws Interrupted when the signal or the terminal ends it */
  static async run(parts: SessionParts, begin: Begin): Promise<void> {
    const { cursor } = parts;
    const first = { ...(await cursor.at(0)), cause: null };
    await new Session(parts, viewingOf(cursor, first)).run(begin);
  }

  private async run({ from, where }: Begin): Promise<void> {
    const { terminal, log, signal } = this.parts;
    const ended = new Promise<void>((resolve, reject) => {
      this.over = (error) => (error === undefined ? resolve() : reject(error));
    });
    const gone = () => this.over(new Interrupted());
    signal?.addEventListener('abort', gone);
    const unsubscribe = log.onAppend(() => this.wake());
    try {
      terminal.open({ key: (key) => this.key(key), changed: () => this.redraw(), gone });
      this.take(() => this.fulfil({ kind: 'go', version: where === undefined ? from : from - 1 }));
      if (where !== undefined) this.take(() => this.until(where));
      await ended;
    } finally {
      this.work?.abort();
      this.waiting.length = 0;
      unsubscribe();
      signal?.removeEventListener('abort', gone);
      terminal.close();
    }
  }

  private key(key: Key): void {
    const { name } = key;
    if (name === 'ctrl-c') this.waiting.length = 0;
    if (this.work && (name === 'ctrl-c' || name === 'escape')) return this.work.abort();
    if (this.viewing.busy && name === 'q' && !key.isPasted) return this.over();
    if (this.waiting.length < TYPED_AHEAD) this.take(() => this.press(key));
  }

  /** Something was recorded somewhere. A busy log wakes often, and one look is as good as many. */
  private wake(): void {
    if (this.isWoken) return;
    this.isWoken = true;
    setTimeout(() => {
      this.isWoken = false;
      this.take(() => this.look());
    }, LOOK_AGAIN_MS).unref();
  }

  private take(task: () => Promise<void>): void {
    this.waiting.push(task);
    if (!this.isTaking) this.takeAll().catch(this.over);
  }

  private async takeAll(): Promise<void> {
    this.isTaking = true;
    try {
      let turned = performance.now();
      for (let task; (task = this.waiting.shift());) {
        await task();
        if (performance.now() - turned < TURN_MS) continue;
        this.draw();
        await turnOfTheLoop();
        turned = performance.now();
      }
    } finally {
      this.isTaking = false;
    }
    this.draw();
  }

  private async press(key: Key): Promise<void> {
    const { viewing, wish } = press(this.viewing, key, this.parts.terminal.size, this.parts.charset);
    this.viewing = viewing;
    if (wish) await this.fulfil(wish);
  }

  private async fulfil(wish: Wish): Promise<void> {
    switch (wish.kind) {
      case 'go':
        return this.go(wish.version, wish.isRelative);
      case 'go-at':
        return this.while(`Going to ${wish.at.toISOString()}`, async (wait) => {
          await this.refresh();
          await this.show(await this.parts.cursor.versionAt(wish.at), wait);
        });
      case 'find':
        return this.find(wish.sought, wish.direction);
      case 'until':
        return this.until(wish.where);
      case 'redraw':
        return this.redraw();
      case 'suspend':
        return this.parts.terminal.suspend();
      case 'leave':
        return this.over();
    }
  }

  private async go(version: number, isRelative = false): Promise<void> {
    await this.while(
      `Going to ${version === Infinity ? 'the last version' : `version ${version}`}`,
      async (wait) => {
        if (version > this.parts.cursor.head) await this.refresh();
        const { head } = this.parts.cursor;
        const to = isRelative ? Math.max(0, Math.min(head, version)) : version;
        if (to !== this.viewing.shown.version) await this.show(to, wait);
        else if (isRelative && version < 0) this.tell('This is before the first event.');
        else if (isRelative && version > head && version !== Infinity) this.tell('This is the last event.');
      },
    );
  }

  private async find(sought: Sought, direction: 1 | -1): Promise<void> {
    const what = 'text' in sought ? `event with "${sought.text}"` : `change of ${sought.paths.join(', ')}`;
    await this.while(`Looking for ${direction > 0 ? 'a later' : 'an earlier'} ${what}`, async (wait) => {
      if (direction > 0) await this.refresh();
      const found = await this.lookFor(sought, direction, wait);
      if (found === undefined) this.tell(`No ${direction > 0 ? 'later' : 'earlier'} ${what}.`);
      else await this.show(found, wait);
    });
  }

  private lookFor(sought: Sought, direction: 1 | -1, wait: CursorWait): Promise<number | undefined> {
    const { cursor } = this.parts;
    const { version } = this.viewing.shown;
    if ('text' in sought)
      return direction > 0
        ? cursor.nextText(sought.text, version, wait)
        : cursor.previousText(sought.text, version, wait);
    return direction > 0
      ? cursor.nextChange(sought.paths, version, wait)
      : cursor.previousChange(sought.paths, version, wait);
  }

  private async until(where: string): Promise<void> {
    this.viewing = { ...this.viewing, until: where };
    await this.while(`Replaying until ${where}`, async (wait) => {
      await this.refresh();
      const found = await this.parts.cursor.nextWhere(where, this.viewing.shown.version, wait);
      if (found === undefined) this.tell(`It does not begin to hold later: ${where}`);
      else await this.show(found, wait);
    });
  }

  private async look(): Promise<void> {
    await this.while('Looking for new events', () => this.refresh());
    if (this.viewing.isFollowing) await this.go(Infinity, true);
  }

  private async refresh(): Promise<void> {
    this.viewing = { ...this.viewing, head: await this.parts.cursor.refresh() };
  }

  private async show(version: number, wait: CursorWait): Promise<void> {
    const step = await this.parts.cursor.at(version, wait);
    this.viewing = withStep(this.viewing, { ...step, cause: await this.causeOf(step) });
  }

  private async causeOf({ event }: CursorStep): Promise<Shown['cause']> {
    const id = event?.metadata.causationId;
    if (!event || id === undefined) return null;
    return (await causesOf(this.parts.log, [event])).get(id) ?? null;
  }

  /** Work that can be stopped, that shows how far it is when it takes long, and that leaves the screen as it was if it fails. */
  private async while(text: string, work: (wait: CursorWait) => Promise<void>): Promise<void> {
    const stop = (this.work = new AbortController());
    const began = performance.now();
    const onProgress = (done: number, of: number) => {
      if (performance.now() - began < SHOW_BUSY_MS) return;
      this.viewing = { ...this.viewing, busy: { text, done, of } };
      this.draw();
    };
    try {
      await work({ signal: stop.signal, onProgress });
    } catch (error) {
      if (stop.signal.aborted) this.tell('Stopped.');
      else this.tell(failureOf(error).message, true);
    } finally {
      this.work = undefined;
      this.viewing = { ...this.viewing, busy: undefined };
    }
  }

  private tell(text: string, isBad = false): void {
    this.viewing = { ...this.viewing, notice: { text, isBad } };
  }

  private draw(): void {
    const { terminal, charset } = this.parts;
    terminal.draw(frameOf(this.viewing, terminal.size, charset));
  }

  private redraw(): void {
    const { terminal, charset } = this.parts;
    terminal.redraw(frameOf(this.viewing, terminal.size, charset));
  }
}
