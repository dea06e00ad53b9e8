import crypto from 'node:crypto';
import dns from 'node:dns';
import fs from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate } from 'backstory';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}
@DomainEvent('account.withdrawn')
class Withdrawn {
  constructor(readonly amount: number) {}
}
@DomainEvent('account.noted')
class Noted {
  constructor(readonly text: string) {}
}
@DomainEvent('account.tagged')
class Tagged {
  constructor(readonly tag: string) {}
}
@DomainEvent('account.limited')
class Limited {
  constructor(readonly limit: number) {}
}

const EVENTS = [
  (n: number) => new Deposited(n),
  (n: number) => new Withdrawn(n),
  (n: number) => new Noted(`note ${n}`),
  (n: number) => new Tagged(`tag ${n % 5}`),
  (n: number) => new Limited(n),
];

/** One build of the accounts, which all fold the same events. */
export interface Build {
  readonly name: string;
  readonly cls: typeof Account;
  readonly events: number;
  readonly event: (which: number, n: number) => object;
}

class Account extends EventSourcedAggregate {
  balance = 0;
  deposits = 0;
  note = '';
  tags: Record<string, number> = {};
  recent: number[] = [];
  limit: { amount: number; reached: boolean } = { amount: 100, reached: false };
  protected deposited(event: Deposited): void {
    this.balance += event.amount;
    this.deposits++;
    this.recent = [...this.recent, event.amount].slice(-3);
  }
  protected withdrawn(event: Withdrawn): void {
    this.balance -= event.amount;
    this.limit.reached ||= event.amount > this.limit.amount;
  }
  protected noted(event: Noted): void {
    this.note = event.text;
  }
  protected tagged({ tag }: Tagged): void {
    this.tags[tag] = (this.tags[tag] ?? 0) + 1;
  }
  protected limited({ limit }: Limited): void {
    this.limit = { amount: limit, reached: false };
  }
}

type Handlers = Partial<{
  deposited(this: State, event: Deposited): void;
  withdrawn(this: State, event: Withdrawn): void;
  noted(this: State, event: Noted): void;
  tagged(this: State, event: Tagged): void;
  limited(this: State, event: Limited): void;
}>;
type State = Pick<Account, 'balance' | 'deposits' | 'note' | 'tags' | 'recent' | 'limit'> &
  Record<string, unknown>;

function build(name: string, handlers: Handlers = {}, begin?: (it: State) => void): Build {
  const cls = class extends Account {
    constructor() {
      super();
      begin?.(this as unknown as State);
    }
  };
  Object.defineProperty(cls, 'name', { value: 'Account' });
  const events = {
    deposited: Deposited,
    withdrawn: Withdrawn,
    noted: Noted,
    tagged: Tagged,
    limited: Limited,
  };
  for (const [method, event] of Object.entries(events)) {
    const own =
      handlers[method as keyof Handlers] ?? (Account.prototype as unknown as Record<string, unknown>)[method];
    Object.defineProperty(cls.prototype, method, { value: own, configurable: true, writable: true });
    EventHandler(event as typeof Deposited)(cls.prototype as never, method, {});
  }
  Aggregate('account')(cls);
  return { name, cls: cls, events: EVENTS.length, event: (which, n) => EVENTS[which]!(n) };
}

let counted = 0;

/** Builds whose streams begin with what they may not ask, and what that is. */
export const IMPURE_BEGINNINGS: readonly (readonly [string, Build, string])[] = [
  ['clock', (it: State) => (it['createdAt'] = Date.now()), 'clock (Date.now)'] as const,
  ['date', (it: State) => (it['at'] = new Date().toISOString()), 'clock (new Date)'] as const,
  ['random', (it: State) => (it['lot'] = Math.random()), 'random (Math.random)'] as const,
  ['uuid', (it: State) => (it['ref'] = crypto.randomUUID()), 'random (crypto.randomUUID)'] as const,
  ['counter', (it: State) => (it['count'] = counted++), 'another result the second time'] as const,
].map(([name, begin, what]) => [name, build(name, {}, begin), what]);

