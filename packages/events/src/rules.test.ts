import {
  ArrayNotEmpty,
  IsDefined,
  IsPositive,
  IsString,
  MaxLength,
  Validate,
  ValidateNested,
  ValidatorConstraint,
  registerDecorator,
} from 'class-validator';
import { DomainEvent } from './domain-event.js';
import { InvalidData } from './errors.js';
import { EventTypes } from './event-types.js';
import { Fields } from './field.js';
import { listOf, mapOf, nested } from './field-types.js';
import { checkRules } from './rules.js';

class Line {
  @IsString() @MaxLength(3) sku: unknown;
  constructor(sku: unknown) {
    this.sku = sku;
  }
}

@DomainEvent('order.placed')
@Fields({ lines: listOf(Line) })
class Placed {
  @IsPositive() readonly total: number;
  @ArrayNotEmpty() @ValidateNested({ each: true }) readonly lines: readonly Line[];
  constructor(total: number, lines: readonly Line[]) {
    this.total = total;
    this.lines = lines;
  }
}
const types = new EventTypes([Placed]);

it('a violation names each property and rule', () => {
  const violations = (event: object) => {
    try {
      types.encode(event);
    } catch (error) {
      return error instanceof InvalidData
        ? error.violations.map((it) => `${it.path} ${it.constraint}`)
        : error;
    }
    return [];
  };
  expect(violations(new Placed(1, [new Line('abc')]))).toEqual([]);
  expect(violations(new Placed(-1, []))).toEqual(['total isPositive', 'lines arrayNotEmpty']);
  expect(violations(new Placed(1, [new Line('abc'), new Line('abcd'), new Line(5)]))).toEqual([
    'lines[1].sku maxLength',
    'lines[2].sku maxLength',
    'lines[2].sku isString',
  ]);
});

it('the message says what is wrong', () => {
  expect(() => types.encode(new Placed(-1, [new Line('a')]))).toThrow(
    'order.placed is not valid: total (isPositive): total must be a positive number.',
  );
});

it('a value inside that has no rules at all is named, as class-validator refuses it', () => {
  class Bare {
    sku = '';
  }
  @DomainEvent('order.shipped')
  @Fields({ lines: listOf(Bare) })
  class Shipped {
    @ValidateNested({ each: true }) lines = [new Bare()];
  }
  expect(() => new EventTypes([Shipped]).encode(new Shipped())).toThrow('lines[0] (unknownValue)');
});

it('rules are inherited, and hold for commands as well', () => {
  class Command extends Line {}
  expect(() => checkRules(new Command(5), 'Command')).toThrow('Command is not valid: sku');
});

it('nothing is checked on reading', () => {
  const [type] = types.all;
  expect(type!.decode({ schemaVersion: 1, data: '{"total":-1,"lines":[]}' })).toMatchObject({ total: -1 });
});

describe('an async rule is refused', () => {
  it('where it was registered', () => {
    @DomainEvent('account.opened')
    class Opened {
      iban = '';
    }
    const validator = { validate: () => Promise.resolve(true) };
    registerDecorator({ name: 'isFree', target: Opened, propertyName: 'iban', async: true, validator });
    expect(() => new EventTypes([Opened])).toThrow('Opened.iban has an async rule');
  });
  it('where it is a class', () => {
    @ValidatorConstraint({ async: true })
    class IsFree {
      validate = () => Promise.resolve(true);
    }
    @DomainEvent('account.opened')
    class Opened {
      @Validate(IsFree) iban = '';
    }
    expect(() => new EventTypes([Opened])).toThrow('Opened.iban has an async rule');
  });
  it('where it is on a value inside the event, however deep', () => {
    class Part {
      sku = '';
    }
    @Fields({ parts: mapOf(listOf(Part)) })
    class Item {
      @ValidateNested() parts = new Map<string, Part[]>();
    }
    @DomainEvent('order.filled')
    @Fields({ item: nested(Item) })
    class Filled {
      @ValidateNested() item = new Item();
    }
    const validator = { validate: () => Promise.resolve(true) };
    expect(() => new EventTypes([Filled])).not.toThrow();
    registerDecorator({ name: 'isFree', target: Part, propertyName: 'sku', async: true, validator });
    @DomainEvent('order.refilled')
    class Refilled extends Filled {}
    expect(() => new EventTypes([Refilled])).toThrow('Part.sku has an async rule');
  });
  it('but not on a value whose rules are not asked for, nor for ever on a value inside itself', () => {
    class Tree {
      @ValidateNested() next?: Tree;
    }
    Fields({ next: nested(Tree) })(Tree);
    class Free {
      iban = '';
    }
    const validator = { validate: () => Promise.resolve(true) };
    registerDecorator({ name: 'isFree', target: Free, propertyName: 'iban', async: true, validator });
    @DomainEvent('tree.grown')
    @Fields({ tree: nested(Tree), free: nested(Free) })
    class Grown {
      @ValidateNested() tree = new Tree();
      @IsDefined() free = new Free();
    }
    expect(() => new EventTypes([Grown])).not.toThrow();
  });
  it('where a class forgot to say so', () => {
    @ValidatorConstraint()
    class IsFree {
      async validate(): Promise<boolean> {
        return Promise.resolve(true);
      }
    }
    @DomainEvent('account.opened')
    class Opened {
      @Validate(IsFree) iban = '';
    }
    expect(() => new EventTypes([Opened])).toThrow('Opened.iban has an async rule');
  });
});
