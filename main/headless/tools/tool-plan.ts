import { Problem } from '../../../shared/problems/problem.ts';
import type { JobFileRef, JsonInput } from '../../../shared/protocol/messages.ts';
import type { ToolType } from '../../../shared/protocol/subjects.ts';
import { BUILT_IN_SERVICES } from '../../../shared/registry/catalog/all.ts';
import { withDefaults } from '../../../shared/registry/prompt.ts';
import { compileSchema, type SchemaCheck } from '../../../shared/registry/schema-check.ts';
import type { ServiceDefinition } from '../../../shared/registry/service.ts';
import { planRender } from './blender-arguments.ts';
import { planAudio, planThumbnail, planTranscode } from './ffmpeg-arguments.ts';

/** How a program is started for a job, and what becomes of what it makes. */
export type ToolPlan = {
  /** Read from the folder `in`, written to the folder `out`, both of the folder that the program runs in. */
  readonly args: readonly string[];
  /** What the one input is called in `in`. Never a name that a client has chosen. */
  readonly inputName: string;
  /** The names of what counts in `out`. */
  readonly outputs: RegExp;
  readonly mostOutputs: number;
  readonly mediaType: string;
  /** The output of the service, from the files as the relay has them and what the program wrote to stdout. */
  output(files: readonly JobFileRef[], stdout: string): JsonInput;
};

/** An input whose form is that of its service. */
export type ToolInput = Readonly<Record<string, string | number | undefined>>;
export type Planner = (input: ToolInput, limits: { threads: number }) => ToolPlan;

/** What each service tells its program. What is not here no program is started for. */
const PLANNERS: Readonly<Record<string, Planner>> = {
  'ffmpeg/transcode': planTranscode,
  'ffmpeg/extract-audio': planAudio,
  'ffmpeg/thumbnail': planThumbnail,
  'blender/render': planRender,
};

type Known = { definition: ServiceDefinition; check: SchemaCheck; plan: Planner };
const KNOWN = new Map<string, Known>();

/**
 * Reads the input of a job by the node's own schema of the service, whatever the relay has let through, and plans what
 * the program is told. Errors: `invalid_value`, `service_not_runnable`.
 */
export function planTool(
  type: ToolType,
  service: string | undefined,
  asked: JsonInput,
  limits: { threads: number },
): ToolPlan {
  const known = service === undefined ? undefined : find(service);
  if (known?.definition.runtime.type !== type) {
    const sentence = `This node knows no way to ask ${type} for ${service ?? 'a job without a service'}.`;
    throw new Problem('service_not_runnable', sentence);
  }
  const { file_sha256: _, ...input } = asked;
  const fault = known.check(input);
  if (fault !== undefined) {
    throw new Problem('invalid_value', fault.sentence, fault.path === '' ? {} : { param: fault.path });
  }
  return known.plan(withDefaults(input, known.definition.input) as ToolInput, limits);
}

function find(service: string): Known | undefined {
  const known = KNOWN.get(service);
  const plan = Object.hasOwn(PLANNERS, service) ? PLANNERS[service] : undefined;
  const definition = BUILT_IN_SERVICES.find(({ id }) => id === service);
  if (known !== undefined || plan === undefined || definition === undefined) return known;
  const made = { definition, plan, check: compileSchema(definition.input) };
  KNOWN.set(service, made);
  return made;
}
