import { type Static, Type } from 'typebox';
import { described } from '../../shared/config/setting.ts';

/** `[relay]` of the configuration file: what the coordinator can be told. */
export const RelaySettings = Type.Object(
  {
    port: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      default: 8_484,
      ...described({
        description: 'TCP port; 0 takes a free one',
        wanted: 'a port, 0 to 65535',
        env: 'SPAREWATT_RELAY_PORT',
        argument: 'number',
      }),
    }),
    host: Type.String({
      minLength: 1,
      default: '127.0.0.1',
      ...described({
        description: 'address to listen on; 0.0.0.0 is every address of this machine',
        wanted: 'an address of this machine',
        env: 'SPAREWATT_RELAY_HOST',
        argument: 'address',
      }),
    }),
    nats: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'use this NATS server or cluster instead of starting one',
          wanted: 'an address such as nats://127.0.0.1:4222',
          env: 'SPAREWATT_RELAY_NATS',
          argument: 'url',
          example: 'nats://127.0.0.1:4222',
        }),
      }),
    ),
    public_url: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s/]+/?$',
        ...described({
          description: 'where nodes and clients reach the relay, if not at the address it listens on',
          wanted: 'an address such as https://relay.example',
          env: 'SPAREWATT_RELAY_PUBLIC_URL',
          argument: 'url',
          example: 'https://relay.example',
        }),
      }),
    ),
    approve: Type.Boolean({
      default: false,
      ...described({
        description: 'let nodes of other machines wait until the operator approves them',
        wanted: 'true or false',
        env: 'SPAREWATT_RELAY_APPROVE',
        example: true,
      }),
    }),
    open: Type.Boolean({
      default: false,
      ...described({
        description: 'let anybody join without a code, on probation',
        wanted: 'true or false',
        env: 'SPAREWATT_RELAY_OPEN',
        example: true,
      }),
    }),
    announce: Type.Optional(
      Type.Boolean({
        ...described({
          description: 'tell the local network by mDNS that this relay is here',
          wanted: 'true or false',
          env: 'SPAREWATT_RELAY_ANNOUNCE',
          otherwise: 'exactly when it listens beyond this machine',
          example: true,
        }),
      }),
    ),
  },
  { additionalProperties: false },
);
export type RelaySettings = Static<typeof RelaySettings>;
