import { type Static, Type } from 'typebox';
import { NodePolicy } from '../policy/node-policy.ts';
import { policyFault } from '../policy/parse-policy.ts';
import { PLAIN_TEXT } from '../protocol/plain-text.ts';
import { TOOL_TYPES } from '../protocol/subjects.ts';
import { GpuOverrides, gpuOverrideOfText, gpuOverridesFault } from './gpu-override.ts';
import { described } from './setting.ts';

/** `[node]` of the configuration file: what a machine that works for a relay can be told. */
export const NodeSettings = Type.Object(
  {
    relay: Type.String({
      pattern: '^https?://[^\\s/]+',
      default: 'http://127.0.0.1:8484',
      ...described({
        description: 'address of the relay',
        wanted: 'an address such as http://127.0.0.1:8484',
        env: 'SPAREWATT_RELAY',
        argument: 'url',
      }),
    }),
    discover: Type.Boolean({
      default: false,
      ...described({
        description: 'find the relay on the local network instead',
        wanted: 'true or false',
        env: 'SPAREWATT_NODE_DISCOVER',
        example: true,
      }),
    }),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        pattern: PLAIN_TEXT,
        ...described({
          description: 'what the relay calls this machine',
          wanted: 'a name of 1 to 64 characters, none of which controls a terminal or turns the direction of writing',
          env: 'SPAREWATT_NODE_NAME',
          argument: 'name',
          otherwise: 'its host name',
          example: 'living-room',
        }),
      }),
    ),
    models: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      ...described({
        description:
          'models to serve: a shipped one or any transformers.js model of the hub; `id#task` chooses its task',
        wanted: 'a list of model ids',
        env: 'SPAREWATT_NODE_MODELS',
        flag: 'model',
        argument: 'id',
        otherwise: 'the demo models that ship with Sparewatt',
        example: ['HuggingFaceTB/SmolLM2-135M-Instruct'],
      }),
    }),
    slots: Type.Integer({
      minimum: 1,
      default: 4,
      ...described({
        description: 'jobs at a time',
        wanted: 'a whole number from 1',
        env: 'SPAREWATT_NODE_SLOTS',
        argument: 'number',
      }),
    }),
    key_store: Type.Union([Type.Literal('auto'), Type.Literal('keychain'), Type.Literal('file')], {
      default: 'auto',
      ...described({
        description: "where the node's key lies: keychain or file, to which it moves; or auto, which never moves it",
        wanted: 'auto, keychain or file',
        env: 'SPAREWATT_NODE_KEY_STORE',
        argument: 'place',
        otherwise: 'auto: where it lies; a new one in the keychain of the system if that works, else in a file',
        example: 'file',
      }),
    }),
    join_token: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: "the relay's admin token, for a node on another machine",
          wanted: 'the admin token of the relay',
          env: 'SPAREWATT_JOIN_TOKEN',
          argument: 'token',
          secret: true,
          example: 'sw-admin-…',
        }),
      }),
    ),
    pair: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'one-time code or link of the relay\'s operator ("sparewatt pair"), for a node it does not know',
          wanted: 'a code such as K7QF-2M9X-HB4T or a link that starts with sparewatt://pair',
          env: 'SPAREWATT_PAIR',
          argument: 'code',
          secret: true,
          example: 'K7QF-2M9X-HB4T',
        }),
      }),
    ),
    hub: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s/]+',
        ...described({
          description: 'where models are downloaded from: the Hugging Face hub or a mirror of it',
          otherwise: 'https://huggingface.co',
          wanted: 'an address such as https://huggingface.co',
          env: 'SPAREWATT_HUB',
          argument: 'url',
          example: 'https://huggingface.co',
        }),
      }),
    ),
    hub_token: Type.Optional(
      Type.String({
        minLength: 1,
        ...described({
          description: 'token of the hub, for models that ask who downloads them',
          wanted: 'a token of the hub',
          // The name under which every tool of the hub looks for it.
          env: 'HF_TOKEN',
          argument: 'token',
          secret: true,
          example: 'hf_…',
        }),
      }),
    ),
    model_sources: Type.Array(Type.String({ pattern: '^[A-Za-z0-9.-]+(:\\d{1,5})?(/[A-Za-z0-9][\\w.-]*)?$' }), {
      default: ['relay', 'hub'],
      ...described({
        description:
          'where models may come from: relay, hub or a host, alone or with an organisation, such as hub/onnx-community',
        wanted: 'a list of relay, hub or host names, each alone or followed by a slash and an organisation',
        env: 'SPAREWATT_NODE_MODEL_SOURCES',
        flag: 'model-source',
        argument: 'source',
        otherwise: 'relay, hub',
        example: ['relay', 'hub/onnx-community'],
      }),
    }),
    models_quota_gb: Type.Optional(
      Type.Number({
        minimum: 0.001,
        maximum: 1_000_000,
        ...described({
          description: 'what downloaded models may take on disk, in GB; beyond it the ones used least recently go',
          wanted: 'a number of GB from 0.001',
          env: 'SPAREWATT_NODE_MODELS_QUOTA_GB',
          argument: 'number',
          otherwise: 'as much as the disk has',
          example: 50,
        }),
      }),
    ),
    policy: Type.Optional(
      Type.Union(
        [Type.String({ minLength: 1 }), NodePolicy],
        described({
          description:
            'file that says what this node may run for others, read again whenever it changes; or the section [node.policy]',
          wanted: 'the path of a JSON file, or a section [node.policy]',
          env: 'SPAREWATT_NODE_POLICY',
          argument: 'file',
          path: true,
          otherwise: 'node/policy.json of the data folder where there is one, else everything is allowed',
          example: 'policy.json',
          faultOf: (value) => (typeof value === 'string' ? undefined : policyFault(value)),
        }),
      ),
    ),
    unload_after_min: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_080,
        ...described({
          description: 'take a model out of memory that nobody has asked for so many minutes',
          wanted: 'minutes from 1 to 10080',
          env: 'SPAREWATT_NODE_UNLOAD_AFTER_MIN',
          argument: 'minutes',
          otherwise: 'models stay in memory',
          example: 30,
        }),
      }),
    ),
    allow_tools: Type.Array(Type.Enum([...TOOL_TYPES]), {
      default: [],
      ...described({
        description: 'programs of this machine that jobs of others may use, in a sandbox',
        wanted: 'a list of ffmpeg and blender',
        env: 'SPAREWATT_NODE_ALLOW_TOOLS',
        flag: 'allow-tool',
        argument: 'program',
        otherwise: 'none',
        example: ['ffmpeg'],
      }),
    }),
    gpus: Type.Unsafe<Static<typeof GpuOverrides>>({
      ...GpuOverrides,
      default: [],
      ...described({
        description:
          'GPUs that the node does not find, or finds otherwise than they are: name, vendor, memory_gib, driver, backends; found and remove',
        wanted: 'a list of GPUs, each as "name=RTX 4090; memory_gib=24"',
        env: 'SPAREWATT_NODE_GPUS',
        flag: 'gpu',
        argument: 'fields',
        otherwise: 'what the node finds',
        example: ['name=NVIDIA RTX 4090; memory_gib=24; backends=cuda'],
        itemOfText: gpuOverrideOfText,
        faultOf: gpuOverridesFault,
      }),
    }),
    caps_port: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        ...described({
          description: 'tell programs of this machine what the node can do, at http://127.0.0.1:PORT/caps',
          wanted: 'a port from 0 to 65535',
          env: 'SPAREWATT_NODE_CAPS_PORT',
          argument: 'port',
          otherwise: 'off',
          example: 8490,
        }),
      }),
    ),
  },
  { additionalProperties: false },
);
export type NodeSettings = Static<typeof NodeSettings>;
export type KeyStore = NodeSettings['key_store'];
