import { startPostgres } from '../support/postgres-server.js';
import { queryAt } from '../support/postgres-cluster.js';

/** As user `uid` if one is given: starts a server, says what it is, and stays until it is told to end. */
async function main([uid]: readonly string[]): Promise<void> {
  if (uid !== undefined) {
    process.setgid!(Number(uid));
    process.setuid!(Number(uid));
  }
  const told = new Promise((tell) => process.once('message', tell));
  const server = await startPostgres();
  const url = await server.createDatabase();
  const [about] = await queryAt(url, `select current_setting('server_version_num')::int / 10000 as version`);
  process.stdout.write(`${JSON.stringify({ url, ...about })}\n`);
  await told;
  await server.stop();
  process.disconnect();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error((error as Error).message);
  process.exit(1);
});
