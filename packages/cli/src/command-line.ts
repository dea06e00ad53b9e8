import fs from 'node:fs';
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { Commands } from './commands.js';
import { UsageError } from './errors.js';
import type { CommandIo } from './io.js';
import { NamedArgument, NamedOption } from './named-option.js';
import { Report } from './report.js';
import type { Verb, VerbArgument, VerbCall, VerbOption } from './verb.js';
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
  const commands = commandsOf(program, io, (invocation) => (found.invocation = invocation));
  for (const { name } of VERBS) if (argv.includes(name)) await commands.verb(name);
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
    .addOption(new NamedOption('--config <file>', CONFIG, 'file'))
    .addOption(new NamedOption('--store <store>', STORE, 'store'))
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

const CONFIG = 'the configuration; default: backstory.config.ts here or above';
const STORE = "look at this log instead of the configuration's, e.g. sqlite:bank.db";

const ROOT_HELP = `
streams, events, trace, tail, stats, export, capture, verify and audit need only
--store; the others that ask about a stream fold its events with the application's own handlers, route
asks its rules, and these need its configuration. All of them only read; store,
import, init and audit say what they write.

Exit codes: 0 fine, 1 a finding (what was asked for is not in the log, or the code
cannot fold it), 2 usage, 3 store or configuration.`;

type Found = (invocation: Invocation) => void;

/** Every verb by its name and summary; the rest of a verb once it is asked for. */
function commandsOf(root: Command, io: CommandIo, found: Found): Commands {
  for (const { name, summary } of VERBS) root.command(name).summary(summary).description(sentence(summary));
  const described = new Map<string, Promise<Command>>();
  const verb: Commands['verb'] = async (name) => {
    const entry = VERBS.find((it) => it.name === name);
    if (!entry) return undefined;
    const command = described.get(name) ?? describe(entry, { root, verb }, io, found);
    described.set(name, command);
    return command;
  };
  return { root, verb };
}

async function describe(
  { name, load }: VerbEntry,
  commands: Commands,
  io: CommandIo,
  found: Found,
): Promise<Command> {
  const verb = await load();
  const command = commands.root.commands.find((it) => it.name() === name)!;
  for (const argument of verb.arguments ?? []) command.addArgument(argumentOf(argument));
  for (const option of verb.options ?? []) command.addOption(optionOf(option));
  if (verb.notes) command.addHelpText('after', `\n${verb.notes}`);
  const examples = verb.examples.map(([line, shows]) => `  ${line}\n      ${shows}`);
  command.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  command.action(() => {
    const options = command.optsWithGlobals<VerbCall['options']>();
    const { json = false, pager } = options;
    const report = new Report(name, json, verb.paged && pager && !json ? pagedBy(io) : io);
    const words = command.processedArgs as unknown[];
    found({ verb, call: { verb: name, arguments: words, options, io, report, commands } });
  });
  return command;
}

function argumentOf({ name, description, parse, choices, names }: VerbArgument): NamedArgument {
  const argument = new NamedArgument(name, description, names);
  if (choices) argument.choices(choices);
  if (parse) argument.argParser((text) => parse(text));
  return argument;
}

/** What goes to the terminal goes through the pager, notes and errors as well, which would otherwise be under it. */
function pagedBy(io: CommandIo): CommandIo {
  const { pager, stderr } = io;
  return pager ? { ...io, stdout: pager, stderr: stderr.isTTY ? pager : stderr } : io;
}

function optionOf({
  flags,
  description,
  parse = (text) => text,
  repeatable,
  names,
}: VerbOption): NamedOption {
  const option = new NamedOption(flags, description, names, repeatable);
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
