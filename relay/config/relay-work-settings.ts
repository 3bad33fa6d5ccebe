import { Type } from 'typebox';
import { described } from '../../shared/config/setting.ts';

/** Whom a relay lets in, what it does for them, and how long it keeps what comes of that. */
export const RELAY_WORK_SETTINGS = {
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
      description: 'let jobs of the queue and tasks for a node wait until a person approves them',
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
        description: 'file with a third key that attests receipts beside node and relay; it is made if it is not there',
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
      description: 'hosts from which the relay fetches pictures that clients name by address; * is the whole internet',
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
};
