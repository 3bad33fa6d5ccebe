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
        description:
          'leave the NATS server running when the relay stops, so that nodes stay connected until it is back',
        wanted: 'true or false',
        env: 'SPAREWATT_RELAY_KEEP_BUS',
        example: true,
      }),
    }),
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
    supervised: Type.Boolean({
      default: false,
      ...described({
        description: 'let tasks for a node wait until a person approves them',
        wanted: 'true or false',
        env: 'SPAREWATT_RELAY_SUPERVISED',
        example: true,
      }),
    }),
    services: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'file, or folder of .json and .toml files, with services to add to those of the relay',
          wanted: 'a file or a folder',
          env: 'SPAREWATT_RELAY_SERVICES',
          argument: 'path',
          path: true,
          example: '/etc/sparewatt/services',
        }),
      }),
    ),
    attestation_key: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description:
            'file with a third key that attests receipts beside node and relay; it is made if it is not there',
          wanted: 'the path of a file in a folder that exists',
          env: 'SPAREWATT_RELAY_ATTESTATION_KEY',
          argument: 'file',
          path: true,
          example: '/etc/sparewatt/attestation-key.json',
        }),
      }),
    ),
    file_mb: Type.Integer({
      minimum: 1,
      maximum: 1_048_576,
      default: 512,
      ...described({
        description: 'size of the largest file that clients and jobs may keep here, in MiB',
        wanted: 'a whole number of MiB from 1',
        env: 'SPAREWATT_RELAY_FILE_MB',
        argument: 'number',
      }),
    }),
    files_mb: Type.Integer({
      minimum: 1,
      maximum: 1_073_741_824,
      default: 10_240,
      ...described({
        description: 'room for all files on the disk, in MiB, of which one key may fill half',
        wanted: 'a whole number of MiB from 1',
        env: 'SPAREWATT_RELAY_FILES_MB',
        argument: 'number',
      }),
    }),
    files_hours: Type.Integer({
      minimum: 1,
      maximum: 720,
      default: 168,
      ...described({
        description: 'how long a file is kept that names no time of its own, in hours',
        wanted: 'a whole number of hours, 1 to 720',
        env: 'SPAREWATT_RELAY_FILES_HOURS',
        argument: 'number',
      }),
    }),
    image_hosts: Type.Array(Type.String({ pattern: '^(\\*|(\\*\\.)?[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+)$' }), {
      default: [],
      ...described({
        description:
          'hosts from which the relay fetches pictures that clients name by address; * is the whole internet',
        wanted: 'a list of host names, *.example.com for all below one',
        env: 'SPAREWATT_RELAY_IMAGE_HOSTS',
        flag: 'image-host',
        argument: 'host',
        otherwise: 'none',
        example: ['images.example.com', '*.wikimedia.org'],
      }),
    }),
    cors_origins: Type.Array(Type.String({ pattern: '^(\\*|[a-z][a-z0-9+.-]*://[^\\s/,*]+)$' }), {
      default: [],
      ...described({
        description: 'origins whose pages may ask with an API key from a browser; * is every page',
        wanted: 'a list of origins such as https://app.example, without a path',
        env: 'SPAREWATT_RELAY_CORS_ORIGINS',
        flag: 'cors-origin',
        argument: 'origin',
        otherwise: 'none but the relay itself',
        example: ['https://app.example', 'http://localhost:5173'],
      }),
    }),
    webhook_networks: Type.Optional(
      Type.Union([Type.Literal('public'), Type.Literal('private')], {
        ...described({
          description: 'where webhooks may lie: public is the internet, private that and private networks',
          wanted: 'public or private',
          env: 'SPAREWATT_RELAY_WEBHOOK_NETWORKS',
          argument: 'networks',
          otherwise:
            'private if the relay listens and is reached in a private network or on this machine alone, else public',
          example: 'private',
        }),
      }),
    ),
    keep_results_h: Type.Integer({
      minimum: 1,
      maximum: 8_760,
      default: 24,
      ...described({
        description: 'how many hours the result of a job that was done later can be fetched',
        wanted: 'whole hours, 1 to 8760',
        env: 'SPAREWATT_RELAY_KEEP_RESULTS_H',
        argument: 'hours',
        example: 48,
      }),
    }),
    keep_jobs_days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 36_500,
        ...described({
          description: 'how many days the record of a job that left no receipt is kept',
          wanted: 'whole days, 1 to 36500',
          env: 'SPAREWATT_RELAY_KEEP_JOBS_DAYS',
          argument: 'days',
          otherwise: 'for ever, as those with a receipt always are',
          example: 90,
        }),
      }),
    ),
    drain_s: Type.Integer({
      minimum: 0,
      maximum: 3_600,
      default: 0,
      ...described({
        description:
          'how many seconds a relay that is asked to end says at /v1/health/ready that it is not ready, and works on',
        wanted: 'whole seconds, 0 to 3600',
        env: 'SPAREWATT_RELAY_DRAIN_S',
        argument: 'seconds',
        example: 20,
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
