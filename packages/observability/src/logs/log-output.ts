/** Where log lines go. What it throws, or rejects with, counts the lines as dropped and reaches nobody. */
export interface LogOutput {
  /** Takes whole lines, each with its end. The next ones wait until it is done. */
  write(lines: string): void | Promise<void>;
  /** Takes them at once, because the process ends. They may be none: then only what `write` was given last is not done. */
  writeNow?(lines: string): void;
  /** Another file may have taken the place of its own. */
  reopen?(): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** Standard output or error. Others write to it as well, so it is never closed. */
export function streamOutput(stream: NodeJS.WriteStream): LogOutput {
  // Of a pipe that nobody reads any more: without a listener it would end the process.
  const ignore = () => undefined;
  stream.on('error', ignore);
  return {
    write: (lines) =>
      new Promise((resolve, reject) => {
        stream.write(lines, (error) => (error ? reject(error) : resolve()));
      }),
    writeNow: (lines) => void stream.write(lines),
    close: () => void stream.off('error', ignore),
  };
}
