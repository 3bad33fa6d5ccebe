import { Type } from 'typebox';
import { described } from '../../shared/config/setting.ts';

/** Where a relay listens, what it keeps its data in, and the bus that its nodes come by. */
export const RELAY_PLACE_SETTINGS = {
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
  database_url: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://[^\\s]+$',
      ...described({
        description: 'address of a PostgreSQL database to use instead of SQLite in the data folder',
        wanted: 'an address such as postgres://user@host/sparewatt',
        // The name by which hosts and compose files hand a database over.
        env: 'DATABASE_URL',
        argument: 'url',
        secret: true,
        otherwise: 'SQLite',
        example: 'postgres://sparewatt@db.example/sparewatt',
      }),
    }),
  ),
  database_wait_s: Type.Integer({
    minimum: 0,
    maximum: 3_600,
    default: 30,
    ...described({
      description: 'how many seconds the server of that database may take to answer when the relay starts',
      wanted: 'whole seconds, 0 to 3600',
      env: 'SPAREWATT_RELAY_DATABASE_WAIT_S',
      argument: 'seconds',
      example: 60,
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
  nats_creds: Type.Optional(
    Type.String({
      minLength: 1,
      ...described({
        description: 'creds file for that server, where it does not run with the configuration of this relay',
        wanted: 'the path of a creds file',
        env: 'SPAREWATT_RELAY_NATS_CREDS',
        argument: 'file',
        path: true,
        example: 'relay.creds',
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
  tls: Type.Boolean({
    default: false,
    ...described({
      description: 'speak HTTPS and admit nodes by certificates, both of an authority of the relay itself',
      wanted: 'true or false',
      env: 'SPAREWATT_RELAY_TLS',
      example: true,
    }),
  }),
  tls_names: Type.Array(Type.String({ pattern: '^[A-Za-z0-9.:-]+$' }), {
    default: [],
    ...described({
      description: 'further names and addresses that the certificate of the relay bears',
      wanted: 'a list of host names and IP addresses',
      env: 'SPAREWATT_RELAY_TLS_NAMES',
      flag: 'tls-name',
      argument: 'name',
      otherwise: 'those of this machine and of the public URL',
      example: ['relay.lan'],
    }),
  }),
  browser_nodes: Type.Boolean({
    default: false,
    ...described({
      description: 'with tls, let nodes without a certificate join through the HTTPS port, as a browser tab must',
      wanted: 'true or false',
      env: 'SPAREWATT_RELAY_BROWSER_NODES',
      example: true,
    }),
  }),
  bus_port: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      ...described({
        description: 'TCP port on which nodes reach the bus and stay connected without the relay; 0 takes a free one',
        wanted: 'a port, 0 to 65535',
        env: 'SPAREWATT_RELAY_BUS_PORT',
        argument: 'number',
        otherwise: "the one after the relay's if other machines reach the relay, else a free one",
        example: 8485,
      }),
    }),
  ),
  keep_bus: Type.Boolean({
    default: false,
    ...described({
      description: 'leave the NATS server running when the relay stops, so that nodes stay connected until it is back',
      wanted: 'true or false',
      env: 'SPAREWATT_RELAY_KEEP_BUS',
      example: true,
    }),
  }),
};
