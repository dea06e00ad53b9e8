import type { Command, Option } from 'commander';
import type { Commands } from '../commands.js';
import { NamedArgument, NamedOption, type Naming } from '../named-option.js';

/** What may stand where the cursor is. */
export interface Completion {
  /**
   * | kind | means |
   * |---|---|
   * | `words` | one of these words |
   * | `open` | one of these words, which may go on |
   * | `files` | a file's name after the first `skip` characters of the word, which the shell itself completes |
   */
  readonly kind: 'words' | 'open' | 'files';
  readonly skip?: number;
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  readonly value: string;
  readonly description?: string;
}

/** Looks names up, in whatever store the command line means. */
export type FindNames = (what: Naming, prefix: string, options: StoreOptions) => Promise<FoundNames>;

export interface FoundNames {
  /** `open`: there are too many names, so these are only how they begin. */
  readonly kind: 'words' | 'open';
  readonly names: readonly string[];
}

/** Which log a command line means. */
export interface StoreOptions {
  readonly config?: string;
  readonly store?: string;
}

const NOTHING: Completion = { kind: 'words', candidates: [] };

/** What may follow `words`, beginning with `word`, as the definitions of the commands say. */
export async function complete(
  words: readonly string[],
  word: string,
  { commands, find }: { readonly commands: Commands; readonly find: FindNames },
): Promise<Completion> {
  if (words[0] === 'help') return words.length === 1 ? startingWith(word, verbsOf(commands.root)) : NOTHING;
  const typed = await readTyped(words, commands);
  if (!typed) return NOTHING;
  const values = (it: Valued, prefix: string) => valuesOf(it, prefix, typed, find);
  if (typed.waiting) return values(typed.waiting, word);
  const [, flag = '', value] = typed.plain ? [] : (/^(--[^=]+=)(.*)$/s.exec(word) ?? []);
  if (value !== undefined) {
    const option = optionIn(typed.command, flag.slice(0, -1));
    return option?.required ? after(flag, await values(option, value)) : NOTHING;
  }
  if (!typed.plain && word.startsWith('-')) return startingWith(word, optionsFor(typed));
  if (!typed.verb) return startingWith(word, verbsOf(commands.root), typed.plain);
  const argument = typed.command.registeredArguments[typed.arguments];
  if (argument) return startingWith(word, await values(argument, word), typed.plain);
  return word === '' && !typed.plain ? optionsFor(typed) : NOTHING;
}

/** What the words before the cursor come to. */
interface Typed extends StoreOptions {
  command: Command;
  /** No longer the root. */
  verb: boolean;
  arguments: number;
  /** Whose value comes next. */
  waiting?: Option | undefined;
  readonly given: Set<Option>;
  /** After `--` nothing is an option. */
  plain: boolean;
  config?: string;
  store?: string;
}

type Valued = Option | Command['registeredArguments'][number];

async function readTyped(words: readonly string[], commands: Commands): Promise<Typed | undefined> {
  const typed: Typed = { command: commands.root, verb: false, arguments: 0, given: new Set(), plain: false };
  for (const word of words) {
    if (typed.waiting) note(typed, word);
    else if (!typed.plain && word === '--') typed.plain = true;
    else if (!typed.plain && word.startsWith('-')) {
      const [flag = '', ...value] = word.split('=');
      const option = optionIn(typed.command, flag);
      if (option) typed.given.add(option);
      if (option?.required) typed.waiting = option;
      if (value.length > 0) note(typed, value.join('='));
    } else if (typed.verb) typed.arguments++;
    else {
      const verb = await commands.verb(word);
      // What is wrong already has no right continuation.
      if (!verb) return undefined;
      typed.command = verb;
      typed.verb = true;
    }
  }
  return typed;
}

function note(typed: Typed, value: string): void {
  const name = typed.waiting?.attributeName();
  if (name === 'config' || name === 'store') typed[name] = value;
  typed.waiting = undefined;
}

function optionIn(command: Command, flag: string): Option | undefined {
  return visibleOptions(command).find((it) => it.long === flag || it.short === flag);
}

function visibleOptions(command: Command): readonly Option[] {
  const help = command.createHelp();
  help.showGlobalOptions = true;
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
}

function optionsFor({ command, given }: Typed): Completion {
  const left = visibleOptions(command).filter(
    (it) => !given.has(it) || (it instanceof NamedOption && it.repeatable),
  );
  const candidates = left.flatMap(({ long, description }) => (long ? [{ value: long, description }] : []));
  return { kind: 'words', candidates };
}

function verbsOf(root: Command): Completion {
  const help = root.createHelp();
  const candidates = help
    .visibleCommands(root)
    .map((it) => ({ value: it.name(), description: help.subcommandDescription(it) }));
  return { kind: 'words', candidates };
}

async function valuesOf(
  valued: Valued,
  prefix: string,
  { config, store }: StoreOptions,
  find: FindNames,
): Promise<Completion> {
  if (valued.argChoices) return { kind: 'words', candidates: valued.argChoices.map((value) => ({ value })) };
  const names = valued instanceof NamedOption || valued instanceof NamedArgument ? valued.names : undefined;
  if (names === undefined) return NOTHING;
  if (names === 'file' || names === 'folder') return { kind: 'files', skip: 0, candidates: [] };
  if (names === 'store') return storesFor(prefix);
  const found = await find(names, prefix, {
    ...(config === undefined ? {} : { config }),
    ...(store === undefined ? {} : { store }),
  });
  return startingWith(
    prefix,
    { kind: found.kind, candidates: found.names.map((value) => ({ value })) },
    true,
  );
}

function storesFor(prefix: string): Completion {
  if (prefix.startsWith(SQLITE)) return { kind: 'files', skip: SQLITE.length, candidates: [] };
  return startingWith(prefix, { kind: 'open', candidates: [{ value: SQLITE, description: 'a file' }] });
}

const SQLITE = 'sqlite:';

/** The same behind an option and its `=`. */
function after(flag: string, { kind, skip, candidates }: Completion): Completion {
  const behind = candidates.map(({ value, ...rest }) => ({ value: flag + value, ...rest }));
  return { kind, candidates: behind, ...(skip === undefined ? {} : { skip: skip + flag.length }) };
}

/** Where options may stand, what looks like one is not completed to: it would be taken for one. */
function startingWith(
  word: string,
  { candidates, ...rest }: Completion,
  plain = word.startsWith('-'),
): Completion {
  const fit = candidates.filter(({ value }) => value.startsWith(word) && (plain || !value.startsWith('-')));
  return { ...rest, candidates: fit };
}
