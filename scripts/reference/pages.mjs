// The pages of the reference.

const GROUPS = [
  ['Functions', 'function'],
  ['Classes', 'class'],
  ['Values', 'value'],
  ['Types', 'type'],
];

/** One entry of a package: what it exports, what of that is declared elsewhere, and its errors. */
export function entryPage(entry) {
  const own = entry.names.filter(({ home }) => home?.entry === entry);
  const errors = own.filter(({ kind }) => kind === 'error');
  const elsewhere = entry.names.filter(({ home }) => home?.entry !== entry);
  const groups = GROUPS.map(([title, kind]) => [title, own.filter((it) => it.kind === kind)]);
  return paragraphs(
    `# ${entry.name}`,
    `${entry.description} [The package](../../packages/${entry.folder}/README.md).`,
    ...groups.map(([title, names]) => summary(title, names)),
    ...(errors.length > 0 ? [`**Errors** ${errors.map(linkTo(entry)).join(' · ')}`] : []),
    ...(elsewhere.length > 0 ? ['## From other packages', table(elsewhere, entry)] : []),
    ...groups.flatMap(([title, names]) =>
      names.length > 0 ? [`## ${title}`, ...names.map((it) => section(it, entry))] : [],
    ),
    ...(errors.length > 0 ? ['## Errors', ...errors.map((it) => errorSection(it, entry))] : []),
    FOOT,
  );
}

/** Every error by its code. */
export function errorsPage(entries) {
  const errors = homed(entries).filter(({ kind, facts }) => kind === 'error' && facts.code);
  errors.sort((a, b) => (a.facts.code + a.name < b.facts.code + b.name ? -1 : 1));
  const rows = errors.map(
    (it) =>
      `| \`${it.facts.code}\` | [\`${it.name}\`](${it.entry.page}#${it.anchor}) | ${cell(it.description.first)} |`,
  );
  return paragraphs(
    '# Errors',
    'Everything that Backstory throws on purpose extends [`BackstoryError`](core.md#backstoryerror), or [`ProofError`](proof.md#prooferror) in the package without dependencies. Its `code` is stable, its fields are the facts, and its message says what to do next.',
    `| code | error | means |\n|---|---|---|\n${rows.join('\n')}`,
    FOOT,
  );
}

/** The pages, and every name. */
export function indexPage(entries) {
  const pages = entries.map((it) => `| [\`${it.name}\`](${it.page}) | ${it.description} |`);
  const names = homed(entries).sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
  return paragraphs(
    '# Reference',
    'Every exported name, from the doc comments in the sources. Written by `npm run reference`; a test compares.',
    `| import from | what is in it |\n|---|---|\n${pages.join('\n')}`,
    '- [The command line](command-line.md): every verb and option\n- [Errors](errors.md): every error by its code',
    '## Every name',
    names.map((it) => `[\`${it.name}\`](${it.entry.page}#${it.anchor})`).join(' ·\n'),
    '[All documents](../README.md)',
  );
}

const FOOT = '[Reference](README.md) · [all documents](../README.md)';

function homed(entries) {
  return entries.flatMap((entry) => entry.names.filter(({ home }) => home?.entry === entry));
}

function summary(title, names) {
  if (names.length === 0) return '';
  const rows = names.map((it) => `| [\`${it.name}\`](#${it.anchor}) | ${cell(it.description.first)} |`);
  return `| ${title} | |\n|---|---|\n${rows.join('\n')}`;
}

function table(names, entry) {
  const rows = names.map(
    (it) => `| ${linkTo(entry)(it)} | ${cell(it.description.first) || 'of another library'} |`,
  );
  return `| name | |\n|---|---|\n${rows.join('\n')}`;
}

function section(it, entry) {
  const { description, text, uses } = it;
  return paragraphs(
    `### ${it.name}`,
    description.text,
    ...description.throws.map((thrown) => `Throws ${thrown}`),
    `\`\`\`ts\n${text}\n\`\`\``,
    [sourceLink(it), ...(uses.length > 0 ? [`see ${unique(uses.map(linkTo(entry))).join(', ')}`] : [])].join(
      ' · ',
    ),
  );
}

function errorSection(it, entry) {
  const { code, fields } = it.facts;
  return paragraphs(
    `### ${it.name}`,
    it.description.text,
    ...(it.message ?? []).map((message) => `> ${message.replaceAll('\n', ' ')}`),
    [
      ...(code ? [`\`${code}\``] : []),
      ...(fields.length > 0 ? [fields.map((field) => `\`${field}\``).join(', ')] : []),
      sourceLink(it),
      ...it.uses.filter(({ kind }) => kind === 'type').map(linkTo(entry)),
    ].join(' · '),
  );
}

function linkTo(entry) {
  return ({ name, home }) => {
    if (!home) return `\`${name}\``;
    const page = home.entry === entry ? '' : home.entry.page;
    return `[\`${home.name}\`](${page}#${home.anchor})`;
  };
}

function sourceLink({ source }) {
  return `[source](../../${source})`;
}

function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function unique(items) {
  return [...new Set(items)];
}

function paragraphs(...parts) {
  return `${parts
    .filter((it) => it !== '')
    .map((it) => it.trim())
    .join('\n\n')}\n`;
}
