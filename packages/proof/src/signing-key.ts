import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { UnusableKey } from './errors.js';
import { hexOf, sha256 } from './digest.js';

/** A key that can sign, and how others know it. */
export interface SigningKey {
  /** SHA-256 of the public key (SPKI, DER), in hexadecimal. */
  readonly keyId: string;
  readonly publicKey: KeyObject;
  /** An Ed25519 signature (RFC 8032) of the text in UTF-8, in base64. */
  sign(message: string): string;
}

/** A new Ed25519 key as PEM (PKCS #8), encrypted where there is a passphrase. */
export function newPrivateKey(passphrase?: string): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString();
}

/** The private key in a PEM file. @throws UnusableKey */
export function readPrivateKey(pem: string, passphrase?: string): SigningKey {
  const key = opened(pem, passphrase);
  if (key.asymmetricKeyType !== 'ed25519')
    throw new UnusableKey(`The key is of type ${key.asymmetricKeyType}: seals are signed with Ed25519 keys.`);
  const publicKey = createPublicKey(key);
  return {
    keyId: keyIdOf(publicKey),
    publicKey,
    sign: (message) => sign(null, Buffer.from(message), key).toString('base64'),
  };
}

/** The public key in a PEM file. A file that holds a private key is refused: it should not be here. @throws UnusableKey */
export function readPublicKey(pem: string): KeyObject {
  if (/PRIVATE KEY/.test(pem))
    throw new UnusableKey('This file holds a private key. To check something, give its public key.');
  try {
    return ed25519(createPublicKey(pem));
  } catch (cause) {
    if (cause instanceof UnusableKey) throw cause;
    throw new UnusableKey('This file holds no public key in PEM form.', { cause });
  }
}

/** A public key as PEM (SPKI). */
export function publicKeyPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

/** A public key as one word: SPKI in base64. */
export function publicKeyText(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64');
}

/** Reads what {@link publicKeyText} wrote, to the letter; `undefined` for anything else. */
export function publicKeyIn(text: string): KeyObject | undefined {
  try {
    const key = ed25519(createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' }));
    return publicKeyText(key) === text ? key : undefined;
  } catch {
    return undefined;
  }
}

/** How a key is known: SHA-256 of its SPKI, in hexadecimal. */
export function keyIdOf(key: KeyObject): string {
  return hexOf(sha256(key.export({ type: 'spki', format: 'der' })));
}

/** Whether a signature of a text was made with the private half of this key. */
export function isSigned(message: string, signature: string, key: KeyObject): boolean {
  return verify(null, Buffer.from(message), key, Buffer.from(signature, 'base64'));
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519')
    throw new UnusableKey(`The key is of type ${key.asymmetricKeyType}: seals are signed with Ed25519 keys.`);
  return key;
}

function opened(pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    const encrypted = /ENCRYPTED/.test(pem);
    const lacking =
      passphrase === undefined
        ? 'is encrypted: give its passphrase, to a command in BACKSTORY_AUDIT_PASSPHRASE.'
        : 'does not open with this passphrase.';
    throw new UnusableKey(encrypted ? `The key ${lacking}` : 'This file holds no private key in PEM form.', {
      cause,
    });
  }
}
