import path from 'node:path';
import { text } from 'node:stream/consumers';
import { spawnWorker } from '../support/spawn-worker.js';

it('a worker written in TypeScript runs in its own process, under the same Node, on the built packages', async () => {
  const worker = spawnWorker(path.join(__dirname, 'planted/probe.worker.ts'), ['one', 'two']);
  const said = JSON.parse(await text(worker.stdout!)) as Record<string, unknown>;
  expect(said).toEqual({
    pid: worker.pid,
    node: process.version,
    args: ['one', 'two'],
    core: path.resolve(__dirname, '../../packages/core/dist/index.js'),
    neighbour: 'imported by its .js name',
    metadata: ['String'],
  });
  expect(worker.pid).not.toBe(process.pid);
});
