import { PostgresCluster } from './postgres-cluster.js';

/** Starts a server, tells its URL, and ends it once standard input closes. */
async function main(): Promise<void> {
  const closed = new Promise((done) => process.stdin.once('end', done).once('error', done).resume());
  const cluster = await PostgresCluster.create();
  try {
    await cluster.start();
    process.send!({ url: cluster.url() }, () => undefined);
    await closed;
  } finally {
    await cluster.remove();
  }
}

main().catch((error: unknown) => {
  process.send!({ error: (error as Error).message }, () => process.exit(1));
});