/** The build that is trusted; one that renames a property; those that ask what they may not. */
export const BUILDS: readonly Build[] = [
  build('base'),
  build(
    'renamed',
    {
      noted(event) {
        this['remark'] = event.text;
      },
    },
    (it) => {
      delete (it as Partial<State>).note;
      it['remark'] = '';
    },
  ),
  build('clock', {
    noted(event) {
      this.note = Date.now() > 0 ? event.text : '';
    },
  }),
  build('date', {
    noted(event) {
      this.note = new Date().getTime() > 0 ? event.text : '';
    },
  }),
  build('random', {
    noted(event) {
      this.note = Math.random() < 2 ? event.text : '';
    },
  }),
  build('uuid', {
    noted(event) {
      this.note = crypto.randomUUID() ? event.text : '';
    },
  }),
  build('timer', {
    noted(event) {
      clearTimeout(setTimeout(() => undefined, 1));
      this.note = event.text;
    },
  }),
  build('file', {
    noted(event) {
      this.note = fs.existsSync('/') ? event.text : '';
    },
  }),
  build('contents', {
    noted(event) {
      this.note = fs.readFileSync(__filename, 'utf8') ? event.text : '';
    },
  }),
  build('name', {
    noted(event) {
      dns.lookup('localhost', () => undefined);
      this.note = event.text;
    },
  }),
  build('nanoseconds', {
    noted(event) {
      this.note = process.hrtime.bigint() > 0n ? event.text : '';
    },
  }),
  build('format', {
    noted(event) {
      this.note = new Intl.DateTimeFormat('en').format() ? event.text : '';
    },
  }),
  build('parts', {
    noted(event) {
      this.note = new Intl.DateTimeFormat('en').formatToParts().length > 0 ? event.text : '';
    },
  }),
  build('turn', {
    noted(event) {
      void turn();
      this.note = event.text;
    },
  }),
  build('promise', {
    noted(event) {
      void Promise.resolve().then(() => undefined);
      this.note = event.text;
    },
  }),
  build('later', {
    noted(event) {
      void (async () => (this.note = event.text))();
    },
  }),
  build('counter', {
    noted(event) {
      this.note = `${event.text} ${counted++}`;
    },
  }),
];

const change = (name: string, handlers: Handlers, begin?: (it: State) => void) =>
  [name, build(name, handlers, begin)] as const;

/** Changes of the code that change declared state. */
export const CHANGES: readonly (readonly [string, Build])[] = [
  change('counts half of large deposits', {
    deposited(e) {
      this.balance += e.amount > 100 ? e.amount - 1 : e.amount;
      this.deposits++;
      this.recent = [...this.recent, e.amount].slice(-3);
    },
  }),
  change('forgets small deposits', {
    deposited(e) {
      if (e.amount < 20) return;
      this.balance += e.amount;
      this.deposits++;
      this.recent = [...this.recent, e.amount].slice(-3);
    },
  }),
  change('counts no deposits', {
    deposited(e) {
      this.balance += e.amount;
      this.recent = [...this.recent, e.amount].slice(-3);
    },
  }),
  change('counts deposits twice', {
    deposited(e) {
      this.balance += e.amount;
      this.deposits += 2;
      this.recent = [...this.recent, e.amount].slice(-3);
    },
  }),
  change('keeps two recent ones', {
    deposited(e) {
      this.balance += e.amount;
      this.deposits++;
      this.recent = [...this.recent, e.amount].slice(-2);
    },
  }),
  change('keeps four recent ones', {
    deposited(e) {
      this.balance += e.amount;
      this.deposits++;
      this.recent = [...this.recent, e.amount].slice(-4);
    },
  }),
  change('keeps the recent ones the other way round', {
    deposited(e) {
      this.balance += e.amount;
      this.deposits++;
      this.recent = [e.amount, ...this.recent].slice(0, 3);
    },
  }),
  change('keeps the recent ones as text', {
    deposited(e) {
      this.balance += e.amount;
      this.deposits++;
      this.recent = [...this.recent, String(e.amount) as never].slice(-3);
    },
  }),
  change('adds a property to deposits', {
    deposited(e) {
      this.balance += e.amount;
      this.deposits++;
      this['last'] = e.amount;
      this.recent = [...this.recent, e.amount].slice(-3);
    },
  }),
  change('rounds the balance to tens', {
    deposited(e) {
      this.balance = Math.round((this.balance + e.amount) / 10) * 10;
      this.deposits++;
      this.recent = [...this.recent, e.amount].slice(-3);
    },
  }),
  change('adds withdrawals', {
    withdrawn(e) {
      this.balance += e.amount;
      this.limit.reached ||= e.amount > this.limit.amount;
    },
  }),
  change('takes a fee', {
    withdrawn(e) {
      this.balance -= e.amount + 1;
      this.limit.reached ||= e.amount > this.limit.amount;
    },
  }),
  change('never overdraws', {
    withdrawn(e) {
      this.balance = Math.max(0, this.balance - e.amount);
      this.limit.reached ||= e.amount > this.limit.amount;
    },
  }),
  change('reaches the limit at it', {
    withdrawn(e) {
      this.balance -= e.amount;
      this.limit.reached ||= e.amount > this.limit.amount - 50;
    },
  }),
  change('never reaches the limit', {
    withdrawn(e) {
      this.balance -= e.amount;
    },
  }),
  change('forgets that the limit was reached', {
    withdrawn(e) {
      this.balance -= e.amount;
      this.limit.reached = e.amount > this.limit.amount;
    },
  }),
  change('has the limit as a number', {
    limited(e) {
      this.limit = e.limit as never;
    },
    withdrawn(e) {
      this.balance -= e.amount;
    },
  }),
  change('keeps that the limit was reached', {
    limited(e) {
      this.limit = { amount: e.limit, reached: this.limit.reached };
    },
  }),
  change('doubles the limit', {
    limited(e) {
      this.limit = { amount: e.limit * 2, reached: false };
    },
  }),
  change('ignores limits', { limited() {} }),
  change('writes notes in capitals', {
    noted(e) {
      this.note = e.text.toUpperCase();
    },
  }),
  change('keeps the first note', {
    noted(e) {
      this.note ||= e.text;
    },
  }),
  change('joins notes', {
    noted(e) {
      this.note += e.text;
    },
  }),
  change('cuts notes', {
    noted(e) {
      this.note = e.text.slice(0, 6);
    },
  }),
  change('keeps notes in a list', {
    noted(e) {
      this.note = [e.text] as never;
    },
  }),
  change('counts tags from one', {
    tagged({ tag }) {
      this.tags[tag] = (this.tags[tag] ?? 1) + 1;
    },
  }),
  change('does not count tags', {
    tagged({ tag }) {
      this.tags[tag] = 1;
    },
  }),
  change('counts tags at least twice', {
    tagged({ tag }) {
      this.tags[tag] = Math.max(2, (this.tags[tag] ?? 0) + 1);
    },
  }),
  change('writes tags otherwise', {
    tagged({ tag }) {
      const name = tag.replace(' ', '-');
      this.tags[name] = (this.tags[name] ?? 0) + 1;
    },
  }),
  change('begins with another balance', {}, (it) => (it.balance = 1)),
];

