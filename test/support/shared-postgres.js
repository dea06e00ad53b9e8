// Jest's global set-up: one PostgreSQL server for the test files of a run that ask for one. Until one does, this costs a port.
// The server belongs to a process of its own, which ends it when Jest's process is gone, in whatever way.
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { createServer } = require('node:net');
const path = require('node:path');

module.exports = async () => {
  if (process.env.BACKSTORY_TEST_POSTGRES_URL) return;
  let starting;
  const port = createServer(async (asker) => {
    asker.on('error', () => undefined);
    asker.end(JSON.stringify(await (starting ??= start()).answer));
  });
  port.listen(0, '127.0.0.1').unref();
  await once(port, 'listening');
  process.env.BACKSTORY_TEST_POSTGRES_SHARED = String(port.address().port);
  globalThis.endSharedPostgres = async () => {
    port.close();
    await starting?.end();
  };
};

function start() {
  const worker = fork(path.join(__dirname, 'shared-postgres.worker.ts'), {
    execArgv: ['-r', path.join(__dirname, 'register-typescript.js')],
    detached: true, // Ctrl-C is for Jest
    stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
  });
  const exit = once(worker, 'exit');
  const answer = Promise.race([
    once(worker, 'message').then(([it]) => it),
    exit.then(([code]) => ({
      error: `The process of the shared PostgreSQL server ended with code ${code}.`,
    })),
  ]);
  const end = async () => {
    worker.stdin.end();
    await exit;
  };
  return { answer, end };
}
