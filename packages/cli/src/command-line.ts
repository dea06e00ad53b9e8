import fs from 'node:fs';
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { UsageError } from './errors.js';
import type { CommandIo } from './io.js';
import { Report } from './report.js';
import type { Verb, VerbCall, VerbOption } from './verb.js';
import { VERBS, verbIn, type VerbEntry } from './verbs.js';

/** A verb and how it was called. */
export interface Invocation {
  readonly verb: Verb;
  readonly call: VerbCall;
}

/**
 * Reads a command line. Gives `undefined` when it asked for help or the version, which are then written.
 *
 * @throws UsageError
 */
export async function readCommandLine(
  argv: readonly string[],
  io: CommandIo,
): Promise<Invocation | undefined> {
  const found: { invocation?: Invocation } = {};
  const program = rootCommand(io);
  for (const entry of VERBS) {
    const command = program.command(entry.name).summary(entry.summary).description(sentence(entry.summary));
    if (argv.includes(entry.name))
      await describe(command, entry, io, (invocation) => (found.invocation = invocation));
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw usageErrorOf(error, argv);
  }
  return found.invocation;
}

function rootCommand(io: CommandIo): Command {
  return new Command('backstory')
    .description('Explains what is in an event log: what is, what was, and why.')
    .version(version(), '-V, --version', 'print the version')
    .option('--config <file>', 'the configuration; default: backstory.config.ts here or above')
    .option('--store <store>', "look at this log instead of the configuration's, e.g. sqlite:bank.db")
    .option('--json', 'print one JSON document: { ok, verb, data | error }')
    .option('--no-pager', 'print long output without a pager')
    .option('--debug', 'print the stack of errors')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [verb]', 'print help for a verb')
    .configureHelp({ showGlobalOptions: true, helpWidth: 80 })
    .configureOutput({ writeOut: (text) => void io.stdout.write(text), writeErr: () => undefined })
    .addHelpText('after', ROOT_HELP)
    .exitOverride();
}

const ROOT_HELP = `
streams, events, trace, tail and stats need only --store; state, replay and diff
fold events with the application's own handlers and need its configuration. All of
them only read; init writes a new folder.

Exit codes: 0 fine, 1 a finding (what was asked for is not in the log, or the code
cannot fold it), 2 usage, 3 store or configuration.`;

async function describe(
  command: Command,
  { name, load }: VerbEntry,
  io: CommandIo,
  found: (invocation: Invocation) => void,
): Promise<void> {
  const verb = await load();
  for (const { name: argument, description, parse } of verb.arguments ?? [])
    command.argument(argument, description, ...(parse ? [(text: string) => parse(text)] : []));
  for (const option of verb.options ?? []) command.addOption(optionOf(option));
  if (verb.notes) command.addHelpText('after', `\n${verb.notes}`);
  const examples = verb.examples.map(([line, shows]) => `  ${line}\n      ${shows}`);
  command.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  command.action(() => {
    const options = command.optsWithGlobals<VerbCall['options']>();
    const { json = false, pager } = options;
    const report = new Report(name, json, verb.paged && pager && !json ? pagedBy(io) : io);
    found({ verb, call: { verb: name, arguments: command.processedArgs as unknown[], options, io, report } });
  });
}

/** What goes to the terminal goes through the pager, notes and errors as well, which would otherwise be under it. */
function pagedBy(io: CommandIo): CommandIo {
  const { pager, stderr } = io;
  return pager ? { ...io, stdout: pager, stderr: stderr.isTTY ? pager : stderr } : io;
}

function optionOf({ flags, description, parse = (text) => text, repeatable }: VerbOption): Option {
  const option = new Option(flags, description);
  if (!flags.includes('<')) return option;
  return option.argParser<unknown>((text, previous) => {
    if (repeatable) return [...((previous as unknown[] | undefined) ?? []), parse(text)];
    if (previous !== undefined) throw new InvalidArgumentError('It is given twice.');
    return parse(text);
  });
}

function usageErrorOf({ code, message }: CommanderError, argv: readonly string[]): UsageError {
  if (code === 'commander.help')
    return new UsageError('no-verb', `Give a verb: ${VERB_NAMES}. See backstory --help.`);
  const reason = code.replace('commander.', '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const verb = verbIn(argv);
  const text = message.replace(/^error: /, '').replace(/\n\((.*)\)$/, '. $1');
  return new UsageError(reason, `${sentence(text)} See backstory${verb ? ` ${verb}` : ''} --help.`);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/([^.?!])$/, '$1.');
}

const VERB_NAMES = VERBS.map(({ name }) => name).join(', ');

function version(): string {
  const manifest = fs.readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
