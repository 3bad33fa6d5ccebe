import type { JsonInput } from '../../protocol/messages.ts';
import { type Kernel, paramsOf } from './kernel.ts';
import { inFormOf, invalid, valuesOf } from './read-kernel-input.ts';

const GROUP = 64;
/**
 * A stage of Stockham's transform: every pair of numbers becomes its sum and its difference, in the order of the next
 * stage. The roots of unity come in a table, since a shader's own sine is only right to three digits.
 */
const CODE = /* wgsl */ `
struct Params { first: u32, pairs: u32, half: u32, span: u32 }
@group(0) @binding(0) var<storage, read> before: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> after: array<vec2f>;
@group(0) @binding(2) var<storage, read> roots: array<vec2f>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(${GROUP})
fn stage(@builtin(global_invocation_id) id: vec3u) {
  let pair = p.first * ${GROUP}u + id.x;
  if (pair >= p.pairs) { return; }
  let base = (pair / p.half) * p.half * 2u;
  let j = pair % p.half;
  let k = j % p.span;
  let root = roots[k * (p.half / p.span)];
  let x = before[base + j];
  let y = before[base + j + p.half];
  let turned = vec2f(y.x * root.x - y.y * root.y, y.x * root.y + y.y * root.x);
  let to = base + (j / p.span) * p.span * 2u + k;
  after[to] = x + turned;
  after[to + p.span] = x - turned;
}`;

type Read = { length: number; transforms: number; inverse: boolean; values: Float32Array<ArrayBuffer> };

/** Discrete Fourier transforms of complex numbers, all of one length. */
export const fourier: Kernel = {
  async onGpu(input, gpu) {
    const { length, inverse, values } = read(input);
    const half = length / 2;
    const pairs = values.length / 4;
    let [before, after] = [await gpu.buffer(values), await gpu.buffer(values.byteLength)];
    const roots = await gpu.buffer(Float32Array.from(rootsOf(length, inverse)));
    for (let span = 1; span < length; span *= 2) {
      const params = (start: number): ArrayBuffer => paramsOf([start, pairs, half, span]);
      const kernel = { code: CODE, entry: 'stage', buffers: [before, after, roots] };
      await gpu.run(kernel, { total: Math.ceil(pairs / GROUP), stepsEach: GROUP * 8, params });
      [before, after] = [after, before];
    }
    return result(input, new Float32Array(await gpu.read(before, values.byteLength)));
  },
  async onCpu(input, turns) {
    const { length, inverse, values } = read(input);
    const roots = rootsOf(length, inverse);
    let [before, after] = [Float64Array.from(values), new Float64Array(values.length)];
    for (let span = 1; span < length; span *= 2) {
      for (let base = 0; base < values.length; base += length * 2) {
        await turns.next();
        stage(before, after, roots, { base, half: length / 2, span });
      }
      [before, after] = [after, before];
    }
    return result(input, Float32Array.from(before));
  },
};

function stage(
  before: Float64Array,
  after: Float64Array,
  roots: Float64Array,
  { base, half, span }: { base: number; half: number; span: number },
): void {
  for (let j = 0; j < half; j += 1) {
    const k = j % span;
    const root = k * (half / span) * 2;
    const [rx, ry] = [roots[root] ?? 0, roots[root + 1] ?? 0];
    const from = base + j * 2;
    const [x, y] = [before[from] ?? 0, before[from + 1] ?? 0];
    const [ox, oy] = [before[from + half * 2] ?? 0, before[from + half * 2 + 1] ?? 0];
    const [tx, ty] = [ox * rx - oy * ry, ox * ry + oy * rx];
    const to = base + (Math.floor(j / span) * span * 2 + k) * 2;
    after[to] = x + tx;
    after[to + 1] = y + ty;
    after[to + span * 2] = x - tx;
    after[to + span * 2 + 1] = y - ty;
  }
}

/** Half of the roots of unity of an order, as pairs. */
function rootsOf(length: number, inverse: boolean): Float64Array {
  const turn = ((inverse ? 2 : -2) * Math.PI) / length;
  const roots = new Float64Array(length);
  for (let index = 0; index < length / 2; index += 1) {
    roots[index * 2] = Math.cos(turn * index);
    roots[index * 2 + 1] = Math.sin(turn * index);
  }
  return roots;
}

function read(input: JsonInput): Read {
  const { length, inverse } = input as { length: number; inverse: boolean };
  const values = valuesOf(input);
  const transforms = values.length / (length * 2);
  if (!Number.isInteger(transforms)) {
    throw invalid(
      `A transform of ${length} complex numbers is ${length * 2} numbers, and any number of them.`,
      'values',
    );
  }
  return { length, transforms, inverse, values };
}

function result(input: JsonInput, made: Float32Array): JsonInput {
  const { length, inverse } = input as { length: number; inverse: boolean };
  if (inverse) for (const [index, value] of made.entries()) made[index] = value / length;
  return { transforms: made.length / (length * 2), ...inFormOf(input, made) };
}
