import { table } from './query.mjs';

/** Every metric as Prometheus has it. */
export function metricsPage() {
  return `# Metrics

Every metric of Backstory under the name that Prometheus has for it, with its labels. Over OTLP they are called after their
instruments. Durations are seconds. This page is made of the table of signals by \`npm run generate\`; so are the alerts and dashboards in
\`packages/observability/deploy\`.

| name | kind | labels | instrument | |
|---|---|---|---|---|
${table.map(row).join('\n')}

Buckets of histograms, as their upper bounds:

| name | buckets |
|---|---|
${table.flatMap(({ name, buckets }) => (buckets ? [`| \`${name}\` | ${buckets.join(' ')} |`] : [])).join('\n')}
`;
}

function row({ name, type, labels, signal, help }) {
  return `| \`${name}\` | ${type} | ${labels.map((it) => `\`${it}\``).join(' ')} | \`${signal}\` | ${help} |`;
}
