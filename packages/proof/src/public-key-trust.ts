import { readPublicKey, isSigned, keyIdOf } from './signing-key.js';
import { signedText, type Trust } from './tree-head.js';

/** Believes one public key, in PEM form, and nothing else. @throws UnusableKey */
export function trustKey(pem: string): Trust {
  const key = readPublicKey(pem);
  const keyId = keyIdOf(key);
  return {
    judge(head) {
      if (head.keyId !== keyId) return 'unknown-key';
      return isSigned(signedText(head), head.signature, key) ? undefined : 'signature';
    },
  };
}
