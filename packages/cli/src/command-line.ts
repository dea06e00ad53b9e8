import fs from 'node:fs';
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import distance from 'leven';
import type { Commands } from './commands.js';
import { UsageError } from './errors.js';
import type { CommandIo } from './io.js';
import { NamedArgument, NamedOption } from './named-option.js';
import { Report } from './report.js';
import type { Verb, VerbAction, VerbArgument, VerbCall, VerbOption } from './verb.js';
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
  const commands = commandsOf(program, { io, argv, found: (invocation) => (found.invocation = invocation) });
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
state, replay, blame, bisect, diff, whatif and check fold events with the
application's own handlers, and route asks its rules, so they need its
configuration; for most others --store is enough. Asking never writes to a log.
import and store do; so do audit, subscriptions, dead-letters, schedules and
projections, where they are told to change something.

Exit codes: 0 fine, 1 a finding (what was asked for is not in the log, or the code
cannot fold it), 2 usage, 3 store or configuration.`;

interface Reading {
  readonly io: CommandIo;
  readonly argv: readonly string[];
  readonly found: (invocation: Invocation) => void;
}

/** Every verb by its name and summary; the rest of a verb once it is asked for. */
function commandsOf(root: Command, reading: Reading): Commands {
  for (const { name, summary } of VERBS) root.command(name).summary(summary).description(sentence(summary));
  const described = new Map<string, Promise<Command>>();
  const verb: Commands['verb'] = async (name) => {
    const entry = VERBS.find((it) => it.name === name);
    if (!entry) return undefined;
    const command = described.get(name) ?? describe(entry, { root, verb }, reading);
    described.set(name, command);
    return command;
  };
  return { root, verb };
}

async function describe(
  { name, load }: VerbEntry,
  commands: Commands,
  { io, argv, found }: Reading,
): Promise<Command> {
  const verb = await load();
  const command = commands.root.commands.find((it) => it.name() === name)!;
  const helped = helpedIn(verb, argv);
  if (helped) command.usage(`${helped.usage} [options]`).description(sentence(helped.does));
  else for (const argument of verb.arguments ?? []) command.addArgument(argumentOf(argument));
  addHelp(command, helped ?? verb);
  command.action(() => {
    const options = command.optsWithGlobals<VerbCall['options']>();
    const { json = false, pager } = options;
    const report = new Report(name, json, verb.paged && pager && !json ? pagedBy(io) : io);
    const words = command.processedArgs as unknown[];
    found({ verb, call: { verb: name, arguments: words, options, io, report, commands } });
  });
  return command;
}

function addHelp(
  command: Command,
  { options = [], notes, examples }: Pick<Verb, 'options' | 'notes' | 'examples'>,
) {
  for (const option of options) command.addOption(optionOf(option));
  if (notes) command.addHelpText('after', `\n${notes}`);
  const lines = examples.map(([line, shows]) => `  ${line}\n      ${shows}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** Which of several things a verb does help is asked of, where it is of one. */
function helpedIn({ actions = {} }: Verb, argv: readonly string[]): VerbAction | undefined {
  if (!argv.some((it) => it === '-h' || it === '--help')) return undefined;
  const name = argv.find((it) => Object.hasOwn(actions, it));
  return name === undefined ? undefined : actions[name];
}

function argumentOf({ name, description, parse, choices, names }: VerbArgument): NamedArgument {
  const argument = new NamedArgument(name, description, names);
  if (choices) argument.choices(choices).argParser((text) => chosen(text, choices));
  if (parse) argument.argParser((text) => parse(text));
  return argument;
}

/** @throws InvalidArgumentError */
function chosen(text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  const [nearest] = choices
    .map((it) => ({ it, far: distance(it, text) }))
    .filter(({ far }) => far <= 2)
    .sort((a, b) => a.far - b.far);
  const meant = nearest ? ` Did you mean ${nearest.it}?` : '';
  throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.${meant}`);
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
