import { Problem } from '../../../shared/problems/problem.ts';
import type { Planner } from './tool-plan.ts';

const ENGINES: Readonly<Record<string, string>> = { cycles: 'CYCLES', eevee: 'BLENDER_EEVEE' };
const FORMATS: Readonly<Record<string, { name: string; extension: string; mediaType: string }>> = {
  png: { name: 'PNG', extension: 'png', mediaType: 'image/png' },
  exr: { name: 'OPEN_EXR', extension: 'exr', mediaType: 'image/x-exr' },
  jpeg: { name: 'JPEG', extension: 'jpg', mediaType: 'image/jpeg' },
};
/** A job's files are uploaded one by one, and one job should not hold a node for a day. */
const MOST_FRAMES = 250;

/**
 * Of `blender/render`. Scripts within the scene are not run, and nothing of the owner's own settings is read; what the
 * command line cannot say is said by an expression that holds whole numbers and truth values alone.
 */
export const planRender: Planner = (input, { threads }) => {
  const engine = ENGINES[String(input.engine)];
  const format = FORMATS[String(input.format)];
  if (engine === undefined || format === undefined) throw new TypeError('not an engine or format');
  const first = Number(input.first_frame);
  const last = Number(input.last_frame ?? first);
  if (last < first || last - first >= MOST_FRAMES) {
    throw new Problem('invalid_value', `A job renders 1 to ${MOST_FRAMES} frames; last_frame follows first_frame.`, {
      param: 'last_frame',
    });
  }
  const args = [
    ...['--background', '--factory-startup', '--disable-autoexec', '-noaudio', '--threads', String(threads)],
    ...['in/scene.blend', '--engine', engine, '--render-format', format.name, '--use-extension', '1'],
    ...['--render-output', '//../out/frame_######', '--python-expr', expressionOf(input)],
    ...['--frame-start', whole(first), '--frame-end', whole(last), '--render-anim'],
  ];
  return {
    args,
    inputName: 'scene.blend',
    outputs: new RegExp(`^frame_\\d{6,9}\\.${format.extension}$`),
    mostOutputs: last - first + 1,
    mediaType: format.mediaType,
    output: (frames) => ({ frames: [...frames], media_type: format.mediaType }),
  };
};

/** `denoiser` is empty in a Blender that was built without one, as Debian's is: what would end each render there. */
const DENOISE_WHERE_IT_CAN = 's.cycles.use_denoising = s.cycles.use_denoising and bool(s.cycles.denoiser)';

function expressionOf({ width, height, samples, denoise }: Parameters<Planner>[0]): string {
  const lines = ['import bpy', 's = bpy.context.scene', 's.render.resolution_percentage = 100'];
  if (width !== undefined) lines.push(`s.render.resolution_x = ${whole(width)}`);
  if (height !== undefined) lines.push(`s.render.resolution_y = ${whole(height)}`);
  if (samples !== undefined) {
    lines.push(`s.cycles.samples = ${whole(samples)}`, `s.eevee.taa_render_samples = ${whole(samples)}`);
  }
  if (denoise === undefined) lines.push(DENOISE_WHERE_IT_CAN);
  else lines.push(`s.cycles.use_denoising = ${denoise === 'on' ? 'True' : 'False'}`);
  return lines.join('; ');
}

function whole(value: string | number): string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new TypeError('not a whole number');
}
