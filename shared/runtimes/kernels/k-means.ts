import { bytesToBase64 } from '../../protocol/base64.ts';
import type { JsonInput } from '../../protocol/messages.ts';
import type { GpuJob } from './gpu.ts';
import { type Kernel, paramsOf } from './kernel.ts';
import { philox, unitOf } from './philox.ts';
import { assertSteps, invalid, valuesOf } from './read-kernel-input.ts';
import type { Turns } from './turns.ts';

const GROUP = 64;
/** The nearest centre of each point; of equally near ones the first. */
const CODE = /* wgsl */ `
struct Params { first: u32, points: u32, width: u32, clusters: u32 }
@group(0) @binding(0) var<storage, read> points: array<f32>;
@group(0) @binding(1) var<storage, read> centres: array<f32>;
@group(0) @binding(2) var<storage, read_write> nearest: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(${GROUP})
fn assign(@builtin(global_invocation_id) id: vec3u) {
  let point = p.first * ${GROUP}u + id.x;
  if (point >= p.points) { return; }
  var best = 0u;
  var least = 3.0e38;
  for (var c = 0u; c < p.clusters; c++) {
    var far = 0.0;
    for (var i = 0u; i < p.width; i++) {
      let away = points[point * p.width + i] - centres[c * p.width + i];
      far += away * away;
    }
    if (far < least) { least = far; best = c; }
  }
  nearest[point] = best;
}`;

type Asked = { dimensions: number; clusters: number; iterations: number; seed: number };
type Read = Asked & { points: Float32Array<ArrayBuffer>; count: number };
/** Writes the nearest centre of each point. */
type Assign = (centres: Float32Array<ArrayBuffer>) => Promise<Uint32Array>;

/** Clusters of points around their means, by Lloyd's iterations. */
export const kMeans: Kernel = {
  async onGpu(input, gpu) {
    const asked = read(input);
    const points = await gpu.buffer(asked.points);
    const nearest = await gpu.buffer(asked.count * 4);
    const centres = await gpu.buffer(asked.clusters * asked.dimensions * 4);
    return cluster(asked, (values) => assignOnGpu(gpu, asked, { points, nearest, centres }, values));
  },
  async onCpu(input, turns) {
    const asked = read(input);
    return cluster(asked, (centres) => assignOnCpu(asked, centres, turns));
  },
};

/** Centres are means in float64 on every device, so that devices only differ where a point is between two. */
async function cluster(asked: Read, assign: Assign): Promise<JsonInput> {
  const { iterations, clusters, dimensions, count } = asked;
  let centres = firstCentres(asked);
  let nearest = new Uint32Array(count).fill(clusters);
  let iteration = 0;
  let converged = false;
  while (iteration < iterations && !converged) {
    iteration += 1;
    const next = await assign(centres);
    converged = next.every((value, index) => value === nearest[index]);
    nearest = Uint32Array.from(next);
    if (!converged) centres = meansOf(asked, nearest, centres);
  }
  const sizes = new Array<number>(clusters).fill(0);
  for (const index of nearest) sizes[index] = (sizes[index] ?? 0) + 1;
  return {
    centres: Array.from({ length: clusters }, (_, at) => [...centres.subarray(at * dimensions, (at + 1) * dimensions)]),
    sizes,
    inertia: inertiaOf(asked, nearest, centres),
    iterations: iteration,
    converged,
    assignments: bytesToBase64(Uint8Array.from(nearest)),
  };
}

/** Points chosen by the seed, none twice. */
function firstCentres({ points, count, clusters, dimensions, seed }: Read): Float32Array<ArrayBuffer> {
  const chosen = new Set<number>();
  const words = new Uint32Array(4);
  for (let draw = 0; chosen.size < clusters; draw += 1) {
    philox(words, draw, 0, seed, 1);
    chosen.add(Math.floor(unitOf(words[0] ?? 0) * count));
  }
  const centres = new Float32Array(clusters * dimensions);
  for (const [at, point] of [...chosen].entries()) {
    centres.set(points.subarray(point * dimensions, (point + 1) * dimensions), at * dimensions);
  }
  return centres;
}

/** A cluster that has lost its last point stays where it was. */
function meansOf({ points, count, clusters, dimensions }: Read, nearest: Uint32Array, old: Float32Array) {
  const sums = new Float64Array(clusters * dimensions);
  const sizes = new Uint32Array(clusters);
  for (let point = 0; point < count; point += 1) {
    const at = nearest[point] ?? 0;
    sizes[at] = (sizes[at] ?? 0) + 1;
    for (let i = 0; i < dimensions; i += 1) {
      sums[at * dimensions + i] = (sums[at * dimensions + i] ?? 0) + (points[point * dimensions + i] ?? 0);
    }
  }
  return Float32Array.from(old, (value, index) => {
    const size = sizes[Math.floor(index / dimensions)] ?? 0;
    return size === 0 ? value : (sums[index] ?? 0) / size;
  });
}

function inertiaOf({ points, dimensions }: Read, nearest: Uint32Array, centres: Float32Array): number {
  let inertia = 0;
  for (const [index, value] of points.entries()) {
    const cluster = nearest[Math.floor(index / dimensions)] ?? 0;
    const away = value - (centres[cluster * dimensions + (index % dimensions)] ?? 0);
    inertia += away * away;
  }
  return inertia;
}

async function assignOnGpu(
  gpu: GpuJob,
  { count, dimensions, clusters }: Read,
  buffers: { points: GPUBuffer; nearest: GPUBuffer; centres: GPUBuffer },
  centres: Float32Array<ArrayBuffer>,
): Promise<Uint32Array> {
  gpu.write(buffers.centres, centres);
  await gpu.run(
    { code: CODE, entry: 'assign', buffers: [buffers.points, buffers.centres, buffers.nearest] },
    {
      total: Math.ceil(count / GROUP),
      stepsEach: GROUP * clusters * dimensions,
      params: (start) => paramsOf([start, count, dimensions, clusters]),
    },
  );
  return new Uint32Array(await gpu.read(buffers.nearest, count * 4));
}

async function assignOnCpu(
  { points, count, dimensions, clusters }: Read,
  centres: Float32Array,
  turns: Turns,
): Promise<Uint32Array> {
  const nearest = new Uint32Array(count);
  for (let point = 0; point < count; point += 1) {
    if (point % 16 === 0) await turns.next();
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (let at = 0; at < clusters; at += 1) {
      let far = 0;
      for (let i = 0; i < dimensions; i += 1) {
        const away = (points[point * dimensions + i] ?? 0) - (centres[at * dimensions + i] ?? 0);
        far += away * away;
      }
      if (far < least) [best, least] = [at, far];
    }
    nearest[point] = best;
  }
  return nearest;
}

function read(input: JsonInput): Read {
  const asked = input as Asked;
  const points = valuesOf(input);
  const count = points.length / asked.dimensions;
  if (!Number.isInteger(count)) throw invalid(`A point is ${asked.dimensions} numbers.`, 'values');
  if (asked.clusters > count) throw invalid('There are fewer points than clusters.', 'clusters');
  assertSteps(points.length * asked.clusters * asked.iterations);
  return { ...asked, points, count };
}
