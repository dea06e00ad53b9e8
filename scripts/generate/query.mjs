// PromQL over the metrics of the table: it refuses a metric or a label that there is not.
import { metrics } from '../../packages/core/dist/observe.js';
import { DERIVED } from '../../packages/observability/dist/prometheus/derived.js';
import { labelName, prometheusName } from '../../packages/observability/dist/prometheus/names.js';

/** Every metric as Prometheus has it: `{ name, type, labels, unit, help, buckets, signal }`. */
export const table = [...metrics.map(ofSignal), ...DERIVED.map(derived)];

function ofSignal({ name: signal, kind, unit, attributes, help, buckets }) {
  const { name, without } = prometheusName(signal, unit, kind === 'counter');
  const type = kind === 'up-down-counter' ? 'gauge' : kind;
  const labels = attributes.filter((it) => !without.includes(it)).map(labelName);
  return { name, type, labels, unit, help, buckets, signal };
}

function derived({ name, of, labels, help }) {
  return { name, type: 'counter', labels, unit: '1', help, signal: of };
}

/** `events_handled_total{status="error"}`. */
export function series(name, { where = {}, part = '' } = {}) {
  const { labels, type } = found(name);
  if ((part !== '') !== (type === 'histogram'))
    throw new Error(`${name} is a ${type}: ${part || 'no part'}.`);
  for (const label of Object.keys(where)) requireLabel(name, labels, label.replace(/!$/, ''));
  const pairs = Object.entries(where).map(
    ([label, value]) => `${label.endsWith('!') ? `${label.slice(0, -1)}!` : label}="${value}"`,
  );
  return `${name}${part}${pairs.length > 0 ? `{${pairs.join(', ')}}` : ''}`;
}

/** How often by the second, over all processes. */
export function rate(name, window, { by = [], ...which } = {}) {
  return over('sum', name, by, `rate(${series(name, which)}[${window}])`);
}

/** How often in the window. */
export function increase(name, window, { by = [], offset, ...which } = {}) {
  const from = offset === undefined ? '' : ` offset ${offset}`;
  return over('sum', name, by, `increase(${series(name, which)}[${window}]${from})`);
}

/** Of a histogram, by what was added up: a mean of means would count a quiet process like a busy one. */
export function mean(name, window, options = {}) {
  return `${rate(name, window, { ...options, part: '_sum' })} / ${rate(name, window, { ...options, part: '_count' })}`;
}

export function quantile(q, name, window, { by = [] } = {}) {
  for (const label of by) requireLabel(name, found(name).labels, label);
  const buckets = `sum by (${['le', ...by].join(', ')}) (rate(${series(name, { part: '_bucket' })}[${window}]))`;
  return `histogram_quantile(${q}, ${buckets})`;
}

/** Every process says it of the same thing: the worst that is known. */
export function worst(name, { by = [], offset, ...which } = {}) {
  const from = offset === undefined ? '' : ` offset ${offset}`;
  return over('max', name, by, `${series(name, which)}${from}`);
}

/** The share of attempts that failed: both sides are added up. None is 0, as long as there are attempts. */
export function failing(window, by = []) {
  const all = rate('events_handled_total', window, { by });
  const failed = rate('events_handled_total', window, { by, where: { status: 'error' } });
  return `(${failed} or ${all} * 0) / ${all}`;
}

function over(operator, name, by, expression) {
  for (const label of by) requireLabel(name, found(name).labels, label);
  return `${operator}${by.length > 0 ? ` by (${by.join(', ')})` : ''} (${expression})`;
}

function found(name) {
  const row = table.find((it) => it.name === name);
  if (!row) throw new Error(`No metric is called ${name}: see the table of signals.`);
  return row;
}

/** `job` and `instance` are what Prometheus adds itself. */
function requireLabel(name, labels, label) {
  if (!labels.includes(label) && label !== 'job' && label !== 'instance')
    throw new Error(`${name} has no label ${label}: ${labels.join(', ')}.`);
}
