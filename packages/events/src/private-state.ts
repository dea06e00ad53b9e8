import jsTokens from 'js-tokens';
import { lineage, type AnyClass } from './class-table.js';
import { InvalidDefinition, PrivateState } from './errors.js';

/**
 * Refuses a class that keeps state where it cannot be seen: in `#private` fields or in a built-in class, its own or of an
 * ancestor below `base`. Events and values have no base; they are read back without their constructor, and only that gives
 * an instance its `#methods` and `#accessors`, so these are refused as well.
 *
 * @throws PrivateState, InvalidDefinition
 */
export function refusePrivateState(cls: AnyClass, base?: AnyClass): void {
  const checked = base ? constructed : readBack;
  if (checked.has(cls)) return;
  refuseBuiltIn(cls);
  for (const it of lineage(cls)) {
    if (base && (base === it || base.prototype instanceof it)) continue;
    const tokens = tokensOf(it);
    const fields = [...declared(tokens, 'field'), ...downLevelledFields(tokens)];
    if (fields.length > 0) throw new PrivateState(it.name, fields);
    const methods = base ? [] : [...declared(tokens, 'method'), ...downLevelledMethods(tokens)];
    if (methods.length > 0) throw new PrivateState(it.name, [...new Set(methods)], 'methods');
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
const constructed = new WeakSet<AnyClass>();
const readBack = new WeakSet<AnyClass>();

// What compilers for older targets turn `#field` into: swc, Babel, esbuild. TypeScript is recognised apart.
const FIELD_HELPERS = new Set(['_class_private_field_init', '_classPrivateFieldInitSpec', '__privateAdd']);
const METHOD_HELPERS = new Set(['_class_private_method_init', '_classPrivateMethodInitSpec']);
/** What stands for all methods of a class: of TypeScript and esbuild, of Babel. */
const BRAND = /^_\w+_(instances|brand)$/;

type Tokens = readonly { readonly type: string; readonly value: string }[];

function tokensOf(cls: AnyClass): Tokens {
  return [...jsTokens(Function.prototype.toString.call(cls))].filter(
    ({ type }) => !/^(WhiteSpace|LineTerminator|.*Comment)/.test(type),
  );
}

/** Names directly in the class body. Methods are followed by their parameters; a static one is its class's alone. */
function declared(tokens: Tokens, kind: 'field' | 'method'): string[] {
  let depth = 0;
  return tokens.flatMap(({ type, value }, i) => {
    if (type === 'Punctuator') depth += '{(['.includes(value) ? 1 : '})]'.includes(value) ? -1 : 0;
    if (type !== 'PrivateIdentifier' || depth !== 1) return [];
    const [before, after] = [tokens[i - 1]?.value, tokens[i + 1]?.value];
    if (before === '.' || before === '?.' || after === 'in') return [];
    if (after !== '(') return kind === 'field' ? [value] : [];
    return kind === 'method' && !isStatic(tokens, i) ? [value] : [];
  });
}

function isStatic(tokens: Tokens, name: number): boolean {
  let i = name - 1;
  while (['get', 'set', 'async', '*'].includes(tokens[i]?.value ?? '')) i--;
  return tokens[i]?.value === 'static';
}

function downLevelledFields(tokens: Tokens): string[] {
  return tokens.flatMap(({ value }, i) => {
    const name = tokens[i + 4]?.value ?? value;
    // swc, Babel, esbuild: helper(this, _name, …), possibly called as (0, helpers._)(…)
    if (FIELD_HELPERS.has(value) && !isBrand(value, name)) return [hashed(name)];
    // TypeScript: _Account_name.set(this, …)
    return /^_\w+_\w+$/.test(value) && calls(tokens, i, 'set') ? [hashed(value)] : [];
  });
}

function downLevelledMethods(tokens: Tokens): string[] {
  return tokens.flatMap(({ value }, i) => {
    const name = tokens[i + 4]?.value ?? value;
    if (METHOD_HELPERS.has(value) || isBrand(value, name))
      return [BRAND.test(name) ? '#methods' : hashed(name)];
    // TypeScript: _Account_instances.add(this)
    return BRAND.test(value) && calls(tokens, i, 'add') ? ['#methods'] : [];
  });
}

/** esbuild adds fields and what stands for methods with one helper. */
function isBrand(helper: string, name: string): boolean {
  return helper === '__privateAdd' && BRAND.test(name);
}

/** Whether what follows is `.method(this` */
function calls(tokens: Tokens, at: number, method: string): boolean {
  return ['.', method, '(', 'this'].every((it, i) => tokens[at + 1 + i]?.value === it);
}

function hashed(name: string): string {
  return `#${name.replace(/^_(?:.*_)?(?=[^_]+$)/, '')}`;
}
