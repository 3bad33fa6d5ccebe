import type { JsonInput } from '../../protocol/messages.ts';
import type { GpuJob } from './gpu.ts';
import { type Kernel, paramsOf } from './kernel.ts';
import { assertSteps, inFormOf, invalid, valuesOf } from './read-kernel-input.ts';
import type { Turns } from './turns.ts';

/** Numbers of a body: place, mass and velocity. */
const WIDTH = 7;
const GROUP = 64;
/** Bodies pull at each other in tiles that a workgroup holds in shared memory. */
const CODE = /* wgsl */ `
struct Params { first: u32, count: u32, pad0: u32, pad1: u32, kick: f32, drift: f32, softening2: f32, gravity: f32 }
@group(0) @binding(0) var<storage, read_write> places: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> speeds: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;
var<workgroup> tile: array<vec4f, ${GROUP}>;

@compute @workgroup_size(${GROUP})
fn kick(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) at: vec3u) {
  let body = p.first * ${GROUP}u + id.x;
  let here = places[min(body, p.count - 1u)].xyz;
  var pull = vec3f(0.0);
  for (var start = 0u; start < p.count; start += ${GROUP}u) {
    let other = start + at.x;
    tile[at.x] = select(vec4f(0.0), places[min(other, p.count - 1u)], other < p.count);
    workgroupBarrier();
    for (var i = 0u; i < ${GROUP}u; i++) {
      let away = tile[i].xyz - here;
      let near = inverseSqrt(dot(away, away) + p.softening2);
      pull += away * (tile[i].w * near * near * near);
    }
    workgroupBarrier();
  }
  if (body < p.count) { speeds[body] += vec4f(pull * (p.gravity * p.kick), 0.0); }
}

@compute @workgroup_size(${GROUP})
fn drift(@builtin(global_invocation_id) id: vec3u) {
  let body = p.first * ${GROUP}u + id.x;
  if (body < p.count) { places[body] += vec4f(speeds[body].xyz * p.drift, 0.0); }
}`;

type Asked = { steps: number; time_step: number; gravity: number; softening: number };
type Bodies = { count: number; places: Float64Array; speeds: Float64Array };

/** Bodies under their own gravitation, in leapfrog steps (kick, drift, kick). */
export const nBody: Kernel = {
  async onGpu(input, gpu) {
    const bodies = read(input);
    const { count } = bodies;
    const places = await gpu.buffer(Float32Array.from(bodies.places));
    const speeds = await gpu.buffer(Float32Array.from(bodies.speeds));
    await simulate(input as Asked, (entry, time) =>
      dispatch(gpu, [places, speeds], entry, count, time, input as Asked),
    );
    const size = count * 16;
    const made = { count, places: await floats(gpu, places, size), speeds: await floats(gpu, speeds, size) };
    return result(input, made);
  },
  async onCpu(input, turns) {
    const bodies = read(input);
    await simulate(input as Asked, (entry, time) =>
      entry === 'drift' ? drift(bodies, time) : kick(bodies, time, input as Asked, turns),
    );
    return result(input, bodies);
  },
};

/** Two kicks of half a step that follow each other are one. */
async function simulate(
  { steps, time_step: time }: Asked,
  act: (entry: 'kick' | 'drift', time: number) => Promise<void> | undefined,
): Promise<void> {
  await act('kick', time / 2);
  for (let step = 1; step <= steps; step += 1) {
    await act('drift', time);
    await act('kick', step === steps ? time / 2 : time);
  }
}

async function dispatch(
  gpu: GpuJob,
  buffers: readonly GPUBuffer[],
  entry: 'kick' | 'drift',
  count: number,
  time: number,
  { gravity, softening }: Asked,
): Promise<void> {
  const numbers = [time, time, softening * softening, gravity];
  const params = (start: number): ArrayBuffer => paramsOf([start, count, 0, 0], numbers);
  const stepsEach = entry === 'kick' ? GROUP * count : GROUP;
  await gpu.run({ code: CODE, entry, buffers }, { total: Math.ceil(count / GROUP), stepsEach, params });
}

async function floats(gpu: GpuJob, buffer: GPUBuffer, size: number): Promise<Float64Array> {
  return Float64Array.from(new Float32Array(await gpu.read(buffer, size)));
}

async function kick(bodies: Bodies, time: number, { gravity, softening }: Asked, turns: Turns): Promise<void> {
  const { count, places, speeds } = bodies;
  const least = softening * softening;
  for (let body = 0; body < count; body += 1) {
    if (body % 16 === 0) await turns.next();
    const at = body * 4;
    const [x, y, z] = [places[at] ?? 0, places[at + 1] ?? 0, places[at + 2] ?? 0];
    let [px, py, pz] = [0, 0, 0];
    for (let other = 0; other < count * 4; other += 4) {
      const [dx, dy, dz] = [(places[other] ?? 0) - x, (places[other + 1] ?? 0) - y, (places[other + 2] ?? 0) - z];
      const squared = dx * dx + dy * dy + dz * dz + least;
      const weight = (places[other + 3] ?? 0) / (squared * Math.sqrt(squared));
      px += dx * weight;
      py += dy * weight;
      pz += dz * weight;
    }
    const factor = gravity * time;
    speeds[at] = (speeds[at] ?? 0) + px * factor;
    speeds[at + 1] = (speeds[at + 1] ?? 0) + py * factor;
    speeds[at + 2] = (speeds[at + 2] ?? 0) + pz * factor;
  }
}

function drift({ places, speeds }: Bodies, time: number): undefined {
  for (let at = 0; at < places.length; at += 1) {
    // Every fourth number is a mass, whose speed is 0.
    places[at] = (places[at] ?? 0) + (speeds[at] ?? 0) * time;
  }
}

function read(input: JsonInput): Bodies {
  const values = valuesOf(input);
  const count = values.length / WIDTH;
  if (!Number.isInteger(count)) throw invalid('A body is seven numbers: x, y, z, mass and its velocity.', 'values');
  assertSteps(count * count * ((input as Asked).steps + 1));
  const bodies = { count, places: new Float64Array(count * 4), speeds: new Float64Array(count * 4) };
  for (let body = 0; body < count; body += 1) {
    const from = body * WIDTH;
    bodies.places.set(values.subarray(from, from + 4), body * 4);
    bodies.speeds.set(values.subarray(from + 4, from + 7), body * 4);
  }
  return bodies;
}

function result(input: JsonInput, { count, places, speeds }: Bodies): JsonInput {
  const { steps, time_step: time } = input as Asked;
  const made = new Float32Array(count * WIDTH);
  for (let body = 0; body < count; body += 1) {
    made.set(places.subarray(body * 4, body * 4 + 4), body * WIDTH);
    made.set(speeds.subarray(body * 4, body * 4 + 3), body * WIDTH + 4);
  }
  return { time: steps * time, ...inFormOf(input, made) };
}
