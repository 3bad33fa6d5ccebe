import { hash, randomBytes } from 'node:crypto';
import { Problem } from '../../shared/problems/problem.ts';

const PREFIX = 'sw-miner-';
const HOW_TO_SEND = 'Send `Authorization: Bearer TOKEN` with the token that POST /v1/miners/register has answered.';

/** 256 random bits; the prefix lets a secret scanner recognise a leaked token. */
export function newMinerToken(): string {
  return `${PREFIX}${randomBytes(32).toString('base64url')}`;
}

/** What is stored of a token, as hex: nobody guesses 256 bits, so that a slow hash would protect nothing. */
export function hashMinerToken(token: string): string {
  return hash('sha256', token, 'hex');
}

/** The token of a header; undefined when it is another kind of key, or absent. */
export function minerTokenOf(authorization: string | undefined): string | undefined {
  const token = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return token?.startsWith(PREFIX) ? token : undefined;
}

/** Tells who shows no token, or a wrong one. */
export function tokenRefused(): Problem {
  return new Problem('invalid_api_key', `This is no token of a miner of this relay. ${HOW_TO_SEND}`);
}
