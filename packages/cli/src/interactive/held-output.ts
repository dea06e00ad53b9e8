const MOST = 256 * 1024;

/** Keeps what is written to standard error, as by an application that prints, off the screen; gives it out when released. */
export function holdOutput(): () => void {
  const { stderr } = process;
  const write = stderr.write.bind(stderr);
  let held = '';
  const hold = (chunk: Uint8Array | string, ...rest: unknown[]): boolean => {
    if (held.length < MOST) held += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const done = rest.find((it) => typeof it === 'function') as (() => void) | undefined;
    if (done) process.nextTick(done);
    return true;
  };
  stderr.write = hold;
  return () => {
    stderr.write = write;
    if (held !== '') stderr.write(held);
  };
}
