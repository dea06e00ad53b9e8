import { AuditCall } from '../audit/audit-call.js';
import { AUDIT_OPTIONS, type AuditOptions } from '../audit/audit-options.js';
import { UsageError } from '../errors.js';
import type { Verb } from '../verb.js';

/** What `audit` does, and which options say how. */
interface Action {
  /** As it is typed, after `audit`. */
  readonly usage: string;
  readonly does: string;
  readonly options: readonly (keyof AuditOptions)[];
  /** How many arguments may follow it. */
  readonly takes: number;
  readonly load: () => Promise<(audit: AuditCall) => Promise<void>>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  seal: {
    usage: 'seal',
    does: 'seals what was recorded since the last time; one process at a time',
    options: ['dir', 'key', 'every', 'actor'],
    takes: 0,
    load: async () => (await import('../audit/seal.js')).seal,
  },
  verify: {
    usage: 'verify',
    does: 'tells every sealed event that was altered, is missing, was put in or moved',
    options: ['dir', 'keys', 'anchor', 'restored'],
    takes: 0,
    load: async () => (await import('../audit/verify.js')).verify,
  },
  prove: {
    usage: 'prove <event id>',
    does: 'writes a proof that the event was in the log when it was sealed',
    options: ['dir', 'payload', 'out'],
    takes: 1,
    load: async () => (await import('../audit/prove.js')).prove,
  },
  'prove-consistency': {
    usage: 'prove-consistency <earlier> [later]',
    does: 'writes a proof that one seal contains another; each is a number, the\n    earlier one may be the file of a head that was kept',
    options: ['dir', 'out'],
    takes: 2,
    load: async () => (await import('../audit/prove.js')).proveSeals,
  },
  'check-proof': {
    usage: 'check-proof <file>',
    does: 'checks a proof, without the log',
    options: ['dir', 'key', 'keys'],
    takes: 1,
    load: async () => (await import('../audit/check-proof.js')).checkProof,
  },
  report: {
    usage: 'report',
    does: 'who did what, when, why, and with which effect on the state',
    options: ['actor', 'from', 'to', 'stream', 'type', 'format', 'out'],
    takes: 0,
    load: async () => (await import('../audit/report.js')).report,
  },
  export: {
    usage: 'export <folder>',
    does: 'writes a package for an auditor: events, proofs, states, report,\n    instructions; it checks itself, offline',
    options: ['dir', 'keys', 'actor', 'from', 'to', 'stream', 'type'],
    takes: 1,
    load: async () => (await import('../audit/export.js')).exportTo,
  },
  keys: {
    usage: 'keys <what> [id]',
    does: 'who may sign seals: create, add, rotate, revoke <id>, list, public [id]',
    options: ['dir', 'key', 'keys', 'newKey', 'retire', 'reason', 'out'],
    takes: 2,
    load: async () => (await import('../audit/keys.js')).keys,
  },
};

const FOLDER = `Seals, keys and the last head are in the audit folder; keep its head.json
elsewhere as well. BACKSTORY_AUDIT_KEY names the private key,
BACKSTORY_AUDIT_PASSPHRASE opens it.`;

const EXAMPLES: Verb['examples'] = [
  ['backstory audit keys create --key ~/bank-audit.pem', 'a key, and the key ring of ./audit'],
  ['backstory audit seal --key ~/bank-audit.pem --every 1h', 'seal every hour until Ctrl-C'],
  ['backstory audit verify --anchor kept/head.json', 'is everything as it was sealed?'],
  ['backstory audit prove 019aa2f0-… --payload', 'evidence for one event'],
  ['backstory audit prove-consistency kept/head.json', 'that nothing was taken back since'],
  ['backstory audit check-proof proof.json --key public.pem', 'what an auditor does with it'],
  ['backstory audit report --actor ann --from 2026-11-01 --format html --out ann.html', 'what ann did'],
  ['backstory audit export for-the-auditor --stream account-42', 'one account, with its proofs'],
];

export const verb: Verb = {
  arguments: [
    { name: '<action>', description: 'what to do', choices: Object.keys(ACTIONS) },
    { name: '[what]', description: 'an event id, a seal, a file, or what is done to keys' },
    { name: '[more]', description: 'the later seal; the key that is revoked' },
  ],
  options: AUDIT_OPTIONS,
  notes: `${Object.values(ACTIONS)
    .map(({ usage, does }) => `${usage}\n    ${does}`)
    .join('\n')}\n\n${FOLDER}`,
  examples: EXAMPLES,
  actions: Object.fromEntries(
    Object.entries(ACTIONS).map(([name, { usage, does, options }]) => [
      name,
      {
        usage,
        does: does.replace(/\n */, ' '),
        options: AUDIT_OPTIONS.filter(({ flags }) => options.includes(optionOf(flags))),
        notes: FOLDER,
        examples: EXAMPLES.filter(([line]) => line.startsWith(`backstory audit ${name} `)),
      },
    ]),
  ),
  paged: true,
  async run(call) {
    const [name, ...given] = call.arguments as [string, string?, string?];
    const action = ACTIONS[name]!;
    const excess = given.slice(action.takes).find((it) => it !== undefined);
    if (excess !== undefined)
      throw new UsageError(
        'excess-arguments',
        `"${excess}" means nothing to audit ${name}.${HINTS[name] ?? ''}`,
      );
    for (const { flags } of AUDIT_OPTIONS) {
      const option = optionOf(flags);
      if (call.options[option] === undefined || action.options.includes(option)) continue;
      throw new UsageError(
        'conflicting-options',
        `${flags.split(' ')[0]} does not belong to audit ${name}. See backstory audit ${name} --help.`,
      );
    }
    await (
      await action.load()
    )(new AuditCall(call));
  },
};

const HINTS: Readonly<Record<string, string>> = {
  verify: ' A head that was kept elsewhere is given with --anchor <file>.',
};

function optionOf(flags: string): keyof AuditOptions {
  const name = flags
    .replace(/^--([\w-]+).*/, '$1')
    .replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return name as keyof AuditOptions;
}
