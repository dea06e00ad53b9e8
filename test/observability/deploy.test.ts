import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { metrics } from '@backstory/core/observe';
import { Instrumentation } from '@backstory/observability';
import { DEPLOY, dashboardPanels } from '../support/deploy.js';
import { openShop } from '../support/observed-shop.js';

const read = (file: string) => parse(fs.readFileSync(path.join(DEPLOY, file), 'utf8'));

test('what is mounted in the composition is there, and its parts know each other by their names', () => {
  const { services } = read('compose.yml');
  expect(Object.keys(services)).toEqual(['prometheus', 'alertmanager', 'grafana', 'jaeger']);
  for (const { volumes = [] } of Object.values<any>(services))
    for (const volume of volumes)
      expect([volume, fs.existsSync(path.join(DEPLOY, volume.split(':')[0]))]).toEqual([volume, true]);
  // Where exporters of spans send to unless they are told otherwise: OTLP and Zipkin.
  expect(services.jaeger.ports).toEqual(expect.arrayContaining(['4318:4318', '9411:9411']));
  const [{ static_configs: alertmanagers }] = read('prometheus/prometheus.yml').alerting.alertmanagers;
  const sources = read('grafana/provisioning/datasources/backstory.yml').datasources;
  for (const url of [
    alertmanagers[0].targets[0] as string,
    ...sources.map((it: any) => it.url.replace('http://', '') as string),
  ])
    expect(Object.keys(services)).toContain(url.split(':')[0]);
  const [{ options }] = read('grafana/provisioning/dashboards/backstory.yml').providers;
  expect(services.grafana.volumes.map((it: string) => it.split(':')[1])).toContain(options.path);
});

test('what ships logs reads fields that lines have', async () => {
  const lines: string[] = [];
  const write = (text: string) => void lines.push(text);
  const instrumentation = new Instrumentation({
    tracer: false,
    serviceName: 'shop',
    logs: { level: 'debug', encoding: 'json', outputs: [{ write }] },
  });
  await instrumentation.start();
  const shop = await openShop({ observer: instrumentation.observer });
  await shop.order('1');
  await shop.close();
  await instrumentation.shutdown();
  const written = lines.join('').trimEnd().split('\n');
  const fields = new Set(written.flatMap((line) => Object.keys(JSON.parse(line) as object)));
  // Only what is traced has these.
  for (const name of ['trace_id', 'span_id']) fields.add(name);
  const filebeat = read('logs/filebeat.yml').processors;
  const used = [
    ...filebeat.flatMap((it: any) =>
      it.rename ? it.rename.fields.map(({ from }: any) => from) : it.timestamp.field,
    ),
    ...Object.values<string>(read('logs/promtail.yml').scrape_configs[0].pipeline_stages[0].json.expressions),
  ];
  expect(used.length).toBeGreaterThan(7);
  expect(used.filter((it) => !fields.has(it))).toEqual([]);
});

test('every dashboard has panels, every panel a query, and no division has a mean of means in it', () => {
  const panels = dashboardPanels();
  expect(panels.length).toBeGreaterThan(40);
  for (const { title, queries } of panels) {
    expect([title, queries.length > 0]).toEqual([title, true]);
    for (const query of queries.filter((it) => it.includes(' / ')))
      for (const side of query.split(' / ')) expect(side).toMatch(/sum (by \([\w, ]+\) )?\(rate\(/);
  }
});

test('scaling asks for a metric that there is', () => {
  const [{ metadata }] = read('scaling/keda.yml').spec.triggers;
  const asked = /max\((\w+)\{/.exec(metadata.query as string)![1]!;
  expect(metrics.map(({ name }) => name.replace(/\./g, '_'))).toContain(asked);
});
