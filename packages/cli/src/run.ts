import { readCommandLine, type Invocation } from './command-line.js';
import { Interrupted } from './errors.js';
import { failureOf, type Failure } from './failure.js';
import type { CommandIo } from './io.js';
import { Paper } from './paper.js';
import { jsonText } from './printable.js';
import { verbIn } from './verbs.js';

/**
 * Runs one `backstory` command in this process and gives its exit code: `run(['state', 'account-42'], io)`.
 * It never throws and never ends the process.
 */
export async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  const exitCode = await exitCodeOf(argv, io);
  await io.pager?.close();
  return exitCode;
}

async function exitCodeOf(argv: readonly string[], io: CommandIo): Promise<number> {
  let invocation: Invocation | undefined;
  const work = async (): Promise<number> => {
    invocation = await readCommandLine(argv, io);
    return (await invocation?.verb.run(invocation.call)) === 'finding' ? 1 : 0;
  };
  try {
    return await (io.failed ? Promise.race([work(), io.failed]) : work());
  } catch (error) {
    const interrupted = io.signal?.aborted === true;
    const asJson = argv.includes('--json') && !invocation?.call.report.begun;
    return tell(interrupted && !(error instanceof Interrupted) ? new Interrupted() : error, {
      argv,
      io,
      asJson,
    });
  }
}

interface Telling {
  readonly argv: readonly string[];
  readonly io: CommandIo;
  readonly asJson: boolean;
}

/** As a document on stdout with `--json`, unless another has begun there; otherwise as a sentence on stderr. */
export async function tell(error: unknown, { argv, io, asJson }: Telling): Promise<number> {
  const failure = failureOf(error);
  const err = new Paper(io.pager?.isOpen && io.stderr.isTTY ? io.pager : io.stderr, io);
  if (asJson) await tellJson(failure, argv, io);
  else
    await err.lines([`${err.bad('error:')} ${failure.message.split('\n').map(err.plain).join('\n       ')}`]);
  if (argv.includes('--debug')) await err.lines(stacksOf(error).map(err.plain));
  return failure.exitCode;
}

async function tellJson(
  { code, message, facts }: Failure,
  argv: readonly string[],
  io: CommandIo,
): Promise<void> {
  const verb = verbIn(argv) ?? null;
  const document = (told: Failure['facts']) =>
    `${jsonText({ ok: false, verb, error: { code, message, facts: told } })}\n`;
  await new Paper(io.stdout, io).write(isJson(facts) ? document(facts) : document({}));
}

/** Facts of an application's own errors may be anything. */
function isJson(facts: Failure['facts']): boolean {
  try {
    return JSON.stringify(facts) !== undefined;
  } catch {
    return false;
  }
}

function stacksOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [String(error)];
  const cause = error.cause === undefined ? [] : ['caused by:', ...stacksOf(error.cause)];
  return [...(error.stack ?? error.message).split('\n'), ...cause];
}
