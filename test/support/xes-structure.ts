import { XMLParser } from 'fast-xml-parser';

/**
 * What the schema of IEEE 1849-2016 asks of a log, as far as it can be told element by element: which elements stand in which, in
 * which order, with which attributes of which form. Of lists, which an export has none of, it knows nothing. Gives what is not so.
 */
export function xesProblems(xml: string): readonly string[] {
  const parsed = parser.parse(xml) as readonly Node[];
  const roots = parsed.filter((node) => nameOf(node) !== '?xml');
  const names = roots.map(nameOf).join(' ');
  return names === 'log' ? problemsOf(roots[0]!, 'log') : [`the root is ${names}, not log`];
}

type Node = Readonly<Record<string, readonly Node[]>> & { readonly ':@'?: Readonly<Record<string, string>> };

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
});

interface Rule {
  /** What may stand in it, in this order; of one place any number. */
  readonly places: readonly (readonly string[])[];
  readonly attributes: Readonly<Record<string, RegExp>>;
}

const ANY = /^/;
/** `xs:Name`, and without a colon `xs:NCName`. */
const NAME = /^[\p{L}_:][\p{L}\p{N}._:-]*$/u;
const NC_NAME = /^[\p{L}_][\p{L}\p{N}._-]*$/u;
const FORMS: Readonly<Record<string, RegExp>> = {
  string: ANY,
  date: /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/,
  int: /^[+-]?\d{1,19}$/,
  float: /^([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|-?INF|NaN)$/,
  boolean: /^(true|false|0|1)$/,
  id: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
};
const VALUES = Object.keys(FORMS);

const RULES: Readonly<Record<string, Rule>> = {
  log: {
    places: [['extension'], ['global'], ['classifier'], VALUES, ['trace'], ['event']],
    attributes: { 'xes.version': /^[+-]?\d+(\.\d+)?$/, 'xes.features': ANY },
  },
  extension: { places: [], attributes: { name: NC_NAME, prefix: NC_NAME, uri: /^\S+$/ } },
  global: { places: [VALUES], attributes: { scope: NC_NAME } },
  classifier: { places: [], attributes: { name: NC_NAME, keys: ANY } },
  trace: { places: [VALUES, ['event']], attributes: {} },
  event: { places: [VALUES], attributes: {} },
  ...Object.fromEntries(
    Object.entries(FORMS).map(([name, form]) => [
      name,
      { places: [VALUES], attributes: { key: NAME, value: form } },
    ]),
  ),
};

function problemsOf(node: Node, path: string): readonly string[] {
  const rule = RULES[nameOf(node)]!;
  const given = node[':@'] ?? {};
  const children = node[nameOf(node)]!;
  const problems = Object.entries(rule.attributes).flatMap(([name, form]) =>
    form.test(given[name] ?? '\0') && given[name] !== undefined
      ? []
      : [`${path} has ${name} = ${given[name]}`],
  );
  let place = 0;
  for (const child of children) {
    const name = nameOf(child);
    const at = rule.places.findIndex((names) => names.includes(name));
    if (at === -1) problems.push(`${path} may not hold ${name}`);
    else if (at < place) problems.push(`${path} holds ${name} after ${rule.places[place]!.join(', ')}`);
    else problems.push(...problemsOf(child, `${path}/${name}`));
    place = Math.max(place, at);
  }
  return problems;
}

function nameOf(node: Node): string {
  return Object.keys(node).find((name) => name !== ':@')!;
}
