import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { eventually } from './eventually.js';

/** Prometheus or Alertmanager of Debian, with a folder of its own. */
export interface MonitoringServer {
  readonly url: string;
  /** What it answers to a request of its API. */
  get(path: string): Promise<any>;
  close(): Promise<void>;
}

/** Prometheus with these settings, which may name files; it scrapes and evaluates ten times a second. */
export async function startPrometheus({
  targets,
  rules,
  alertmanager,
}: {
  readonly targets: readonly string[];
  readonly rules?: object;
  readonly alertmanager?: MonitoringServer;
}): Promise<MonitoringServer> {
  const config = {
    global: { scrape_interval: '100ms', scrape_timeout: '100ms', evaluation_interval: '100ms' },
    ...(rules && { rule_files: ['rules.yml'] }),
    ...(alertmanager && {
      alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(alertmanager.url).host] }] }] },
    }),
    scrape_configs: [{ job_name: 'backstory', static_configs: [{ targets }] }],
  };
  return start('prometheus', { config, files: rules ? { 'rules.yml': rules } : {} });
}

/** Alertmanager that sends what it receives to nobody. */
export function startAlertmanager(): Promise<MonitoringServer> {
  const config = { route: { receiver: 'nobody', group_wait: '0s' }, receivers: [{ name: 'nobody' }] };
  return start('prometheus-alertmanager', { config, files: {}, flags: ['--cluster.listen-address='] });
}

interface Starting {
  readonly config: object;
  readonly files: Readonly<Record<string, object>>;
  readonly flags?: readonly string[];
}

async function start(command: string, { config, files, flags = [] }: Starting): Promise<MonitoringServer> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), `${command}-`));
  for (const [name, content] of Object.entries({ 'config.yml': config, ...files }))
    await fs.writeFile(path.join(folder, name), stringify(content));
  const child = spawn(
    command,
    [
      `--config.file=${folder}/config.yml`,
      '--web.listen-address=127.0.0.1:0',
      `--${command === 'prometheus' ? 'storage.tsdb' : 'storage'}.path=${folder}/data`,
      ...flags,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const close = async () => {
    await ended(child);
    await fs.rm(folder, { recursive: true, force: true });
  };
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  child.on('error', (error) => (said += error.message));
  try {
    const port = await eventually(() => portIn(said, child));
    const url = `http://127.0.0.1:${port}`;
    await eventually(async () => (await fetch(`${url}/-/ready`)).ok);
    return { url, close, get: async (at) => (await fetch(`${url}${at}`)).json() };
  } catch (error) {
    await close();
    const advice = `Install the Debian packages prometheus and prometheus-alertmanager.`;
    throw new Error(`${command} did not start. ${advice} ${said.slice(-2_000)}`, { cause: error });
  }
}

/** It takes any that is free, and says which. */
function portIn(said: string, { pid, exitCode }: ChildProcess): string | undefined {
  if (pid === undefined || exitCode !== null) throw new Error('It is not there, or ended.');
  return /"Listening on" address=127\.0\.0\.1:(\d+)/.exec(said)?.[1];
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await over;
}
