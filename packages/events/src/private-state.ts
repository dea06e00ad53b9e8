import jsTokens from 'js-tokens';
import { lineage, type AnyClass } from './class-table.js';
import { PrivateState } from './errors.js';

/**
 * Refuses a class that keeps state in `#private` fields, its own or of an ancestor below `base`.
 *
 * @throws PrivateState
 */
export function refusePrivateState(cls: AnyClass, base?: AnyClass): void {
  if (checked.has(cls)) return;
  for (const it of lineage(cls)) {
    if (base && (base === it || base.prototype instanceof it)) continue;
    const fields = privateFields(Function.prototype.toString.call(it));
    if (fields.length > 0) throw new PrivateState(it.name, fields);
  }
  checked.add(cls);
}

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
