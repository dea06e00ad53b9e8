import { postgres } from '@backstory/postgres';
import { PostgresCluster } from '../support/postgres-cluster.js';
import { underLoad } from './postgres-load.js';
import { seeds } from './seeds.js';

let cluster: PostgresCluster;
beforeAll(async () => {
  cluster = await PostgresCluster.create({ durable: true });
  await cluster.start();
});
afterAll(() => cluster?.remove());

test.each(seeds())(
  '8 processes with 16 writers each, killed, cut off and restarted under: what is acknowledged is stored, once, in order, and followers see just that (FAULT_SEED=%i)',
  async (seed) => {
    const url = await cluster.createDatabase();
    await (await postgres(url).open()).close();
    const { violations, figures } = await underLoad({ cluster, url, seed, ms: 6_000 });
    process.stdout.write(
      `seed ${seed}: ${JSON.stringify(figures)} ${JSON.stringify(violations.slice(0, 3))}\n`,
    );
    expect(violations.slice(0, 10)).toEqual([]);
    expect(figures.acknowledged).toBeGreaterThan(200);
  },
);
