/** A class whose instances are `T`, abstract or not. */
export type AnyClass<T extends object = object> = abstract new (...args: never[]) => T;
/** A class whose instances are `T`. */
export type Class<T extends object = object> = new (...args: never[]) => T;

/** Where TC39 decorators leave what they know: the class does not exist yet when its members are decorated. */
export type DecoratorOwner = object;

/**
 * Rows that decorators wrote, kept on the class they decorate under a symbol. A subclass has its own rows; reading adds
 * the rows of its ancestors, which are never changed. There is no registry.
 */
export class ClassTable<Row> {
  private readonly key: symbol;

  constructor(name: string) {
    this.key = Symbol.for(`backstory.${name}`);
  }

  /** `owner` is the class, or the metadata object of a TC39 decorator's context. */
  add(owner: DecoratorOwner, row: Row): void {
    const rows = ownValue(owner, this.key) as Row[] | undefined;
    if (rows) rows.push(row);
    else Object.defineProperty(owner, this.key, { value: [row] });
  }

  own(cls: AnyClass): readonly Row[] {
    const metadata = ownValue(cls, METADATA) as object | undefined;
    return [...rowsOn(cls, this.key), ...(metadata ? rowsOn(metadata, this.key) : [])] as Row[];
  }

  /** From the oldest ancestor to the class itself. */
  all(cls: AnyClass): readonly Row[] {
    return lineage(cls).flatMap((it) => this.own(it));
  }
}

/** The metadata object that TC39 decorators of one class share. */
export function metadataOf(context: DecoratorContext): DecoratorOwner {
  const metadata = context.metadata as object | undefined;
  if (metadata) return metadata;
  throw new TypeError(
    `Decorators of ${String(context.name)} were compiled without Symbol.metadata: import Backstory before any decorated class.`,
  );
}

/** A class and its ancestors, oldest first. */
export function lineage(cls: AnyClass): readonly AnyClass[] {
  const chain: AnyClass[] = [];
  for (
    let it: unknown = cls;
    typeof it === 'function' && it !== Function.prototype;
    it = Object.getPrototypeOf(it)
  ) {
    chain.unshift(it as AnyClass);
  }
  return chain;
}

// TypeScript gives decorators metadata only where Symbol.metadata exists; Node does not define it yet.
const METADATA: symbol = (Symbol as { metadata?: symbol }).metadata ?? Symbol.for('Symbol.metadata');
if (!('metadata' in Symbol)) Object.defineProperty(Symbol, 'metadata', { value: METADATA });

function rowsOn(owner: object, key: symbol): readonly unknown[] {
  return (ownValue(owner, key) as readonly unknown[] | undefined) ?? [];
}

function ownValue(owner: object, key: symbol): unknown {
  return Object.hasOwn(owner, key) ? (owner as Record<symbol, unknown>)[key] : undefined;
}
