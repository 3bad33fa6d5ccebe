import envPaths from 'env-paths';
import { type Static, Type } from 'typebox';
import { described } from '../../shared/config/setting.ts';

/** Where data goes unless told otherwise: the place this system keeps the data of its users' programs. */
function defaultDataFolder(): string {
  return envPaths('sparewatt', { suffix: '' }).data;
}

/** The keys above every section of the configuration file: what a relay and a node on one machine share. */
export const ProgramSettings = Type.Object(
  {
    data: Type.String({
      minLength: 1,
      default: defaultDataFolder(),
      ...described({
        description: 'folder that keeps keys, database and models',
        wanted: 'a folder',
        env: 'SPAREWATT_DATA',
        argument: 'dir',
        path: true,
        otherwise: 'the data folder of your user',
        example: '/var/lib/sparewatt',
      }),
    }),
    log_level: Type.Union(
      [
        Type.Literal('debug'),
        Type.Literal('info'),
        Type.Literal('warn'),
        Type.Literal('error'),
        Type.Literal('silent'),
      ],
      {
        default: 'info',
        ...described({
          description: 'how much is logged to stderr',
          wanted: 'debug, info, warn, error or silent',
          env: 'SPAREWATT_LOG_LEVEL',
          argument: 'level',
        }),
      },
    ),
    otlp_endpoint: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s?#]+$',
        ...described({
          description: 'collector of OpenTelemetry traces (OTLP over HTTP with JSON)',
          wanted: 'an address such as http://127.0.0.1:4318',
          // The name under which every program looks for it.
          env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
          argument: 'url',
          otherwise: 'nothing is traced',
          example: 'http://127.0.0.1:4318',
        }),
      }),
    ),
    otlp_headers: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'headers for that collector',
          wanted: 'name=value pairs, separated by commas',
          env: 'OTEL_EXPORTER_OTLP_HEADERS',
          argument: 'pairs',
          secret: true,
          example: 'authorization=Bearer%20…',
        }),
      }),
    ),
    mdns: Type.Optional(
      Type.String({
        pattern: '^\\d{1,3}(\\.\\d{1,3}){3}(:\\d{1,5})?$',
        ...described({
          description: 'address of the network interface on which relays announce themselves and are discovered',
          wanted: 'an IPv4 address of this machine, with a port if that is not 5353',
          env: 'SPAREWATT_MDNS',
          argument: 'address',
          otherwise: 'every interface',
          example: '192.168.1.20',
        }),
      }),
    ),
  },
  { additionalProperties: false },
);
export type ProgramSettings = Static<typeof ProgramSettings>;
