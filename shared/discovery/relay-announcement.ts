import { type Static, Type } from 'typebox';
import { PROTOCOL_VERSION } from '../protocol/limits.ts';
import { validatorOf } from '../protocol/validator.ts';

/** The name of the service without its dashes: `_sparewatt._tcp`. */
export const SERVICE_TYPE = 'sparewatt';

/** What a relay tells the local network of itself. Anyone there can say the same: it is a hint, not a proof. */
export type RelayAnnouncement = {
  version: string;
  /** Version of the relay–node protocol. */
  protocol: number;
  scheme: 'http' | 'https';
  /** Where the API begins, `/` unless a proxy has put it elsewhere. */
  path: string;
  /** The relay's public key (`N…`), to be compared with the one that a node has pinned. */
  relayKey?: string;
};

/** The TXT record. Every value is text, short, and safe to show in a terminal. */
const Txt = Type.Object({
  version: Type.String({ pattern: '^[\\w.+-]{1,64}$' }),
  protocol: Type.String({ pattern: '^[1-9]\\d{0,3}$' }),
  scheme: Type.Union([Type.Literal('http'), Type.Literal('https')]),
  path: Type.String({ pattern: '^/[\\w./~-]{0,127}$' }),
  key: Type.Optional(Type.String({ pattern: '^N[A-Z2-7]{55}$' })),
});
type Txt = Static<typeof Txt>;
const isTxt = validatorOf(Txt);

export function writeAnnouncement(announcement: RelayAnnouncement): Txt {
  const { version, protocol, scheme, path, relayKey } = announcement;
  return {
    version,
    protocol: String(protocol),
    scheme,
    path,
    ...(relayKey === undefined ? {} : { key: relayKey }),
  };
}

/** Reads a TXT record from the network; undefined when it is malformed or of another protocol. */
export function readAnnouncement(txt: unknown): RelayAnnouncement | undefined {
  if (!isTxt.Check(txt) || Number(txt.protocol) !== PROTOCOL_VERSION) return undefined;
  const { version, scheme, path, key } = txt;
  return { version, protocol: PROTOCOL_VERSION, scheme, path, ...(key === undefined ? {} : { relayKey: key }) };
}
