import {
  DomainEvent,
  EventHandler,
  Field,
  Fields,
  instant,
  listOf,
  nested,
  type Class,
} from '@backstory/events';
import { Aggregate } from './aggregate-decorator.js';
import { modelOf } from './aggregate-model.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';
import type { StateOptions } from './state-options.js';

/** Everything that a shape should show, each part of which may be another one. */
interface Code {
  readonly options?: StateOptions;
  readonly eventName?: string;
  readonly aliases?: string[];
  readonly upcast?: (data: Record<string, unknown>) => unknown;
  readonly line?: Class;
  readonly extra?: (cls: Class) => void;
}

class Line {
  sku = '';
}
class LineWithPrice {
  sku = '';
  price = 0;
}
class DatedLine {
  sku = '';
}
Fields({ at: instant })(DatedLine);

const doubled = (data: Record<string, unknown>) => ({ ...data, twice: true });
const asItIs = (data: Record<string, unknown>) => data;

function shapeOf({ options, eventName = 'filled', aliases = [], upcast = asItIs, line = Line, extra }: Code) {
  class Filled {
    lines: unknown[] = [];
  }
  DomainEvent(eventName, { version: 2, aliases, upcast: { 1: upcast } })(Filled);
  class Cart extends EventSourcedAggregate {
    lines: unknown[] = [];
    filled(event: Filled): void {
      this.lines = event.lines;
    }
  }
  Field(listOf(line))(Cart.prototype, 'lines');
  EventHandler(Filled)(Cart.prototype, 'filled', {});
  extra?.(Cart);
  Aggregate('cart', options)(Cart);
  return modelOf(Cart).shape;
}

describe('the shape of a state', () => {
  it('is the same for the same code', () => {
    expect(shapeOf({})).toMatch(/^[0-9a-f]{32}$/);
    expect(shapeOf({})).toBe(shapeOf({ options: { version: 1, snapshots: { every: 3 } } }));
  });

  it.each<[string, Code]>([
    ['the declared version', { options: { version: 2 } }],
    ['the name of an event', { eventName: 'filled-up' }],
    ['an alias of an event', { aliases: ['stuffed'] }],
    ['an upcaster', { upcast: doubled }],
    ['a class inside the state', { line: LineWithPrice }],
    ['a field of a class inside the state', { line: DatedLine }],
    ['a declared field', { extra: (cls) => Field(nested(Line))(cls.prototype as object, 'first') }],
    [
      'a method that something has put on the class',
      { extra: (cls) => Object.assign(cls.prototype as object, { total: () => 1 }) },
    ],
  ])('is another one when this changes: %s', (_, code) => {
    expect(shapeOf(code)).not.toBe(shapeOf({}));
  });

  it('is another one when a handler, its ancestor or its event does something else', () => {
    const shapes = [
      ((): Class<EventSourcedAggregate> => {
        @DomainEvent('rung')
        class Rung {}
        @Aggregate('bell')
        class Bell extends EventSourcedAggregate {
          times = 0;
          @EventHandler(Rung) protected rung(): void {
            this.times += 1;
          }
        }
        return Bell;
      })(),
      ((): Class<EventSourcedAggregate> => {
        @DomainEvent('rung')
        class Rung {}
        @Aggregate('bell')
        class Bell extends EventSourcedAggregate {
          times = 0;
          @EventHandler(Rung) protected rung(): void {
            this.times += 2;
          }
        }
        return Bell;
      })(),
      ((): Class<EventSourcedAggregate> => {
        @DomainEvent('rung')
        class Rung {
          get loud(): boolean {
            return true;
          }
        }
        @Aggregate('bell')
        class Bell extends EventSourcedAggregate {
          times = 0;
          @EventHandler(Rung) protected rung(): void {
            this.times += 1;
          }
        }
        return Bell;
      })(),
      ((): Class<EventSourcedAggregate> => {
        @DomainEvent('rung')
        class Rung {}
        abstract class Thing extends EventSourcedAggregate {
          times = 0;
        }
        @Aggregate('bell')
        class Bell extends Thing {
          @EventHandler(Rung) protected rung(): void {
            this.times += 1;
          }
        }
        return Bell;
      })(),
    ].map((cls) => modelOf(cls).shape);
    expect(new Set(shapes).size).toBe(shapes.length);
  });

  it('can be told of classes that hold each other', () => {
    class Node {
      next?: Node;
    }
    Field(nested(Node))(Node.prototype, 'next');
    expect(shapeOf({ line: Node })).not.toBe(shapeOf({}));
  });
});

describe('what is said of a state', () => {
  it('is kept with its defaults', () => {
    class Cart extends EventSourcedAggregate {}
    Aggregate('cart', { snapshots: { every: 50 } })(Cart);
    class Till extends EventSourcedAggregate {}
    Aggregate('till')(Till);
    expect(modelOf(Cart).snapshots).toEqual({ every: 50, keep: 5 });
    expect(modelOf(Till).snapshots).toBeUndefined();
  });

  it.each<[unknown, string]>([
    [{ version: 0 }, 'Cart has version 0: versions are 1, 2, 3 …'],
    [{ version: '2' }, 'versions are 1, 2, 3'],
    [{ snapshot: { every: 1 } }, 'has the option "snapshot", which is none: give version or snapshots.'],
    [{ snapshots: true }, 'write { every: 100 } or { every: 100, keep: 1 to 100 }'],
    [{ snapshots: null }, 'write { every: 100 }'],
    [{ snapshots: {} }, 'write { every: 100 }'],
    [{ snapshots: { every: 0 } }, 'write { every: 100 }'],
    [{ snapshots: { every: 1.5 } }, 'write { every: 100 }'],
    [{ snapshots: { every: 10, keep: 101 } }, 'write { every: 100 }'],
    [{ snapshots: { every: 10, limit: 3 } }, 'write { every: 100 }'],
  ])('%j is refused', (options, message) => {
    class Cart extends EventSourcedAggregate {}
    expect(() => Aggregate('cart', options as StateOptions)(Cart)).toThrow(message);
  });
});
