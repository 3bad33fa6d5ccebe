/** Where the credits come from that the operator grants; what it is below 0 is what is out there. */
export const ISSUED = 'issued';
/** What nodes have been paid by settlements. */
export const SETTLED = 'settled';
/** The relay's own share. */
export const RELAY = 'relay';

/** The account of an API key: below 0 it owes. */
export function keyAccount(keyId: string): string {
  return `key:${keyId}`;
}

/** What a node would have earned for receipts whose signature did not hold; no settlement pays it. */
export function withheldAccount(nodeId: string): string {
  return `withheld:${nodeId}`;
}

/** The account of a node: what it has earned and not been paid yet. */
export function nodeAccount(nodeId: string): string {
  return `node:${nodeId}`;
}
