export { trustKey } from './public-key-trust.js';
export { KeyRing, type KeyChange, type RingKey } from './key-ring.js';
export {
  checkProof,
  readProof,
  writeProof,
  type ConsistencyProof,
  type InclusionProof,
  type Proof,
} from './proof.js';
export { headHash, readHead, writeHead, type TreeHead, type Trust } from './tree-head.js';
export { checkPackage, type PackageCheck } from './check-package.js';
export { HEAD_PROBLEMS } from './head-problems.js';
export { keyIdOf, publicKeyPem, readPublicKey, type SigningKey } from './signing-key.js';
export type { EventHeader } from './event-header.js';
export { provenLines, runCheckProof, type CheckProofRun } from './run-check-proof.js';
export {
  InvalidHead,
  InvalidKeyRing,
  InvalidProof,
  ProofError,
  UnusableKey,
  type HeadProblem,
  type ProofProblem,
} from './errors.js';
