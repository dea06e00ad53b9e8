import jsTokens from 'js-tokens';
import { lineage, type AnyClass } from './class-table.js';
import { InvalidDefinition, PrivateState } from './errors.js';

/**
 * Refuses a class that keeps state where it cannot be seen: in `#private` fields or in a built-in class, its own or of an
 * ancestor below `base`.
 *
 * @throws PrivateState, InvalidDefinition
 */
export function refusePrivateState(cls: AnyClass, base?: AnyClass): void {
  if (checked.has(cls)) return;
  refuseBuiltIn(cls);
  for (const it of lineage(cls)) {
    if (base && (base === it || base.prototype instanceof it)) continue;
    const fields = privateFields(Function.prototype.toString.call(it));
    if (fields.length > 0) throw new PrivateState(it.name, fields);
  }
  checked.add(cls);
}

/** A `Date` has no properties, so that it would be stored as `{}`; so has a class that extends `Map`. */
export function refuseBuiltIn(cls: AnyClass): void {
  const builtIn = lineage(cls).find(
    (it) => it !== Object && NATIVE.test(Function.prototype.toString.call(it)),
  );
  if (!builtIn) return;
  throw new InvalidDefinition(
    cls.name,
    `${builtIn === cls ? 'is' : 'extends'} the built-in ${builtIn.name}, whose content is not in its properties: ` +
      'declare such a value with instant, bigint, decimal, mapOf or setOf.',
  );
}

const NATIVE = /\{\s*\[native code\]\s*\}$/;
const checked = new WeakSet<AnyClass>();

// What compilers for older targets turn `#field` into: swc, Babel, esbuild. TypeScript is recognised apart.
const HELPERS = new Set(['_class_private_field_init', '_classPrivateFieldInitSpec', '__privateAdd']);

function privateFields(source: string): string[] {
  const tokens = [...jsTokens(source)].filter(
    ({ type }) => !/^(WhiteSpace|LineTerminator|.*Comment)/.test(type),
  );
  return [...declared(tokens), ...downLevelled(tokens)];
}

type Tokens = readonly { readonly type: string; readonly value: string }[];

/** Names directly in the class body. A private method, which is followed by its parameters, holds no state. */
function declared(tokens: Tokens): string[] {
  let depth = 0;
  return tokens.flatMap(({ type, value }, i) => {
    if (type === 'Punctuator') depth += '{(['.includes(value) ? 1 : '})]'.includes(value) ? -1 : 0;
    if (type !== 'PrivateIdentifier' || depth !== 1) return [];
    const [before, after] = [tokens[i - 1]?.value, tokens[i + 1]?.value];
    const isUse = before === '.' || before === '?.' || after === 'in';
    return isUse || after === '(' ? [] : [value];
  });
}

function downLevelled(tokens: Tokens): string[] {
  return tokens.flatMap(({ value }, i) => {
    const next = (offset: number) => tokens[i + offset]?.value;
    // swc, Babel, esbuild: helper(this, _name, …), possibly called as (0, helpers._)(…)
    if (HELPERS.has(value) && !next(4)?.endsWith('_instances')) return [hashed(next(4) ?? value)];
    // TypeScript: _Account_name.set(this, …)
    const isTypeScript =
      /^_\w+_\w+$/.test(value) &&
      next(1) === '.' &&
      next(2) === 'set' &&
      next(3) === '(' &&
      next(4) === 'this';
    return isTypeScript ? [hashed(value)] : [];
  });
}

function hashed(name: string): string {
  return `#${name.replace(/^_(?:.*_)?(?=[^_]+$)/, '')}`;
}
