import childProcess from 'node:child_process';
import crypto from 'node:crypto';
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import timers from 'node:timers/promises';
import { promiseHooks } from 'node:v8';

/** What a fold may not ask, for it would be answered otherwise the next time. */
export type Impurity = 'clock' | 'random' | 'timer' | 'input and output' | 'promise';

/**
 * Watches what synchronous code asks of the world while it runs. Functions of the platform are replaced as long as the watch is
 * open and pass everything on; only between `begin` and `end` what is called is noted, and the clock may be set to another time.
 */
export class PurityWatch {
  private readonly undo: (() => void)[] = [];
  private isNoting = false;
  private noted: Set<string> | undefined;
  private shiftMs = 0;
  private readonly date = this.watchedDate();

  private static shared: PurityWatch | undefined;
  private users = 0;

  private constructor() {}

  /** The one of this process, which is closed when all who opened it have closed it. */
  static open(): PurityWatch {
    const watch = (PurityWatch.shared ??= PurityWatch.installed());
    watch.users++;
    return watch;
  }

  private static installed(): PurityWatch {
    const watch = new PurityWatch();
    watch.wrapAll(performance, ['now'], 'clock', 'performance.now');
    watch.wrapAll(Math, ['random'], 'random', 'Math.random');
    watch.wrapAll(
      crypto,
      ['randomUUID', 'randomBytes', 'randomInt', 'getRandomValues', 'randomFillSync'],
      'random',
      'crypto',
    );
    watch.wrapAll(globalThis.crypto, ['randomUUID', 'getRandomValues'], 'random', 'crypto');
    watch.wrapAll(globalThis, ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'], 'timer');
    watch.wrapAll(timers, functionsOf(timers), 'timer', 'timers/promises');
    watch.wrapAll(process, ['nextTick'], 'timer', 'process.nextTick');
    watch.wrapAll(process.hrtime, ['bigint'], 'clock', 'process.hrtime');
    watch.wrapAll(process, ['hrtime'], 'clock', 'process.hrtime');
    watch.wrapFormats();
    watch.wrapAll(globalThis, ['fetch'], 'input and output');
    for (const [name, module] of Object.entries({
      fs,
      'fs.promises': fs.promises,
      child_process: childProcess,
      net,
      dns,
      'dns.promises': dns.promises,
      http,
      https,
    }))
      watch.wrapAll(module, functionsOf(module), 'input and output', name);
    return watch;
  }

  close(): void {
    if (--this.users > 0) return;
    PurityWatch.shared = undefined;
    for (const undo of this.undo.splice(0).reverse()) undo();
  }

  /**
   * Runs synchronous work in which the clock and promises are watched as well: everybody asks for dates and makes promises, so it
   * is for no longer than that.
   */
  within<T>(work: () => T): T {
    const real = globalThis.Date;
    globalThis.Date = this.date;
    const stop = promiseHooks.onInit(() => this.note('promise', 'new Promise')) as () => void;
    try {
      return work();
    } finally {
      stop();
      globalThis.Date = real;
    }
  }

  /** Loads code, so that what it keeps of the clock, `const { now } = Date`, is watched whenever it is asked. */
  async loading<T>(work: () => Promise<T>): Promise<T> {
    const real = globalThis.Date;
    globalThis.Date = this.date;
    try {
      return await work();
    } finally {
      globalThis.Date = real;
    }
  }

  /** From here on what is called is noted. */
  begin(shiftMs = 0): void {
    this.isNoting = true;
    this.shiftMs = shiftMs;
  }

  /** What was called since: `the clock (Date.now)`. */
  end(): readonly string[] {
    const { noted } = this;
    this.isNoting = false;
    this.noted = undefined;
    this.shiftMs = 0;
    return noted ? [...noted] : NOTHING;
  }

  private note(what: Impurity, name: string): void {
    if (this.isNoting) (this.noted ??= new Set()).add(`${what} (${name})`);
  }

  private watchedDate(): DateConstructor {
    const RealDate = globalThis.Date;
    const now = (): number => {
      this.note('clock', 'Date.now');
      return RealDate.now() + this.shiftMs;
    };
    return new Proxy(RealDate, {
      construct: (target, given: unknown[], newTarget) => {
        if (given.length > 0 || !this.isNoting) return Reflect.construct(target, given, newTarget) as object;
        this.note('clock', 'new Date');
        return Reflect.construct(target, [RealDate.now() + this.shiftMs], newTarget) as object;
      },
      apply: (target, self, given) => {
        this.note('clock', 'Date');
        return Reflect.apply(target, self, given) as string;
      },
      get: (target, name, receiver) =>
        name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown),
    });
  }

  private wrapAll(owner: object, names: readonly string[], what: Impurity, as?: string): void {
    for (const name of names) {
      const real = (owner as Record<string, unknown>)[name];
      if (typeof real !== 'function') continue;
      const told = as === undefined ? name : as.endsWith(`.${name}`) ? as : `${as}.${name}`;
      const note = () => this.note(what, told);
      const wrapped = new Proxy(real as (...given: unknown[]) => unknown, {
        apply: (target, self, given: unknown[]) => {
          note();
          return this.aside(() => Reflect.apply(target, self, given));
        },
      });
      this.replace(owner, name, { value: wrapped });
    }
  }

  /** Formats of dates ask for the clock where they are given none. */
  private wrapFormats(): void {
    const formats = Intl.DateTimeFormat.prototype;
    const note = (given: readonly unknown[]) => {
      if (given[0] === undefined) this.note('clock', 'Intl.DateTimeFormat');
    };
    const watched = (real: unknown) =>
      new Proxy(real as (...given: unknown[]) => unknown, {
        apply: (target, self, given: unknown[]) => {
          note(given);
          return Reflect.apply(target, self, given);
        },
      });
    this.replace(formats, 'formatToParts', { value: watched(Reflect.get(formats, 'formatToParts')) });
    const real = Object.getOwnPropertyDescriptor(formats, 'format')!;
    this.replace(formats, 'format', {
      get(this: Intl.DateTimeFormat): unknown {
        return watched(real.get!.call(this));
      },
    });
  }

  /** What a function of the platform calls in its turn is its own affair. */
  private aside<T>(work: () => T): T {
    const { isNoting } = this;
    this.isNoting = false;
    try {
      return work();
    } finally {
      this.isNoting = isNoting;
    }
  }

  private replace(owner: object, name: string, by: Pick<PropertyDescriptor, 'get' | 'value'>): void {
    const real = Object.getOwnPropertyDescriptor(owner, name);
    if (real && !real.configurable && !real.writable) return;
    Object.defineProperty(owner, name, {
      configurable: true,
      enumerable: real?.enumerable ?? true,
      ...('get' in by ? {} : { writable: true }),
      ...by,
    });
    this.undo.push(() => {
      if (real) Object.defineProperty(owner, name, real);
      else delete (owner as Record<string, unknown>)[name];
    });
  }
}

const NOTHING: readonly string[] = [];

function functionsOf(module: object): readonly string[] {
  return Object.keys(module).filter((name) => {
    const property = Object.getOwnPropertyDescriptor(module, name);
    const isFunction = typeof property?.value === 'function';
    // Not classes: what they make is told by what opens it.
    return isFunction && !/^[A-Z_]/.test(name);
  });
}
