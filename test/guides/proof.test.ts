import fs from 'node:fs';
import path from 'node:path';
import { checkProof, trustKey } from '@backstory/proof';

const golden = path.resolve(__dirname, '../../packages/proof/src/golden');

// The code of packages/proof/README.md.
test('a proof and a public key are enough', () => {
  const file = fs.readFileSync(path.join(golden, 'inclusion-1.json'));
  const pem = fs.readFileSync(path.join(golden, 'public-key.pem'), 'utf8');

  const proof = checkProof(file, trustKey(pem));

  expect(proof).toMatchObject({ kind: 'inclusion', event: { stream: 'account-0 "ü"', version: 3 } });
});
