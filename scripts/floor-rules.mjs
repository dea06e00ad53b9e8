// The lint rules that follow from floors.json: who may import whom, and by which door.
import fs from 'node:fs';

export const floors = JSON.parse(fs.readFileSync(new URL('../floors.json', import.meta.url), 'utf8'));
export const folders = Object.keys(floors);
export const nameOf = (folder) => (folder === 'backstory' ? 'backstory' : `@backstory/${folder}`);

/** Tests and the child processes they start may import from any package. */
export const testFiles = ['**/*.test.ts', '**/*.worker.ts'];

export const floorRules = folders.map((folder) => ({
  name: `floors/${folder}`,
  files: [`packages/${folder}/src/**/*.ts`],
  ignores: testFiles,
  rules: {
    'no-restricted-imports': ['error', { patterns: restrictionsOf(folder) }],
    'no-restricted-syntax': [
      'error',
      { selector: 'ExportDefaultDeclaration', message: 'Export it by name.' },
      { selector: 'ExportAllDeclaration', message: 'List what is exported, name by name.' },
      ...restrictionsOf(folder).flatMap(inImportExpressions),
    ],
  },
}));

function restrictionsOf(folder) {
  const below = folders.filter((it) => floors[it] < floors[folder]);
  const scoped = below.filter((it) => it !== 'backstory').join('|');
  const others = scoped ? `@backstory/(?!(?:${scoped})(?:/|$))` : '@backstory/';
  const facade = below.includes('backstory') ? '' : '|backstory(?:/|$)';
  const allowed = below.map(nameOf).join(', ') || 'none';
  return [
    {
      regex: `^(?:${others}${facade})`,
      message: `${nameOf(folder)} is on floor ${floors[folder]} and may import only from lower floors: ${allowed} (floors.json).`,
    },
    {
      regex: '^(?:(?:@backstory/[^/]+|backstory)|[.]{1,2}(?:/.*)?)/(?:src|dist|packages)(?:/|$)',
      message: 'Import what the other package exports, not its files.',
    },
    {
      regex: '^[.]{1,2}(?:/[.]{2})*(?:/(?:index(?:[.]js)?)?)?$',
      message: 'Import the file that declares the name: going through an index makes cycles.',
    },
  ];
}

/** `import('x')`, as an expression and as a type, is not seen by no-restricted-imports. */
function inImportExpressions({ regex, message }) {
  const pattern = regex.replaceAll('/', '\\u002F');
  return ['ImportExpression > Literal', 'TSImportType Literal'].map((node) => ({
    selector: `${node}[value=/${pattern}/]`,
    message,
  }));
}
