import { type Static, Type } from 'typebox';
import { described } from '../../shared/config/setting.ts';

/** `[client]` of the configuration file: whom the commands that ask a relay go to, and with what. */
export const ClientSettings = Type.Object(
  {
    relay: Type.String({
      pattern: '^https?://[^\\s/]+',
      default: 'http://127.0.0.1:8484',
      ...described({
        description: 'address of the relay to ask',
        wanted: 'an address such as http://127.0.0.1:8484',
        // One variable for whoever needs the address of the relay, node or client.
        env: 'SPAREWATT_RELAY',
        argument: 'url',
        otherwise: 'the relay of this machine',
      }),
    }),
    api_key: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'API key for what any client may',
          wanted: 'an API key of the relay',
          env: 'SPAREWATT_API_KEY',
          argument: 'key',
          secret: true,
          otherwise: 'that of the relay in the data folder',
          example: 'sk-…',
        }),
      }),
    ),
    signing_secret: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'secret that requests are signed with, for an API key that asks for that',
          wanted: 'the signing secret that was shown with the API key',
          env: 'SPAREWATT_SIGNING_SECRET',
          argument: 'secret',
          secret: true,
          otherwise: 'requests are not signed',
          example: 'sw-sign-…',
        }),
      }),
    ),
    admin_token: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'admin token for what only the operator may',
          wanted: 'the admin token of the relay',
          env: 'SPAREWATT_ADMIN_TOKEN',
          argument: 'token',
          secret: true,
          otherwise: 'that of the relay in the data folder',
          example: 'sw-admin-…',
        }),
      }),
    ),
    model: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'model that chat asks',
          wanted: 'the id of a model',
          env: 'SPAREWATT_MODEL',
          argument: 'id',
          otherwise: 'one for chats that is served now, in memory if possible',
          example: 'sparewatt/demo-chat',
        }),
      }),
    ),
  },
  { additionalProperties: false },
);
export type ClientSettings = Static<typeof ClientSettings>;
