import { Instrumentation } from '@backstory/observability';

/** Writes lines to a file and ends at once, without closing anything. */
async function main(): Promise<void> {
  const [file, ...lines] = process.argv.slice(2) as [string, ...string[]];
  const outputs = [file];
  const instrumentation = new Instrumentation({ tracer: false, logs: { outputs, flushEveryMs: 60_000 } });
  await instrumentation.start();
  for (const line of lines) {
    instrumentation.logger.error(line);
    // What it began at once is under way, and nothing of it done.
    await new Promise((resolve) => process.nextTick(resolve));
  }
  process.exit(0);
}

void main();
