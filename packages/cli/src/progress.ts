import type { CommandIo } from './io.js';

/** A bar on the terminal while work goes on; none in a pipe. */
export interface Progress {
  readonly update: (done: number, total: number) => void;
  readonly stop: () => void;
}

export async function progressOn({ stderr }: CommandIo, label: string): Promise<Progress> {
  if (!stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const { SingleBar, Presets } = await import('cli-progress');
  const format = `${label} {bar} {percentage} % · {eta_formatted} left`;
  const bar = new SingleBar(
    { format, stream: stderr, clearOnComplete: true, hideCursor: true },
    Presets.shades_classic,
  );
  let started = false;
  const update = (done: number, total: number) => {
    if (!started) bar.start(total, done);
    else bar.update(done);
    started = true;
  };
  return { update, stop: () => bar.stop() };
}