/** Changes of the code that leave declared state as it is. */
export const REFACTORINGS: readonly (readonly [string, Build])[] = [
  change('writes the same sum otherwise', {
    deposited({ amount }) {
      Object.assign(this, { balance: this.balance + amount, deposits: this.deposits + 1 });
      this.recent = this.recent.concat(amount).slice(-3);
    },
  }),
  change('changes the list in place', {
    deposited(e) {
      this.balance += e.amount;
      this.deposits++;
      this.recent.push(e.amount);
      if (this.recent.length > 3) this.recent.shift();
    },
  }),
  change('does things in another order', {
    deposited(e) {
      this.recent = [...this.recent, e.amount].slice(-3);
      this.deposits += 1;
      this.balance = this.balance + e.amount;
    },
  }),
  change('replaces the tags', {
    tagged({ tag }) {
      this.tags = { ...this.tags, [tag]: (this.tags[tag] ?? 0) + 1 };
    },
  }),
  change('puts the tags in another order', {
    tagged({ tag }) {
      const { [tag]: count = 0, ...others } = this.tags;
      this.tags = { [tag]: count + 1, ...others };
    },
  }),
  change('replaces the limit', {
    withdrawn(e) {
      this.balance -= e.amount;
      this.limit = { ...this.limit, reached: this.limit.reached || e.amount > this.limit.amount };
    },
  }),
  change('puts the limit in another order', {
    limited({ limit }) {
      this.limit = { reached: false, amount: limit };
    },
  }),
  change('asks in another way', {
    withdrawn(e) {
      this.balance = this.balance - e.amount;
      if (e.amount > this.limit.amount) this.limit.reached = true;
    },
  }),
  change('declares its properties in another order', {}, (it) => {
    const { note, balance } = it;
    delete (it as Partial<State>).note;
    delete (it as Partial<State>).balance;
    Object.assign(it, { note, balance });
  }),
  change('has a property that is undefined', {}, (it) => (it['spare'] = undefined)),
];
