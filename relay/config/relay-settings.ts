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
