import type { Distribution, Family, Labels } from './family.js';

/** The two forms in which Prometheus reads metrics. */
export type Format = 'text' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Which form an `Accept` header asks for: OpenMetrics where it is wanted no less than text. */
export function formatFor(accept = ''): Format {
  const wanted = (type: string) =>
    Math.max(
      0,
      ...accept.split(',').map((range) => (range.trim().split(';')[0] === type ? weightOf(range) : 0)),
    );
  const open = wanted('application/openmetrics-text');
  return open > 0 && open >= wanted('text/plain') ? 'openmetrics' : 'text';
}

function weightOf(range: string): number {
  const [, q] = /;\s*q=([\d.]+)/.exec(range) ?? [];
  return q === undefined ? 1 : Number(q);
}

/**
 * Writes families as text: https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4), or
 * https://prometheus.io/docs/specs/om/open_metrics_spec/ (1.0).
 */
export function expose(families: readonly Family[], format: Format): string {
  const blocks = families.map((family) => blockOf(family, format));
  return blocks.join('') + (format === 'openmetrics' ? '# EOF\n' : '');
}

function blockOf(family: Family, format: Format): string {
  const { name, type, help } = family;
  // In OpenMetrics a counter is called without the ending of its samples.
  const called = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  const lines = [`# HELP ${called} ${helpText(help, format)}`, `# TYPE ${called} ${type}`];
  if (family.type === 'histogram')
    for (const point of family.points) lines.push(...histogramLines(name, point, format));
  else for (const { labels, value } of family.points) lines.push(sample(name, labels, value));
  return `${lines.join('\n')}\n`;
}

function histogramLines(
  name: string,
  { labels, bounds, counts, sum }: Distribution,
  format: Format,
): string[] {
  let below = 0;
  const lines = counts.map((count, i) => {
    below += count;
    return sample(`${name}_bucket`, { ...labels, le: boundText(bounds[i], format) }, below);
  });
  return [...lines, sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, below)];
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${numberText(value)}`;
}

/** OpenMetrics has one way to write a bound. */
function boundText(bound: number | undefined, format: Format): string {
  if (bound === undefined) return '+Inf';
  return format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Math.abs(value) === Infinity) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
}

function helpText(help: string, format: Format): string {
  return format === 'openmetrics' ? escaped(help) : help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}
