import { Instrumentation } from '@backstory/observability';

/** Writes a numbered line every few milliseconds to the file it is given, until it is told to end. */
async function main(): Promise<void> {
  const [file] = process.argv.slice(2) as [string];
  const instrumentation = new Instrumentation({
    tracer: false,
    logs: { outputs: [file], encoding: 'json', flushEveryMs: 5 },
  });
  await instrumentation.start();
  let n = 0;
  const timer = setInterval(() => instrumentation.logger.info('line', { n: n++ }), 2);
  process.once('message', () => {
    clearInterval(timer);
    void instrumentation.shutdown().then(() => process.disconnect());
  });
}

void main();
