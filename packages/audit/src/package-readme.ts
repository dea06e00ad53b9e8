import type { TreeHead } from '@backstory/proof';

/** What is said of a package to whoever is given it. */
export interface PackageFacts {
  readonly head: TreeHead;
  readonly events: number;
  readonly streams: number;
  readonly verified: string;
}

/** The instructions in a package. */
export function packageReadme({ head, events, streams, verified }: PackageFacts): string {
  return `# Events and their proofs

Events of the log ${head.logId} (${events}, of streams: ${streams}), each with a proof that it was in the log, at its place and
in these words, when the log was sealed on ${head.sealedAt} (seal ${head.sequence}, ${head.treeSize} events in all).

Before this package was made the log was verified: ${verified}

## Check it

You need Node 20.19 or later, and no network:

    node check.js --keys <the key ring that you were given elsewhere>   # or --key <the public key>

The exit code is 0 when every event is proven, else 1. Without a key the package's own \`keys.jsonl\` is believed, which says only
that the package agrees with itself: compare the key it names with one that you were given by another way.

The program is in \`checker\`, in plain JavaScript without dependencies. If you do not want to run what came with what it checks, take
your own from the npm package @backstory/proof: \`npx -p @backstory/proof check-proof --package .\`

A single proof that you were given besides is checked by \`node check.js proof.json --key <the public key>\`. Keep it, and whatever else you
add, outside this folder: a file that has no sum does not pass.

## Check it without any program of ours

- \`sha256sum -c SHA256SUMS\`: every file is as it was written.
- An event is a line of \`events.jsonl\`; \`data\` and \`metadata\` are the texts that were stored. Their SHA-256 are \`dataHash\` and
  \`metadataHash\` in the same line of \`proofs.jsonl\`.
- Its header is the text \`[1,position,"stream",version,"id","type",schemaVersion,appendIndex,recordedAt in ms]\`, as RFC 8785 writes it.
- Its leaf is SHA-256(00 ‖ SHA-256(header) ‖ SHA-256(data) ‖ SHA-256(metadata)).
- \`leafIndex\` and \`path\` lead from the leaf to \`root\` of \`head.json\`, as in RFC 6962 and RFC 9162, section 2.1.3.2.
- \`signature\` is an Ed25519 signature (RFC 8032) of the line of \`head.json\` without its member \`signature\`, by the key \`keyId\`.

## What is in it

| file | is |
|---|---|
| \`events.jsonl\` | the events, as they are stored |
| \`proofs.jsonl\` | a proof for each, in the same order |
| \`states.jsonl\` | what each stream was after the last of these events, worked out by the application |
| \`report.html\`, \`report.csv\` | who did what, when, why, and with which effect |
| \`head.json\`, \`keys.jsonl\` | the signed head, and who may sign |
| \`check.js\`, \`checker\`, \`package.json\` | the program |
| \`SHA256SUMS\` | the sum of every file |

## What it proves

That these events were recorded in this log, in this order, no later than a seal that somebody else has seen. Not that they are all events
there are: ask for the whole log and its seals for that. Not that what they say is true. States and reports are worked out from
the events and are not sealed themselves.
`;
}
