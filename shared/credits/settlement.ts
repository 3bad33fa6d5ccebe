import { type Static, Type } from 'typebox';

const Micro = Type.Integer({ minimum: 0 });

/** What one node is paid. */
export const SettlementLine = Type.Object(
  { account: Type.String(), amountMicro: Micro },
  { additionalProperties: false },
);
export type SettlementLine = Static<typeof SettlementLine>;

/**
 * A batch of what nodes have earned, taken off their balances. `root` is the hash of the Merkle tree (RFC 6962) over the
 * RFC 8785 forms of the lines in their order; entries are those of the ledger since the settlement before.
 */
export const Settlement = Type.Object(
  {
    v: Type.Literal(1),
    id: Type.String(),
    /** Milliseconds since 1970. */
    closedAt: Type.Integer({ minimum: 0 }),
    entries: Type.Object({ from: Type.Integer(), to: Type.Integer() }),
    totalMicro: Micro,
    root: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    lines: Type.Array(SettlementLine),
    relayKey: Type.String({ pattern: '^N[A-Z2-7]{55}$' }),
    /** Ed25519, base64url. */
    signature: Type.String({ pattern: '^[\\w-]{86}$' }),
  },
  { additionalProperties: false },
);
export type Settlement = Static<typeof Settlement>;
