// Writes what is made of the table of metrics: the rules of Prometheus with their tests, the dashboards of Grafana, and the reference of
// metrics. `--check` writes nothing and fails when a file differs.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { stringify } from 'yaml';
import { dashboards } from './generate/dashboards.mjs';
import { metricsPage } from './generate/metrics-page.mjs';
import { PACES, groupsOf, ruleTests } from './generate/rules.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const deploy = 'packages/observability/deploy';
const MADE = '# Made by `npm run generate`: change scripts/generate, not this.\n';
const yaml = (it) => MADE + stringify(it, { lineWidth: 0, aliasDuplicateObjects: false });

const files = new Map([
  ['docs/guides/metrics.md', metricsPage()],
  [`${deploy}/prometheus/backstory-rules.yml`, yaml({ groups: groupsOf() })],
  ...PACES.map((pace) => [
    `${deploy}/prometheus/rule-tests-${pace}.yml`,
    yaml(ruleTests('backstory-rules.yml', pace)),
  ]),
  ...Object.entries(dashboards).map(([name, dashboard]) => [
    `${deploy}/grafana/dashboards/backstory-${name}.json`,
    `${JSON.stringify(dashboard(), null, 2)}\n`,
  ]),
]);

const changed = [];
for (const [file, text] of files) {
  const filepath = path.join(root, file);
  const made = await prettier.format(text, { ...(await prettier.resolveConfig(filepath)), filepath });
  if (read(filepath) !== made) changed.push([file, made]);
}
if (process.argv.includes('--check')) {
  for (const [file] of changed)
    console.error(`${file} is not what the metrics say: run \`npm run generate\` and commit the change.`);
  process.exitCode = changed.length > 0 ? 1 : 0;
} else
  for (const [file, text] of changed) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), text);
  }

function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
}
