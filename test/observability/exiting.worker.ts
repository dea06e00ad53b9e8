import { Instrumentation } from '@backstory/observability';

/** Writes a line to a file and ends at once, without closing anything. */
async function main(): Promise<void> {
  const outputs = [process.argv[2]!];
  const instrumentation = new Instrumentation({ tracer: false, logs: { outputs, flushEveryMs: 60_000 } });
  await instrumentation.start();
  instrumentation.logger.error('last words');
  process.exit(0);
}

void main();
