import type { JsonInput } from '../../protocol/messages.ts';
import { type Kernel, paramsOf } from './kernel.ts';
import { PHILOX_WGSL, philox, unitOf } from './philox.ts';
import { assertSteps } from './read-kernel-input.ts';
import type { Turns } from './turns.ts';

const GROUP = 256;
/** Paths of a slice whose sums are read at once. */
const MOST_GROUPS = 4_096;
const PAYOFFS = ['call', 'put', 'asian-call'] as const;
/** Innermost work of a step of a path beside the arithmetic of its random numbers. */
const STEPS_EACH = 64;
/**
 * One path each; a workgroup adds its own up. The sine and cosine of a turn are polynomials, since the shader's own are
 * only right to three digits.
 */
const CODE = /* wgsl */ `
${PHILOX_WGSL}
struct Params { first: u32, paths: u32, steps: u32, payoff: u32, seed: u32, pad: u32, start: f32, strike: f32, drift: f32, spread: f32 }
@group(0) @binding(0) var<storage, read_write> sums: array<vec2f>;
@group(0) @binding(1) var<uniform> p: Params;
var<workgroup> shared_sums: array<vec2f, ${GROUP}>;

fn sine(x: f32) -> f32 {
  let s = x * x;
  return x * (1.0 + s * (-0.166666667 + s * (0.00833333333 + s * (-0.000198412698 + s * 0.00000275573192))));
}
fn cosine(x: f32) -> f32 {
  let s = x * x;
  return 1.0 + s * (-0.5 + s * (0.0416666667 + s * (-0.00138888889 + s * (0.0000248015873 - s * 0.000000275573192))));
}
// Cosine and sine of u turns; within an eighth of one the polynomials are exact to a rounding.
fn turned(u: f32) -> vec2f {
  let quarter = floor(u * 4.0 + 0.5);
  let x = (u - quarter * 0.25) * 6.28318531;
  let c = cosine(x); let s = sine(x);
  switch (u32(quarter) % 4u) {
    case 0u: { return vec2f(c, s); }
    case 1u: { return vec2f(-s, c); }
    case 2u: { return vec2f(-c, -s); }
    default: { return vec2f(s, -c); }
  }
}
fn normals(block: vec4u) -> vec4f {
  let first = sqrt(-2.0 * log(unit(block.x))) * turned(unit(block.y));
  let second = sqrt(-2.0 * log(unit(block.z))) * turned(unit(block.w));
  return vec4f(first, second);
}

@compute @workgroup_size(${GROUP})
fn walk(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) at: u32) {
  let path = p.first * ${GROUP}u + id.x;
  var worth = 0.0;
  if (path < p.paths) {
    var growth = 0.0;
    var total = 0.0;
    var z = vec4f(0.0);
    for (var step = 0u; step < p.steps; step++) {
      if (step % 4u == 0u) { z = normals(philox(vec2u(path, step / 4u), vec2u(p.seed, 0u))); }
      growth += p.drift + p.spread * z[step % 4u];
      if (p.payoff == 2u) { total += exp(growth); }
    }
    let end = p.start * select(exp(growth), total / f32(p.steps), p.payoff == 2u);
    worth = max(0.0, select(end - p.strike, p.strike - end, p.payoff == 1u));
  }
  shared_sums[at] = vec2f(worth, worth * worth);
  workgroupBarrier();
  for (var width = ${GROUP / 2}u; width > 0u; width /= 2u) {
    if (at < width) { shared_sums[at] += shared_sums[at + width]; }
    workgroupBarrier();
  }
  if (at == 0u) { sums[group.x] = shared_sums[0]; }
}`;

type Asked = {
  payoff: (typeof PAYOFFS)[number];
  start: number;
  strike: number;
  rate: number;
  volatility: number;
  years: number;
  steps: number;
  paths: number;
  seed: number;
};
/** Prices are in units of the start, so that squares of float32 neither vanish nor overflow. */
type Plan = Asked & { drift: number; spread: number; relative: number };

/** What the end or mean of a random walk (geometric Brownian motion) is worth on average. */
export const monteCarlo: Kernel = {
  async onGpu(input, gpu) {
    const plan = planOf(input);
    const { paths, steps, payoff, seed, relative, drift, spread } = plan;
    const sums = await gpu.buffer(MOST_GROUPS * 8);
    let [sum, squares] = [0, 0];
    const groups = Math.ceil(paths / GROUP);
    for (let first = 0; first < groups; first += MOST_GROUPS) {
      const total = Math.min(MOST_GROUPS, groups - first);
      await gpu.run(
        { code: CODE, entry: 'walk', buffers: [sums] },
        {
          total,
          stepsEach: GROUP * STEPS_EACH * steps,
          params: (start) =>
            paramsOf([first + start, paths, steps, PAYOFFS.indexOf(payoff), seed, 0], [1, relative, drift, spread]),
          after: async (_, count) => {
            const parts = new Float32Array(await gpu.read(sums, count * 8));
            for (let at = 0; at < parts.length; at += 2) {
              sum += parts[at] ?? 0;
              squares += parts[at + 1] ?? 0;
            }
          },
        },
      );
    }
    return result(plan, sum, squares);
  },
  async onCpu(input, turns) {
    const plan = planOf(input);
    const { sum, squares } = await walkAll(plan, turns);
    return result(plan, sum, squares);
  },
};

async function walkAll(plan: Plan, turns: Turns): Promise<{ sum: number; squares: number }> {
  let [sum, squares] = [0, 0];
  const words = new Uint32Array(4);
  const pathsAtOnce = Math.max(1, Math.floor(4_096 / plan.steps));
  for (let path = 0; path < plan.paths; path += 1) {
    if (path % pathsAtOnce === 0) await turns.next();
    const worth = walk(plan, path, words);
    sum += worth;
    squares += worth * worth;
  }
  return { sum, squares };
}

function walk({ steps, payoff, relative, drift, spread, seed }: Plan, path: number, words: Uint32Array): number {
  let [growth, total] = [0, 0];
  for (let step = 0; step < steps; step += 1) {
    if (step % 4 === 0) philox(words, path, step / 4, seed, 0);
    growth += drift + spread * normalOf(words, step % 4);
    if (payoff === 'asian-call') total += Math.exp(growth);
  }
  const end = payoff === 'asian-call' ? total / steps : Math.exp(growth);
  return Math.max(0, payoff === 'put' ? relative - end : end - relative);
}

/** By Box and Muller: two words make two numbers. */
function normalOf(words: Uint32Array, index: number): number {
  const first = index < 2 ? 0 : 2;
  const length = Math.sqrt(-2 * Math.log(unitOf(words[first] ?? 0)));
  const angle = 2 * Math.PI * unitOf(words[first + 1] ?? 0);
  return length * (index % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
}

function planOf(input: JsonInput): Plan {
  const asked = input as Asked;
  const { start, strike, rate, volatility, years, steps, paths } = asked;
  assertSteps(paths * steps * STEPS_EACH);
  const time = years / steps;
  const drift = (rate - (volatility * volatility) / 2) * time;
  return { ...asked, drift, spread: volatility * Math.sqrt(time), relative: strike / start };
}

function result({ start, rate, years, paths }: Plan, sum: number, squares: number): JsonInput {
  const scale = start * Math.exp(-rate * years);
  const mean = sum / paths;
  const variance = Math.max(0, squares / paths - mean * mean) * (paths / (paths - 1));
  return { mean: mean * scale, standard_error: Math.sqrt(variance / paths) * scale, paths };
}
