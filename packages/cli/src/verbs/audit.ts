import { AuditCall } from '../audit/audit-call.js';
import { AUDIT_OPTIONS, type AuditOptions } from '../audit/audit-options.js';
import { UsageError } from '../errors.js';
import type { Verb } from '../verb.js';

/** What `audit` does, and which options say how. */
interface Action {
  readonly options: readonly (keyof AuditOptions)[];
  /** How many arguments may follow it. */
  readonly takes: number;
  readonly load: () => Promise<(audit: AuditCall) => Promise<void>>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  seal: {
    options: ['dir', 'key', 'every', 'actor'],
    takes: 0,
    load: async () => (await import('../audit/seal.js')).seal,
  },
  verify: {
    options: ['dir', 'keys', 'anchor', 'restored'],
    takes: 0,
    load: async () => (await import('../audit/verify.js')).verify,
  },
  prove: {
    options: ['dir', 'payload', 'out'],
    takes: 1,
    load: async () => (await import('../audit/prove.js')).prove,
  },
  'prove-consistency': {
    options: ['dir', 'out'],
    takes: 2,
    load: async () => (await import('../audit/prove.js')).proveSeals,
  },
  'check-proof': {
    options: ['dir', 'key', 'keys'],
    takes: 1,
    load: async () => (await import('../audit/check-proof.js')).checkProof,
  },
  report: {
    options: ['actor', 'from', 'to', 'stream', 'type', 'format', 'out'],
    takes: 0,
    load: async () => (await import('../audit/report.js')).report,
  },
  export: {
    options: ['dir', 'keys', 'actor', 'from', 'to', 'stream', 'type'],
    takes: 1,
    load: async () => (await import('../audit/export.js')).exportTo,
  },
  keys: {
    options: ['dir', 'key', 'keys', 'newKey', 'retire', 'reason', 'out'],
    takes: 2,
    load: async () => (await import('../audit/keys.js')).keys,
  },
};

export const verb: Verb = {
  arguments: [
    { name: '<action>', description: 'what to do', choices: Object.keys(ACTIONS) },
    { name: '[what]', description: 'an event id, a seal, a file, or what is done to keys' },
    { name: '[more]', description: 'the later seal; the key that is revoked' },
  ],
  options: AUDIT_OPTIONS,
  notes:
    'seal               seals what was recorded since the last time; one process at a time\n' +
    'verify             tells every sealed event that was altered, is missing, was put in or moved\n' +
    'prove <event id>   writes a proof that the event was in the log when it was sealed\n' +
    'prove-consistency <earlier> [later]\n' +
    '                   writes a proof that one seal contains another; each is a number, the earlier one\n' +
    '                   may be the file of a head that was kept\n' +
    'check-proof <file> checks a proof, without the log\n' +
    'report             who did what, when, why, and with which effect on the state\n' +
    'export <folder>    writes a package for an auditor: events, proofs, states, report, instructions;\n' +
    '                   it checks itself, offline\n' +
    'keys create | add | rotate | revoke <id> | list | public [id]\n' +
    '                   who may sign seals\n\n' +
    'Seals, keys and the last head are in the audit folder; keep its head.json elsewhere as well.\n' +
    'BACKSTORY_AUDIT_KEY names the private key, BACKSTORY_AUDIT_PASSPHRASE opens it.',
  examples: [
    ['backstory audit keys create --key ~/bank-audit.pem', 'a key, and the key ring of ./audit'],
    ['backstory audit seal --key ~/bank-audit.pem --every 1h', 'seal every hour until Ctrl-C'],
    ['backstory audit verify --anchor kept/head.json', 'is everything as it was sealed?'],
    ['backstory audit prove 019aa2f0-… --payload', 'evidence for one event'],
    ['backstory audit report --actor ann --from 2026-11-01 --format html --out ann.html', 'what ann did'],
    ['backstory audit export for-the-auditor --stream account-42', 'one account, with its proofs'],
  ],
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
        `${flags.split(' ')[0]} does not belong to audit ${name}. See backstory audit --help.`,
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
